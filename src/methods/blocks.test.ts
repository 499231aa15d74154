/** What a method that is asked for blocks gives is what the sparse runtime recognises as such. */

import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import type { BlockHeight } from "../base/blocks.ts";
import { keyOf } from "../base/random.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { BoundMethod } from "../contract/method.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import { blockDensity, naturalHeight, packMatrix } from "../sparse/matrix.ts";
import { methodById } from "./registry.ts";

const STEPS = 6;

type Settings = Readonly<Record<string, string>>;

/** 14 features and 22 in the middle: the last block of each column has two rows. */
function unevenNetwork(): Network {
  const { vocabulary } = smallNetwork(CLASSES, 1);
  const layer = { heads: 2, headSize: 7, ffn: 22 };
  const sizes = { hiddenSize: 14, layers: [layer, layer], maxPositions: 8, initializerRange: 0.3 };
  const config = configOf({ vocabSize: 60, ...sizes });
  return initialNetwork(config, CLASSES, vocabulary, keyOf(3));
}

function bound(network: Network, id: string, set: Settings): BoundMethod {
  const facts = { steps: STEPS, key: keyOf(1), learningRate: 1e-2, finetuned: network };
  return methodById(id, { set: { sparsity: "0.8", ...set } }).bind(network, facts);
}

/** The pruned matrices of a method's product. */
async function prunedBy(network: Network, id: string, set: Settings): Promise<FloatTensor[]> {
  const { masks = new Map(), tensors } = await withTrainer(
    settingsOf(bound(network, id, set), 1),
    async (trainer) => {
      const plan = smallPlan(CLASSES, STEPS);
      for (let step = 0; step < STEPS; step++) await trainer.step(plan.batches(step), 1e-2);
      return trainer.finish(await trainer.tensors());
    },
  );
  return [...tensors].filter(([name]) => masks.has(name)).map(([, tensor]) => tensor);
}

const WAYS: readonly (readonly [string, Settings])[] = [
  ["magnitude", { until: "0.6" }],
  ["magnitude", { schedule: "one-shot", ranking: "global" }],
  ["sparsebert", {}],
  ["movement", { until: "0.5", refresh: "1" }],
  ["movement", { until: "0.5", refresh: "1", soft: "true" }],
  ["lottery", { rounds: "2", scope: "encoder" }],
  ["random", {}],
];

const CASES = WAYS.flatMap(([id, set]) =>
  ([2, 4] as const).map((height) => [id, { ...set, block: String(height) }, height] as const),
);

test.each(CASES)(
  "%s %o: the product's natural height is %i, where every matrix is as dense in blocks as in weights",
  async (id, set, height) => {
    const matrices = await prunedBy(smallNetwork(CLASSES, 2), id, set);
    expect(matrices.map((matrix) => naturalHeight(matrix))).toEqual(new Array(12).fill(height));
    const heights: readonly BlockHeight[] = [1, height];
    const densities = heights.map((h) => matrices.map((matrix) => blockDensity(packMatrix(matrix, h))));
    expect(densities[1]).toEqual(densities[0]);
  },
);

test.each(CASES)(
  "%s %o: in matrices of 14 and 22 rows no block of %i holds a zero but below the last row",
  async (id, set, height) => {
    let [held, below, left] = [0, 0, 0];
    for (const matrix of await prunedBy(unevenNetwork(), id, set)) {
      const { rows, starts, values } = packMatrix(matrix, height);
      held += values.length;
      below += (Math.ceil(rows / height) * height - rows) * ((starts.at(-1) ?? 0) - (starts.at(-2) ?? 0));
      left += matrix.data.filter((w) => w !== 0).length;
    }
    expect(held - below).toBe(left);
  },
);

test.each(["magnitude", "sparsebert", "movement", "lottery", "random"])(
  "%s/block: a height that no kernel reads is refused before anything is trained",
  (id) => {
    const attempt = () => bound(unevenNetwork(), id, { block: "3" });
    expect(attempt).toThrow(expect.objectContaining({ code: `${id}/block` }));
  },
);
