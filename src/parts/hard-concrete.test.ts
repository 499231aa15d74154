import { afterAll, expect, test } from "vitest";
import { fold, keyOf, uniform } from "../base/random.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import { program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import { openChance, sampleGate, settleGate } from "./hard-concrete.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const DRAWS = 40_000;

async function gates(logAlpha: number, temperature: number): Promise<Record<string, Float32Array>> {
  const session = await engine.session(`gates ${temperature}`, () => {
    const [a, u] = [input("a", "float32", [1]), input("u", "float32", ["N"])];
    return program({
      sampled: sampleGate(a, u, temperature),
      settled: settleGate(a),
      chance: openChance(a, temperature),
    });
  });
  const key = fold(keyOf(5), "gates");
  const u = Float32Array.from({ length: DRAWS }, (_, i) =>
    Math.min(1 - 1e-7, Math.max(1e-7, uniform(key, i))),
  );
  const feeds: Record<string, Tensor> = {
    a: floatTensor([1], Float32Array.of(logAlpha)),
    u: floatTensor([DRAWS], u),
  };
  const [results] = await engine.run([{ session, feeds }]);
  return Object.fromEntries(
    Object.entries(results ?? {}).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
  );
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const clamp = (x: number): number => Math.min(1, Math.max(0, x));

test.each([
  [0, 2 / 3],
  [1.5, 2 / 3],
  [-2, 2 / 3],
  [2, 0.33],
] as const)(
  "log α %s, β %s: gates are 0, between and 1 as often as the distribution says, within 4 deviations",
  async (logAlpha, beta) => {
    const { sampled = new Float32Array(0), chance, settled } = await gates(logAlpha, beta);
    // P(z ≤ t) = σ(β·(log((t + 0.1)/(1.1 − t))) − log α)
    const below = (t: number): number => sigmoid(beta * Math.log((t + 0.1) / (1.1 - t)) - logAlpha);
    const share = (test: (z: number) => boolean): number => sampled.filter(test).length / DRAWS;
    const within = (found: number, p: number): void =>
      expect(Math.abs(found - p) / Math.sqrt((p * (1 - p)) / DRAWS)).toBeLessThan(4);
    within(
      share((z) => z === 0),
      below(0),
    );
    within(
      share((z) => z <= 0.5),
      below(0.5),
    );
    within(
      share((z) => z === 1),
      1 - below(1),
    );
    expect(sampled.every((z) => z >= 0 && z <= 1)).toBe(true);
    expect(chance?.[0]).toBeCloseTo(1 - below(0), 6);
    expect(settled?.[0]).toBeCloseTo(clamp(sigmoid(logAlpha) * 1.2 - 0.1), 6);
  },
);

test("a settled gate is exactly 0 and exactly 1 far enough from the middle", async () => {
  expect((await gates(-3, 2 / 3)).settled?.[0]).toBe(0);
  expect((await gates(3, 2 / 3)).settled?.[0]).toBe(1);
});
