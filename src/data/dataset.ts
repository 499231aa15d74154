/**
 * What every part of the project calls a data set: labelled texts or pairs of texts, and how they are judged.
 *
 * Readers (`glue.ts`, `table.ts`, `sentiment.ts`) make one, `batches.ts` turns it into arrays. No file is read here.
 */

import { hasEntities } from "./judging/entities.ts";

/**
 * What is to be said of a text: one class; one real value; any number of labels; a class for each of its words; or, without
 * labels, its vector.
 */
export const TASKS = ["classification", "regression", "multi-label", "tokens", "embedding"] as const;
export type TaskKind = (typeof TASKS)[number];

/**
 * A class by its number in `Dataset.labels`, or the value of a regression; the numbers of the labels that hold, ascending;
 * the class of each word. Of an embedding an empty list.
 */
export type Label = number | readonly number[];

/** One text or pair with its label. */
export interface Example {
  readonly text: string;
  readonly pair?: string;
  /** The words of a text whose words have labels; `text` is they with spaces between. */
  readonly words?: readonly string[];
  readonly label: Label;
  /** `file:line`, for messages about this example. */
  readonly where: string;
}

/** Whether there is nothing to read: of a pair, in either text. */
export function hasBlank({
  text,
  pair,
}: {
  readonly text: string;
  readonly pair?: string | undefined;
}): boolean {
  return text.trim() === "" || pair?.trim() === "";
}

/** The class, or the value, of an example of a task with one label for each text. */
export function classOf({ label, where }: Example): number {
  if (typeof label === "number") return label;
  throw new RangeError(`label: expected one number, got a list (${where})`);
}

/** The labels of an example as a list. */
export function labelsOf({ label }: Example): readonly number[] {
  return typeof label === "number" ? [label] : label;
}

/** Of each label how often it is there: rows with it, or words. */
export function labelCounts({ labels, examples }: Pick<Dataset, "labels" | "examples">): number[] {
  const counts = new Array<number>(labels.length).fill(0);
  for (const label of examples.flatMap(labelsOf)) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/** Labelled examples in file order. */
export interface Dataset {
  readonly name: string;
  readonly task: TaskKind;
  /** Names of classes or labels by their numbers; empty for a regression and an embedding. */
  readonly labels: readonly string[];
  readonly examples: readonly Example[];
  /** Rows that were left out because they have no label; absent: none. */
  readonly unlabelled?: number;
  /** Of an embedding: how alike the examples 2i and 2i + 1 are, where that is known. */
  readonly scores?: readonly number[];
  /** How predictions are judged; absent means `defaultMeasure`. */
  readonly measure?: Measure;
  /** What its reader decided that the user should know: how the file is written, labels of one meaning, rows left out. */
  readonly notes?: readonly string[];
}

/** The metrics that exist; each kind of task has some of them (judging/judge.ts). */
export const METRIC_NAMES = [
  "accuracy",
  "balanced_accuracy",
  "precision",
  "recall",
  "f1",
  "macro_f1",
  "micro_f1",
  "matthews",
  "roc_auc",
  "average_precision",
  "pearson",
  "spearman",
  "entity_f1",
  "entity_precision",
  "entity_recall",
  "cosine",
  "neighbours",
  "mae",
  "rmse",
  "loss",
] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/** Which metrics are reported and which single number decides between models. All but errors and `loss` grow with quality. */
export interface Measure {
  readonly task: TaskKind;
  readonly metrics: readonly MetricName[];
  /** One of `metrics`, or `mean`: the average of all of them, as GLUE does for MRPC, QQP and STS-B. */
  readonly primary: MetricName | "mean";
}

/**
 * What a data set outside GLUE is judged by: accuracy among classes, the mean of both correlations for values, F1 over all
 * labels that hold or over all entities. Vectors are judged by the order of scored pairs where there are such, else by
 * their likeness to the teacher's.
 */
export function defaultMeasure({
  task,
  labels,
  scores,
}: Pick<Dataset, "task" | "labels" | "scores">): Measure {
  switch (task) {
    case "regression":
      return { task, metrics: ["pearson", "spearman"], primary: "mean" };
    case "classification":
      return {
        task,
        metrics: ["accuracy", labels.length === 2 ? "f1" : "macro_f1", "matthews"],
        primary: "accuracy",
      };
    case "multi-label":
      return { task, metrics: ["micro_f1", "macro_f1", "accuracy"], primary: "micro_f1" };
    case "tokens":
      return hasEntities(labels)
        ? {
            task,
            metrics: ["entity_f1", "entity_precision", "entity_recall", "accuracy"],
            primary: "entity_f1",
          }
        : { task, metrics: ["accuracy", "macro_f1"], primary: "accuracy" };
    case "embedding":
      return scores === undefined
        ? { task, metrics: ["cosine", "neighbours"], primary: "cosine" }
        : { task, metrics: ["spearman", "pearson", "cosine", "neighbours"], primary: "spearman" };
  }
}

/** The measure of a data set: its own, or the default for its kind. */
export function measureOf(dataset: Dataset): Measure {
  return dataset.measure ?? defaultMeasure(dataset);
}
