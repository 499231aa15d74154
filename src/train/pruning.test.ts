import { expect, test } from "vitest";
import { heapOf } from "../../test/support/heap.ts";
import type { View } from "../engine/protocol.ts";
import { prune } from "./pruning.ts";

const view = (offset: number, size: number): View => ({ buffer: "w", offset, shape: [size] });

function memoryOf(...values: number[]): ReturnType<typeof heapOf> {
  const memory = heapOf({ w: values.length });
  memory.buffers.get("w")?.set(values);
  return memory;
}

test("each group keeps its largest by magnitude, exactly as many as asked, and the rest is 0", () => {
  const memory = memoryOf(3, -4, 1, 0.5, -0.25, 8, -8, 7);
  const groups = [[view(0, 3)], [view(3, 2), view(5, 3)]];
  expect(prune(memory, { groups, keep: [2, 1], by: "magnitude", fill: 0 })).toEqual([3, 8]);
  // Of the two that tie at 8 the earlier stays.
  expect([...(memory.buffers.get("w") ?? [])]).toEqual([3, -4, 0, 0, 0, 8, 0, 0]);
});

test("by value without a fill: thresholds alone, and nothing is touched", () => {
  const values = [3, -4, 1, 0.5];
  const memory = memoryOf(...values);
  expect(prune(memory, { groups: [[view(0, 4)]], keep: [3], by: "value" })).toEqual([0.5]);
  expect([...(memory.buffers.get("w") ?? [])]).toEqual(values);
});

test("a group that keeps nothing becomes 0 throughout", () => {
  const memory = memoryOf(3, -4);
  expect(prune(memory, { groups: [[view(0, 2)]], keep: [0], by: "magnitude", fill: 0 })).toEqual([
    Number.POSITIVE_INFINITY,
  ]);
  expect([...(memory.buffers.get("w") ?? [])]).toEqual([0, 0]);
});

test("by block: rows of a column stay or go together, and the threshold is a sum of sizes", () => {
  const memory = memoryOf(3, -1, -1, 1, 0, 5, 0, -6);
  const groups = [[{ buffer: "w", offset: 0, shape: [4, 2] }]];
  expect(prune(memory, { groups, keep: [4], by: "magnitude", block: "2x1", fill: 0 })).toEqual([4]);
  expect([...(memory.buffers.get("w") ?? [])]).toEqual([3, 0, -1, 0, 0, 5, 0, -6]);
});

test("scores of another matrix's blocks: its weights are counted, and nothing is touched", () => {
  const scores = [7, -1, 2, 9];
  const memory = memoryOf(...scores);
  const groups = [[{ buffer: "w", offset: 0, shape: [2, 2] }]];
  // Five rows in blocks of 4: the scores stand for 4, 4, 1 and 1 weights.
  const of = [[{ buffer: "w", offset: 0, shape: [5, 2] }]];
  const thresholdAt = (keep: number): number[] =>
    prune(memory, { groups, of, keep: [keep], by: "value", block: "4x1" });
  expect([1, 2, 5, 6, 7, 10].map((keep) => thresholdAt(keep)[0])).toEqual([9, 7, 7, 2, -1, -1]);
  // Five rows and columns in blocks of 4 x 4: they stand for 16, 4, 4 and 1.
  const square = [[{ buffer: "w", offset: 0, shape: [5, 5] }]];
  const squareAt = (keep: number): number[] =>
    prune(memory, { groups, of: square, keep: [keep], by: "value", block: "4x4" });
  expect([1, 2, 17, 18, 21, 22].map((keep) => squareAt(keep)[0])).toEqual([9, 7, 7, 2, 2, -1]);
  expect([...(memory.buffers.get("w") ?? [])]).toEqual(scores);
});
