import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const NAMES = ["learning-rate", "batchSize", "epochs", "seed"];

test.each([
  ["epoch", "epochs"],
  ["learning_rate", "learning-rate"],
  ["LearningRate", "learning-rate"],
  ["batchsiez", "batchSize"],
  ["sed", "seed"],
  ["sede", "seed"],
])("%s was meant to be %s", (typed, meant) => {
  expect(nearest(typed, NAMES)).toBe(meant);
});

test.each(["dropout", "x", ""])("nothing is close to '%s'", (typed) => {
  expect(nearest(typed, NAMES)).toBeUndefined();
});
