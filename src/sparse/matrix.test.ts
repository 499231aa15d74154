import fc from "fast-check";
import { expect, test } from "vitest";
import { BLOCK_SHAPES, type BlockShape, blockSize, forEachShape, weightsOfBlock } from "../base/blocks.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { countBlocks, naturalBlock, packMatrix, unpackMatrix } from "./matrix.ts";

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

test.each(BLOCK_SHAPES)("blocks of %s hold any matrix and give it back", (block) => {
  fc.assert(
    fc.property(sparse, (matrix) => {
      const packed = packMatrix(matrix, block);
      expect(unpackMatrix(packed)).toEqual(matrix);
      expect(packed.values.length).toBe(weightsOfBlock(block) * packed.indices.length);
    }),
  );
});

/** Blocks that hold something, told number by number. */
function blocksOf({ shape, data }: FloatTensor, block: BlockShape): number {
  const [, columns = 0] = shape;
  const { height, width } = blockSize(block);
  const held = [...data].flatMap((w, i) =>
    w === 0 ? [] : [[Math.floor(i / columns / height), Math.floor((i % columns) / width)]],
  );
  return new Set(held.map(String)).size;
}

test("blocks of every shape are counted as they are packed, of a matrix that is packed too", () => {
  fc.assert(
    fc.property(sparse, fc.constantFrom(...BLOCK_SHAPES), (matrix, block) => {
      const counts = forEachShape((shape) => blocksOf(matrix, shape));
      expect(countBlocks(matrix)).toEqual(counts);
      expect(countBlocks(packMatrix(matrix, block))).toEqual(counts);
      expect(forEachShape((shape) => packMatrix(matrix, shape).indices.length)).toEqual(counts);
    }),
  );
});

test("a packed matrix is packed anew as its numbers would be", () => {
  const shape = fc.constantFrom(...BLOCK_SHAPES);
  fc.assert(
    fc.property(sparse, shape, shape, (matrix, from, to) => {
      expect(packMatrix(packMatrix(matrix, from), to)).toEqual(packMatrix(matrix, to));
    }),
  );
});

test("a block's numbers stand row after row, at the edges with zeros; a negative zero is a zero", () => {
  const matrix = floatTensor([3, 5], Float32Array.of(1, -0, 2, 0, 3, 0, 0, 0, 0, 0, 4, 0, 0, 5, 6));
  const square = packMatrix(matrix, "4x4");
  expect([...square.starts, ...square.indices]).toEqual([0, 2, 0, 1]);
  const [first, second] = [square.values.slice(0, 16), square.values.slice(16)];
  expect(first).toEqual(Float32Array.of(1, 0, 2, 0, 0, 0, 0, 0, 4, 0, 0, 5, 0, 0, 0, 0));
  expect(second).toEqual(Float32Array.of(3, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0));
  const wide = packMatrix(matrix, "1x4");
  expect([...wide.starts, ...wide.indices]).toEqual([0, 2, 2, 4, 0, 1, 0, 1]);
  expect(wide.values).toEqual(Float32Array.of(1, 0, 2, 0, 3, 0, 0, 0, 4, 0, 0, 5, 6, 0, 0, 0));
});

/** A matrix [16, 16] with one of five blocks of a shape, wherever that is. */
function scattered(block: BlockShape): FloatTensor {
  const { height, width } = blockSize(block);
  const data = Float32Array.from({ length: 256 }, (_, i) =>
    Number((Math.floor(i / 16 / height) * 2 + Math.floor((i % 16) / width)) % 5 === 0),
  );
  return floatTensor([16, 16], data);
}

test.each(BLOCK_SHAPES)("a mask of blocks of %s is recognised", (block) => {
  expect(naturalBlock(scattered(block))).toBe(block);
});

test("single weights are left as they are, a full matrix is in 4x4, one without numbers in 4x1", () => {
  const single = Float32Array.from({ length: 64 }, (_, i) => Number(i % 9 === 0));
  expect(naturalBlock(floatTensor([8, 8], single))).toBe("1");
  expect(naturalBlock(floatTensor([8, 8], new Float32Array(64).fill(1)))).toBe("4x4");
  expect(
    [
      [4, 4],
      [0, 4],
      [4, 0],
    ].map(([rows = 0, columns = 0]) =>
      naturalBlock(floatTensor([rows, columns], new Float32Array(rows * columns))),
    ),
  ).toEqual(["4x1", "4x1", "4x1"]);
});

test("blocks may store a tenth more than single weights, and the larger ones are preferred", () => {
  // A whole square but for the weights that are taken out of it.
  const without = (...zeros: number[]): FloatTensor =>
    floatTensor(
      [4, 4],
      Float32Array.from({ length: 16 }, (_, i) => Number(!zeros.includes(i))),
    );
  expect(naturalBlock(without(5))).toBe("4x4");
  expect(naturalBlock(without(5, 10))).toBe("1");
  expect(naturalBlock(without(1, 5, 9, 13))).toBe("4x1");
  expect(naturalBlock(without(4, 5, 6, 7))).toBe("1x4");
  expect(naturalBlock(without(0, 4))).toBe("2x1");
});

test("a block holds its own zeros too, and a matrix without rows has none", () => {
  const { values } = packMatrix(floatTensor([4, 4], new Float32Array(16).fill(1, 0, 1)), "4x1");
  expect(values).toEqual(Float32Array.of(1, 0, 0, 0));
  expect(packMatrix(floatTensor([0, 4], new Float32Array(0)), "2x1").values).toHaveLength(0);
});
