import fc from "fast-check";
import { expect, test } from "vitest";
import { BLOCK_SHAPES, type BlockShape } from "../../base/blocks.ts";
import { fold, keyOf, normals, uniform } from "../../base/random.ts";
import { type FloatTensor, floatTensor } from "../../base/tensor.ts";
import { isPacked, packMatrix, unpackMatrix } from "../matrix.ts";
import { ByteWriter } from "./bytes.ts";
import { decodeTensor, encodeTensor, formOf, type Storage, storageOf } from "./matrices.ts";
import { roundMatrix, VALUE_KINDS, type ValueKind, valueStreams } from "./values.ts";

const NO_LIMIT = (): void => undefined;

/** Entries are normal; each is there with the given probability. */
function sparseMatrix(rows: number, columns: number, density: number, seed: number): FloatTensor {
  const key = fold(keyOf(seed), "there");
  const data = normals(keyOf(seed), rows * columns).map((x, i) => (uniform(key, i) < density ? x : 0));
  return floatTensor([rows, columns], data);
}

function decode(section: Uint8Array, storage: Storage) {
  return decodeTensor(section, storage, NO_LIMIT, "tensor m", "f");
}

const matrices = fc
  .record({
    rows: fc.integer({ min: 0, max: 11 }),
    columns: fc.integer({ min: 0, max: 40 }),
    density: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    seed: fc.nat(1000),
  })
  .map(({ rows, columns, density, seed }) => sparseMatrix(rows, columns, density, seed));

const KINDS = VALUE_KINDS.flatMap((kind) => BLOCK_SHAPES.map((block) => [kind, block] as const));

test.each(KINDS)(
  "a rounded matrix of %s in blocks of %s comes back to the bit, at any density",
  (kind, block) => {
    fc.assert(
      fc.property(matrices, (matrix) => {
        const packed = packMatrix(roundMatrix(matrix, kind, "m"), block);
        const section = encodeTensor(packed, kind);
        const back = decode(section, storageOf(packed, kind));
        expect(back).toEqual(packed);
        expect(encodeTensor(back, kind)).toEqual(section);
      }),
      { numRuns: 100, seed: 1 },
    );
  },
);

test.each(VALUE_KINDS)("a rounded dense matrix of %s comes back to the bit", (kind) => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const rounded = roundMatrix(matrix, kind, "m");
      expect(decode(encodeTensor(rounded, kind), storageOf(rounded, kind))).toEqual(rounded);
    }),
    { numRuns: 100, seed: 1 },
  );
});

test.each([0, 0.0005, 0.003, 0.01, 0.05, 0.3, 0.5, 0.9, 1])(
  "at density %d positions take at most 1.02 times their entropy and 400 bytes",
  (density) => {
    const [rows, columns] = [300, 400];
    const packed = packMatrix(sparseMatrix(rows, columns, density, 5), "1");
    const section = encodeTensor(packed, "float32");
    expect(decode(section, storageOf(packed, "float32"))).toEqual(packed);
    const p = packed.indices.length / (rows * columns);
    const entropy = p === 0 || p === 1 ? 0 : -p * Math.log2(p) - (1 - p) * Math.log2(1 - p);
    const values = packed.values.length * 4;
    const streams = valueStreams(packed.values, "float32", packed).length;
    expect(section.length - values - streams).toBeLessThan((1.02 * entropy * rows * columns) / 8 + 400);
  },
);

test.each([
  [0, 12],
  [12, 0],
  [0, 0],
])("a matrix [%i, %i], as of a layer without heads, is sparse and takes 4 bytes", (rows, columns) => {
  const empty = floatTensor([rows, columns], new Float32Array(0));
  const [stored, kind] = formOf(empty, { sparse: "int8", dense: "int8", block: undefined }, "m");
  expect(isPacked(stored)).toBe(true);
  const section = encodeTensor(stored, kind);
  expect(section.length).toBe(4);
  const back = decode(section, storageOf(stored, kind));
  expect(isPacked(back) && unpackMatrix(back)).toEqual(empty);
});

