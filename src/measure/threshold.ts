/**
 * From which probability on a label is said: the second of two classes, or each of several labels of a text.
 *
 * p > t  ⇔  z > ln(t / (1 − t)), where z is z₁ − z₀ of two classes and the label's own logit of several: a threshold is a
 * number taken from a logit, so that 0.5 is the threshold again, in any program. `best` is the one of the best metric on the
 * judging examples, of several labels the one of each label's own best F1: half-way between two neighbours among the z, of
 * equal ones the nearest to 0.5. Of more than `CUTS` neighbours so many are tried, evenly by rank.
 */

import { requireItem } from "../base/present.ts";
import type { Measure } from "../data/dataset.ts";
import { metricsOf, predict } from "../data/judging/judge.ts";
import { f1, type Numbers, primaryOf } from "../data/judging/metrics.ts";
import type { Labelled } from "./calibration.ts";

/** Thresholds that are tried. */
const CUTS = 1000;

/** ln(t / (1 − t)): what z has to be above. */
export function cutOf(threshold: number): number {
  return Math.log(threshold / (1 - threshold));
}

/** The threshold of a cut. */
export function thresholdOf(cut: number): number {
  return 1 / (1 + Math.exp(-cut));
}

/** Whether a threshold changes a metric: not one of the order of scores, and a loss is least where they are true. */
export function movesWithThreshold({ primary }: Measure): boolean {
  return !["roc_auc", "average_precision", "loss"].includes(primary);
}

/** Cuts of the second of two classes, or of each label: those of a threshold that is given, or the best ones. */
export function cutsFor(measure: Measure, labelled: Labelled, threshold: number | "best"): number[] {
  const { logits, labels, width = 1 } = labelled;
  const isSeveral = measure.task === "multi-label";
  if (threshold !== "best") return new Array<number>(isSeveral ? width : 1).fill(cutOf(threshold));
  if (!isSeveral) {
    const apart = Array.from(labels, (_, i) => zAt(logits, 2 * i + 1) - zAt(logits, 2 * i));
    return [bestOf(apart, (cut) => metricAt(measure, labelled, [cut]))];
  }
  return Array.from({ length: width }, (_, c) => {
    const column = (values: Numbers): Float64Array =>
      Float64Array.from({ length: labels.length / width }, (_, i) =>
        requireItem(values, i * width + c, "labels"),
      );
    const [own, truth] = [column(logits), column(labels)];
    return bestOf(own, (cut) =>
      f1(
        own.map((z) => Number(z >= cut)),
        truth,
      ),
    );
  });
}

/** The cut of the largest value. */
function bestOf(scores: Numbers, valueAt: (cut: number) => number): number {
  const sorted = [...new Set(Array.from(scores))].toSorted((a, b) => a - b);
  const between = sorted.slice(1).map((high, i) => (requireItem(sorted, i, "scores") + high) / 2);
  const step = Math.max(1, between.length / CUTS);
  const count = Math.floor(between.length / step);
  const tried = Array.from({ length: count }, (_, i) => requireItem(between, Math.floor(i * step), "cuts"));
  let best = { cut: 0, value: valueAt(0) };
  for (const cut of tried.toSorted((a, b) => Math.abs(a) - Math.abs(b))) {
    const value = valueAt(cut);
    if (value > best.value) best = { cut, value };
  }
  return best.cut;
}

/** What cuts take from each logit: of two classes from the second. */
export function shiftOf({ task }: Measure, cuts: readonly number[]): number[] {
  const taken = cuts.map((cut) => -cut);
  return task === "multi-label" ? taken : [0, ...taken];
}

/** The metric of logits under cuts. */
export function metricAt(
  measure: Measure,
  { logits, labels, width }: Labelled,
  cuts: readonly number[],
): number {
  const moved = shiftedBy(logits, shiftOf(measure, cuts));
  const truth = { labels, ...(width === undefined ? {} : { width }) };
  return primaryOf(measure, metricsOf(measure, predict(measure, moved, truth), truth, moved));
}

/** Logits row by row, with a number added to each column. */
export function shiftedBy(logits: Float32Array, shift: readonly number[]): Float32Array {
  return logits.map((z, i) => z + requireItem(shift, i % shift.length, "shift"));
}

function zAt(logits: Float32Array, i: number): number {
  return requireItem(logits, i, "logits");
}
