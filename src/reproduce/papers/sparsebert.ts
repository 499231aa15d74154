/**
 * SparseBERT: prune while distilling, from the pre-trained encoder, with the fine-tuned one as the teacher.
 *
 *   Paper    Xu, Yen, Zhao & Xiao, NAACL 2021 · https://arxiv.org/abs/2104.08682
 *   Numbers  the results table of the authors' slides, GLUE development sets
 *
 * The paper's own table of pruning variants was not available; the grid below is ours. Not here: the method.
 */

import type { GlueTask } from "../../data/glue.ts";
import { sparseRate } from "../../parts/rates.ts";
import { BEST_IS_KEPT, type Paper, publishRow, type Row, type Work } from "./plan.ts";

const TASKS: readonly GlueTask[] = ["qnli", "mrpc", "rte", "cola"];
const SLIDES = "the authors' slides, GLUE development sets (read from an image)";

const SPARSITY = 0.95;

interface Variant {
  readonly init: "pre-trained" | "fine-tuned";
  readonly distil: boolean;
  readonly when: "while" | "before";
}

/** The method as published, but for its augmented data: the first of the grid. */
const PUBLISHED_VARIANT: Variant = { init: "pre-trained", distil: true, when: "while" };

/** Augmented data is tried with a teacher and without: its price is five times the steps. */
const AUGMENTED: readonly Variant[] = [true, false].map((distil) => ({ ...PUBLISHED_VARIANT, distil }));

const GRID: readonly Variant[] = [true, false].flatMap((distil) =>
  (["pre-trained", "fine-tuned"] as const).flatMap((init) =>
    (["while", "before"] as const).map((when) => ({ init, distil, when })),
  ),
);

function variantRow(variant: Variant): Row {
  const isPublished = JSON.stringify(variant) === JSON.stringify(PUBLISHED_VARIANT);
  return {
    label: isPublished ? "SparseBERT" : `  ${wordsOf(variant)}`,
    work: workOf(variant),
    ...(isPublished ? { published: publishRow(SLIDES, TASKS, [90.6, 88.5, 69.1, 52.1]) } : {}),
  };
}

function rowWithCopies(variant: Variant): Row {
  const work = { ...workOf(variant, "-augmented"), augmented: true } as const;
  return { label: `  ${wordsOf(variant)}, augmented`, work };
}

function wordsOf({ init, distil, when }: Variant): string {
  return `${init} start, ${distil ? "distilled" : "labels only"}, pruned ${when} ${distil ? "distilling" : "training"}`;
}

function workOf(variant: Variant, ending = ""): Work {
  const { init, distil, when } = variant;
  const isPublished = JSON.stringify(variant) === JSON.stringify(PUBLISHED_VARIANT);
  const slug = isPublished ? "" : `-${init}-${distil ? "distilled" : "labels"}-${when}`;
  return {
    slug: `sparsebert${slug}${ending}-${SPARSITY}`,
    method: "sparsebert",
    set: { init, distil: String(distil), when },
    sparsity: SPARSITY,
    learningRate: sparseRate(SPARSITY),
    ...(ending === "" ? { longer: 2 } : {}),
    ...(isPublished && ending === "" ? {} : { seeds: 1 }),
  };
}

