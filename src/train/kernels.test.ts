import { expect, test } from "vitest";
import { heapOf } from "../../test/support/heap.ts";
import { keyOf, normals } from "../base/random.ts";
import { ADAMW, stepFactors } from "./adamw.ts";
import { type RangeStep, squaredNorm, stepRanges } from "./kernels.ts";

const BUFFERS = { weights: "w", gradients: "g", mean: "m", square: "v" };

test.each([1, 3, 4, 255, 1024, 1025, 262_145, 3_000_001])(
  "%i gradients: the squared norm is within 1e-7 of the sum in float64",
  (length) => {
    const memory = heapOf({ g: length + 9 });
    // What lies behind does not count.
    memory.buffers.get("g")?.fill(1e9);
    const g = Float32Array.from({ length }, (_, i) => Math.sin(0.7 * i + 1) * 1e-3);
    memory.buffers.get("g")?.set(g);
    const exact = g.reduce((sum, x) => sum + x * x, 0);
    expect(Math.abs(squaredNorm(memory, { buffer: "g", length }) / exact - 1)).toBeLessThan(1e-7);
  },
);

test.each([Number.NaN, Number.NEGATIVE_INFINITY, 1e30])(
  "a gradient of %f gives a norm that is not finite",
  (bad) => {
    const memory = heapOf({ g: 600 });
    for (const place of [0, 599]) {
      memory.buffers.get("g")?.fill(0);
      memory.buffers.get("g")?.fill(bad, place, place + 1);
      expect(squaredNorm(memory, { buffer: "g", length: 600 })).not.toBeLessThan(Number.POSITIVE_INFINITY);
    }
  },
);

/** Weights after one step of `range` over all of them. */
function stepped(weights: Float32Array, g: Float32Array, range: (n: number) => RangeStep): Float32Array {
  const n = weights.length;
  const memory = heapOf({ w: n, g: n, m: n, v: n });
  memory.buffers.get("w")?.set(weights);
  memory.buffers.get("g")?.set(g);
  stepRanges(memory, { buffers: BUFFERS, ranges: [range(n)] });
  return memory.buffers.get("w") ?? new Float32Array(0);
}

const FACTORS = stepFactors(ADAMW, 0.1, 1, 1);

test("with keepZeros a weight of 0 stays 0 and every other moves as without", () => {
  const n = 23;
  const g = normals(keyOf(1), n);
  const weights = normals(keyOf(2), n).map((w, i) => (i % 3 === 0 ? 0 : w));
  const step = (keepZeros: boolean) =>
    stepped(weights, g, (end) => ({ start: 0, end, kind: "adamw", factors: FACTORS, keepZeros }));
  const [free, kept] = [step(false), step(true)];
  expect([...kept]).toEqual([...free].map((w, i) => (i % 3 === 0 ? 0 : w)));
  expect([...free].every((w) => w !== 0)).toBe(true);
});

test("an element's result does not depend on its place", () => {
  const step = (data: Float32Array, g: Float32Array) =>
    stepped(data, g, (end) => ({ start: 0, end, kind: "adamw", factors: FACTORS, keepZeros: false }));
  const [weights, g] = [normals(keyOf(3), 8), normals(keyOf(4), 8)];
  expect([...step(weights, g).slice(0, 7)]).toEqual([...step(weights.slice(0, 7), g.slice(0, 7))]);
});

test("descent subtracts rate times the gradient, in float32", () => {
  const [weights, g] = [normals(keyOf(5), 11), normals(keyOf(6), 11)];
  const moved = stepped(weights, g, (end) => ({ start: 0, end, kind: "descent", rate: 0.5 }));
  expect([...moved]).toEqual([...weights].map((w, i) => Math.fround(w - Math.fround((g[i] ?? 0) * 0.5))));
});
