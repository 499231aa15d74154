/**
 * SNIP: drop whole heads, attention blocks and feed-forward blocks whose residual output is small.
 *
 *   Paper    Lin, Liu, Yang, Hua & Roth, Findings of EMNLP 2020 · https://arxiv.org/abs/2010.01791
 *   Numbers  none: the full text was not available, and no score of it is confirmed. Its abstract says that at 50 %
 *            compression it is 0.5 to 1.0 points better on average than what was best then, on five GLUE tasks
 *
 * Not here: the method.
 */

import { BEST_IS_KEPT, layersLeft, type Paper, type Row } from "./plan.ts";

function prunedRow(label: string, slug: string, set: Readonly<Record<string, string>> = {}): Row {
  const seeds = slug === "snip" ? {} : { seeds: 1 };
  return {
    label,
    work: { slug: `${slug}-0.5`, method: "snip", set: { ...set, ratio: "0.5" }, longer: 2, ...seeds },
  };
}

function rowsFor(depth: number): Row[] {
  const { layers } = layersLeft(depth, 2);
  const shallow = { layers: String(layers) };
  return [
    { label: "fine-tuned, not pruned" },
    prunedRow("SNIP, with spectral normalisation", "snip", {}),
    prunedRow("SNIP, without", "snip-plain", { spectral: "off" }),
    prunedRow("SNIP, heads alone", "snip-heads", { unit: "head" }),
    {
      label: "head importance, half of the heads",
      work: {
        slug: "head-importance-0.5",
        method: "head-importance",
        set: { ratio: "0.5" },
        longer: 2,
        seeds: 2,
      },
    },
    {
      label: `LayerDrop, ${layers} layers left`,
      work: { slug: `layerdrop-${layers}`, method: "layerdrop", set: shallow, longer: 2, seeds: 2 },
    },
    {
      label: `first ${layers} layers`,
      work: { slug: `truncate-${layers}`, method: "truncate", set: shallow, longer: 2 },
    },
  ];
}

export const SNIP: Paper = {
  id: "snip",
  title: "Pruning Redundant Mappings in Transformer Models via Spectral-Normalized Identity Prior (SNIP)",
  citation: "Lin, Liu, Yang, Hua & Roth, Findings of EMNLP 2020, https://arxiv.org/abs/2010.01791",
  tasks: ["sst2", "mrpc"],
  metrics: {},
  rows: rowsFor,
  published: [],
  differs: [
    "There is no published number in this table: none of the paper's scores is confirmed. Its abstract claims 0.5 to 1.0 points on average over the state of the art, at 50 % compression, on five tasks of GLUE with BERT; this table can only show whether the order is the same.",
    "The penalty, the threshold and the details of spectral normalisation are reconstructed; the method's own page says how.",
    "Half means half of what a method removes: for SNIP the encoder's blocks, for head importance the heads, which are a third of the encoder at most. The column of the encoder's matrices is what the rows have in common.",
    "LayerDrop is meant for pre-training with dropped layers; here the layers are dropped while fine-tuning alone.",
    BEST_IS_KEPT,
  ],
};
