import { afterAll, expect, test } from "vitest";
import { furthest, plainStep, startOf } from "../../test/support/adamw.ts";
import { fold, keyOf, normals, uniform } from "../base/random.ts";
import type { Tensor } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import type { View } from "../engine/protocol.ts";
import { ADAMW, type AdamW, adamwProgram, stepFactors } from "./adamw.ts";
import { linearRate } from "./schedule.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const N = 500;
const KEY = keyOf(3);
const BUFFERS = ["w", "m", "v"] as const;
/** Below these sizes a distance is absolute: weights and gradients are about 1, and m can be anything near 0. */
const FLOORS = { w: 1, m: 1, v: 1e-6 };

/** Weights and moments after each of `steps` steps, in place on the engine, as the trainer runs them. */
async function run(adamw: AdamW, steps: number): Promise<{ far: number[]; moved: number }> {
  const weights = normals(fold(KEY, "w"), N);
  const view = (buffer: string): View => ({ buffer, offset: 0, shape: [N] });
  for (const name of BUFFERS) await engine.allocate(name, N);
  await engine.write(view("w"), weights);
  const session = await engine.session(`adamw ${JSON.stringify(adamw)}`, () => adamwProgram(adamw));
  let plain = startOf(weights);
  const far: number[] = [0, 0, 0];
  for (let t = 1; t <= steps; t++) {
    const g = normals(fold(fold(KEY, "g"), t), N, 10 ** -(t % 5));
    const rate = linearRate({ peak: 1e-2, steps, warmup: 0.1 }, t - 1);
    const clip = 0.1 + 0.9 * uniform(KEY, t);
    const feeds: Record<string, Tensor | View> = {
      ...Object.fromEntries(BUFFERS.map((name) => [name, view(name)])),
      g: { dtype: "float32", shape: [N], data: g },
    };
    for (const [name, value] of Object.entries(stepFactors(adamw, rate, t, clip))) {
      feeds[name] = { dtype: "float32", shape: [], data: Float32Array.of(value) };
    }
    const into = Object.fromEntries(BUFFERS.map((name) => [`${name}'`, view(name)]));
    await engine.run([{ session, feeds, into }]);
    plain = plainStep(adamw, plain, g, { t, rate, clip });
    for (const [i, name] of BUFFERS.entries()) {
      const distance = furthest(await engine.read(view(name)), plain[name], FLOORS[name]);
      far[i] = Math.max(far[i] ?? 0, distance);
    }
  }
  return { far, moved: furthest(weights, plain.w, 1) };
}

test("300 steps in place stay within 5e-6 of AdamW in float64, the mean within 1e-6, the square within 1e-5 relative", async () => {
  const { far, moved } = await run(ADAMW, 300);
  expect(far[0]).toBeLessThan(5e-6);
  expect(far[1]).toBeLessThan(1e-6);
  expect(far[2]).toBeLessThan(1e-5);
  expect(moved).toBeGreaterThan(0.1);
});

test("without decay, and with a large epsilon and other betas, the same bound holds", async () => {
  const { far } = await run({ beta1: 0.8, beta2: 0.95, epsilon: 1e-3, decay: 0 }, 60);
  expect(far[0]).toBeLessThan(5e-6);
});

test("a weight without gradients only decays", () => {
  const { keep, gradient, root } = stepFactors(ADAMW, 1e-3, 1, 0.5);
  expect(keep).toBe(1 - 1e-5);
  expect(gradient).toBeCloseTo(0.05, 12);
  expect(root).toBeCloseTo(Math.sqrt(0.001) / 2, 12);
});
