import fc from "fast-check";
import { expect, test } from "vitest";
import { brokenBlocks } from "../obligations/broken-blocks.ts";
import {
  BLOCK_SHAPES,
  type BlockShape,
  blockAt,
  blockNamed,
  blockSize,
  blocksIn,
  blockThreshold,
  fillBelow,
  type RankedBlocks,
  rankedBlocks,
  weightsOfBlock,
} from "./blocks.ts";
import { floatTensor } from "./tensor.ts";

/** Five rows of two columns: of blocks of four rows the last of each column has one. */
const FIVE = Float32Array.of(1, -9, -2, 0, 3, 0, 4, 0, 8, -1);

test("a block is ranked by the sum of its weights' sizes or values, the last with the rows that are left", () => {
  expect([...rankedBlocks([5, 2], FIVE, "4x1", "magnitude").ranks]).toEqual([10, 9, 8, 1]);
  expect([...rankedBlocks([5, 2], FIVE, "2x1", "value").ranks]).toEqual([-1, -9, 7, 0, 8, -1]);
  expect([...rankedBlocks([2, 5], FIVE, "1x4", "magnitude").ranks]).toEqual([12, 3, 12, 1]);
  expect([...rankedBlocks([2, 5], FIVE, "4x4", "value").ranks]).toEqual([2, 2]);
  expect(rankedBlocks([5, 2], FIVE, "1", "magnitude").ranks).toBe(FIVE);
  const counts = [
    blocksIn([5, 2], "4x1"),
    blocksIn([5, 2], "1"),
    blocksIn([3], "2x1"),
    blocksIn([5, 9], "4x4"),
  ];
  expect(counts).toEqual([4, 10, 2, 6]);
});

test("each weight lies in the block of its rows and columns", () => {
  const places = (block: BlockShape, columns: number): number[] =>
    Array.from(FIVE, (_, i) => blockAt({ columns, block }, i));
  expect(places("4x1", 2)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 2, 3]);
  expect(places("1x4", 5)).toEqual([0, 0, 0, 0, 1, 2, 2, 2, 2, 3]);
  expect(places("4x4", 5)).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
});

test("a shape is told by its name; 2 and 4 alone are rows, and 1x1 a single weight", () => {
  expect(BLOCK_SHAPES.map(blockNamed)).toEqual(BLOCK_SHAPES);
  expect(["2", "4", "1x1"].map(blockNamed)).toEqual(["2x1", "4x1", "1"]);
  const others = ["", "0", "3", "8", "1x2", "4 x 1", "04", "4x1 ", "constructor", "__proto__"];
  expect(others.map(blockNamed)).toEqual(others.map(() => undefined));
});

test("the threshold is the rank at which enough weights are reached, smaller blocks counted as they are", () => {
  const ranked = [rankedBlocks([5, 2], FIVE, "4x1", "magnitude")];
  const thresholds = [0, 1, 4, 5, 8, 9, 10].map((keep) => blockThreshold(ranked, keep, "magnitude"));
  expect(thresholds).toEqual([Number.POSITIVE_INFINITY, 10, 10, 9, 9, 8, 1]);
  const wide = [rankedBlocks([2, 5], FIVE, "4x4", "magnitude")];
  expect([1, 8, 9, 10].map((keep) => blockThreshold(wide, keep, "magnitude"))).toEqual([24, 24, 4, 4]);
});

test("to the nearest block: of a tie the earlier stays, and half a block rounds up", () => {
  const left = (keep: number): number[] => {
    const data = new Float32Array(8).fill(1);
    fillBelow([rankedBlocks([4, 2], data, "2x1", "magnitude")], [data], keep, { by: "magnitude", fill: 0 });
    return [...data];
  };
  expect(left(3)).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  expect(left(2)).toEqual([1, 0, 1, 0, 0, 0, 0, 0]);
  expect(left(0)).toEqual(new Array(8).fill(0));
});

const matrix = fc
  .record({ rows: fc.integer({ min: 1, max: 11 }), columns: fc.integer({ min: 1, max: 6 }) })
  .chain(({ rows, columns }) =>
    fc
      // Few values, so that there are ties; none is 0.
      .array(fc.integer({ min: 1, max: 5 }), { minLength: rows * columns, maxLength: rows * columns })
      .map((values) =>
        floatTensor(
          [rows, columns],
          Float32Array.from(values, (x, i) => (i % 3 ? x : -x)),
        ),
      ),
  );

test.each(BLOCK_SHAPES)(
  "blocks of %s: whole or gone, lowest ranks first, and within half a block of what was asked",
  (block) => {
    const matrices = fc.array(matrix, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(matrices, fc.double({ min: 0, max: 1, noNaN: true }), (tensors, share) => {
        const ranked: RankedBlocks[] = tensors.map(({ shape, data }) =>
          rankedBlocks(shape, data.slice(), block, "magnitude"),
        );
        const keep = Math.round(share * tensors.reduce((n, { data }) => n + data.length, 0));
        const copies = tensors.map(({ data }) => data.slice());
        fillBelow(ranked, copies, keep, { by: "magnitude", fill: 0 });
        const left = copies.flatMap((data) => [...data]).filter((w) => w !== 0).length;
        expect(Math.abs(left - keep)).toBeLessThanOrEqual(Math.floor(weightsOfBlock(block) / 2));
        let [least, most] = [Number.POSITIVE_INFINITY, 0];
        tensors.forEach(({ shape, data }, k) => {
          const now = copies[k] ?? new Float32Array(0);
          expect(brokenBlocks(floatTensor(shape, now), blockSize(block))).toBe(0);
          data.forEach((w, i) => {
            const { columns = 1, ranks = data } = ranked[k] ?? {};
            const rank = Math.abs(ranks[blockAt({ columns, block }, i)] ?? 0);
            if (now[i] === 0) most = Math.max(most, rank);
            else least = Math.min(least, rank);
            expect([0, w]).toContain(now[i]);
          });
        });
        expect(least).toBeGreaterThanOrEqual(most);
      }),
    );
  },
);
