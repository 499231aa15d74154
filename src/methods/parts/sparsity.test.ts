import { expect, test } from "vitest";
import { ConfigError, RunError } from "../../base/errors.ts";
import { type FloatTensor, floatTensor } from "../../base/tensor.ts";
import {
  checkBlock,
  checkChoice,
  checkRamp,
  checkReached,
  checkSparsity,
  cubicSparsity,
  groupsOf,
  kept,
  masksOf,
  pruneAtOnce,
  pruneTensors,
  zerosIn,
} from "./sparsity.ts";

const vector = (...values: number[]): FloatTensor => floatTensor([values.length], Float32Array.from(values));

test("the cubic schedule starts at 0, is steep first, and ends at the final sparsity (Zhu & Gupta, eq. 1)", () => {
  const ramp = { final: 0.8, from: 0.2, until: 0.6 };
  expect(cubicSparsity(ramp, 0)).toBe(0);
  expect(cubicSparsity(ramp, 0.2)).toBe(0);
  // Halfway: 0.8 · (1 − 0.5³).
  expect(cubicSparsity(ramp, 0.4)).toBeCloseTo(0.7, 12);
  expect(cubicSparsity(ramp, 0.6)).toBe(0.8);
  expect(cubicSparsity(ramp, 1)).toBe(0.8);
});

test("kept is the nearest whole number", () => {
  expect([kept(10, 0.95), kept(1000, 0.95), kept(7, 0), kept(3, 0.5)]).toEqual([0, 50, 7, 1]);
});

test("the largest stay, by magnitude or by a score, as many as asked; ties go to the earlier", () => {
  const tensors = new Map([
    ["a", vector(3, -4, 1)],
    ["b", vector(-3, 0.5, 3)],
  ]);
  const pruned = pruneTensors(tensors, groupsOf(["a", "b"], "global"), [3]);
  expect([...pruned.values()].map(({ data }) => [...data])).toEqual([
    [3, -4, 0],
    [-3, 0, 0],
  ]);
  const scoreOf = (name: string) => (tensors.get(name)?.data ?? new Float32Array(0)).map((x) => -x);
  const each = pruneTensors(tensors, groupsOf(["a", "b"], "matrix"), [1, 2], { scoreOf });
  expect([...each.values()].map(({ data }) => [...data])).toEqual([
    [0, -4, 0],
    [-3, 0.5, 0],
  ]);
  expect([...(tensors.get("a")?.data ?? [])]).toEqual([3, -4, 1]);
});

test("whole blocks stay, by the sum of their sizes or by a number for each, ranked together or by matrix", () => {
  const a = floatTensor([4, 2], Float32Array.of(1, -3, 1, 0.5, -2, 0.25, 2, 0.25));
  const b = floatTensor([2, 2], Float32Array.of(4, 1, 1, 1));
  const tensors = new Map([
    ["a", a],
    ["b", b],
  ]);
  const left = (pruned: Map<string, FloatTensor>): number[][] =>
    [...pruned.values()].map(({ data }) => [...data]);
  // Sums: a 2, 3.5, 4, 0.5; b 5, 2.
  expect(left(pruneTensors(tensors, groupsOf(["a", "b"], "global"), [6], { block: 2 }))).toEqual([
    [0, -3, 0, 0.5, -2, 0, 2, 0],
    [4, 0, 1, 0],
  ]);
  expect(left(pruneAtOnce(tensors, groupsOf(["a", "b"], "matrix"), 0.75, { block: 2 }))).toEqual([
    [0, 0, 0, 0, -2, 0, 2, 0],
    // A quarter of four weights is half a block: it stays.
    [4, 0, 1, 0],
  ]);
  const scoreOf = (name: string) => (name === "a" ? Float32Array.of(1, 2, 3, 9) : Float32Array.of(4, 5));
  expect(left(pruneTensors(tensors, groupsOf(["a", "b"], "global"), [4], { block: 2, scoreOf }))).toEqual([
    [0, 0, 0, 0, 0, 0.25, 0, 0.25],
    [0, 1, 0, 1],
  ]);
});

test("masks have 1 where a weight is left", () => {
  const tensors = new Map([["a", vector(0, 2, -0, 1e-30)]]);
  expect([...(masksOf(tensors, ["a", "none"]).get("a")?.data ?? [])]).toEqual([0, 1, 0, 1]);
  expect(zerosIn(tensors, ["a"])).toBe(2);
});

test("method/unreached: a product is refused that is less or more sparse than asked, to one weight of a matrix", () => {
  const tensors = new Map([["a", vector(0, 0, 0, 1, 1, 1, 1, 1)]]);
  expect(() => checkReached("x", tensors, ["a"], 0.5)).not.toThrow();
  for (const sparsity of [0.7, 0.2]) {
    expect(() => checkReached("x", tensors, ["a"], sparsity)).toThrow(RunError);
    expect(() => checkReached("x", tensors, ["a"], sparsity)).toThrow(
      expect.objectContaining({ code: "method/unreached", message: expect.stringContaining("got 0.3750") }),
    );
  }
});

test.each([
  ["x/sparsity", () => checkSparsity("x", 1)],
  ["x/sparsity", () => checkSparsity("x", Number.NaN)],
  ["x/ramp", () => checkRamp("x", { from: 0.5, until: 0.5 })],
  ["x/ramp", () => checkRamp("x", { from: -0.1, until: 0.5 })],
  ["x/block", () => checkBlock("x", 3)],
  ["x/block", () => checkBlock("x", Number.NaN)],
  ["x/how", () => checkChoice("x", "how", "odd", ["this", "that"])],
])("%s is refused", (code, attempt) => {
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code }));
});
