import fc from "fast-check";
import { expect, test } from "vitest";
import { BLOCK_HEIGHTS } from "../base/blocks.ts";
import { floatTensor } from "../base/tensor.ts";
import { blockDensity, naturalHeight, packMatrix, unpackMatrix } from "./matrix.ts";

const sparse = fc
  .record({
    rows: fc.integer({ min: 0, max: 9 }),
    columns: fc.integer({ min: 0, max: 9 }),
    density: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
  })
  .map(({ rows, columns, density, seed }) => {
    const next = (): number => seed.next().value ?? 0;
    return floatTensor(
      [rows, columns],
      Float32Array.from({ length: rows * columns }, () => (next() < density ? next() - 0.5 : 0)),
    );
  });

test.each(BLOCK_HEIGHTS)("blocks of %i rows hold any matrix and give it back", (height) => {
  fc.assert(
    fc.property(sparse, (matrix) => {
      const packed = packMatrix(matrix, height);
      expect(unpackMatrix(packed)).toEqual(matrix);
      expect(packed.values.length).toBe(height * packed.indices.length);
    }),
  );
});

test("a mask of 4 x 1 blocks is recognised, one of single weights is left as it is", () => {
  const blocks = Float32Array.from({ length: 64 }, (_, i) => Number(i % 8 === (i < 32 ? 1 : 6)));
  expect(naturalHeight(floatTensor([8, 8], blocks))).toBe(4);
  const single = Float32Array.from({ length: 64 }, (_, i) => Number(i % 9 === 0));
  expect(naturalHeight(floatTensor([8, 8], single))).toBe(1);
});

test("density counts what blocks hold, their own zeros included", () => {
  expect(
    blockDensity(packMatrix(floatTensor([4, 4], new Float32Array(16).fill(0, 0).fill(1, 0, 1)), 4)),
  ).toBe(0.25);
  expect(blockDensity(packMatrix(floatTensor([0, 4], new Float32Array(0)), 2))).toBe(0);
});
