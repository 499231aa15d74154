import { expect, test } from "vitest";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import type { BoundMethod } from "../contract/method.ts";
import { matricesIn } from "../parts/matrices.ts";
import { zerosIn } from "../parts/prune.ts";
import { cubicSparsity } from "../parts/ramp.ts";
import { pruningSteps } from "./magnitude.ts";
import { methodById } from "./registry.ts";

const NETWORK = smallNetwork(CLASSES, 2);
const NAMES = matricesIn(NETWORK.tensors, "encoder");
const TOTAL = 2112;

function bound(set: Record<string, string>, steps: number): BoundMethod {
  return methodById("magnitude", { set }).bind(NETWORK, { steps, key: keyOf(1), finetuned: NETWORK });
}

test("prunings are spread evenly from the start of the ramp to its end, once per step", () => {
  expect(pruningSteps({ from: 0.1, until: 0.5 }, 4, 100)).toEqual([20, 30, 40, 50]);
  expect(pruningSteps({ from: 0, until: 1 }, 100, 5)).toEqual([1, 2, 3, 4, 5]);
});

test("sparsity follows the cubic schedule step by step, and pruned weights never come back", async () => {
  const settings = settingsOf(bound({ sparsity: "0.8", from: "0", until: "0.8", times: "8" }, 10), 1);
  const zeros: number[] = [];
  const gone = new Set<string>();
  const back: string[] = [];
  await withTrainer(settings, async (trainer) => {
    const plan = smallPlan(CLASSES, 10);
    for (let step = 0; step < 10; step++) {
      await trainer.step(plan.batches(step), 1e-2);
      const tensors = await trainer.tensors();
      zeros.push(zerosIn(tensors, NAMES));
      for (const name of NAMES) {
        tensors.get(name)?.data.forEach((w, i) => {
          if (w === 0) gone.add(`${name} ${i}`);
          else if (gone.has(`${name} ${i}`)) back.push(`${name} ${i}`);
        });
      }
    }
  });
  const expected = Array.from({ length: 10 }, (_, i) =>
    cubicSparsity({ final: 0.8, from: 0, until: 0.8 }, (i + 1) / 10),
  );
  for (const [i, n] of zeros.entries()) {
    expect(Math.abs(n - TOTAL * (expected[i] ?? 0))).toBeLessThanOrEqual(NAMES.length);
  }
  expect(back).toEqual([]);
});

test("one-shot prunes before the first step: the smallest of each matrix, or of all together", () => {
  const matrix = bound({ sparsity: "0.5", schedule: "one-shot" }, 5).network;
  for (const name of NAMES) {
    const size = matrix.tensors.get(name)?.data.length ?? 0;
    expect(zerosIn(matrix.tensors, [name])).toBe(size / 2);
  }
  const global = bound({ sparsity: "0.5", schedule: "one-shot", ranking: "global" }, 5).network;
  const survivors = NAMES.flatMap((name) =>
    [...(global.tensors.get(name)?.data ?? [])].filter((w) => w !== 0),
  );
  const pruned = NAMES.flatMap((name) => {
    const now = global.tensors.get(name)?.data ?? [];
    return [...(NETWORK.tensors.get(name)?.data ?? [])].filter((_, i) => now[i] === 0);
  });
  expect(survivors).toHaveLength(TOTAL / 2);
  expect(Math.min(...survivors.map(Math.abs))).toBeGreaterThanOrEqual(Math.max(...pruned.map(Math.abs)));
});

test("method/unreached: a run that ends before its last pruning has no product", async () => {
  const settings = settingsOf(bound({ sparsity: "0.8", until: "1" }, 10), 1);
  await withTrainer(settings, async (trainer) => {
    await trainer.step(smallPlan(CLASSES, 10).batches(0), 1e-2);
    expect(trainer.ready).toBe(false);
    const tensors = await trainer.tensors();
    expect(() => trainer.finish(tensors)).toThrow(expect.objectContaining({ code: "method/unreached" }));
  });
});

test.each(["magnitude", "random"])(
  "%s: with a frozen pooler in its scope that is pruned and does not move",
  async (id) => {
    const set = { sparsity: "0.5", frozen: "true", scope: "encoder+pooler" };
    const method = methodById(id, { set }).bind(NETWORK, { steps: 4, key: keyOf(1), finetuned: NETWORK });
    await withTrainer(settingsOf(method, 1), async (trainer) => {
      const plan = smallPlan(CLASSES, 4);
      for (let step = 0; step < 4; step++) await trainer.step(plan.batches(step), 1e-2);
      const { tensors } = trainer.finish(await trainer.tensors());
      const moved = [...tensors].filter(([name, { data }]) =>
        data.some((w, i) => w !== 0 && w !== NETWORK.tensors.get(name)?.data[i]),
      );
      expect(moved.map(([name]) => name)).toEqual([
        "bert.pooler.dense.bias",
        "classifier.weight",
        "classifier.bias",
      ]);
    });
  },
);
