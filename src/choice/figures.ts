/**
 * What the rows of the core table came to. Written by `npm run results:tables` from results/ledger.jsonl; nothing here is
 * typed by hand.
 */

import type { Recommendation } from "./choose.ts";

/** The model behind the rows, and its layers. */
export interface Figures {
  readonly model: string;
  readonly layers: number;
  /** Its fine-tuned .esp file, as a share of its bytes in float32. */
  readonly whole: number;
  readonly rows: readonly Recommendation[];
}

export const FIGURES: Figures = {
  model: "all-MiniLM-L6-v2",
  layers: 6,
  whole: 0.425,
  rows: [
    {
      label: "magnitude, frozen, 0.9",
      method: "magnitude",
      set: {
        frozen: "true",
        scope: "all",
        head: "mixture",
        ranking: "global",
      },
      sparsity: 0.9,
      learningRate: 0.001,
      longer: 2,
      drop: 16.97,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 3,
      size: 0.06,
      faster: 1.19,
    },
    {
      label: "lottery (IMP), frozen, 0.9",
      method: "lottery",
      set: {
        frozen: "true",
        scope: "all",
        head: "mixture",
      },
      sparsity: 0.9,
      learningRate: 0.0003,
      longer: 2,
      drop: 18.71,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 4,
      size: 0.061,
      faster: 1.34,
    },
    {
      label: "SparseBERT, 0.95",
      method: "sparsebert",
      set: {
        init: "pre-trained",
        distil: "true",
        when: "while",
      },
      sparsity: 0.95,
      learningRate: 0.001,
      longer: 2,
      drop: 5.17,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 3,
      size: 0.24,
      faster: 2.353,
    },
    {
      label: "SparseBERT, 0.9",
      method: "sparsebert",
      set: {
        init: "pre-trained",
        distil: "true",
        when: "while",
      },
      sparsity: 0.9,
      learningRate: 0.0005,
      longer: 2,
      drop: 3.43,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 4,
      size: 0.25,
      faster: 1.605,
    },
    {
      label: "Adapting by Pruning, 0.5",
      method: "adapting-by-pruning",
      set: {},
      sparsity: 0.5,
      learningRate: 0.001,
      longer: 2,
      drop: 13.93,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 3,
      size: 0.273,
      faster: 0.883,
    },
    {
      label: "first layers, 3 layers",
      method: "truncate",
      set: {
        layers: "3",
      },
      longer: 2,
      drop: 7.07,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 3,
      size: 0.325,
      faster: 2.165,
    },
    {
      label: "Theseus, 3 layers",
      method: "theseus",
      set: {
        layers: "3",
        schedule: "curriculum",
      },
      longer: 2,
      drop: 5.24,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 3,
      size: 0.325,
      faster: 2.11,
    },
    {
      label: "SNIP, half",
      method: "snip",
      set: {
        ratio: "0.5",
      },
      longer: 2,
      drop: 2.31,
      tasks: ["sst2", "cola", "mrpc"],
      runs: 3,
      size: 0.326,
      faster: 1.747,
    },
  ],
};
