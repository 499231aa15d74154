import { expect, test } from "vitest";
import { furthest, plainStep, startOf } from "../../test/support/adamw.ts";
import { heapOf } from "../../test/support/heap.ts";
import { fold, keyOf, normals, uniform } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import { ADAMW, type AdamW, stepFactors } from "./adamw.ts";
import { stepRanges } from "./kernels.ts";

/** No multiple of four: the last elements take the kernel's other path. */
const N = 503;
const KEY = keyOf(3);
const BUFFERS = { weights: "w", gradients: "g", mean: "m", square: "v" };
/** Below these sizes a distance is absolute: weights and gradients are about 1, and m can be anything near 0. */
const FLOORS = { w: 1, m: 1, v: 1e-6 };

/** How far weights and moments are from AdamW in float64, at most, over `steps` steps in place. */
function run(adamw: AdamW, steps: number): { far: number[]; moved: number } {
  const weights = normals(fold(KEY, "w"), N);
  const memory = heapOf({ w: N, g: N, m: N, v: N });
  const data = (name: string): Float32Array => memory.buffers.get(name) ?? new Float32Array(0);
  data("w").set(weights);
  let plain = startOf(weights);
  const far: number[] = [0, 0, 0];
  for (let t = 1; t <= steps; t++) {
    const g = normals(fold(fold(KEY, "g"), t), N, 10 ** -(t % 5));
    const rate = linearRate({ peak: 1e-2, steps, warmup: 0.1 }, t - 1);
    const clip = 0.1 + 0.9 * uniform(KEY, t);
    data("g").set(g);
    const factors = stepFactors(adamw, rate, t, clip);
    const ranges = [
      { start: 0, end: 102, kind: "adamw", factors, keepZeros: false },
      { start: 102, end: N, kind: "adamw", factors, keepZeros: true },
    ] as const;
    stepRanges(memory, { buffers: BUFFERS, ranges });
    plain = plainStep(adamw, plain, g, { t, rate, clip });
    for (const [i, name] of (["w", "m", "v"] as const).entries()) {
      far[i] = Math.max(far[i] ?? 0, furthest(data(name), plain[name], FLOORS[name]));
    }
  }
  return { far, moved: furthest(weights, plain.w, 1) };
}

test("300 steps in place: within 5e-6 of AdamW in float64, mean within 1e-6, square within 1e-5 relative", () => {
  const { far, moved } = run(ADAMW, 300);
  expect(far[0]).toBeLessThan(5e-6);
  expect(far[1]).toBeLessThan(1e-6);
  expect(far[2]).toBeLessThan(1e-5);
  expect(moved).toBeGreaterThan(0.1);
});

test("without decay, and with a large epsilon and other betas, the same bound holds", () => {
  const { far } = run({ beta1: 0.8, beta2: 0.95, epsilon: 1e-3, decay: 0 }, 60);
  expect(far[0]).toBeLessThan(5e-6);
});

test("a weight without gradients only decays", () => {
  const { keep, gradient, root } = stepFactors(ADAMW, 1e-3, 1, 0.5);
  expect(keep).toBe(1 - 1e-5);
  expect(gradient).toBeCloseTo(0.05, 12);
  expect(root).toBeCloseTo(Math.sqrt(0.001) / 2, 12);
});
