/**
 * The metrics of GLUE and of plain classification, from predictions and labels.
 *
 * Definitions follow scikit-learn and SciPy, which the tests compare with. Where those leave a value undefined or
 * warn (constant predictions, a class that never occurs), the value here is 0: such predictions tell nothing.
 */

import { RunError } from "../../base/errors.ts";
import { dot } from "../../base/linear-algebra.ts";
import type { Measure } from "../dataset.ts";

/** Any list of numbers. */
export type Numbers = ArrayLike<number>;

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

/** Of those called class 1, the share that is. */
export function precision(predicted: Numbers, truth: Numbers): number {
  return ratio(countBoth(predicted, truth, 1), countOf(predicted, 1));
}

/** Of those that are class 1, the share called so. */
export function recall(predicted: Numbers, truth: Numbers): number {
  return ratio(countBoth(predicted, truth, 1), countOf(truth, 1));
}

/** The mean recall of the classes that occur. */
export function balancedAccuracy(predicted: Numbers, truth: Numbers): number {
  const classes = [...new Set(Array.from(truth))];
  return meanOf(classes.map((c) => ratio(countBoth(predicted, truth, c), countOf(truth, c))));
}

function countBoth(predicted: Numbers, truth: Numbers, c: number): number {
  let n = 0;
  for (let i = 0; i < truth.length; i++) if (predicted[i] === c && truth[i] === c) n++;
  return n;
}

/** How many are of a class. */
export function countOf(classes: Numbers, c: number): number {
  let n = 0;
  for (let i = 0; i < classes.length; i++) if (classes[i] === c) n++;
  return n;
}

/** The mean F1 of the classes that are predicted or true. */
export function macroF1(predicted: Numbers, truth: Numbers): number {
  const [predictions, truths] = [counts(predicted), counts(truth)];
  const classes = Array.from({ length: Math.max(predictions.length, truths.length) }, (_, c) => c);
  const present = classes.filter((c) => predictions[c] || truths[c]);
  return meanOf(present.map((c) => f1Of(predicted, truth, c)));
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
  const common = truths.reduce((sum, count, c) => sum + count * (predictions[c] ?? 0), 0);
  const squares = (of: readonly number[]) => of.reduce((sum, x) => sum + x * x, 0);
  const scale = Math.sqrt((n * n - squares(predictions)) * (n * n - squares(truths)));
  return ratio(right * n - common, scale);
}

/** How often each class occurs, by its number. */
function counts(classes: Numbers): number[] {
  const found: number[] = [];
  for (let i = 0; i < classes.length; i++) {
    const c = classes[i] ?? 0;
    while (found.length <= c) found.push(0);
    found[c] = (found[c] ?? 0) + 1;
  }
  return found;
}

/** Pearson's correlation; 0 when either side is constant. */
export function pearson(predicted: Numbers, truth: Numbers): number {
  // Asked of the values themselves: 0.1 - mean(0.1, 0.1, 0.1) is not exactly 0.
  if (isConstant(predicted) || isConstant(truth)) return 0;
  const x = centre(predicted);
  const y = centre(truth);
  const found = ratio(dot(x, y), Math.sqrt(dot(x, x)) * Math.sqrt(dot(y, y)));
  return Math.max(-1, Math.min(1, found));
}

function isConstant(values: Numbers): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** Spearman's rank correlation: Pearson's of the ranks, tied values sharing the mean of theirs. */
export function spearman(predicted: Numbers, truth: Numbers): number {
  return pearson(ranks(predicted), ranks(truth));
}

/** Mean absolute error, in the unit of the values. */
export function meanAbsoluteError(predicted: Numbers, truth: Numbers): number {
  return meanOf(Float64Array.from(truth, (value, i) => Math.abs((predicted[i] ?? Number.NaN) - value)));
}

/** Root of the mean squared error, in the unit of the values. */
export function rootMeanSquaredError(predicted: Numbers, truth: Numbers): number {
  return Math.sqrt(
    meanOf(Float64Array.from(truth, (value, i) => ((predicted[i] ?? Number.NaN) - value) ** 2)),
  );
}

function centre(values: Numbers): Float64Array {
  const copy = new Float64Array(values.length);
  copy.set(values);
  const middle = meanOf(copy);
  return copy.map((value) => value - middle);
}

/** Ranks from 1, tied values sharing the mean of theirs. */
export function ranks(values: Numbers): Float64Array {
  const own = new Float64Array(values.length);
  own.set(values);
  const sorted = own.toSorted();
  return own.map((value) => (countBelow(sorted, value, false) + countBelow(sorted, value, true) + 1) / 2);
}

/** How many of sorted values are below `value`, or as large with `orEqual`. */
function countBelow(sorted: Float64Array, value: number, orEqual: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const found = sorted[middle] ?? 0;
    if (found < value || (orEqual && found === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Column `c` of rows of `width` numbers. */
export function columnOf(values: Numbers, c: number, width: number): Float64Array {
  return Float64Array.from({ length: values.length / width }, (_, i) => values[i * width + c] ?? Number.NaN);
}

/** The mean; 0 of nothing. */
export function meanOf(values: Numbers): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return ratio(sum, values.length);
}

/** a / b, and 0 where that is not defined. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** Why a logit is not finite: weights are, or they would not have been read. */
export const NOT_FINITE = "a sum on the way to it is larger than float32 holds: are the weights damaged?";

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
 * Mean cross-entropy of logits [N, C], or mean squared error of a regression's values [N], in double precision.
 */
export function meanLoss({ task }: Pick<Measure, "task">, logits: Float32Array, labels: Numbers): number {
  const width = logits.length / labels.length;
  const each = Array.from(labels, (label, i) => {
    const row = logits.subarray(i * width, (i + 1) * width);
    const own = row[task === "regression" ? 0 : label] ?? Number.NaN;
    return task === "regression" ? (own - label) ** 2 : logSumExp(row) - own;
  });
  return meanOf(each);
}

/** log Σ eˣ, without overflow. */
export function logSumExp(row: Float32Array): number {
  const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

/** Of which less is better. */
const ERRORS: readonly string[] = ["mae", "rmse", "loss"];

/** Whether more of a metric is better. */
export function growsWithQuality(name: string): boolean {
  return !ERRORS.includes(name);
}

/** The one number that decides between models. */
export function primaryOf(measure: Measure, metrics: Readonly<Record<string, number>>): number {
  const value = metrics[measure.primary];
  if (value !== undefined) return value;
  const got = Object.keys(metrics).join(", ");
  throw new RunError("metrics/primary", `metrics: expected ${measure.primary} among the metrics, got ${got}`);
}
