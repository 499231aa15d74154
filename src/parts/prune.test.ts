import { expect, test } from "vitest";
import type { BlockShape } from "../base/blocks.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { groupsOf, masksOf, pruneAtOnce, pruneTensors, zerosIn } from "./prune.ts";

const vector = (...values: number[]): FloatTensor => floatTensor([values.length], Float32Array.from(values));

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
  expect(left(pruneTensors(tensors, groupsOf(["a", "b"], "global"), [6], { block: "2x1" }))).toEqual([
    [0, -3, 0, 0.5, -2, 0, 2, 0],
    [4, 0, 1, 0],
  ]);
  expect(left(pruneAtOnce(tensors, groupsOf(["a", "b"], "matrix"), 0.75, { block: "2x1" }))).toEqual([
    [0, 0, 0, 0, -2, 0, 2, 0],
    // A quarter of four weights is half a block: it stays.
    [4, 0, 1, 0],
  ]);
  const scoreOf = (name: string) => (name === "a" ? Float32Array.of(1, 2, 3, 9) : Float32Array.of(4, 5));
  expect(left(pruneTensors(tensors, groupsOf(["a", "b"], "global"), [4], { block: "2x1", scoreOf }))).toEqual(
    [
      [0, 0, 0, 0, 0, 0.25, 0, 0.25],
      [0, 1, 0, 1],
    ],
  );
});

test("blocks reach over columns too, and hold what is left at the edges", () => {
  // Sums of 4 x 4: 4 and 1.5 above, 2 and 0.25 below.
  const data = Float32Array.from({ length: 25 }, (_, i) => (i % 5 === 4 ? 0.375 : 0.25));
  data[20] = -1.25;
  data[24] = 0.25;
  const tensors = new Map([["a", floatTensor([5, 5], data)]]);
  const left = (keep: number, block: BlockShape): string =>
    Array.from(pruneTensors(tensors, [["a"]], [keep], { block }).get("a")?.data ?? [], (w) =>
      Number(w !== 0),
    ).join("");
  expect(left(16, "4x4")).toBe(`${"11110".repeat(4)}00000`);
  expect(left(20, "4x4")).toBe(`${"11110".repeat(4)}11110`);
  expect(left(24, "4x4")).toBe(`${"11111".repeat(4)}11110`);
  expect(left(4, "1x4")).toBe(`${"00000".repeat(4)}11110`);
});

test("masks have 1 where a weight is left", () => {
  const tensors = new Map([["a", vector(0, 2, -0, 1e-30)]]);
  expect([...(masksOf(tensors, ["a", "none"]).get("a")?.data ?? [])]).toEqual([0, 1, 0, 1]);
  expect(zerosIn(tensors, ["a"])).toBe(2);
});
