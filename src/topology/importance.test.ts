import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { keyOf, normals, permutation } from "../base/random.ts";
import { type Agreement, compareImportance } from "./importance.ts";

interface Golden {
  readonly correlations: readonly {
    readonly name: string;
    readonly first: readonly number[];
    readonly second: readonly number[];
    readonly rank: number;
  }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/masks.json", import.meta.url), "utf8"),
);

const scoresOf = (...numbers: readonly number[]) => new Map([["m", Float32Array.from(numbers)]]);

function agreementOf(first: readonly number[], second: readonly number[], share = 0.5): Agreement {
  return compareImportance(scoresOf(...first), scoresOf(...second), share).total;
}

test.each(golden.correlations)(
  "$name: the rank correlation is SciPy's within 1e-12",
  ({ first, second, rank }) => {
    expect(agreementOf(first, second).rank).toBeCloseTo(rank, 12);
  },
);

test("rank correlations by hand, without ties and with one", () => {
  // Four neighbours change places: Σd² = 4, 1 − 6 · 4 / (4 · 15).
  const swapped = agreementOf([1, 2, 3, 4], [2, 1, 4, 3]);
  expect(swapped.rank).toBeCloseTo(0.6, 12);
  expect(swapped.chanceRank).toBe(0);
  expect(swapped.chanceDeviation).toBeCloseTo(1 / Math.sqrt(3), 12);
  // Ranks 1½, 1½, 3 and 1, 2, 3: (½ + 1) / √(1½ · 2).
  expect(agreementOf([5, 5, 7], [1, 2, 3]).rank).toBeCloseTo(1.5 / Math.sqrt(3), 12);
});

test("the top 30 % of ten weights, by hand: two of three are the same, 0.9 by chance", () => {
  const { top } = agreementOf([9, 8, 7, 1, 2, 3, 4, 5, 6, 0], [9, 1, 8, 2, 3, 0, 4, 5, 7, 6], 0.3);
  expect(top).toEqual({ first: 3, second: 3, both: 2, overlap: 2 / 3, chance: 0.3, excess: 2 / 3 - 0.3 });
});

test("scores that tie at the edge of the top are all in it", () => {
  const { top } = agreementOf([1, 1, 1, 0], [4, 3, 2, 1], 0.25);
  expect(top).toEqual({ first: 3, second: 1, both: 1, overlap: 1, chance: 0.75, excess: 0.25 });
});

const [A, B] = [normals(keyOf(1), 20_000), normals(keyOf(2), 20_000)];
const MIXED = A.map((x, i) => x + requireItem(B, i, "scores"));

test("only the order of scores counts: what grows with them has rank 1, what falls −1", () => {
  const grown = agreementOf([...A], [...A.map((x) => (x < 0 ? x / 2 : 4 * x))], 0.1);
  expect([grown.rank, grown.top.overlap]).toEqual([1, 1]);
  const fallen = agreementOf([...A], [...A.map((x) => -x)], 0.1);
  expect([fallen.rank, fallen.top.both]).toEqual([-1, 0]);
  const order = permutation(keyOf(3), A.length);
  const moved = (scores: Float32Array) => Array.from(order, (i) => requireItem(scores, i, "scores"));
  const [plain, permuted] = [agreementOf([...A], [...MIXED]), agreementOf(moved(A), moved(MIXED))];
  expect(permuted.rank).toBeCloseTo(plain.rank ?? Number.NaN, 12);
  expect(permuted.top).toEqual(plain.top);
  expect(agreementOf([...MIXED], [...A]).rank).toBeCloseTo(plain.rank ?? Number.NaN, 12);
});

test("random scores agree by chance: rank within 4 deviations of 0, the top within 0.02", () => {
  const { rank, chanceDeviation, top } = agreementOf([...A], [...B], 0.2);
  expect(Math.abs((rank ?? 1) / (chanceDeviation ?? 0))).toBeLessThan(4);
  expect(top.chance).toBe(0.2);
  expect(Math.abs(top.excess ?? 1)).toBeLessThan(0.02);
});

