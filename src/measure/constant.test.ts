import { expect, test } from "vitest";
import type { Measure } from "../data/dataset.ts";
import { constantMetrics } from "./constant.ts";

test("always the most frequent of two labels, by hand: 3 of 4 are right, and F1 is 6 / 7", () => {
  const measure: Measure = { task: "classification", metrics: ["accuracy", "f1"], primary: "mean" };
  const found = constantMetrics(measure, 2, [1, 0, 1, 1]);
  expect(found.accuracy).toBe(0.75);
  expect(found.f1).toBeCloseTo(6 / 7, 12);
  expect(found.mean).toBeCloseTo((0.75 + 6 / 7) / 2, 12);
});

test("Matthews' correlation of a constant is 0, and so are correlations with values", () => {
  expect(
    constantMetrics({ task: "classification", metrics: ["matthews"], primary: "matthews" }, 2, [0, 1, 0]),
  ).toEqual({ matthews: 0 });
  const values: Measure = { task: "regression", metrics: ["pearson", "spearman"], primary: "mean" };
  expect(constantMetrics(values, 0, [0.1, 2.5, 0.1])).toEqual({ pearson: 0, spearman: 0, mean: 0 });
});
