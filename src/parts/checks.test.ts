import { expect, test } from "vitest";
import { ConfigError, RunError } from "../base/errors.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import {
  checkBlock,
  checkChoice,
  checkCount,
  checkPositive,
  checkRange,
  checkReached,
  checkShare,
  checkSparsity,
} from "./checks.ts";

const vector = (...values: number[]): FloatTensor => floatTensor([values.length], Float32Array.from(values));

test("method/unreached: a product less or more sparse than asked, to one weight of a matrix, is refused", () => {
  const tensors = new Map([["a", vector(0, 0, 0, 1, 1, 1, 1, 1)]]);
  expect(() => checkReached("x", tensors, ["a"], 0.5)).not.toThrow();
  for (const sparsity of [0.7, 0.2]) {
    expect(() => checkReached("x", tensors, ["a"], sparsity)).toThrow(RunError);
    expect(() => checkReached("x", tensors, ["a"], sparsity)).toThrow(
      expect.objectContaining({ code: "method/unreached", message: expect.stringContaining("got 0.3750") }),
    );
  }
});

test("zeros of the model that a method began with are not held against it, and do not pass for pruning", () => {
  const tensors = new Map([["a", vector(0, 0, 0, 0, 0, 0, 1, 1)]]);
  expect(() => checkReached("x", tensors, ["a"], 0.25, "1", 3)).not.toThrow();
  expect(() => checkReached("x", tensors, ["a"], 0.25, "1", 2)).toThrow(RunError);
  expect(() => checkReached("x", tensors, ["a"], 0.95, "1", 3)).toThrow(RunError);
});

test("blocks are told by name, and as numbers by their rows", () => {
  expect(["1", "2x1", "4x1", "1x4", "4x4", "2", 1, 2, 4].map((block) => checkBlock("x", block))).toEqual([
    "1",
    "2x1",
    "4x1",
    "1x4",
    "4x4",
    "2x1",
    "1",
    "2x1",
    "4x1",
  ]);
});

test.each<readonly [string, () => unknown]>([
  ["x/sparsity", () => checkSparsity("x", 1)],
  ["x/sparsity", () => checkSparsity("x", Number.NaN)],
  ["x/mean", () => checkPositive("x", "mean", 0)],
  ["x/mean", () => checkPositive("x", "mean", Number.NaN)],
  ["x/rounds", () => checkCount("x", "rounds", 0)],
  ["x/rounds", () => checkCount("x", "rounds", 1.5)],
  ...[0, 1, -0.5, Number.NaN].map((ratio) => ["x/ratio", () => checkShare("x", "ratio", ratio)] as const),
  ["x/share", () => checkRange("x", "share", 1, { from: 0, below: 1 })],
  ["x/share", () => checkRange("x", "share", Number.NaN, { from: 0, below: Number.POSITIVE_INFINITY })],
  ["x/block", () => checkBlock("x", 3)],
  ["x/block", () => checkBlock("x", "3x1")],
  ["x/block", () => checkBlock("x", Number.NaN)],
  ["x/how", () => checkChoice("x", "how", "odd", ["this", "that"])],
])("%s is refused", (code, attempt) => {
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code }));
});
