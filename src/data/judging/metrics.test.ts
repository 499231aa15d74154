import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Measure } from "../dataset.ts";
import { GLUE } from "../glue.ts";
import {
  accuracy,
  argmaxRows,
  f1,
  macroF1,
  matthews,
  meanAbsoluteError,
  meanLoss,
  pearson,
  primaryOf,
  rootMeanSquaredError,
  spearman,
} from "./metrics.ts";

interface Golden {
  readonly classes: readonly {
    name: string;
    truth: number[];
    predicted: number[];
    accuracy: number;
    f1: number | null;
    macro_f1: number;
    matthews: number;
  }[];
  readonly values: readonly {
    name: string;
    truth: number[];
    predicted: number[];
    pearson: number;
    spearman: number;
    mae: number;
    rmse: number;
  }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../test/goldens/metrics.json", import.meta.url), "utf8"),
);

test.each(golden.classes)("$name classes: within 1e-12 of scikit-learn", (set) => {
  expect(Math.abs(accuracy(set.predicted, set.truth) - set.accuracy)).toBeLessThan(1e-12);
  expect(Math.abs(macroF1(set.predicted, set.truth) - set.macro_f1)).toBeLessThan(1e-12);
  expect(Math.abs(matthews(set.predicted, set.truth) - set.matthews)).toBeLessThan(1e-12);
  if (set.f1 !== null) expect(Math.abs(f1(set.predicted, set.truth) - set.f1)).toBeLessThan(1e-12);
});

test.each(golden.values)("$name values: within 1e-12 of SciPy and scikit-learn", (set) => {
  expect(Math.abs(pearson(set.predicted, set.truth) - set.pearson)).toBeLessThan(1e-12);
  expect(Math.abs(spearman(set.predicted, set.truth) - set.spearman)).toBeLessThan(1e-12);
  expect(Math.abs(meanAbsoluteError(set.predicted, set.truth) - set.mae)).toBeLessThan(1e-12);
  expect(Math.abs(rootMeanSquaredError(set.predicted, set.truth) - set.rmse)).toBeLessThan(1e-12);
});

test("constant predictions have no correlation, and an absent class 1 an F1 of 0", () => {
  expect([matthews([1, 1, 1], [0, 1, 1]), matthews([0, 1], [1, 1])]).toEqual([0, 0]);
  expect([pearson([0.1, 0.1, 0.1], [1, 2, 3]), spearman([1, 2, 3], [5, 5, 5])]).toEqual([0, 0]);
  expect([f1([0, 0], [0, 0]), macroF1([0, 0], [0, 0])]).toEqual([0, 1]);
});

test("perfect and reversed predictions reach the ends of the scale", () => {
  expect([matthews([0, 1, 2], [0, 1, 2]), matthews([1, 0], [0, 1])]).toEqual([1, -1]);
  expect(spearman([1, 10, 100], [1, 2, 3])).toBeCloseTo(1, 12);
  expect(spearman([3, 2, 1], [1, 2, 3])).toBeCloseTo(-1, 12);
});

test("the largest logit wins, the first of equal ones", () => {
  expect(argmaxRows(Float32Array.of(0, 1, 2, 5, 5, 1, -1, -2, -3), 3)).toEqual(Int32Array.of(2, 0, 0));
});

test("a primary metric that was not computed is refused", () => {
  expect(() => primaryOf(GLUE.cola.measure, { accuracy: 1 })).toThrow(
    "metrics: expected matthews among the metrics, got accuracy",
  );
});

test("the loss of equal logits is ln C, of a sure right answer 0, of a sure wrong one its lead", () => {
  const measure: Pick<Measure, "task"> = { task: "classification" };
  expect(meanLoss(measure, new Float32Array(12).fill(7), [0, 1, 2])).toBeCloseTo(Math.log(4), 12);
  expect(meanLoss(measure, Float32Array.of(200, 0), [0])).toBe(0);
  expect(meanLoss(measure, Float32Array.of(200, 0), [1])).toBe(200);
});

test("the loss of a regression is the mean squared error", () => {
  expect(meanLoss({ task: "regression" }, Float32Array.of(1, 2), [3, 2])).toBe(2);
});
