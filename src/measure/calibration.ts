/**
 * How far probabilities can be taken at their word, and the temperature that mends them.
 *
 *   Paper   Guo, Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks, ICML 2017
 *           https://arxiv.org/abs/1706.04599
 *   Error   Eq. 3: predictions in 15 bins (low, high] of equal width by the probability of the predicted class; the mean
 *           distance of accuracy and confidence, weighed by the bins' sizes
 *   T       §4.2: softmax(z / T), where T minimises the mean cross-entropy. No answer changes, since T is one for all
 *
 * The loss is convex in 1 / T, so where its slope is 0 is found by bisection. It has no minimum when every answer is right,
 * for then 1 / T grows for ever, nor when the labels are no likelier by the logits than by chance. The examples that T is
 * fitted on flatter it: `halves` judges each half of them by the temperature of the other.
 */

import { requireItem } from "../base/present.ts";
import { type Key, permutation } from "../base/random.ts";
import { argmaxRows, meanLoss, type Numbers } from "../data/judging/metrics.ts";
import { softmax } from "../network/predictions.ts";

/** As in the paper's experiments. */
export const BINS = 15;

/** Logits [N, C] of what has a class each: examples, or words. */
export interface Labelled {
  readonly logits: Float32Array;
  readonly labels: Numbers;
  /** Labels of one example; default 1. */
  readonly width?: number;
}

/** Logits z of labels that hold or do not, as classes: [0, z]. */
export function asClasses({ logits, ...rest }: Labelled): Labelled {
  const pairs = new Float32Array(2 * logits.length);
  logits.forEach((z, i) => {
    pairs[2 * i + 1] = z;
  });
  return { ...rest, logits: pairs };
}

/** What is said of a model's probabilities. */
export interface Trust {
  /** Expected calibration error. */
  readonly error: number;
  /** Mean cross-entropy. */
  readonly loss: number;
}

/** Measures both. */
export function trustOf({ logits, labels }: Labelled): Trust {
  return {
    error: calibrationError({ logits, labels }),
    loss: meanLoss({ task: "classification" }, logits, labels),
  };
}

/** Eq. 3. */
export function calibrationError({ logits, labels }: Labelled): number {
  const classes = logits.length / labels.length;
  const predicted = argmaxRows(logits, classes);
  const gaps = new Array<number>(BINS).fill(0);
  predicted.forEach((said, i) => {
    const sure = softmax(logits.subarray(i * classes, (i + 1) * classes))[said] ?? Number.NaN;
    const bin = Math.min(BINS, Math.max(1, Math.ceil(sure * BINS))) - 1;
    gaps[bin] = (gaps[bin] ?? 0) + Number(said === labels[i]) - sure;
  });
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / labels.length;
}

/** Where 1 / T is looked for: beyond, probabilities are 0 and 1, or all alike. */
const INVERSES = [1e-3, 1e3] as const;

/** T of the least loss; undefined where there is none. */
export function fitTemperature(labelled: Labelled): number | undefined {
  let [low, high] = [Math.log(INVERSES[0]), Math.log(INVERSES[1])];
  const slope = (place: number): number => slopeAt(labelled, Math.exp(place));
  if (!(slope(low) < 0 && slope(high) > 0)) return undefined;
  for (let i = 0; i < STEPS; i++) {
    const middle = (low + high) / 2;
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  return Math.exp(-(low + high) / 2);
}

/** d loss / d(1/T), times N: the sum of Σ p_c·z_c − z_label, which grows with 1/T. No array is made for 40,000 rows. */
function slopeAt({ logits, labels }: Labelled, inverse: number): number {
  const classes = logits.length / labels.length;
  let slope = 0;
  for (let i = 0; i < labels.length; i++) {
    const start = i * classes;
    let top = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) top = Math.max(top, logits[start + c] ?? 0);
    let [powers, weighted] = [0, 0];
    for (let c = 0; c < classes; c++) {
      const z = logits[start + c] ?? 0;
      const power = Math.exp((z - top) * inverse);
      powers += power;
      weighted += power * z;
    }
    slope += weighted / powers - (logits[start + (labels[i] ?? 0)] ?? 0);
  }
  return slope;
}

/** Halvings of ln 1000² = 13.8: to 1e-12. */
const STEPS = 44;

/** Logits that are each half's, divided by the temperature of the other half; by 1 where that has none. */
export function halves(labelled: Labelled, key: Key): Labelled {
  return acrossHalves(labelled, key, (fitted, judged) => {
    const temperature = fitTemperature(fitted) ?? 1;
    return judged.map((z) => z / temperature);
  });
}

/** Logits of each half, changed by what is fitted on the other. The halves are drawn by the key. */
export function acrossHalves(
  { logits, labels, width = 1 }: Labelled,
  key: Key,
  change: (fitted: Labelled, logits: Float32Array) => Float32Array,
): Labelled {
  const examples = labels.length / width;
  const numbers = logits.length / examples;
  const order = permutation(key, examples);
  const middle = examples >> 1;
  const parts = [order.slice(0, middle), order.slice(middle)];
  const changed = new Float32Array(logits.length);
  const taken = (part: Int32Array): Labelled => {
    const rows = new Float32Array(part.length * numbers);
    const own = Array.from(part, (row, i) => {
      rows.set(logits.subarray(row * numbers, (row + 1) * numbers), i * numbers);
      return Array.from({ length: width }, (_, c) => requireItem(labels, row * width + c, "labels"));
    });
    return { logits: rows, labels: own.flat(), width };
  };
  const [first, second] = parts.map(taken);
  if (first === undefined || second === undefined) return { logits, labels, width };
  for (const [part, own, other] of [
    [parts[0], first, second],
    [parts[1], second, first],
  ] as const) {
    const rows = change(other, own.logits);
    part?.forEach((row, i) => {
      changed.set(rows.subarray(i * numbers, (i + 1) * numbers), row * numbers);
    });
  }
  return { logits: changed, labels, width };
}
