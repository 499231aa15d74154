import { expect, test } from "vitest";
import { breakEvenSparsity } from "./break-even.ts";

/** 2 ms for what is always there, 20 for all weights. */
const at = (sparsity: number) => ({ sparsity, milliseconds: 2 + 20 * (1 - sparsity) });

test("the line through exact timings meets the dense time where it must, within 1e-12", () => {
  expect(breakEvenSparsity([at(0.8), at(0.95)], 10)).toBeCloseTo(0.6, 12);
  expect(breakEvenSparsity([at(0.5), at(0.8), at(0.9)], 4)).toBeCloseTo(0.9, 12);
});

test("beyond the ends it is 0 or 1", () => {
  expect(breakEvenSparsity([at(0.8), at(0.9)], 100)).toBe(0);
  expect(breakEvenSparsity([at(0.8), at(0.9)], 1)).toBe(1);
});

test("there is none without two sparsities, or when time does not fall with them", () => {
  expect(breakEvenSparsity([], 10)).toBeUndefined();
  expect(breakEvenSparsity([at(0.8), at(0.8)], 10)).toBeUndefined();
  const rising = [at(0.8), { sparsity: 0.9, milliseconds: 30 }];
  expect(breakEvenSparsity(rising, 10)).toBeUndefined();
});
