import { expect, test } from "vitest";
import { breakEvenSparsity, breakEvens } from "./break-even.ts";

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

test("each case has its own, and one whose time does not fall with zeros has none", () => {
  const latency = (ms: readonly number[]) =>
    ms.map((p50, i) => ({ batchSize: [1, 8][i] ?? 0, length: 16, p50, p95: p50, repetitions: 6 }));
  const sparse = [
    { zeros: 0.8, latency: latency([at(0.8).milliseconds, 5]) },
    { zeros: 0.95, latency: latency([at(0.95).milliseconds, 6]) },
  ];
  const even = breakEvens("m", { sparse }, { engine: "int8", latency: latency([10, 20]) });
  expect(even).toEqual([
    {
      model: "m",
      engine: "sparse",
      against: "int8",
      batchSize: 1,
      length: 16,
      sparsity: expect.closeTo(0.6, 12),
    },
  ]);
  expect(
    breakEvens("m", { sparse: sparse.slice(1) }, { engine: "onnx", latency: latency([10, 20]) }),
  ).toEqual([]);
});

test("where the model is the faster one without zeros, it is at any share of them", () => {
  const latency = (ms: number) => [{ batchSize: 1, length: 16, p50: ms, p95: ms, repetitions: 6 }];
  const sparse = [0.8, 0.95].map((zeros) => ({ zeros, latency: latency(at(zeros).milliseconds) }));
  const even = (full: number, dense: number) =>
    breakEvens("m", { sparse, full: latency(full) }, { engine: "onnx", latency: latency(dense) })[0]
      ?.sparsity;
  expect(even(12, 10)).toBeCloseTo(0.6, 12);
  expect(even(9, 10)).toBe(0);
});
