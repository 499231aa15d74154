import fc from "fast-check";
import { expect, test } from "vitest";
import { brokenBlocks } from "../obligations/broken-blocks.ts";
import {
  BLOCK_HEIGHTS,
  blockAt,
  blocksIn,
  blockThreshold,
  fillBelow,
  type RankedBlocks,
  rankedBlocks,
} from "./blocks.ts";
import { floatTensor } from "./tensor.ts";

/** Five rows of two columns: with height 4 the last block of each column has one row. */
const FIVE = Float32Array.of(1, -9, -2, 0, 3, 0, 4, 0, 8, -1);

test("a block is ranked by the sum of its weights' sizes or values, the last with the rows that are left", () => {
  expect([...rankedBlocks([5, 2], FIVE, 4, "magnitude").ranks]).toEqual([10, 9, 8, 1]);
  expect([...rankedBlocks([5, 2], FIVE, 2, "value").ranks]).toEqual([-1, -9, 7, 0, 8, -1]);
  expect(rankedBlocks([5, 2], FIVE, 1, "magnitude").ranks).toBe(FIVE);
  expect([blocksIn([5, 2], 4), blocksIn([5, 2], 1), blocksIn([3], 2)]).toEqual([4, 10, 2]);
  const places = Array.from(FIVE, (_, i) => blockAt({ columns: 2, height: 4 }, i));
  expect(places).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 2, 3]);
});

test("the threshold is the rank at which enough weights are reached, smaller blocks counted as they are", () => {
  const ranked = [rankedBlocks([5, 2], FIVE, 4, "magnitude")];
  const thresholds = [0, 1, 4, 5, 8, 9, 10].map((keep) => blockThreshold(ranked, keep, "magnitude"));
  expect(thresholds).toEqual([Number.POSITIVE_INFINITY, 10, 10, 9, 9, 8, 1]);
});

test("to the nearest block: of a tie the earlier stays, and half a block rounds up", () => {
  const left = (keep: number): number[] => {
    const data = new Float32Array(8).fill(1);
    fillBelow([rankedBlocks([4, 2], data, 2, "magnitude")], [data], keep, { by: "magnitude", fill: 0 });
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

test.each(BLOCK_HEIGHTS)(
  "blocks of %i: whole or gone, lowest ranks first, and within half a block of what was asked",
  (height) => {
    const matrices = fc.array(matrix, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(matrices, fc.double({ min: 0, max: 1, noNaN: true }), (tensors, share) => {
        const ranked: RankedBlocks[] = tensors.map(({ shape, data }) =>
          rankedBlocks(shape, data.slice(), height, "magnitude"),
        );
        const keep = Math.round(share * tensors.reduce((n, { data }) => n + data.length, 0));
        const copies = tensors.map(({ data }) => data.slice());
        fillBelow(ranked, copies, keep, { by: "magnitude", fill: 0 });
        const left = copies.flatMap((data) => [...data]).filter((w) => w !== 0).length;
        expect(Math.abs(left - keep)).toBeLessThanOrEqual(height === 1 ? 0 : height / 2);
        let [least, most] = [Number.POSITIVE_INFINITY, 0];
        tensors.forEach(({ shape, data }, k) => {
          const now = copies[k] ?? new Float32Array(0);
          expect(brokenBlocks(floatTensor(shape, now), height)).toBe(0);
          data.forEach((w, i) => {
            const { columns = 1, ranks = data } = ranked[k] ?? {};
            const rank = Math.abs(ranks[blockAt({ columns, height }, i)] ?? 0);
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