export const SPARSEBERT: Paper = {
  id: "sparsebert",
  title: "Rethinking Network Pruning under the Pre-train and Fine-tune Paradigm (SparseBERT)",
  citation: "Xu, Yen, Zhao & Xiao, NAACL 2021, https://arxiv.org/abs/2104.08682",
  tasks: ["sst2", "mrpc"],
  metrics: { mrpc: "f1" },
  rows: () => [
    { label: "fine-tuned, not pruned", published: publishRow(SLIDES, TASKS, [91.8, 88.6, 69.3, 56.3]) },
    variantRow(PUBLISHED_VARIANT),
    {
      label: "gradual magnitude, without distillation",
      work: {
        slug: `magnitude-${SPARSITY}`,
        method: "magnitude",
        set: { schedule: "gradual" },
        sparsity: SPARSITY,
        learningRate: sparseRate(SPARSITY),
        longer: 2,
        seeds: 2,
      },
    },
    {
      label: "movement",
      work: { slug: `movement-${SPARSITY}`, method: "movement", sparsity: SPARSITY, epochs: 10, seeds: 2 },
    },
    {
      label: "first layer alone",
      work: { slug: "truncate-1", method: "truncate", set: { layers: "1" }, longer: 2, seeds: 1 },
    },
    ...GRID.filter((variant) => JSON.stringify(variant) !== JSON.stringify(PUBLISHED_VARIANT)).map(
      variantRow,
    ),
    ...AUGMENTED.map(rowWithCopies),
  ],
  published: [
    {
      title: "Other rows of the same slide: shallower or smaller dense models (shares as printed)",
      source: SLIDES,
      tasks: ["QNLI acc", "MRPC F1", "RTE acc", "CoLA Matthews"],
      rows: [
        ["ELMo", 71.1, 76.6, 53.4, 44.1],
        ["BERT6-PKD (printed as 50 %)", 89.0, 85.0, 65.5, 45.5],
        ["BERT-of-Theseus (printed as 50 %)", 89.5, 89.0, 68.2, 51.1],
        ["DistilBERT (printed as 50 %)", 89.2, 87.5, 59.9, 51.3],
        ["MiniLM6 (printed as 50 %)", 91.0, 88.4, 71.5, 49.2],
        ["TinyBERT6 (printed as 50 %)", 90.4, 87.3, 66.0, 54.0],
        ["TinyBERT4 (printed as 18 %)", 88.7, 86.8, 66.5, 49.7],
      ],
    },
    {
      title: "Other rows of the same slide: pruned weights (shares as printed; what they count differs)",
      source: SLIDES,
      tasks: ["QNLI acc", "MRPC F1", "RTE acc", "CoLA Matthews"],
      rows: [
        ["BERT-Tickets (printed as 30-50 %; counts the pooler too)", 88.9, 84.9, 66.0, 53.8],
        ["CompressBERT (printed as 10 %)", 76.8, null, null, null],
        ["RPP (printed as 11.6 %)", 88.0, 81.9, 67.5, null],
      ],
    },
  ],
  differs: [
    "The paper prunes BERT-base; here it is the model named above. Compare orders and the share of the dense score that is kept, not scores.",
    "Its 5 % counts the encoder's linear weights, as the authors' code does: embeddings, biases, LayerNorm, pooler and classifier are not pruned. Compare with the column of the encoder's matrices.",
    "The paper trains on data augmented 30 to 60 times (MRPC: 12 epochs of about 226,000 examples). This plan trains on the task's own examples but for the rows called augmented: those have 2 copies beside each example (of a pair one with the first text changed and one with the second), so their epochs are three times as long and a gain may be that of more steps. Large tasks such as SST-2 have no such row: the plan does not pay for it.",
    "The copies are made by the model itself, once for each task and seed, for a masked text alone and not beside the text as it is; words of several pieces are replaced by neighbours in the model's own word embeddings, where the authors have GloVe.",
    "No dense model is as small as a twentieth of the encoder: the first layer alone is a sixth of a 6-layer encoder, so the truncated row has more than three times the weights in matrices.",
    "The slides print no magnitude or movement row at this sparsity, so those have no published number. The paper's own table of variants was not available: the grid of start, distillation and order is ours.",
    "SparseBERT and magnitude train at 1e-3, the best rate found for SparseBERT on single seeds of four tasks (results/notes/sparsebert.md), movement at the task's rate; the authors' README has 3e-5 for their far more steps.",
    "The paper keeps the last model. So do the rows that prune while they train, since only the last evaluation has the sparsity; those pruned before keep the best.",
    BEST_IS_KEPT,
  ],
};
