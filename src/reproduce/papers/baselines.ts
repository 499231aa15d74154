/**
 * Every method beside every other at one compression: half of what the method removes.
 *
 * No paper has this table. Where a row of BERT-of-Theseus' Table 2 is the same method at the same fraction of the
 * layers (https://arxiv.org/abs/2002.02925, GLUE development sets), its number stands beside ours. Not here: the
 * methods.
 */

import type { GlueTask } from "../../data/glue.ts";
import { frozenRows } from "./adapting-by-pruning.ts";
import { BEST_IS_KEPT, layersLeft, MOVEMENT_IS_SHORT, type Paper, publishRow, type Row } from "./plan.ts";

const TASKS: readonly GlueTask[] = ["cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb"];
const SOURCE = "BERT-of-Theseus, Table 2, 6 of 12 layers";
const HALF = 0.5;

/** Weights removed one by one. */
function weights(
  label: string,
  slug: string,
  method: string,
  set: Readonly<Record<string, string>> = {},
): Row {
  return { label, work: { slug: `${slug}-${HALF}`, method, set, sparsity: HALF, seeds: 1 } };
}

/** Heads and blocks removed. */
function blocks(
  label: string,
  slug: string,
  method: string,
  set: Readonly<Record<string, string>> = {},
): Row {
  return { label, work: { slug: `${slug}-${HALF}`, method, set: { ...set, ratio: String(HALF) }, seeds: 1 } };
}

/** A shallower encoder: half of the layers. */
function layers(
  label: string,
  method: string,
  depth: number,
  values: readonly number[] = [],
  set: Readonly<Record<string, string>> = {},
): Row {
  const { layers: left, exact } = layersLeft(depth, 2);
  const work = {
    slug: `${method}-${left}`,
    method,
    set: { layers: String(left), ...set },
    longer: 2,
    seeds: 1,
  };
  return { label, work, published: exact ? publishRow(SOURCE, TASKS, values) : {} };
}

function rowsFor(depth: number): Row[] {
  return [
    {
      label: "fine-tuned, not compressed",
      published: publishRow(SOURCE, TASKS, [54.3, 83.5, 89.5, 91.2, 89.8, 71.1, 91.5, 88.9]),
    },
    ...frozenRows(HALF),
    weights("random masks", "random", "random", { frozen: "false" }),
    weights("magnitude, one-shot", "magnitude-one-shot", "magnitude", {
      schedule: "one-shot",
    }),
    weights("magnitude, gradual", "magnitude", "magnitude", { schedule: "gradual" }),
    weights("magnitude, gradual, distilled", "magnitude-distilled", "magnitude", {
      schedule: "gradual",
      distil: "true",
    }),
    weights("lottery ticket", "lottery", "lottery", { frozen: "false" }),
    weights("movement", "movement", "movement"),
    weights("soft movement", "movement-soft", "movement", { soft: "true" }),
    weights("L0", "l0", "l0"),
    weights("SparseBERT", "sparsebert", "sparsebert", {
      init: "pre-trained",
      distil: "true",
      when: "while",
    }),
    blocks("SNIP", "snip", "snip", {}),
    blocks("head importance", "head-importance", "head-importance"),
    blocks("head gates", "head-gates", "head-gates"),
    layers(
      `first ${layersLeft(depth, 2).layers} layers`,
      "truncate",
      depth,
      [43.4, 80.1, 86.0, 86.9, 87.8, 62.1, 89.6, 81.9],
    ),
    layers("LayerDrop", "layerdrop", depth, [45.4, 80.7, 85.9, 88.4, 88.3, 65.2, 90.7, 85.7]),
    layers("vanilla distillation", "distil", depth, [45.1, 80.1, 86.2, 88.0, 88.1, 64.9, 90.5, 84.9]),
    layers("patient distillation (PKD)", "pkd", depth, [45.5, 81.3, 85.7, 88.4, 88.4, 66.5, 91.3, 86.2]),
    layers("DistilBERT", "distilbert", depth, [43.6, 79.0, 87.5, 85.3, 84.9, 59.9, 90.7, 81.2]),
    layers("TinyBERT", "tinybert", depth),
    layers("Theseus", "theseus", depth, [51.1, 82.3, 89.0, 89.5, 89.6, 68.2, 91.5, 88.7], {
      schedule: "curriculum",
    }),
  ];
}

export const BASELINES: Paper = {
  id: "baselines",
  title: "All methods at one compression",
  citation: "no paper; published numbers from Xu et al., EMNLP 2020, https://arxiv.org/abs/2002.02925",
  tasks: ["sst2"],
  metrics: {},
  rows: rowsFor,
  published: [],
  differs: [
    "Half means half of what a method removes: weights of its matrices, heads or blocks, or layers. Three kinds of compression stand in one table, so read each row's own columns of what was removed, each with one denominator, before comparing scores.",
    "Adapting by Pruning and the rows called frozen keep the surviving weights as they were and prune the embeddings too; every other row trains its weights and leaves the embeddings whole.",
    "The published rows are BERT-base's, from 12 to 6 layers; here it is the model named above, to half of its layers. MNLI here is the matched set alone, where the paper gives the mean of both.",
    "DistilBERT and LayerDrop were published with pre-training of their own on a large corpus; here both see the task's data alone. No row uses augmented data.",
    "Shallow encoders train for twice the epochs of the other rows. The learning rate is that of fine-tuning for all, and no row's own was searched. The frozen rows are those of the table of Adapting by Pruning, which says how they train.",
    MOVEMENT_IS_SHORT,
    BEST_IS_KEPT,
  ],
};
