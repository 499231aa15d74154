import { expect, test } from "vitest";
import type { Objective } from "../bert/objective.ts";
import { guessingLoss } from "./guessing.ts";

const SKEWED = [1, 1, 1, 1, 1, 1, 1, 0];
const entropy = (shares: readonly number[]) => shares.reduce((sum, p) => sum - p * Math.log(p), 0);

test("cross-entropy: the least is the entropy of the labels, the most that of equal chances", () => {
  const { least, most } = guessingLoss("classification", SKEWED, 2);
  expect(least).toBeCloseTo(entropy([1 / 8, 7 / 8]), 9);
  expect(most).toBeCloseTo(Math.LN2, 12);
  expect(guessingLoss("tokens", [0, 1, 2, 0], 3).least).toBeCloseTo(entropy([0.5, 0.25, 0.25]), 9);
  const one = guessingLoss("classification", [1, 1], 3);
  expect(one).toEqual({ least: 0, most: expect.closeTo(Math.log(3), 12) });
});

test("focal: two balanced classes cost ln 2 / 4 with γ = 2, whatever is guessed less", () => {
  const objective: Objective = { mix: [{ loss: "focal", share: 1 }], gamma: 2 };
  const { least, most } = guessingLoss("classification", [0, 1], 2, objective);
  expect(least).toBeCloseTo(Math.LN2 / 4, 9);
  expect(most).toBeCloseTo(Math.LN2 / 4, 12);
});

const mixed: Objective = {
  mix: [
    { loss: "focal", share: 0.3 },
    { loss: "cross-entropy", share: 0.7 },
  ],
  gamma: 1.5,
  weights: [3, 1],
  smoothing: 0.2,
};

test("a mixture with weights and smoothing: no distribution of a fine grid costs less", () => {
  const { least, most } = guessingLoss("classification", SKEWED, 2, mixed);
  const cost = (p: number) => {
    const each = (q: number) => -(0.7 + 0.3 * (1 - q) ** 1.5) * Math.log(q);
    // T = 0.8·s + 0.1 of shares 1/8 and 7/8, over the mean weight 10/8.
    return (3 * 0.2 * each(p) + 0.8 * each(1 - p)) / 1.25;
  };
  const grid = Array.from({ length: 9999 }, (_, i) => cost((i + 1) / 10_000));
  expect(least).toBeLessThanOrEqual(Math.min(...grid) + 1e-9);
  expect(least).toBeCloseTo(Math.min(...grid), 6);
  expect(most).toBeCloseTo(cost(0.5), 9);
});

test("labels that hold or not are guessed each for itself", () => {
  // The first holds in one text of two, the second in all.
  const labels = [1, 1, 0, 1];
  const { least, most } = guessingLoss("multi-label", labels, 2);
  expect(least).toBeCloseTo(Math.LN2 / 2, 9);
  expect(most).toBeCloseTo(Math.LN2, 9);
  const heavy = guessingLoss("multi-label", labels, 2, { weights: [1, 5] });
  expect(heavy.least).toBeCloseTo(Math.LN2 / 2, 9);
  expect(heavy.most).toBeCloseTo(3 * Math.LN2, 9);
});

test("values: the variance, the distance from the median, and Huber's in between", () => {
  const labels = [0, 1, 2, 9];
  const of = (loss: "squared" | "absolute" | "huber") =>
    guessingLoss("regression", labels, 1, { mix: [{ loss, share: 1 }] });
  expect(guessingLoss("regression", labels, 1).least).toBeCloseTo((9 + 4 + 1 + 36) / 4, 9);
  expect(of("squared").most).toBeCloseTo((1 + 4 + 81) / 4, 9);
  expect(of("absolute").least).toBeCloseTo((1 + 1 + 8) / 4, 9);
  expect(of("absolute").most).toBeCloseTo(3, 9);
  // At 1.5: ½·0.25 twice, 1 and 7.
  expect(of("huber").least).toBeCloseTo((1 + 0.125 + 0.125 + 7) / 4, 9);
  expect(of("huber").most).toBeCloseTo((0.5 + 1.5 + 8.5) / 4, 9);
});
