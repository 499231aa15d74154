/** What a method that is asked for blocks gives is what the sparse runtime recognises as such. */

import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import { BLOCK_SHAPES, blockSize } from "../base/blocks.ts";
import { keyOf } from "../base/random.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { BoundMethod } from "../contract/method.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import { naturalBlock, packMatrix } from "../sparse/matrix.ts";
import { methodById } from "./registry.ts";

const STEPS = 6;

type Settings = Readonly<Record<string, string>>;

/** 14 features and 22 in the middle: of blocks of four the last of each column, or row, has two. */
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
  BLOCK_SHAPES.slice(1).map((block) => [id, { ...set, block }, block] as const),
);

test.each(CASES)(
  "%s %o: the product's natural blocks are %s, where every matrix is as dense in blocks as in weights",
  async (id, set, block) => {
    const matrices = await prunedBy(smallNetwork(CLASSES, 2), id, set);
    // One that has lost every weight has no blocks of its own.
    const left = matrices.filter(({ data }) => data.some((w) => w !== 0));
    expect(left.length).toBeGreaterThanOrEqual(10);
    expect(left.map((matrix) => naturalBlock(matrix))).toEqual(left.map(() => block));
    const [single, whole] = (["1", block] as const).map((shape) =>
      matrices.map((matrix) => packMatrix(matrix, shape).values.length / matrix.data.length),
    );
    expect(whole).toEqual(single);
  },
);

/** 14 and 22 are no multiples of 4. */
const UNEVEN = CASES.filter(([, , block]) => block !== "2x1");

test.each(UNEVEN)(
  "%s %o: in matrices of 14 and 22 rows and columns no block of %s holds a zero but beyond the edges",
  async (id, set, block) => {
    const { height, width } = blockSize(block);
    let [held, left] = [0, 0];
    for (const matrix of await prunedBy(unevenNetwork(), id, set)) {
      const { rows, columns, starts, indices } = packMatrix(matrix, block);
      for (let r = 0; r + 1 < starts.length; r++) {
        for (const column of indices.subarray(starts[r], starts[r + 1]))
          held += Math.min(height, rows - r * height) * Math.min(width, columns - column * width);
      }
      left += matrix.data.filter((w) => w !== 0).length;
    }
    expect(held).toBe(left);
  },
);

test.each(["2", "4", "1x1"])("%s is read as what it was before there were columns", async (block) => {
  const [old, now] = await Promise.all(
    [block, { "2": "2x1", "4": "4x1", "1x1": "1" }[block] ?? ""].map((name) =>
      prunedBy(smallNetwork(CLASSES, 1), "magnitude", { schedule: "one-shot", block: name }),
    ),
  );
  expect(old).toEqual(now);
});

test.each(["magnitude", "sparsebert", "movement", "lottery", "random"])(
  "%s/block: blocks that no kernel reads are refused before anything is trained",
  (id) => {
    for (const block of ["3", "1x2", "4x2", "", "constructor"]) {
      const attempt = () => bound(unevenNetwork(), id, { block });
      expect(attempt).toThrow(expect.objectContaining({ code: `${id}/block` }));
    }
  },
);