test("what is written of a matrix that was read is what was read, whatever the two kinds", () => {
  const kinds = fc.constantFrom(...VALUE_KINDS);
  fc.assert(
    fc.property(matrices, kinds, kinds, (matrix, sparse, dense) => {
      const choices = { sparse, dense, block: undefined };
      const [first, kind] = formOf(matrix, choices, "m");
      const again = isPacked(first) ? unpackMatrix(first) : first;
      expect(formOf(again, choices, "m")).toEqual([first, kind]);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("at most half of the numbers other than zero is sparse, more is dense", () => {
  const formFor = (nonzero: number) => {
    const data = Float32Array.from({ length: 64 }, (_, i) => Number(i < nonzero));
    return formOf(floatTensor([8, 8], data), { sparse: "float16", dense: "int8", block: "1" }, "m");
  };
  expect(isPacked(formFor(32)[0])).toBe(true);
  expect(formFor(33)).toMatchObject([{ shape: [8, 8] }, "int8"]);
});

/** A section of a matrix [4, 4] with `count` blocks: positions, then raw float32 values of 1 unless given. */
function section(count: number, positions: readonly number[], values?: readonly number[]): Uint8Array {
  const writer = new ByteWriter().u32(count).put(Uint8Array.from(positions));
  const bytes = new Uint8Array(Float32Array.from(values ?? Array.from({ length: count }, () => 1)).buffer);
  for (let b = 0; b < 4; b++) writer.u8(0).put(bytes.filter((_, i) => i % 4 === b));
  return writer.bytes();
}

const [BITS, GAPS, RAW] = [0, 1, 0];
const sparse = (values: ValueKind, block: BlockShape = "1", shape = [4, 4]): Storage => ({
  shape,
  values,
  block,
});
const F32 = sparse("float32");
/** Two blocks at places 0 and 15, and what follows. */
const TWO = [GAPS, 0, RAW, 0, 14, 0, 0, 0, 0];
/** What is left of a square after its first three numbers. */
const ZEROS: readonly number[] = new Array(13).fill(0);
const INT8 = { shape: [1, 2], values: "int8" } as const;

const ATTACKS: readonly [string, string, Storage, Uint8Array][] = [
  ["no count of blocks", "esp/short", F32, Uint8Array.of(1, 0)],
  ["more blocks than places", "esp/blocks", F32, section(17, TWO)],
  ["2^32 - 1 blocks", "esp/blocks", F32, section(2 ** 32 - 1, [], [])],
  ["unknown positions", "esp/method", F32, section(2, [2, 0])],
  ["a shift of 9", "esp/positions", F32, section(2, [GAPS, 9, RAW, 0, 0])],
  [
    "a lower part as large as its unit",
    "esp/positions",
    F32,
    section(2, [GAPS, 1, RAW, 0, 0, RAW, 0, 2, 0, 0, 0, 0]),
  ],
  ["a gap to the place after the last", "esp/positions", F32, section(2, [GAPS, 0, RAW, 0, 15, 0, 0, 0, 0])],
  [
    "a gap of 2^32 - 1 and 255",
    "esp/positions",
    F32,
    section(2, [GAPS, 0, RAW, 0, 255, 5, 0, 0, 0, 255, 255, 255, 255, 15]),
  ],
  ["a gap of 255 without its rest", "esp/short", F32, section(2, [GAPS, 0, RAW, 0, 255, 0, 0, 0, 0])],
  ["a rest that no gap has", "esp/trailing", F32, section(2, [GAPS, 0, RAW, 0, 14, 1, 0, 0, 0, 0])],
  ["fewer bits than blocks", "esp/positions", F32, section(2, [BITS, 1, 0])],
  ["more bits than blocks", "esp/positions", F32, section(2, [BITS, 7, 0])],
  ["a bit behind the last place", "esp/positions", sparse("float32", "1", [3, 3]), section(2, [BITS, 1, 2])],
  ["bits cut off", "esp/short", F32, Uint8Array.of(2, 0, 0, 0, BITS, 1)],
  ["a byte after the values", "esp/trailing", F32, Uint8Array.of(...section(2, TWO), 0)],
  ["a block of zeros", "esp/zero-block", F32, section(2, TWO, [1, 0])],
  [
    "a number below the last row",
    "esp/padding",
    sparse("float32", "4x1", [1, 4]),
    section(1, [BITS, 1], [1, 0, 0, 1]),
  ],
  [
    "a number behind the last column",
    "esp/padding",
    sparse("float32", "1x4", [4, 2]),
    section(1, [BITS, 1], [1, 1, 0, 1]),
  ],
  [
    "a number behind the last column, in the second of two rows of blocks",
    "esp/padding",
    sparse("float32", "4x4", [5, 5]),
    section(1, [BITS, 8], [1, 0, 1, ...ZEROS]),
  ],
  [
    "a number below the last row of a square block",
    "esp/padding",
    sparse("float32", "4x4", [5, 5]),
    section(1, [BITS, 4], [1, 1, 1, 1, 1, ...ZEROS.slice(2)]),
  ],
  ["more squares than places", "esp/blocks", sparse("float32", "4x4", [5, 9]), section(7, TWO)],
  [
    "a square to the right of the last",
    "esp/positions",
    sparse("float32", "4x4", [4, 9]),
    section(1, [BITS, 8]),
  ],
  [
    "a square of zeros",
    "esp/zero-block",
    sparse("float32", "4x4"),
    section(1, [BITS, 1], [0, 0, 0, ...ZEROS]),
  ],
  ["NaN among the numbers", "esp/finite", F32, section(2, TWO, [1, Number.NaN])],
  ["infinity among the numbers", "esp/finite", F32, section(2, TWO, [1, Number.POSITIVE_INFINITY])],
  ["NaN as a scale", "esp/scale", INT8, Uint8Array.of(RAW, 0xc0, RAW, 0x7f, RAW, 1, 2)],
  ["infinity as a scale", "esp/scale", INT8, Uint8Array.of(RAW, 0x80, RAW, 0x7f, RAW, 1, 2)],
  ["2^122 as a scale", "esp/scale", INT8, Uint8Array.of(RAW, 0x80, RAW, 0x7c, RAW, 1, 2)],
  ["a negative scale", "esp/scale", INT8, Uint8Array.of(RAW, 0x80, RAW, 0xbf, RAW, 1, 2)],
  ["a scale of -0", "esp/scale", INT8, Uint8Array.of(RAW, 0, RAW, 0x80, RAW, 1, 2)],
  ["a scale below 2^-126", "esp/scale", INT8, Uint8Array.of(RAW, 0x40, RAW, 0, RAW, 1, 2)],
  ["a level of -128", "esp/level", INT8, Uint8Array.of(RAW, 0x80, RAW, 0x3f, RAW, 0x80, 2)],
];

test.each(ATTACKS)("attack: %s", (_, code, storage, bytes) => {
  expect(() => decode(bytes, storage)).toThrow(
    expect.objectContaining({ name: "FormatError", code, message: expect.stringContaining("tensor m") }),
  );
});

test("the attacks' own scaffolding is sound: unharmed sections pass", () => {
  const back = decode(section(2, TWO, [3, 4]), F32);
  expect(isPacked(back) && [...back.indices, ...back.starts, ...back.values]).toEqual([
    0, 3, 0, 1, 1, 1, 2, 3, 4,
  ]);
  expect(decode(section(1, [BITS, 1, 0], [3]), F32)).toMatchObject({ values: Float32Array.of(3) });
  const squares = section(1, [BITS, 4], [1, 2, 3, 4, ...ZEROS.slice(1)]);
  expect(decode(squares, sparse("float32", "4x4", [5, 5]))).toMatchObject({ indices: Uint32Array.of(0) });
  const levels = decode(Uint8Array.of(RAW, 0x80, RAW, 0x3f, RAW, 0x81, 2), INT8);
  expect(levels).toMatchObject({ data: Float32Array.of(-127, 2) });
});
