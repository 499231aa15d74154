import { expect, test } from "vitest";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { methodById } from "../methods/registry.ts";
import { matricesIn, weightsIn } from "./matrices.ts";
import { zerosIn } from "./prune.ts";

const DENSE = smallNetwork(CLASSES, 2);
const NAMES = matricesIn(DENSE.tensors, "encoder");

/** Three of four blocks of 4 x 4 are 0, so that some neurons are dead and never moved. */
function withZeros({ shape, data }: FloatTensor): FloatTensor {
  const columns = shape.at(-1) ?? 1;
  const isKept = (i: number): boolean =>
    (Math.floor(i / columns / 4) + Math.floor((i % columns) / 4)) % 4 === 0;
  return floatTensor(
    shape,
    data.map((x, i) => (isKept(i) ? x : 0)),
  );
}

const PRUNED = {
  ...DENSE,
  tensors: new Map(
    [...DENSE.tensors].map(([name, tensor]) => [name, NAMES.includes(name) ? withZeros(tensor) : tensor]),
  ),
};

test.each(["magnitude", "random", "movement", "sparsebert"])(
  "%s: a model that is sparser than asked to begin with has a product all the same",
  async (id) => {
    const method = methodById(id, { set: { sparsity: "0.5" } });
    const bound = method.bind(PRUNED, { steps: 8, key: keyOf(1), pretrained: PRUNED, finetuned: PRUNED });
    await withTrainer(settingsOf(bound, 1), async (trainer) => {
      const plan = smallPlan(CLASSES, 8);
      for (let step = 0; step < 8; step++) await trainer.step(plan.batches(step), 1e-2);
      const { tensors } = trainer.finish(await trainer.tensors());
      expect(zerosIn(tensors, NAMES) / weightsIn(tensors, NAMES)).toBeGreaterThanOrEqual(0.5);
    });
  },
);
