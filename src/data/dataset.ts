/**
 * What every part of the project calls a data set: labelled sentences or sentence pairs, and how they are judged.
 *
 * Readers (`glue.ts`, `table.ts`, `sentiment.ts`) make one, `batches.ts` turns it into arrays. No file is read here.
 */

/** Classes by number, or one real value per example. */
export type TaskKind = "classification" | "regression";

/** One labelled text or pair. `label` is the class number in `Dataset.labels`, or the value of a regression. */
export interface Example {
  readonly text: string;
  readonly pair?: string;
  readonly label: number;
  /** `file:line`, for messages about this example. */
  readonly where: string;
}

/** Labelled examples in file order. */
export interface Dataset {
  readonly name: string;
  readonly task: TaskKind;
  /** Class names by class number; empty for a regression. */
  readonly labels: readonly string[];
  readonly examples: readonly Example[];
  /** How predictions are judged; absent means `defaultMeasure`. */
  readonly measure?: Measure;
  /** What its reader decided that the user should know: how the file is written, labels of one meaning, rows left out. */
  readonly notes?: readonly string[];
}

/** The metrics that exist; `metrics.ts` holds one entry for each. */
export type MetricName = "accuracy" | "f1" | "macro_f1" | "matthews" | "pearson" | "spearman";

/** Which metrics are reported and which single number decides between models. All grow with quality. */
export interface Measure {
  readonly task: TaskKind;
  readonly metrics: readonly MetricName[];
  /** One of `metrics`, or `mean`: the average of all of them, as GLUE does for MRPC, QQP and STS-B. */
  readonly primary: MetricName | "mean";
}

/** What a data set outside GLUE is judged by: accuracy among classes, the mean of both correlations for values. */
export function defaultMeasure(task: TaskKind, classes: number): Measure {
  if (task === "regression") return { task, metrics: ["pearson", "spearman"], primary: "mean" };
  return { task, metrics: ["accuracy", classes === 2 ? "f1" : "macro_f1", "matthews"], primary: "accuracy" };
}

/** The measure of a data set: its own, or the default for its kind. */
export function measureOf(dataset: Dataset): Measure {
  return dataset.measure ?? defaultMeasure(dataset.task, dataset.labels.length);
}