test("each matrix has its own ranking, and all together have one", () => {
  const first = new Map([...scoresOf(1, 2), ["n", Float32Array.of(10, 20)]]);
  const second = new Map([...scoresOf(10, 20), ["n", Float32Array.of(1, 2)]]);
  const { matrices, total } = compareImportance(first, second, 0.5);
  expect(matrices.map(({ name, rank, top }) => [name, rank, top.overlap])).toEqual([
    ["m", 1, 1],
    ["n", 1, 1],
  ]);
  // Orders 1, 2, 3, 4 and 3, 4, 1, 2: Σd² = 16, 1 − 6 · 16 / 60.
  expect(total).toMatchObject({ scores: 4, exact: true, top: { both: 0, overlap: 0 } });
  expect(total.rank).toBeCloseTo(-0.6, 12);
  // Less the mean the matrices have −1 and 1 in the first ranking, 1 and −1 in the second: (−2 − 2) / 5. Each matrix can
  // be in two orders, and Sx = Sy = ½: √(2 · ¼ / 1) / 5.
  expect(total.chanceRank).toBeCloseTo(-0.8, 12);
  expect(total.chanceDeviation).toBeCloseTo(Math.SQRT1_2 / 5, 12);
  // The top half of the first is n, of the second m.
  expect(total.top.chance).toBe(0);
});

test("matrices of other sizes rank alike together, and chance within each matrix says how far", () => {
  const drawnScores = (seed: number) =>
    new Map(
      [1, 5].map((scale, i) => [`m${i}`, normals(keyOf(seed + i), 5_000, scale).map(Math.abs)] as const),
    );
  for (const exactUpTo of [undefined, 0]) {
    const { total, matrices } = compareImportance(drawnScores(1), drawnScores(11), 0.1, exactUpTo);
    const { rank, chanceRank, chanceDeviation, top } = total;
    expect(rank).toBeGreaterThan(0.3);
    expect(Math.abs((rank ?? 0) - (chanceRank ?? 0))).toBeLessThan(4 * (chanceDeviation ?? 0));
    expect(top.overlap).toBeGreaterThan(0.18); // nearly all of the top is in the larger matrix, a fifth of it
    expect(Math.abs(top.excess ?? 1)).toBeLessThan(0.03);
    for (const each of matrices) expect(each).toMatchObject({ chanceRank: 0, top: { chance: 0.1 } });
  }
});

test("ranks by rounded numbers: the correlation within 1e-6, the top exactly", () => {
  const split = (scores: Float32Array) =>
    new Map([
      ["a", scores.subarray(0, 7_001)],
      ["b", scores.subarray(7_001)],
    ]);
  const exact = compareImportance(split(A), split(MIXED), 0.1).total;
  const rounded = compareImportance(split(A), split(MIXED), 0.1, 0).total;
  expect([exact.exact, rounded.exact]).toEqual([true, false]);
  expect(Math.abs((exact.rank ?? 1) - (rounded.rank ?? 0))).toBeLessThan(1e-6);
  expect(exact.rank).toBeCloseTo(0.69, 1);
  expect(rounded.top).toEqual(exact.top);
});

test("of equal scores, or none, there is no rank", () => {
  expect(agreementOf([1, 1, 1], [1, 2, 3]).rank).toBeNull();
  expect(agreementOf([], [])).toEqual({
    scores: 0,
    exact: true,
    rank: null,
    chanceRank: null,
    chanceDeviation: null,
    top: { first: 0, second: 0, both: 0, overlap: null, chance: null, excess: null },
  });
});

const NAN = scoresOf(1, Number.NaN);
test.each([
  ["topology/share", scoresOf(1), scoresOf(1), 0, "share of the top: expected above 0 and at most 1, got 0"],
  [
    "topology/share",
    scoresOf(1),
    scoresOf(1),
    1.5,
    "share of the top: expected above 0 and at most 1, got 1.5",
  ],
  ["topology/scores", scoresOf(1, 2), NAN, 0.5, "scores: expected numbers, got NaN (second, m[1])"],
  ["topology/scores", NAN, scoresOf(1, 2), 0.5, "scores: expected numbers, got NaN (first, m[1])"],
  ["topology/shapes", scoresOf(1), scoresOf(1, 2), 0.5, "expected 1 scores in both, got 2 in the second (m)"],
  [
    "topology/shapes",
    scoresOf(1),
    new Map(),
    0.5,
    "expected scores of 1 matrices in both, got 0 in the second",
  ],
  ["topology/shapes", new Map([["n", Float32Array.of(1)]]), scoresOf(1), 0.5, "got none in the second (n)"],
])("%s: what cannot be compared is refused by name (%#)", (code, first, second, share, message) => {
  const compare = () => compareImportance(first, second, share);
  expect(compare).toThrow(InputError);
  expect(compare).toThrow(expect.objectContaining({ code }));
  expect(compare).toThrow(message);
});
