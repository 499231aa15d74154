import fc from "fast-check";
import { expect, test } from "vitest";
import { FormatError } from "../base/errors.ts";
import { bufferSource } from "../base/source.ts";
import type { Tensor } from "../base/tensor.ts";
import { encodeSafetensors, readFloats, readHeader, readTensor } from "./safetensors.ts";

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function encode(tensors: readonly [string, Tensor][], metadata?: Map<string, string>): Uint8Array {
  return joined(encodeSafetensors(new Map(tensors), metadata));
}

async function decode(bytes: Uint8Array): Promise<Map<string, Tensor>> {
  const source = bufferSource("f", bytes);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of (await readHeader(source)).tensors) {
    tensors.set(name, await readTensor(source, entry));
  }
  return tensors;
}

const ALL_TYPES: [string, Tensor][] = [
  ["f32", { dtype: "float32", shape: [2, 1], data: Float32Array.of(1.5, Number.NaN) }],
  ["f64", { dtype: "float64", shape: [], data: Float64Array.of(Math.PI) }],
  ["f16", { dtype: "float16", shape: [3], data: Uint16Array.of(0x3c00, 0x7c00, 1) }],
  ["bf16", { dtype: "bfloat16", shape: [1], data: Uint16Array.of(0x3f80) }],
  ["i64", { dtype: "int64", shape: [1], data: BigInt64Array.of(-(2n ** 63n)) }],
  ["i32", { dtype: "int32", shape: [1], data: Int32Array.of(-7) }],
  ["i8", { dtype: "int8", shape: [3], data: Int8Array.of(-1, 0, 1) }],
  ["u8", { dtype: "uint8", shape: [0, 4], data: new Uint8Array(0) }],
  ["bool", { dtype: "bool", shape: [1, 1, 1], data: Uint8Array.of(1) }],
];

test("every element type comes back bit for bit, at any alignment of the file in memory", async () => {
  const bytes = encode(ALL_TYPES);
  for (let shift = 0; shift < 8; shift++) {
    const moved = new Uint8Array(bytes.length + shift);
    moved.set(bytes, shift);
    expect(await decode(moved.subarray(shift))).toEqual(new Map(ALL_TYPES));
  }
});

test("the same content gives the same bytes, and the data begin at a multiple of 8", async () => {
  const metadata = new Map([
    ["format", "pt"],
    ["a", "b"],
  ]);
  const bytes = encode(ALL_TYPES, metadata);
  const reversed = encode([...ALL_TYPES].reverse(), new Map([...metadata].reverse()));
  expect(reversed).toEqual(bytes);
  const header = await readHeader(bufferSource("f", bytes));
  expect([...header.metadata]).toEqual([
    ["a", "b"],
    ["format", "pt"],
  ]);
  expect(Math.min(...[...header.tensors.values()].map((entry) => entry.start)) % 8).toBe(0);
});

test("names that mean something to JavaScript are just names", async () => {
  const tensor: Tensor = { dtype: "uint8", shape: [1], data: Uint8Array.of(5) };
  const tensors: [string, Tensor][] = ["2", "1", "__proto__", "constructor", "é\n\"'"].map((n) => [
    n,
    tensor,
  ]);
  expect(await decode(encode(tensors))).toEqual(new Map(tensors));
});

test("any set of tensors is read back as it was written", async () => {
  const shape = fc.array(fc.nat(4), { maxLength: 3 });
  const tensor = shape.chain((s) => {
    const size = s.reduce((a, b) => a * b, 1);
    return fc
      .array(fc.integer({ min: -128, max: 127 }), { minLength: size, maxLength: size })
      .map((values): Tensor => ({ dtype: "int8", shape: s, data: Int8Array.from(values) }));
  });
  const name = fc.string().filter((n) => n !== "__metadata__");
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.tuple(name, tensor), { selector: ([n]) => n }), async (tensors) => {
      expect(await decode(encode(tensors))).toEqual(new Map(tensors));
    }),
    { numRuns: 200, seed: 1 },
  );
});

test("floats of each width become float32: halves exactly, doubles to nearest", async () => {
  const source = bufferSource("f", encode(ALL_TYPES));
  const { tensors } = await readHeader(source);
  const read = async (name: string) => {
    const entry = tensors.get(name);
    if (entry === undefined) throw new Error(name);
    return [...(await readFloats(source, name, entry)).data];
  };
  expect(await read("f32")).toEqual([1.5, Number.NaN]);
  expect(await read("f64")).toEqual([Math.fround(Math.PI)]);
  expect(await read("f16")).toEqual([1, Number.POSITIVE_INFINITY, 2 ** -24]);
  expect(await read("bf16")).toEqual([1]);
  for (const name of ["i64", "i8", "bool"]) {
    await expect(read(name)).rejects.toMatchObject({ code: "safetensors/not-float" });
  }
});

test("the writer refuses the reserved name and data that do not fill their shape", () => {
  const tensor: Tensor = { dtype: "uint8", shape: [2], data: Uint8Array.of(5) };
  const wrong = () => encode([["a", tensor]]);
  expect(wrong).toThrow(expect.objectContaining({ code: "safetensors/size" }));
  const reserved = () => encode([["__metadata__", { ...tensor, shape: [1] }]]);
  expect(reserved).toThrow(expect.objectContaining({ code: "safetensors/name" }));
});

