import { expect, test } from "vitest";
import { deviation, mean, quantile, softmax, spread } from "./statistics.ts";

test("softmax: shares that sum to 1, also of logits whose powers are infinite", () => {
  expect(softmax(Float32Array.of(0, Math.fround(Math.log(3))))[1]).toBeCloseTo(0.75, 7);
  expect(softmax([1000, 1000, -1000])).toEqual([0.5, 0.5, 0]);
});

test("2, 4, 4, 4, 5, 5, 7, 9 has the mean 5 and the sample deviation √(32/7)", () => {
  const values = [2, 4, 4, 4, 5, 5, 7, 9];
  expect(mean(values)).toBe(5);
  expect(deviation(values)).toBeCloseTo(Math.sqrt(32 / 7), 12);
});

test("equal values deviate by 0, one value by nothing that could be said", () => {
  expect(deviation([3, 3])).toBe(0);
  expect(deviation([3])).toBeUndefined();
  expect(mean([])).toBeNaN();
});

test("a spread shows mean and deviation, one value alone, and a dash for none", () => {
  expect(spread([82, 83])).toBe("82.5 ± 0.7");
  expect(spread([82.25])).toBe("82.3");
  expect(spread([])).toBe("–");
  expect(spread([1, 2, 3], 2)).toBe("2.00 ± 1.00");
});

test("quantiles are NumPy's: linear between the nearest values", () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
  expect(quantile([1, 2, 3, 4], 0.95)).toBeCloseTo(3.85, 12);
  expect(quantile([7], 0.95)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
});
