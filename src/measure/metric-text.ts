/** Metrics as people read them. */

import { percent } from "../base/quantity.ts";

/** A metric as it is shown: shares of examples in percent, everything else with three decimals. */
export function metricText(name: string, value: number): string {
  return isShareMetric(name) ? percent(value, { decimals: 1 }) : value.toFixed(3);
}

/** Whether a metric is a share of examples, which is told in points. */
export function isShareMetric(name: string): boolean {
  return SHARES.has(name);
}

const SHARES = new Set([
  ...["accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "micro_f1"],
  ...["entity_f1", "entity_precision", "entity_recall"],
]);

/** A metric's name as a word of a sentence. */
export function metricWord(name: string): string {
  return WORDS[name] ?? name;
}

const WORDS: Readonly<Record<string, string>> = {
  f1: "F1",
  macro_f1: "macro F1",
  micro_f1: "micro F1",
  entity_f1: "F1 of entities",
  entity_precision: "precision of entities",
  entity_recall: "recall of entities",
  mean: "mean of the metrics",
  balanced_accuracy: "balanced accuracy",
  matthews: "Matthews' correlation",
  roc_auc: "area under the ROC curve",
  average_precision: "average precision",
  mae: "mean absolute error",
  rmse: "root mean squared error",
};
