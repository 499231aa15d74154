import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FormatError } from "../base/errors.ts";
import { BYTES, type DType, type Tensor } from "../base/tensor.ts";
import { type DecodeLimits, decodeModel } from "./decode.ts";
import { encodeModel } from "./encode.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  TENSOR,
  TYPE,
  VALUE,
} from "./fields.ts";
import type { Attribute, Graph, Model } from "./model.ts";
import { MessageWriter } from "./protobuf.ts";

const anyDtype = fc.constantFrom<DType[]>(
  "float32",
  "float64",
  "float16",
  "int64",
  "int32",
  "int8",
  "uint8",
  "bool",
);
const anyName = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });
const anyTensor: fc.Arbitrary<Tensor> = fc
  .record({ dtype: anyDtype, shape: fc.array(fc.nat(4), { maxLength: 3 }), seed: fc.nat(255) })
  .map(({ dtype, shape, seed }) => tensorOf(dtype, shape, seed));

function tensorOf(dtype: DType, shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  const { buffer } = Uint8Array.from({ length: size * BYTES[dtype] }, (_, i) => (i * 31 + seed) % 63);
  const views: { [D in DType]: () => Tensor["data"] } = {
    float32: () => new Float32Array(buffer),
    float64: () => new Float64Array(buffer),
    float16: () => new Uint16Array(buffer),
    bfloat16: () => new Uint16Array(buffer),
    int64: () => new BigInt64Array(buffer),
    int32: () => new Int32Array(buffer),
    int8: () => new Int8Array(buffer),
    uint8: () => new Uint8Array(buffer),
    bool: () => new Uint8Array(buffer),
  };
  return { dtype, shape, data: views[dtype]() };
}

