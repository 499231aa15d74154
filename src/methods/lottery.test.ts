import { expect, test } from "vitest";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { matricesIn } from "../parts/matrices.ts";
import { zerosIn } from "../parts/prune.ts";
import { roundEnds, roundSparsity } from "./lottery.ts";
import { methodById } from "./registry.ts";

const NETWORK = smallNetwork(CLASSES, 2);
const NAMES = matricesIn(NETWORK.tensors, "encoder");

function bound(set: Record<string, string>, steps: number) {
  return methodById("lottery", { set }).bind(NETWORK, { steps, key: keyOf(1) });
}

test("rounds take equal shares of the weights and, with the last training, of the steps", () => {
  expect(roundEnds(3, 100)).toEqual([25, 50, 75, 100]);
  expect([1, 2, 3].map((round) => roundSparsity({ sparsity: 0.6, rounds: 3 }, round))).toEqual([
    expect.closeTo(0.2, 12),
    expect.closeTo(0.4, 12),
    expect.closeTo(0.6, 12),
  ]);
});

test("each round warms up and decays anew", () => {
  const { rate } = bound({ rounds: "1" }, 40);
  const rates = Array.from({ length: 40 }, (_, step) => rate?.(step) ?? Number.NaN);
  expect(rates[0]).toBeCloseTo(0.5, 12);
  expect(rates[1]).toBe(1);
  expect(rates[19]).toBeCloseTo(1 / 18, 12);
  expect(rates.slice(20)).toEqual(rates.slice(0, 20));
});

test("after a round every weight is at its pre-trained value or 0, at the round's sparsity", async () => {
  const settings = settingsOf(bound({ sparsity: "0.6", rounds: "2", scope: "encoder" }, 6), 1);
  await withTrainer(settings, async (trainer) => {
    const plan = smallPlan(CLASSES, 6);
    for (let step = 0; step < 4; step++) {
      await trainer.step(plan.batches(step), 1e-2);
      if (step % 2 === 0) continue;
      const tensors = await trainer.tensors();
      expect(zerosIn(tensors, NAMES)).toBe(Math.round(2112 * (step === 1 ? 0.3 : 0.6)));
      for (const [name, { data }] of NETWORK.tensors) {
        const now = tensors.get(name)?.data ?? [];
        const pruned = NAMES.includes(name);
        expect([...data].every((w, i) => now[i] === w || (pruned && now[i] === 0))).toBe(true);
      }
      const { buffers } = await trainer.state();
      expect(buffers.get("m")?.every((x) => x === 0)).toBe(true);
      expect(buffers.get("table.m")?.every((x) => x === 0)).toBe(true);
    }
  });
});

test("a frozen ticket ends with pre-trained weights, exactly, under a trained head", async () => {
  const settings = settingsOf(bound({ sparsity: "0.5", rounds: "1", frozen: "true" }, 6), 1);
  await withTrainer(settings, async (trainer) => {
    const plan = smallPlan(CLASSES, 6);
    for (let step = 0; step < 6; step++) await trainer.step(plan.batches(step), 1e-2);
    const { tensors } = trainer.finish(await trainer.tensors());
    const changed = [...tensors].filter(([name, { data }]) =>
      data.some((w, i) => w !== 0 && w !== NETWORK.tensors.get(name)?.data[i]),
    );
    // The pooler is in the scope: pruned and frozen like the rest of it.
    expect(changed.map(([name]) => name)).toEqual([
      "bert.pooler.dense.bias",
      "classifier.weight",
      "classifier.bias",
    ]);
  });
});

test.each(["0", "6", "1.5"])("lottery/rounds: %s rounds in six steps are refused", (rounds) => {
  expect(() => bound({ rounds }, 6)).toThrow(expect.objectContaining({ code: "lottery/rounds" }));
});
