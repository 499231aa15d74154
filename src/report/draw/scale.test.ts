import { expect, test } from "vitest";
import { endsOf, linearScale, logScale, roomy } from "./scale.ts";

test.each([
  [[0, 1] as const, [0, 0.5, 1]],
  [[0.31, 0.72] as const, [0.2, 0.4, 0.6, 0.8]],
  [[-3, 7] as const, [-5, 0, 5, 10]],
])("a linear scale over %j marks %j, and its ends are ends of the paper", (domain, ticks) => {
  const scale = linearScale(domain, [10, 110], 3);
  expect(scale.ticks).toEqual(ticks);
  expect([scale(ticks[0] ?? Number.NaN), scale(ticks.at(-1) ?? Number.NaN)]).toEqual([10, 110]);
});

test("one value alone lies in the middle", () => {
  const [low, high] = [linearScale([5, 5], [0, 100]), logScale([5, 5], [0, 100])];
  expect(low(5)).toBeCloseTo(50);
  expect(high(5)).toBeCloseTo(50);
});

test("on a scale of factors equal factors are equal lengths, and marks have room", () => {
  const scale = logScale([1e6, 1e8], [0, 300]);
  expect(scale(1e7) - scale(1e6)).toBeCloseTo(scale(1e8) - scale(1e7));
  const places = scale.ticks.map(scale);
  expect(places.length).toBeGreaterThan(2);
  for (const [i, at] of places.slice(1).entries()) expect(at - (places[i] ?? Number.NaN)).toBeGreaterThan(40);
});

test("ends are those of the numbers that are numbers", () => {
  expect(endsOf([3, Number.NaN, -1])).toEqual([-1, 3]);
  expect(endsOf([])).toEqual([0, 1]);
  expect(roomy([0, 10])).toEqual([-1, 11]);
});

test.each([
  [[0.8, 1], 1, [0.78, 1]],
  [[1, 1], 1, [0.95, 1]],
  [[2, 3], 1, [1.9, 3]],
  [[0, 10], undefined, [-1, 11]],
])("room around %j, at most %s, is %j", (ends, most, expected) => {
  const [low, high] = roomy([ends[0] ?? 0, ends[1] ?? 0], most);
  expect([low, high].map((x) => Number(x.toFixed(9)))).toEqual(expected);
});
