/**
 * From which probability on the second of two classes is said.
 *
 * p₁ > t  ⇔  z₁ − z₀ > ln(t / (1 − t)): a threshold is a number taken from the second logit, so that the largest logit is
 * the answer again, in any program. `best` is the one of the best metric on the judging examples: half-way between two
 * neighbours among the differences z₁ − z₀, of equal ones the nearest to 0.5. Of more than `CUTS` differences so
 * many are tried, evenly by rank.
 */

import type { Measure } from "../data/dataset.ts";
import { metricsOf, predict } from "../data/judging/judge.ts";
import { primaryOf } from "../data/judging/metrics.ts";
import type { Labelled } from "./calibration.ts";

/** Thresholds that are tried. */
const CUTS = 1000;

/** ln(t / (1 − t)): what z₁ − z₀ has to be above. */
export function cutOf(threshold: number): number {
  return Math.log(threshold / (1 - threshold));
}

/** The threshold of a cut. */
export function thresholdOf(cut: number): number {
  return 1 / (1 + Math.exp(-cut));
}

/** The metric of logits [N, 2] when the second class is said above a cut. */
export function metricAt(measure: Measure, { logits, labels }: Labelled, cut: number): number {
  const shifted = cut === 0 ? logits : logits.map((z, i) => (i % 2 === 1 ? z - cut : z));
  const predicted = predict(measure, shifted, { labels });
  return primaryOf(measure, metricsOf(measure, predicted, { labels }, shifted));
}

/** Whether a threshold changes a metric: not one of the order of scores, and a loss is least where they are true. */
export function movesWithThreshold({ primary }: Measure): boolean {
  return !["roc_auc", "average_precision", "loss"].includes(primary);
}

/** The cut of the best metric. */
export function bestCut(measure: Measure, labelled: Labelled): number {
  const { logits, labels } = labelled;
  const sorted = [...new Set(Array.from(labels, (_, i) => differenceAt(logits, i)))].toSorted(
    (a, b) => a - b,
  );
  const between = sorted.slice(1).map((high, i) => ((sorted[i] ?? high) + high) / 2);
  const step = Math.max(1, between.length / CUTS);
  const tried = Array.from(
    { length: Math.floor(between.length / step) },
    (_, i) => between[Math.floor(i * step)] ?? 0,
  );
  let best = { cut: 0, value: metricAt(measure, labelled, 0) };
  for (const cut of tried.toSorted((a, b) => Math.abs(a) - Math.abs(b))) {
    const value = metricAt(measure, labelled, cut);
    if (value > best.value) best = { cut, value };
  }
  return best.cut;
}

function differenceAt(logits: Float32Array, i: number): number {
  return (logits[2 * i + 1] ?? Number.NaN) - (logits[2 * i] ?? Number.NaN);
}
