/**
 * BERT-of-Theseus: a shallow encoder trained by swapping its modules into a deep one.
 *
 *   Paper    Xu, Zhou, Ge, Wei & Zhou, EMNLP 2020 · https://arxiv.org/abs/2002.02925
 *   Numbers  Table 2 (6 of 12 layers, with the schedules) and Table 7 (4 of 12), GLUE development sets, median of 5
 *
 * Not here: the method.
 */

import { counted } from "../../base/quantity.ts";
import type { GlueTask } from "../../data/glue.ts";
import { BEST_IS_KEPT, layersLeft, type Paper, type PublishedRow, publishRow, type Row } from "./plan.ts";

const TASKS: readonly GlueTask[] = ["cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb"];
const HALF = "Table 2, 6 of 12 layers";
const THIRD = "Table 7, 4 of 12 layers";

/** What compresses trains twice as long as what is fine-tuned, and so does the truncated model beside it. */
const LONGER = 2;

/** A fraction of the layers, and where the paper prints the same one. */
interface Depth {
  readonly layers: number;
  readonly exact: boolean;
  readonly source: string;
}

function publishedFor({ exact, source }: Depth, values: readonly number[]): PublishedRow {
  return exact ? publishRow(source, TASKS, values) : {};
}

function swappedRow(label: string, depth: Depth, schedule: string, values: readonly number[] = []): Row {
  const { layers } = depth;
  const slug = schedule === "curriculum" ? "theseus" : `theseus-${schedule}`;
  const base: Readonly<Record<string, string>> = schedule === "constant" ? { base: "0.5" } : {};
  const set = { layers: String(layers), schedule, ...base };
  return {
    label: `${label}, ${layersText(layers)}`,
    work: { slug: `${slug}-${layers}`, method: "theseus", set, longer: LONGER, ...beside(depth, schedule) },
    published: publishedFor(depth, values),
  };
}

function truncatedRow(depth: Depth, values: readonly number[]): Row {
  const { layers } = depth;
  const set = { layers: String(layers) };
  return {
    label: `fine-tuned, first ${layersText(layers)}`,
    work: { slug: `truncate-${layers}`, method: "truncate", set, longer: LONGER, ...beside(depth) },
    published: publishedFor(depth, values),
  };
}

/** One seed for what the core table does not have: other schedules, and a third of the layers. */
function beside({ source }: Depth, schedule = "curriculum"): { seeds?: number } {
  return source === HALF && schedule === "curriculum" ? {} : { seeds: 1 };
}

function layersText(layers: number): string {
  return counted(layers, "layer");
}

function rowsFor(depth: number): Row[] {
  const half: Depth = { ...layersLeft(depth, 2), source: HALF };
  const third: Depth = { ...layersLeft(depth, 3), source: THIRD };
  return [
    {
      label: "predecessor, fine-tuned",
      published: publishRow(HALF, TASKS, [54.3, 83.5, 89.5, 91.2, 89.8, 71.1, 91.5, 88.9]),
    },
    swappedRow("Theseus, curriculum", half, "curriculum", [51.1, 82.3, 89.0, 89.5, 89.6, 68.2, 91.5, 88.7]),
    swappedRow("Theseus, constant rate", half, "constant", [44.4, 81.9, 87.1, 88.5, 88.6, 66.4, 90.6, 88.4]),
    swappedRow(
      "Theseus, anti-curriculum",
      half,
      "anti-curriculum",
      [42.8, 79.8, 85.6, 87.8, 87.6, 62.4, 88.8, 85.4],
    ),
    truncatedRow(half, [43.4, 80.1, 86.0, 86.9, 87.8, 62.1, 89.6, 81.9]),
    swappedRow("Theseus, curriculum", third, "curriculum", [41.3, 80.0, 87.5, 86.1, 88.7, 61.9, 89.1, 82.5]),
    swappedRow("Theseus, constant rate", third, "constant"),
    swappedRow("Theseus, anti-curriculum", third, "anti-curriculum"),
    truncatedRow(third, [33.9, 78.4, 86.0, 82.3, 87.1, 58.2, 87.2, 78.4]),
  ];
}

export const THESEUS: Paper = {
  id: "theseus",
  title: "BERT-of-Theseus: Compressing BERT by Progressive Module Replacing",
  citation: "Xu, Zhou, Ge, Wei & Zhou, EMNLP 2020, https://arxiv.org/abs/2002.02925",
  tasks: ["sst2", "mrpc"],
  metrics: {},
  rows: rowsFor,
  published: [
    {
      title: "A quarter of the layers (3 of 12)",
      source: "Table 7",
      tasks: ["CoLA", "MNLI", "MRPC", "QNLI", "QQP", "RTE", "SST-2", "STS-B"],
      rows: [
        ["fine-tuned", 27.5, 78.1, 81.9, 80.4, 86.5, 57.7, 85.9, 76.8],
        ["Theseus", 35.0, 78.8, 84.3, 82.1, 87.3, 59.5, 87.2, 78.9],
      ],
    },
  ],
  differs: [
    "The paper compresses BERT-base from 12 layers to 6, 4 and 3; here it is the model named above, to half and a third of its layers, beside the paper's numbers for the same fractions.",
    "Nothing is pruned: the denominator is the number of layers, and parameters are counted as they are stored. Embeddings stay whole, and they are most of a small model.",
    "MRPC is the mean of accuracy and F1 and STS-B of both correlations, as in the paper's Table 2; MNLI here is the matched set alone, where the paper gives the mean of both.",
    "The paper's constant rate is the best of 0.5, 0.7 and 0.9 for each task, and rates and schedules are searched; here the rate is 0.5 and nothing is searched.",
    "The paper gives the median of 5 runs, here it is the mean. It searched up to 20 GPU hours for a task; compression here trains for twice the epochs of fine-tuning, and the truncated models for as long.",
    "The authors train without weight decay and warm-up; here both are the run's own, 0.01 and a tenth of the steps, as for all rows.",
    BEST_IS_KEPT,
  ],
};