/** A file of a header in text and as many zero bytes of data; `length` may lie about the header. */
function file(header: string | Uint8Array, data = 0, length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function entry(dtype: string, shape: string, offsets: string): string {
  return `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
}
const four = entry("U8", "[4]", "[0,4]");

/** Files made to mislead a reader: what is wrong, the code it must give, the bytes. */
const ATTACKS: readonly [string, string, Uint8Array][] = [
  ["empty file", "safetensors/short", new Uint8Array(0)],
  ["seven bytes", "safetensors/short", new Uint8Array(7)],
  ["empty header", "safetensors/header-start", file("")],
  ["header longer than the file", "safetensors/header-length", file("{}", 0, 3n)],
  ["header of 2^64-1 bytes", "safetensors/header-length", file("{}", 0, 2n ** 64n - 1n)],
  ["header above the cap", "safetensors/header-length", file("{}", 0, 100_000_001n)],
  [
    "pointer of Git LFS",
    "safetensors/pointer",
    new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"),
  ],
  ["header begins with a space", "safetensors/header-start", file(" {}")],
  ["header begins with a byte order mark", "safetensors/header-start", file("\uFEFF{}")],
  ["header is an array", "safetensors/header-start", file("[]")],
  ["header is not UTF-8", "safetensors/utf8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))],
  ["header is cut off", "json/syntax", file('{"a":')],
  ["text after the header's object", "json/syntax", file("{} {}")],
  ["a tensor twice", "json/duplicate", file(`{"a":${four},"a":${four}}`, 4)],
  ["a tensor twice, once escaped", "json/duplicate", file(`{"a":${four},"\\u0061":${four}}`, 4)],
  ["offsets twice", "json/duplicate", file('{"a":{"dtype":"U8","dtype":"I8"}}', 4)],
  ["metadata twice", "json/duplicate", file('{"__metadata__":{},"__metadata__":{}}')],
  ["metadata is a string", "safetensors/metadata", file('{"__metadata__":"a"}')],
  ["metadata holds a number", "safetensors/metadata", file('{"__metadata__":{"a":1}}')],
  ["entry is null", "safetensors/entry", file('{"a":null}')],
  ["entry is a list", "safetensors/entry", file('{"a":[]}')],
  ["unknown key in an entry", "safetensors/entry", file(`{"a":${four.replace("}", ',"x":1}')}}`, 4)],
  ["unknown dtype", "safetensors/dtype", file(`{"a":${entry("F8_E4M3", "[4]", "[0,4]")}}`, 4)],
  ["dtype of the prototype", "safetensors/dtype", file(`{"a":${entry("constructor", "[4]", "[0,4]")}}`, 4)],
  ["no dtype", "safetensors/dtype", file('{"a":{"shape":[4],"data_offsets":[0,4]}}', 4)],
  ["no shape", "safetensors/shape", file('{"a":{"dtype":"U8","data_offsets":[0,4]}}', 4)],
  ["negative dimension", "safetensors/shape", file(`{"a":${entry("U8", "[-2,-2]", "[0,4]")}}`, 4)],
  ["fractional dimension", "safetensors/shape", file(`{"a":${entry("U8", "[0.5,8]", "[0,4]")}}`, 4)],
  ["dimension beyond 2^53", "safetensors/shape", file(`{"a":${entry("U8", "[1e30]", "[0,4]")}}`, 4)],
  [
    "product beyond 2^53",
    "safetensors/overflow",
    file(`{"a":${entry("F32", "[4294967296,4294967296]", "[0,4]")}}`, 4),
  ],
  [
    "product that wraps to 0 in 64 bits",
    "safetensors/overflow",
    file(`{"a":${entry("U8", "[4294967296,4294967296]", "[0,0]")}}`),
  ],
  ["one offset", "safetensors/offsets", file(`{"a":${entry("U8", "[4]", "[0]")}}`, 4)],
  ["three offsets", "safetensors/offsets", file(`{"a":${entry("U8", "[4]", "[0,4,8]")}}`, 4)],
  ["end before start", "safetensors/offsets", file(`{"a":${entry("U8", "[4]", "[4,0]")}}`, 4)],
  ["negative offset", "safetensors/offsets", file(`{"a":${entry("U8", "[4]", "[-4,0]")}}`, 4)],
  ["size is not shape × dtype", "safetensors/size", file(`{"a":${entry("F32", "[4]", "[0,4]")}}`, 4)],
  ["a hole before the first tensor", "safetensors/hole", file(`{"a":${entry("U8", "[4]", "[4,8]")}}`, 8)],
  ["a hole between tensors", "safetensors/hole", file(`{"a":${four},"b":${entry("U8", "[2]", "[6,8]")}}`, 8)],
  ["two tensors share bytes", "safetensors/overlap", file(`{"a":${four},"b":${four}}`, 4)],
  [
    "tensors overlap by one byte",
    "safetensors/overlap",
    file(`{"a":${four},"b":${entry("U8", "[4]", "[3,7]")}}`, 7),
  ],
  ["bytes after the last tensor", "safetensors/length", file(`{"a":${four}}`, 5)],
  ["data cut off", "safetensors/length", file(`{"a":${four}}`, 3)],
  [
    "a terabyte promised, nothing there",
    "safetensors/length",
    file(`{"a":${entry("U8", "[1000000000000]", "[0,1000000000000]")}}`),
  ],
];

test.each(ATTACKS)("attack: %s", async (_, code, bytes) => {
  const read = readHeader(bufferSource("evil.safetensors", bytes));
  await expect(read).rejects.toThrow(FormatError);
  await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining("evil.safetensors") });
});

test("the attacks' own scaffolding is sound: unharmed files pass", async () => {
  const good = file(`{"__metadata__":{},"a":${four},"e":${entry("F32", "[0]", "[4,4]")}}  `, 4);
  expect([...(await readHeader(bufferSource("f", good))).tensors.keys()]).toEqual(["a", "e"]);
  expect((await readHeader(bufferSource("f", file("{}")))).tensors.size).toBe(0);
});
