import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf, normals } from "../../base/random.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { countBytes, entropyBits, FREQUENCY_SUM, frequenciesOf, writeFrequencies } from "./frequencies.ts";
import { decodeRans, encodeRans } from "./rans.ts";
import { readStream, writeStream } from "./stream.ts";

function written(symbols: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writeStream(writer, symbols);
  return writer.bytes();
}

function read(bytes: Uint8Array, count: number): Uint8Array {
  const reader = new ByteReader(bytes, "stream", "f");
  const symbols = readStream(reader, count);
  reader.done();
  return symbols;
}

/** Few or many different bytes, in any proportion. */
const symbols = fc
  .record({
    length: fc.nat(400),
    kinds: fc.integer({ min: 1, max: 256 }),
    skew: fc.integer({ min: 1, max: 12 }),
    draws: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
  })
  .map(({ length, kinds, skew, draws }) =>
    Uint8Array.from({ length }, () => Math.floor(kinds * (draws.next().value ?? 0) ** skew)),
  );

test("any stream comes back, and takes at most one byte more than it has", () => {
  fc.assert(
    fc.property(symbols, (stream) => {
      const bytes = written(stream);
      expect([...read(bytes, stream.length)]).toEqual([...stream]);
      expect(bytes.length).toBeLessThanOrEqual(stream.length + 1);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("frequencies sum to 2^14, and what occurs has one", () => {
  const counts = fc.array(fc.oneof(fc.constant(0), fc.nat(3), fc.nat(2 ** 28)), {
    minLength: 256,
    maxLength: 256,
  });
  fc.assert(
    fc.property(counts, fc.nat(255), (list, at) => {
      const numbers = Uint32Array.from(list).fill(1, at, at + 1);
      const frequencies = frequenciesOf(numbers);
      expect(frequencies.reduce((a, b) => a + b, 0)).toBe(FREQUENCY_SUM);
      expect([...frequencies].map((f) => f > 0)).toEqual([...numbers].map((n) => n > 0));
    }),
    { numRuns: 100, seed: 1 },
  );
});

test("200,000 normal numbers in 256 levels take at most 0.3 % more than their entropy", () => {
  const stream = Uint8Array.from(normals(keyOf(1), 200_000, 24), (x) =>
    Math.max(0, Math.min(255, 128 + Math.round(x))),
  );
  const bytes = written(stream);
  expect(8 * bytes.length).toBeLessThan(1.003 * entropyBits(countBytes(stream)));
  expect(Buffer.compare(read(bytes, stream.length), stream)).toBe(0);
});

/** decode, as its formula stands in rans.ts: one byte after another, in numbers that have no sign. */
function decodedPlainly(payload: Uint8Array, count: number, frequencies: Uint16Array): number[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const states = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  let at = 16;
  return Array.from({ length: count }, (_, i) => {
    const x = states[i % 4] ?? 0;
    let [s, c] = [0, 0];
    while (c + (frequencies[s] ?? 0) <= x % FREQUENCY_SUM) c += frequencies[s++] ?? 0;
    const next = (frequencies[s] ?? 0) * Math.floor(x / FREQUENCY_SUM) + (x % FREQUENCY_SUM) - c;
    states[i % 4] = next;
    if (next >= 2 ** 16) return s;
    states[i % 4] = next * 2 ** 16 + view.getUint16(at, true);
    at += 2;
    return s;
  });
}

test("four bytes at a time are decoded as one after another", () => {
  fc.assert(
    fc.property(symbols, (stream) => {
      fc.pre(stream.length > 0);
      const frequencies = frequenciesOf(countBytes(stream));
      const payload = encodeRans(stream, frequencies);
      const reader = new ByteReader(payload, "stream", "f");
      const decoded = [...decodeRans(reader, stream.length, frequencies)];
      expect(decoded).toEqual(decodedPlainly(payload, stream.length, frequencies));
      expect(decoded).toEqual([...stream]);
    }),
    { numRuns: 200, seed: 3 },
  );
});

test("a million equal bytes take less than 30, and no byte none", () => {
  const stream = new Uint8Array(1_000_000).fill(7);
  expect(written(stream).length).toBeLessThan(30);
  expect(Buffer.compare(read(written(stream), stream.length), stream)).toBe(0);
  expect(written(new Uint8Array(0)).length).toBe(0);
});

/** A coded stream of 100 bytes, with what is to be wrong about it. */
function coded(change: {
  table?: Uint16Array;
  count?: number;
  edit?: (payload: Uint8Array) => void;
  /** Bytes of states and words that are left. */
  cut?: number;
}): [Uint8Array, number] {
  const stream = Uint8Array.from({ length: 100 }, (_, i) => i % 3);
  const frequencies = frequenciesOf(countBytes(stream));
  const payload = encodeRans(stream, frequencies);
  change.edit?.(payload);
  const body = new ByteWriter();
  writeFrequencies(body, change.table ?? frequencies);
  body.put(payload.subarray(0, change.cut));
  return [new ByteWriter().u8(1).u32(body.length).put(body.bytes()).bytes(), change.count ?? 100];
}

function table(...frequencies: readonly number[]): Uint16Array {
  const full = new Uint16Array(256);
  full.set(frequencies);
  return full;
}

function setState(payload: Uint8Array, state: number): void {
  new DataView(payload.buffer, payload.byteOffset).setUint32(0, state, true);
}

const HALF = FREQUENCY_SUM / 2;

const ATTACKS: readonly [string, string, [Uint8Array, number]][] = [
  ["unknown method", "esp/method", [Uint8Array.of(2, 0, 0), 2]],
  ["raw bytes cut off", "esp/short", [Uint8Array.of(0, 1), 2]],
  ["coded bytes longer than the section", "esp/short", [Uint8Array.of(1, 255, 255, 255, 255, 0), 2]],
  ["frequencies that sum to less", "esp/frequencies", coded({ table: table(HALF, HALF - 1) })],
  ["frequencies that sum to more", "esp/frequencies", coded({ table: table(HALF, HALF + 1) })],
  [
    "a frequency of 2^32 - 1",
    "esp/frequencies",
    [Uint8Array.of(1, 7, 0, 0, 0, 0, 0, 255, 255, 255, 255, 15), 2],
  ],
  ["a frequency of 2^32", "esp/varint", [Uint8Array.of(1, 7, 0, 0, 0, 0, 0, 128, 128, 128, 128, 16), 2]],
  [
    "a frequency in six groups",
    "esp/varint",
    [Uint8Array.of(1, 8, 0, 0, 0, 0, 0, 128, 128, 128, 128, 128, 1), 2],
  ],
  ["a frequency longer than it has to be", "esp/varint", [Uint8Array.of(1, 4, 0, 0, 0, 0, 0, 129, 0), 2]],
  ["a last byte before the first", "esp/frequencies", [Uint8Array.of(1, 2, 0, 0, 0, 5, 4), 2]],
  [
    "a first byte that does not occur",
    "esp/frequencies",
    [Uint8Array.of(1, 6, 0, 0, 0, 0, 1, 0, 128, 128, 1), 2],
  ],
  ["a state too small", "esp/state", coded({ edit: (p) => setState(p, 2 ** 16 - 1) })],
  ["another state", "esp/stream", coded({ edit: (p) => setState(p, 2 ** 32 - 1) })],
  ["a fourth state cut off", "esp/short", coded({ cut: 15 })],
  ["half a word", "esp/stream", coded({ cut: 17 })],
  ["a state of 0", "esp/state", coded({ edit: (p) => setState(p, 0) })],
  ["one byte more than was coded", "esp/stream", coded({ count: 101 })],
  ["one byte fewer", "esp/stream", coded({ count: 99 })],
  ["a million bytes more", "esp/stream", coded({ count: 1_000_000 })],
  ["another coded byte", "esp/stream", coded({ edit: (p) => p.set([(p.at(-1) ?? 0) ^ 1], p.length - 1) })],
];

test.each(ATTACKS)("attack: %s", (_, code, [bytes, count]) => {
  expect(() => read(bytes, count)).toThrow(expect.objectContaining({ name: "FormatError", code }));
});

test("the attacks' own scaffolding is sound: an unharmed stream passes", () => {
  const [bytes, count] = coded({});
  expect(read(bytes, count)).toHaveLength(100);
});
