/**
 * The metrics of GLUE and of plain classification, from logits and labels.
 *
 * Definitions follow scikit-learn and SciPy, which the tests compare with. Where those leave a value undefined or
 * warn (constant predictions, a class that never occurs), the value here is 0: such predictions tell nothing.
 */

import { RunError } from "../base/errors.ts";
import type { Measure, MetricName } from "./dataset.ts";

/** Any list of numbers. */
type Numbers = ArrayLike<number>;

/** The part of predictions that are right. */
export function accuracy(predicted: Numbers, truth: Numbers): number {
  let right = 0;
  for (let i = 0; i < truth.length; i++) if (predicted[i] === truth[i]) right++;
  return ratio(right, truth.length);
}

/** F1 of class 1; 0 when it is neither predicted nor true. */
export function f1(predicted: Numbers, truth: Numbers): number {
  return f1Of(predicted, truth, 1);
}

/** The mean F1 of the classes that are predicted or true. */
export function macroF1(predicted: Numbers, truth: Numbers): number {
  const classes = [...new Set([...Array.from(predicted), ...Array.from(truth)])];
  return mean(classes.map((c) => f1Of(predicted, truth, c)));
}

/** F1 = 2TP / (2TP + FP + FN). */
function f1Of(predicted: Numbers, truth: Numbers, positive: number): number {
  let both = 0;
  let either = 0;
  for (let i = 0; i < truth.length; i++) {
    const isPredicted = predicted[i] === positive;
    const isTrue = truth[i] === positive;
    if (isPredicted && isTrue) both++;
    either += Number(isPredicted) + Number(isTrue);
  }
  return ratio(2 * both, either);
}

/**
 * Matthews' correlation for any number of classes (Gorodkin, "Comparing two K-category assignments by a K-category
 * correlation coefficient", 2004, Eq. 8), which is the usual one for two. 0 when predictions or truth are constant.
 */
export function matthews(predicted: Numbers, truth: Numbers): number {
  const n = truth.length;
  const predictions = counts(predicted);
  const truths = counts(truth);
  const right = accuracy(predicted, truth) * n;
  const dot = [...truths].reduce((sum, [c, count]) => sum + count * (predictions.get(c) ?? 0), 0);
  const squares = (of: ReadonlyMap<number, number>) => [...of.values()].reduce((sum, x) => sum + x * x, 0);
  const scale = Math.sqrt((n * n - squares(predictions)) * (n * n - squares(truths)));
  return ratio(right * n - dot, scale);
}

function counts(values: Numbers): Map<number, number> {
  const found = new Map<number, number>();
  for (const value of Array.from(values)) found.set(value, (found.get(value) ?? 0) + 1);
  return found;
}

/** Pearson's correlation; 0 when either side is constant. */
export function pearson(predicted: Numbers, truth: Numbers): number {
  // Asked of the values themselves: 0.1 - mean(0.1, 0.1, 0.1) is not exactly 0.
  if (isConstant(predicted) || isConstant(truth)) return 0;
  const x = centred(predicted);
  const y = centred(truth);
  const found = ratio(dot(x, y), Math.sqrt(dot(x, x)) * Math.sqrt(dot(y, y)));
  return Math.max(-1, Math.min(1, found));
}

function isConstant(values: Numbers): boolean {
  return Array.from(values).every((value) => value === values[0]);
}

/** Spearman's rank correlation: Pearson's of the ranks, tied values sharing the mean of theirs. */
export function spearman(predicted: Numbers, truth: Numbers): number {
  return pearson(ranks(predicted), ranks(truth));
}

function centred(values: Numbers): Float64Array {
  const middle = mean(Array.from(values));
  return Float64Array.from(Array.from(values), (value) => value - middle);
}

function dot(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
}

function ranks(values: Numbers): Float64Array {
  const order = Array.from(values, (value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const out = new Float64Array(order.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    for (const { index } of order.slice(start, end)) out[index] = (start + end + 1) / 2;
    start = end;
  }
  return out;
}

function mean(values: readonly number[]): number {
  return ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
}

/** a / b, and 0 where that is not defined. */
function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** Every metric by name; all take predictions and truth of equal length and grow with quality. */
export const METRICS: Readonly<Record<MetricName, (predicted: Numbers, truth: Numbers) => number>> = {
  accuracy,
  f1,
  macro_f1: macroF1,
  matthews,
  pearson,
  spearman,
};

/** The class with the largest logit of each row of [N, C]; the first of equal ones. */
export function argmaxRows(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if ((logits[row * classes + c] ?? 0) > (logits[row * classes + best] ?? 0)) best = c;
    }
    return best;
  });
}

/**
 * All metrics of a measure, and `mean` where that is the primary one.
 * @param logits [N, C] for classes, [N] or [N, 1] for a regression.
 * @param labels [N].
 * @throws {RunError} `metrics/finite` when a logit is not finite, `metrics/count` when they do not fit the labels.
 */
export function taskMetrics(measure: Measure, logits: Float32Array, labels: Numbers): Record<string, number> {
  const width = logits.length / labels.length;
  const isRegression = measure.task === "regression";
  if (labels.length === 0 || (isRegression ? width !== 1 : !Number.isInteger(width) || width < 2)) {
    const expected = isRegression ? "one value" : "two logits or more";
    const message = `metrics: expected ${expected} for each of ${labels.length} labels, got ${logits.length} in all`;
    throw new RunError("metrics/count", message);
  }
  const bad = logits.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const where = `example ${Math.floor(bad / width)}`;
    throw new RunError("metrics/finite", `metrics: expected finite logits, got ${logits[bad]} (${where})`);
  }
  const predicted = isRegression ? logits : argmaxRows(logits, width);
  const found = measure.metrics.map((name): [string, number] => [name, METRICS[name](predicted, labels)]);
  if (measure.primary === "mean") found.push(["mean", mean(found.map(([, value]) => value))]);
  return Object.fromEntries(found);
}

/** The one number that decides between models. */
export function primaryOf(measure: Measure, metrics: Readonly<Record<string, number>>): number {
  const value = metrics[measure.primary];
  if (value !== undefined) return value;
  const got = Object.keys(metrics).join(", ");
  throw new RunError("metrics/primary", `metrics: expected ${measure.primary} among the metrics, got ${got}`);
}