const anyInt = fc.maxSafeInteger();
const anyFloat = fc.float({ noNaN: true });
const { graph: anyGraph } = fc.letrec<{ graph: Graph; attribute: Attribute }>((tie) => ({
  attribute: fc.oneof(
    { maxDepth: 2, depthIdentifier: "graphs" },
    fc.record({ kind: fc.constant("int" as const), value: anyInt }),
    fc.record({ kind: fc.constant("float" as const), value: anyFloat }),
    fc.record({ kind: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
    fc.record({ kind: fc.constant("ints" as const), value: fc.array(anyInt) }),
    fc.record({ kind: fc.constant("floats" as const), value: fc.array(anyFloat) }),
    fc.record({ kind: fc.constant("strings" as const), value: fc.array(fc.string()) }),
    fc.record({ kind: fc.constant("tensor" as const), value: anyTensor }),
    fc.record({ kind: fc.constant("graph" as const), value: tie("graph") }),
  ),
  graph: fc.record({
    name: fc.string(),
    nodes: fc.array(
      fc.record({
        opType: anyName,
        inputs: fc.array(fc.string(), { maxLength: 3 }),
        outputs: fc.array(fc.string(), { maxLength: 3 }),
        attributes: fc.dictionary(anyName, tie("attribute"), { maxKeys: 3, noNullPrototype: true }),
      }),
      { maxLength: 3 },
    ),
    inputs: fc.array(
      fc.record({
        name: fc.string(),
        kind: fc.constantFrom("tensor" as const, "sequence" as const),
        dtype: anyDtype,
        shape: fc.option(fc.array(fc.oneof(fc.nat(), fc.string({ maxLength: 5 })), { maxLength: 3 }), {
          nil: undefined,
        }),
      }),
      { maxLength: 2 },
    ),
    outputs: fc.constant([]),
    initializers: fc.array(
      fc.tuple(anyName, anyTensor).map(([name, tensor]) => ({ name, ...tensor })),
      { maxLength: 2 },
    ),
  }),
}));

test("decode(encode(model)) is the model, over random models", () => {
  fc.assert(
    fc.property(anyGraph, fc.nat(100), (graph, irVersion) => {
      const model: Model = { irVersion, opsets: { "": 20, "com.microsoft": 1 }, graph };
      expect(decodeModel(encodeModel(model))).toEqual(model);
    }),
    { numRuns: 200 },
  );
});

/** Something of everything, for damage. */
const SMALL: Model = {
  irVersion: 9,
  opsets: { "": 20, "com.microsoft": 1 },
  producerName: "espalier",
  metadata: { labels: "no,yes" },
  graph: {
    name: "small",
    nodes: [
      {
        opType: "Gemm",
        inputs: ["x", "w"],
        outputs: ["y"],
        attributes: { alpha: { kind: "float", value: 1 }, axes: { kind: "ints", value: [1, 2] } },
      },
    ],
    inputs: [{ name: "x", kind: "tensor", dtype: "float32", shape: ["batch", 2] }],
    outputs: [{ name: "y", kind: "sequence", dtype: "float32", shape: undefined }],
    initializers: [{ name: "w", dtype: "float32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  },
};

test("damaged bytes end in a model or in a FormatError, never in anything else", () => {
  const good = encodeModel(SMALL);
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(flips, fc.nat(good.length), (changes, end) => {
      const bytes = good.slice(0, end);
      for (const [at, value] of changes) bytes[at % Math.max(end, 1)] = value;
      try {
        decodeModel(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
    { numRuns: 2000 },
  );
});

/** The codes of what goes wrong when `bytes` are read; `none` when nothing does. */
function codeOf(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): string {
  try {
    decodeModel(bytes, limits);
    return "none";
  } catch (error) {
    return error instanceof FormatError ? error.code : `not a FormatError: ${error}`;
  }
}

function message(fill: (w: MessageWriter) => void): Uint8Array {
  const w = new MessageWriter();
  fill(w);
  return w.finish();
}

/** A model whose graph `fill` writes. */
const withGraph = (fill: (graph: MessageWriter) => void): Uint8Array =>
  message((w) => {
    w.int(MODEL.irVersion, 9);
    w.message(MODEL.graph, fill);
  });

/** A model with one initialiser. */
const withTensor = (fill: (tensor: MessageWriter) => void): Uint8Array =>
  withGraph((g) => g.message(GRAPH.initializer, fill));

/** A model with one node that has one attribute. */
const withAttribute = (fill: (attribute: MessageWriter) => void): Uint8Array =>
  withGraph((g) =>
    g.message(GRAPH.node, (n) => {
      n.string(NODE.opType, "If");
      n.message(NODE.attribute, fill);
    }),
  );

/** A model with one input of the given type. */
const withType = (fill: (type: MessageWriter) => void): Uint8Array =>
  withGraph((g) => g.message(GRAPH.input, (v) => v.message(VALUE.type, fill)));

function floats(tensor: MessageWriter, dims: readonly number[], bytes: number): void {
  for (const d of dims) tensor.int(TENSOR.dims, d);
  tensor.int(TENSOR.dataType, DATA_TYPE.float32);
  tensor.bytes(TENSOR.rawData, new Uint8Array(bytes));
}

function nested(depth: number): (graph: MessageWriter) => void {
  if (depth === 0) return () => undefined;
  return (g) =>
    g.message(GRAPH.node, (n) => {
      n.string(NODE.opType, "If");
      n.message(NODE.attribute, (a) => {
        a.int(ATTRIBUTE.type, ATTRIBUTE_TYPE.graph);
        a.message(ATTRIBUTE.graph, nested(depth - 1));
      });
    });
}

const twice = (w: MessageWriter): void => {
  w.int(MODEL.irVersion, 9);
  w.message(MODEL.graph, () => undefined);
  for (const version of [20, 21]) w.message(MODEL.opsetImport, (o) => o.int(OPSET.version, version));
};

const HOSTILE: readonly (readonly [string, Uint8Array, string])[] = [
  ["a length beyond the end", Uint8Array.of(0x3a, 5, 0), "protobuf/truncated"],
  ["a length of almost 4 GiB", Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f), "protobuf/truncated"],
  ["a length of 2^32", Uint8Array.of(0x3a, 0x80, 0x80, 0x80, 0x80, 0x10), "protobuf/varint"],
  ["a varint without an end", Uint8Array.of(0x08, 0x80, 0x80), "protobuf/truncated"],
  ["a varint of eleven bytes", Uint8Array.of(0x08, ...Array(10).fill(0x80), 1), "protobuf/varint"],
  ["a varint of 65 bits", Uint8Array.of(0x08, ...Array(9).fill(0x80), 2), "protobuf/varint"],
  ["a version above 2^53", Uint8Array.of(0x08, ...Array(8).fill(0x80), 1), "protobuf/range"],
  ["field number 0", Uint8Array.of(0x00, 0), "protobuf/tag"],
  ["a group", Uint8Array.of(0x0b, 0x0c), "protobuf/wire"],
  ["an unknown group", Uint8Array.of(0x9b, 0x06), "protobuf/wire"],
  ["a graph that is a number", Uint8Array.of(0x38, 1), "protobuf/wire"],
  ["a name that is not UTF-8", withGraph((g) => g.bytes(GRAPH.name, Uint8Array.of(0xff))), "protobuf/utf8"],
  [
    "packed floats of 5 bytes",
    withTensor((t) => t.bytes(TENSOR.floatData, new Uint8Array(5))),
    "protobuf/packed",
  ],
  ["no bytes at all", new Uint8Array(0), "onnx/missing"],
  ["no graph", message((w) => w.int(MODEL.irVersion, 9)), "onnx/missing"],
  ["a node without an operator", withGraph((g) => g.message(GRAPH.node, () => undefined)), "onnx/missing"],
  [
    "a tensor type without elements",
    withType((t) => t.message(TYPE.tensor, () => undefined)),
    "onnx/missing",
  ],
  ["a sequence without elements", withType((t) => t.message(TYPE.sequence, () => undefined)), "onnx/missing"],
  ["a tensor attribute without it", withAttribute((a) => a.int(ATTRIBUTE.type, 4)), "onnx/missing"],
  ["a graph attribute without it", withAttribute((a) => a.int(ATTRIBUTE.type, 5)), "onnx/missing"],
  ["an attribute without a type", withAttribute((a) => a.int(ATTRIBUTE.int, 1)), "onnx/unsupported"],
  ["functions", message((w) => w.string(MODEL.functions, "")), "onnx/unsupported"],
  ["training info", message((w) => w.string(MODEL.trainingInfo, "")), "onnx/unsupported"],
  ["sparse initialisers", withGraph((g) => g.string(GRAPH.sparseInitializer, "")), "onnx/unsupported"],
  ["a string tensor", withTensor((t) => t.string(TENSOR.stringData, "a")), "onnx/unsupported"],
  ["element type 99", withTensor((t) => t.int(TENSOR.dataType, 99)), "onnx/unsupported"],
  ["a value without a type", withGraph((g) => g.message(GRAPH.input, () => undefined)), "onnx/type"],
  ["a map value", withType((t) => t.string(5, "")), "onnx/type"],
  ["an operator set twice", message(twice), "onnx/duplicate"],
  ["a negative size", withTensor((t) => floats(t, [-1], 4)), "onnx/dims"],
  ["two negative sizes", withTensor((t) => floats(t, [-1, -1], 4)), "onnx/dims"],
  ["sizes whose product overflows", withTensor((t) => floats(t, [2 ** 40, 2 ** 40, 0], 0)), "onnx/dims"],
  ["less data than the shape", withTensor((t) => floats(t, [2], 4)), "onnx/tensor-size"],
  ["more data than the shape", withTensor((t) => floats(t, [2], 12)), "onnx/tensor-size"],
  ["a huge shape and no data", withTensor((t) => floats(t, [2 ** 40], 0)), "onnx/tensor-size"],
  ["data in another file", withTensor((t) => t.int(TENSOR.dataLocation, 1)), "onnx/external"],
  ["a path to another file", withTensor((t) => t.string(TENSOR.externalData, "")), "onnx/external"],
  ["nine nested graphs", withGraph(nested(9)), "onnx/limit"],
  ["a thousand nested graphs", withGraph(nested(1000)), "onnx/limit"],
];

test.each(HOSTILE)("%s is refused by its own code", (_, bytes, code) => {
  expect(codeOf(bytes)).toBe(code);
});

test("limits are exact: eight nested graphs, as many nodes and bytes as allowed, and no more", () => {
  const deep = withGraph(nested(8));
  expect(codeOf(deep)).toBe("none");
  expect(codeOf(deep, { depth: 7 })).toBe("onnx/limit");
  expect(codeOf(deep, { nodes: 8 })).toBe("none");
  expect(codeOf(deep, { nodes: 7 })).toBe("onnx/limit");
  expect(codeOf(deep, { bytes: deep.length })).toBe("none");
  expect(codeOf(deep, { bytes: deep.length - 1 })).toBe("onnx/limit");
});

test("a refused tensor is named", () => {
  const bytes = withTensor((t) => {
    t.string(TENSOR.name, "encoder.weight");
    t.int(TENSOR.dataLocation, 1);
  });
  expect(() => decodeModel(bytes)).toThrow(/encoder\.weight/);
});

test("weights in typed fields, as Python's make_tensor writes them, are read for every element type", () => {
  const golden: { readonly typed: string } = JSON.parse(
    readFileSync(new URL("../../test/goldens/onnx.json", import.meta.url), "utf8"),
  );
  const { initializers } = decodeModel(Buffer.from(golden.typed, "hex")).graph;
  expect(Object.fromEntries(initializers.map(({ dtype, data }) => [dtype, data]))).toStrictEqual({
    float32: Float32Array.of(1.5, -2),
    float64: Float64Array.of(1.5, -2),
    float16: Uint16Array.of(0x3e00, 0xc000),
    int64: BigInt64Array.of(-1n, 2n ** 62n),
    int32: Int32Array.of(-1, 7),
    int8: Int8Array.of(-1, 7),
    uint8: Uint8Array.of(255, 7),
    bool: Uint8Array.of(1, 0),
  });
});

test("an attribute called __proto__ is an attribute like any other", () => {
  const bytes = withAttribute((a) => {
    a.string(ATTRIBUTE.name, "__proto__");
    a.int(ATTRIBUTE.int, 7);
    a.int(ATTRIBUTE.type, ATTRIBUTE_TYPE.int);
  });
  const attributes = decodeModel(bytes).graph.nodes[0]?.attributes ?? {};
  expect(Object.entries(attributes)).toEqual([["__proto__", { kind: "int", value: 7 }]]);
});
