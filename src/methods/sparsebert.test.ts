import { expect, test } from "vitest";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { matricesIn } from "../parts/matrices.ts";
import { zerosIn } from "../parts/prune.ts";
import { cubicSparsity } from "../parts/ramp.ts";
import { methodById } from "./registry.ts";

const NETWORK = smallNetwork(CLASSES, 2);
const FINETUNED = smallNetwork(CLASSES, 2, 0.1, 10);
const NAMES = matricesIn(NETWORK.tensors, "encoder");

function bound(set: Record<string, string>, steps: number) {
  const facts = { steps, key: keyOf(1), finetuned: FINETUNED };
  return methodById("sparsebert", { set }).bind(NETWORK, facts);
}

test("every matrix is pruned to s(j/J) when t is a multiple of F, and in the end to the sparsity", async () => {
  await withTrainer(settingsOf(bound({ sparsity: "0.9", times: "4" }, 8), 1), async (trainer) => {
    const plan = smallPlan(CLASSES, 8);
    const found: number[] = [];
    for (let step = 0; step < 8; step++) {
      await trainer.step(plan.batches(step), 1e-3);
      found.push(zerosIn(await trainer.tensors(), NAMES) / 2112);
    }
    const ramp = { final: 0.9, from: 0, until: 1 };
    const wanted = [0, 1, 1, 2, 2, 3, 3, 3].map((j) => (j === 3 ? 0.9 : cubicSparsity(ramp, j / 4)));
    for (const [i, s] of found.entries()) {
      expect(Math.abs(s - (wanted[i] ?? 0))).toBeLessThan(NAMES.length / 2112);
    }
  });
});

test("J is T/F without what is left over: of 10 steps with F = 3 the third pruning is the last of 3", async () => {
  // T/times = 3.3 is rounded to 3; prunings after 3, 6 and 9 steps.
  await withTrainer(settingsOf(bound({ sparsity: "0.9", times: "3" }, 10), 1), async (trainer) => {
    const plan = smallPlan(CLASSES, 10);
    const ramp = { final: 0.9, from: 0, until: 1 };
    for (let step = 0; step < 10; step++) {
      await trainer.step(plan.batches(step), 1e-3);
      const found = zerosIn(await trainer.tensors(), NAMES) / 2112;
      const wanted = cubicSparsity(ramp, Math.floor((step + 1) / 3) / 3);
      expect(Math.abs(found - wanted)).toBeLessThan(NAMES.length / 2112);
    }
  });
});

test("F of a half is the even number, as the authors' language rounds it: 2 of T/times = 2.5", async () => {
  await withTrainer(settingsOf(bound({ sparsity: "0.9", times: "4" }, 10), 1), async (trainer) => {
    const plan = smallPlan(CLASSES, 10);
    const pruned: number[] = [];
    for (let step = 0; step < 10; step++) {
      await trainer.step(plan.batches(step), 1e-3);
      pruned.push(zerosIn(await trainer.tensors(), NAMES));
    }
    const grew = pruned.flatMap((zeros, i) => (zeros > (pruned[i - 1] ?? 0) ? [i + 1] : []));
    expect(grew).toEqual([2, 4, 6, 8]);
  });
});

test("the student begins pre-trained, or fine-tuned when asked, and the rate is constant", () => {
  expect(bound({}, 8).network.tensors).toBe(NETWORK.tensors);
  expect(bound({ init: "fine-tuned" }, 8).network.tensors).toBe(FINETUNED.tensors);
  expect([0, 3, 7].map((step) => bound({}, 8).rate?.(step))).toEqual([1, 1, 1]);
  // None of its own is the run's, which warms up and falls to 0.
  expect([0, 3, 7].map((step) => bound({ rate: "linear" }, 8).rate?.(step))).toEqual(
    Array(3).fill(undefined),
  );
  expect(() => bound({ rate: "cubic" }, 8)).toThrow('rate to be constant or linear, got "cubic"');
});

test("a student that is its own teacher has a loss of the answers' entropy alone", async () => {
  const plain = smallNetwork(CLASSES, 2, 0);
  const facts = { steps: 4, key: keyOf(1), finetuned: plain };
  const method = methodById("sparsebert", { set: {} }).bind(plain, facts);
  await withTrainer(settingsOf(method, undefined), async (trainer) => {
    const [batch] = smallPlan(CLASSES, 4).batches(0);
    if (batch === undefined) throw new Error("no batch");
    const logits = await trainer.logits(batch);
    const { loss, gradNorm } = await trainer.step([batch], 0);
    let entropy = 0;
    for (let row = 0; row < batch.size; row++) {
      const z = [...logits.subarray(3 * row, 3 * row + 3)].map(Math.exp);
      const total = z.reduce((a, b) => a + b, 0);
      for (const e of z) entropy -= ((e / total) * Math.log(e / total)) / (3 * batch.size);
    }
    expect(loss).toBeCloseTo(entropy, 5);
    // Nothing to learn from oneself.
    expect(gradNorm).toBeLessThan(1e-5);
  });
});

test("sparsebert/teacher: without a fine-tuned model there is nothing to distil", () => {
  const attempt = () => methodById("sparsebert", { set: {} }).bind(NETWORK, { steps: 8, key: keyOf(1) });
  expect(attempt).toThrow(expect.objectContaining({ code: "sparsebert/teacher" }));
});
