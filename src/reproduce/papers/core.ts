/**
 * The core table: the four papers, their closest rivals and what a user would try first, each with a recipe of its own
 * that is long enough to be fair.
 *
 * Not here: a paper's own ablations (its own table), every method at one compression (baselines.ts).
 */

import { sparseRate } from "../../parts/rates.ts";
import { FROZEN, HEAD_TRAINING, MASK_TRAINING, TICKET_TRAINING } from "./adapting-by-pruning.ts";
import { BEST_IS_KEPT, layersLeft, type Paper, type Row, type Work } from "./plan.ts";
import type { TaskName } from "./task-plans.ts";

/** The four papers have three seeds on every task, what they are held against two on these. */
const RIVAL: Pick<Work, "seeds" | "tasks"> = {
  seeds: 2,
  tasks: ["sst2", "cola", "mrpc"] satisfies TaskName[],
};

/** No pruning at all: what anyone would try before it. */
const IN_8_BITS = "quantization-aware";

/** Epochs that movement pruning is published with. */
const MOVEMENT_EPOCHS = 10;

/** SparseBERT as its paper describes it: pre-trained weights, pruned while they are distilled. */
export const DISTILLED_FROM_THE_START = { init: "pre-trained", distil: "true", when: "while" };

function rowsFor(depth: number): Row[] {
  const { layers } = layersLeft(depth, 2);
  const shallow = { layers: String(layers) };
  const half = (label: string, method: string, more: Partial<Work> = {}): Row => ({
    label: `${label}, ${layers} layers`,
    work: { slug: `${method}-${layers}`, method, set: shallow, longer: 2, ...more },
  });
  return [
    { label: "fine-tuned" },
    half("first layers", "truncate"),
    half("Theseus", "theseus", { set: { ...shallow, schedule: "curriculum" } }),
    half("distillation (KD)", "distil", RIVAL),
    half("patient distillation (PKD)", "pkd", RIVAL),
    half("TinyBERT", "tinybert", RIVAL),
    { label: "trained in 8 bits", work: { slug: IN_8_BITS, method: IN_8_BITS, longer: 2, ...RIVAL } },
    blocks("SNIP", "snip", { set: { ratio: "0.5" } }),
    blocks("head importance", "head-importance", { ...RIVAL, set: { ratio: "0.5" } }),
    half("LayerDrop", "layerdrop", RIVAL),
    ...[0.5, 0.9].flatMap(maskRows),
    ...[0.9, 0.95].flatMap(sparseRows),
  ];
}

function blocks(label: string, method: string, more: Partial<Work>): Row {
  return { label: `${label}, half`, work: { slug: `${method}-0.5`, method, longer: 2, ...more } };
}

/** Masks over frozen weights, under the paper's conditions. */
function maskRows(sparsity: number): Row[] {
  return [
    weights("Adapting by Pruning", "adapting-by-pruning", sparsity, { set: {}, ...MASK_TRAINING }),
    weights("magnitude, frozen", "magnitude-frozen", sparsity, {
      ...RIVAL,
      method: "magnitude",
      set: { ...FROZEN, ranking: "global" },
      ...HEAD_TRAINING,
    }),
    weights("lottery (IMP), frozen", "lottery-frozen", sparsity, {
      ...RIVAL,
      method: "lottery",
      set: FROZEN,
      ...TICKET_TRAINING,
    }),
  ];
}

/** Weights that go on training. */
function sparseRows(sparsity: number): Row[] {
  const gradual = { ...RIVAL, method: "magnitude", longer: 2, learningRate: sparseRate(sparsity) };
  return [
    weights("SparseBERT", "sparsebert", sparsity, {
      set: DISTILLED_FROM_THE_START,
      longer: 2,
      learningRate: sparseRate(sparsity),
    }),
    weights("gradual magnitude", "magnitude", sparsity, { ...gradual, set: { schedule: "gradual" } }),
    weights("gradual magnitude, distilled", "magnitude-distilled", sparsity, {
      ...gradual,
      set: { schedule: "gradual", distil: "true" },
    }),
    weights("movement", "movement", sparsity, { ...RIVAL, epochs: MOVEMENT_EPOCHS }),
  ];
}

function weights(label: string, slug: string, sparsity: number, more: Partial<Work>): Row {
  return {
    label: `${label}, ${sparsity}`,
    work: { slug: `${slug}-${sparsity}`, method: slug, sparsity, ...more },
  };
}

export const CORE: Paper = {
  id: "core",
  title: "Core table",
  citation: "no paper",
  tasks: ["sst2", "cola", "mrpc", "stsb"],
  metrics: {},
  rows: rowsFor,
  published: [],
  differs: [
    "SST-2 is its first 10,000 rows for 2 epochs, the other tasks are whole, for 3. What compresses trains for twice the epochs of fine-tuning, and so does the truncated model; movement pruning for ten, as published. Adapting by Pruning has batches of 8, all others of 32.",
    "SparseBERT and gradual magnitude train at 5e-4 at 90 % and at 1e-3 at 95 %, where that was the best found for SparseBERT on single seeds (results/notes/sparsebert.md); magnitude had no search of its own.",
    "Rows of the four papers, the fine-tuned and the truncated model have 3 seeds on 4 tasks, the others 2 on 3.",
    BEST_IS_KEPT,
  ],
};
