/**
 * What do blocks cost in accuracy? One method in every shape that it can prune to, at the sparsities where sparse kernels
 * are the faster ones.
 *
 * Single weights are the core table's jobs, and so are the fine-tuned models that all rows are distilled from: SparseBERT is
 * the method whose weights go on training that has three seeds there. Not here: the shapes (base/blocks.ts), and what each
 * gains in time (results/runtime.md).
 */

import { BLOCK_SHAPES, type BlockShape } from "../../base/blocks.ts";
import { sparseRate } from "../../parts/rates.ts";
import { DISTILLED_FROM_THE_START } from "./core.ts";
import { BEST_IS_KEPT, type Paper, type Row } from "./plan.ts";

const SPARSITIES = [0.9, 0.95];

function rowFor(sparsity: number, block: BlockShape): Row {
  const work = { method: "sparsebert", sparsity, longer: 2, learningRate: sparseRate(sparsity) };
  // Not even the default is typed, so that the job is the core table's.
  if (block === "1") {
    const set = DISTILLED_FROM_THE_START;
    return { label: `SparseBERT, ${sparsity}`, work: { ...work, slug: `sparsebert-${sparsity}`, set } };
  }
  const set = { ...DISTILLED_FROM_THE_START, block };
  const slug = `sparsebert-${block}-${sparsity}`;
  return { label: `SparseBERT, ${sparsity}, blocks of ${block}`, work: { ...work, slug, set } };
}

export const BLOCKS: Paper = {
  id: "blocks",
  title: "Blocks",
  citation: "no paper",
  tasks: ["sst2", "mrpc"],
  metrics: {},
  rows: () => [
    { label: "fine-tuned" },
    ...SPARSITIES.flatMap((sparsity) => BLOCK_SHAPES.map((block) => rowFor(sparsity, block))),
  ],
  published: [],
  differs: [
    "Every compressed row is SparseBERT: pruned while it is distilled, for twice the epochs of fine-tuning. A block is outputs × inputs; the shares are of the encoder's matrices, to the nearest whole block of each.",
    "SST-2 is its first 10,000 rows for 2 epochs, MRPC is whole, for 3.",
    BEST_IS_KEPT,
  ],
};
