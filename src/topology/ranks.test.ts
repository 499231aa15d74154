import { expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { exactRanks, placeOfNan, ranksIn, roundedRanks } from "./ranks.ts";

test("doubled ranks by hand: equal numbers share the mean of theirs, −0 is 0, infinities are the ends", () => {
  const { POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;
  // In order: −∞, −2, 0 and −0, 1e-40, 3, 3, 3, ∞ at places 0, 1, 2–3, 4, 5–7, 8.
  const scores = Float32Array.of(3, 0, most, -2, 3, -0, 1e-40, 3, least);
  const ranks = [12, 5, 16, 2, 12, 5, 8, 12, 0];
  expect([...exactRanks(scores)]).toEqual(ranks);
  expect([...ranksIn(roundedRanks([scores]), scores)]).toEqual(ranks);
});

test("exact ranks are those of a plain sort, and rounded ones differ by 2 at most", () => {
  const scores = normals(keyOf(1), 5_000);
  const sorted = scores.toSorted();
  const ranks = [...scores].map((x) => sorted.indexOf(x) + sorted.lastIndexOf(x));
  expect([...exactRanks(scores)]).toEqual(ranks);
  const halves = [scores.subarray(0, 2_000), scores.subarray(2_000)];
  const table = roundedRanks(halves);
  const rounded = halves.flatMap((half) => [...ranksIn(table, half)]);
  const shifts = rounded.map((rank, i) => Math.abs(rank - (ranks[i] ?? Number.NaN)));
  expect(Math.max(...shifts)).toBeLessThanOrEqual(4);
  expect(shifts.filter((shift) => shift > 0).length).toBeLessThan(scores.length / 4);
});

test("of no numbers there are no ranks", () => {
  expect([...exactRanks(new Float32Array())]).toEqual([]);
});

test("the first place that holds no number is found", () => {
  expect([Float32Array.of(1, Number.NaN, 2), Float32Array.of(1, 2)].map(placeOfNan)).toEqual([1, -1]);
});
