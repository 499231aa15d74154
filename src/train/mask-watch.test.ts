import { expect, test } from "vitest";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import { requireEntry, requireValue } from "../base/present.ts";
import { keyOf } from "../base/random.ts";
import { methodById } from "../methods/registry.ts";
import { watchMask } from "./mask-watch.ts";

const STEPS = 10;
const facts = {
  steps: STEPS,
  key: keyOf(3),
  learningRate: 1e-2,
  finetuned: smallNetwork(CLASSES, 2),
};
const bind = (id: string, set: Readonly<Record<string, string>>) =>
  methodById(id, { set }).bind(smallNetwork(CLASSES, 2), facts);

test("of Adapting by Pruning every look counts what its scores and threshold say", async () => {
  const set = { sparsity: "0.6", until: "0.9", times: "9", alpha: "0.05" };
  const method = bind("adapting-by-pruning", set);
  const scores = [...method.tensors.keys()].filter((name) => name.startsWith("score."));
  expect(scores.length).toBeGreaterThan(10);
  await withTrainer(settingsOf(method, 1), async (trainer) => {
    const plan = smallPlan(CLASSES, STEPS);
    const look = watchMask(trainer);
    let before: boolean[] = [];
    let once: boolean[] = [];
    for (let done = 1; done <= STEPS; done++) {
      await trainer.step(plan.batches(done - 1), 1e-2);
      const found = await look();
      const [tensors, { progress }] = [await trainer.tensors(), await trainer.state()];
      const now = scores.flatMap((name) => {
        const { data } = requireEntry(tensors, name, "tensor");
        return Array.from(data, (score) => score > Number(progress.threshold ?? 0));
      });
      const count = (is: (kept: boolean, i: number) => boolean | undefined) => now.filter(is).length;
      if (done === 1) expect(found).toBeUndefined();
      else {
        expect(found).toMatchObject({
          masks: done,
          size: now.length,
          kept: count((kept) => kept),
          pruned: count((kept, i) => before[i] && !kept),
          returned: count((kept, i) => kept && !before[i]),
          recovered: count((kept, i) => kept && once[i]),
        });
      }
      once = now.map((kept, i) => once[i] === true || !kept);
      before = now;
    }
    const last = requireValue(await look(), "look");
    expect(last.kept / last.size).toBeCloseTo(0.4, 2);
    expect(last).toMatchObject({ pruned: 0, returned: 0 });
    expect(last.recovered).toBeGreaterThan(0);
    expect(last.recovered).toBeLessThan(last.recoveredByChance);
  });
});

test("of SNIP, whose modules leave during the run, every look finds nothing and none fails", async () => {
  await withTrainer(settingsOf(bind("snip", { ratio: "0.8" }), 1), async (trainer) => {
    const plan = smallPlan(CLASSES, STEPS);
    const look = watchMask(trainer);
    const sizes = new Set<number>();
    for (let done = 0; done < STEPS; done++) {
      await trainer.step(plan.batches(done), 1e-2);
      const computed = [...(await trainer.computedWeights()).values()];
      sizes.add(computed.reduce((n, { length }) => n + length, 0));
      expect(await look()).toBeUndefined();
    }
    // Units did leave.
    expect(sizes.size).toBeGreaterThan(1);
  });
});

test.each(["finetune", "magnitude", "head-importance", "quantization-aware"])(
  "%s has no mask that is learnt, so there is nothing to tell",
  async (id) => {
    await withTrainer(settingsOf(bind(id, {}), 1), async (trainer) => {
      const plan = smallPlan(CLASSES, STEPS);
      const look = watchMask(trainer);
      for (let done = 0; done < STEPS; done++) {
        await trainer.step(plan.batches(done), 1e-2);
        if (done < 2 || done > STEPS - 3) expect(await look()).toBeUndefined();
      }
    });
  },
);
