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
import { softmax } from "../base/statistics.ts";
import { argmaxRows, meanLoss, type Numbers } from "../data/judging/metrics.ts";
import { DEVIATE } from "./paired.ts";

/** As in the paper's experiments. */
export const BINS = 15;

/** Logits [N, C] of what has a class each: examples, or words. */
export interface Labelled {
  readonly logits: Float32Array;
  readonly labels: Numbers;
  /** Labels of one example; default 1. */
  readonly width?: number;
  /** Of words: where each example's begin among them, and the end. */
  readonly starts?: ArrayLike<number>;
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
  const sure = Float64Array.from(
    predicted,
    (said, i) => softmax(logits.subarray(i * classes, (i + 1) * classes))[said] ?? Number.NaN,
  );
  return reliabilityOf(sure, (i) => predicted[i] === labels[i]).error;
}

/** Predictions of like confidence. */
export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly examples: number;
  /** Mean probability of the predicted class, and share of right ones; null in an empty bin. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** Accuracy beside confidence, bin by bin. */
export interface Reliability {
  readonly bins: readonly Bin[];
  /** Expected calibration error, Eq. 3. */
  readonly error: number;
  /** Mean probability of the predicted class, of all. */
  readonly confidence: number;
  readonly accuracy: number;
  readonly examples: number;
  /** What remains of so many examples where every probability holds. */
  readonly chance: {
    /** Standard error of confidence minus accuracy: √(Σ p(1 − p)) / n. */
    readonly gap: number;
    /** The calibration error that 97.5 % of such samples stay below, by normal distances in each bin. */
    readonly error: number;
  };
}

/** Puts predictions into bins. @param sure  the probability of each one's class */
export function reliabilityOf(sure: Numbers, isRight: (i: number) => boolean): Reliability {
  const n = Math.max(1, sure.length);
  const sums = Array.from({ length: BINS }, () => ({ examples: 0, confidence: 0, right: 0, variance: 0 }));
  for (let i = 0; i < sure.length; i++) {
    const p = requireItem(sure, i, "probabilities");
    const bin = requireItem(sums, Math.min(BINS, Math.max(1, Math.ceil(p * BINS))) - 1, "bins");
    bin.examples++;
    bin.confidence += p;
    bin.right += Number(isRight(i));
    bin.variance += p * (1 - p);
  }
  const total = (of: (bin: (typeof sums)[number]) => number): number =>
    sums.reduce((sum, b) => sum + of(b), 0);
  const bins = sums.map(({ examples, confidence, right }, i): Bin => {
    const mean = (sum: number): number | null => (examples === 0 ? null : sum / examples);
    const [low, high] = [i / BINS, (i + 1) / BINS];
    return { low, high, examples, confidence: mean(confidence), accuracy: mean(right) };
  });
  const variance = total((bin) => bin.variance);
  // Of a normal distance with variance v: |x| has the mean √(2v/π) and the variance v(1 − 2/π).
  const expected = total((bin) => Math.sqrt((2 * bin.variance) / Math.PI));
  const spread = Math.sqrt(variance * (1 - 2 / Math.PI));
  return {
    bins,
    error: total(({ confidence, right }) => Math.abs(right - confidence)) / n,
    confidence: total(({ confidence }) => confidence) / n,
    accuracy: total(({ right }) => right) / n,
    examples: sure.length,
    chance: { gap: Math.sqrt(variance) / n, error: (expected + DEVIATE * spread) / n },
  };
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

/** How many examples there are: of words the texts that they stand in. */
export function countLabelled({ labels, width = 1, starts }: Labelled): number {
  return starts === undefined ? labels.length / width : starts.length - 1;
}

/**
 * Logits of each half, changed by what is fitted on the other. The halves are drawn by the key, example by example: the words
 * of a text stay together.
 */
export function acrossHalves(
  labelled: Labelled,
  key: Key,
  change: (fitted: Labelled, logits: Float32Array) => Float32Array,
): Labelled {
  const { logits, labels, width = 1, starts } = labelled;
  const numbers = (logits.length / labels.length) * width;
  const order = permutation(key, countLabelled(labelled));
  const middle = order.length >> 1;
  // Rows of words: as many as an example has.
  const rowsOf = (example: number): number[] => {
    const from = starts === undefined ? example : (starts[example] ?? 0);
    const to = starts === undefined ? example + 1 : (starts[example + 1] ?? 0);
    return Array.from({ length: to - from }, (_, i) => from + i);
  };
  const parts = [order.slice(0, middle), order.slice(middle)].map((part) =>
    Int32Array.from(Array.from(part, rowsOf).flat()),
  );
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
  if (first === undefined || second === undefined) return labelled;
  for (const [part, own, other] of [
    [parts[0], first, second],
    [parts[1], second, first],
  ] as const) {
    const rows = change(other, own.logits);
    part?.forEach((row, i) => {
      changed.set(rows.subarray(i * numbers, (i + 1) * numbers), row * numbers);
    });
  }
  return { ...labelled, logits: changed };
}
