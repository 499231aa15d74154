import { expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { Histogram } from "./histogram.ts";
import { rangeBy } from "./ranges.ts";

const DRAWN = normals(keyOf(1), 100_000, 2);

function seenOf(numbers: Float32Array): Histogram {
  const seen = new Histogram();
  for (let i = 0; i < numbers.length; i += 997) seen.count(numbers.subarray(i, i + 997));
  return seen;
}

test("minmax is the least and the largest number, and 0 lies within", () => {
  const [low, high] = [Math.min(...DRAWN), Math.max(...DRAWN)];
  expect(rangeBy("minmax", seenOf(DRAWN))).toEqual({ low, high });
  expect(rangeBy("minmax", seenOf(Float32Array.of(3, 2)))).toEqual({ low: 0, high: 3 });
  expect(rangeBy("minmax", seenOf(Float32Array.of(-3, -2)))).toEqual({ low: -3, high: 0 });
  expect(rangeBy("minmax", seenOf(new Float32Array(0)))).toEqual({ low: 0, high: 0 });
});

test("percentile leaves out a 2000th at either end, to within a bin of 1/2048 of the range", () => {
  const sorted = DRAWN.toSorted();
  const { low, high } = rangeBy("percentile", seenOf(DRAWN));
  const bin = Math.max(...DRAWN.map(Math.abs)) / 2048;
  expect(Math.abs(low - (sorted[50] ?? 0))).toBeLessThan(bin);
  expect(Math.abs(high - (sorted[sorted.length - 51] ?? 0))).toBeLessThan(bin);
});

/** The mean square of what rounding to 7 bits in a range changes, number by number. */
function errorOf(numbers: Float32Array, { low, high }: { low: number; high: number }): number {
  const step = (high - low) / 127;
  const zero = Math.round(-low / step);
  return (
    numbers.reduce((sum, x) => {
      const level = Math.max(0, Math.min(127, Math.round(x / step) + zero));
      return sum + (x - (level - zero) * step) ** 2;
    }, 0) / numbers.length
  );
}

test.each([
  ["with one number far away", Float32Array.from([...DRAWN, 150])],
  ["on one side", DRAWN.map(Math.abs)],
  ["with heavy tails", DRAWN.map((x) => x ** 5)],
])("mse: of numbers %s, rounding changes less than in the other two ranges, or as much", (_, numbers) => {
  const seen = seenOf(numbers);
  const [mse, percentile, minmax] = (["mse", "percentile", "minmax"] as const).map((rule) =>
    errorOf(numbers, rangeBy(rule, seen)),
  );
  expect(mse).toBeLessThanOrEqual((percentile ?? 0) * 1.02);
  expect(mse).toBeLessThanOrEqual((minmax ?? 0) * 1.02);
});

test("numbers of every size are counted in any order, and none is lost when bins widen", () => {
  const numbers = Float32Array.of(1e-6, -2e-6, 3, -400, 1e5, 0, 2, -1);
  const [there, back] = [seenOf(numbers), seenOf(numbers.toReversed())];
  for (const share of [0, 0.3]) {
    const cut = { below: share, above: share };
    expect(there.without(cut)).toEqual(back.without(cut));
  }
  expect(there.without({ below: 0, above: 0.2 }).high).toBeLessThan(100);
});
