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

/** With a sign, and as many decimals as show that a number is not 0: from one of a point, from three of a correlation. */
export function signed(value: number, isShare: boolean): string {
  const [scaled, least] = isShare ? [100 * value, 1] : [value, 3];
  const digits = [least, least + 1, least + 2].find((n) => Number(scaled.toFixed(n)) !== 0) ?? least;
  const text = Math.abs(scaled).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${scaled < 0 ? "−" : "+"}${text}`;
}

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
