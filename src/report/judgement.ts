/**
 * What follows from the answers of two models: who is right about what, how sure they are, and where they differ.
 *
 *   Confusion    counts [true class, predicted class]
 *   Per class    precision, recall and F1; null where a class is never predicted, or never there
 */

import { requireItem } from "../base/present.ts";
import { softmax } from "../base/statistics.ts";
import { argmaxRows } from "../data/judging/metrics.ts";
import { type Reliability, reliabilityOf } from "../measure/calibration.ts";
import type { Answers, Said } from "../runs/answers.ts";

/** What one model said of every example. */
export interface Sayings {
  /** Class of each example. */
  readonly predicted: Int32Array;
  /** [N, C]. */
  readonly probabilities: Float64Array;
}

/** Classes and probabilities of a model's logits. @param classes  at least 2 */
export function sayingsOf({ logits }: Said, classes: number): Sayings {
  const probabilities = new Float64Array(logits.length);
  for (let at = 0; at < logits.length; at += classes) {
    probabilities.set(softmax(logits.subarray(at, at + classes)), at);
  }
  return { predicted: argmaxRows(logits, classes), probabilities };
}

/** Answers with what follows from them once. */
export interface Judged {
  readonly answers: Answers;
  readonly truth: readonly number[];
  readonly after: Sayings;
  readonly before?: Sayings;
}

/** Of classes; a regression has no classes to count. */
export function judgedOf(answers: Answers | undefined): Judged | undefined {
  if (answers === undefined || answers.task === "regression" || answers.labels.length < 2) return undefined;
  const classes = answers.labels.length;
  const truth = answers.examples.map(({ label }) => label);
  const before = answers.before && sayingsOf(answers.before, classes);
  return { answers, truth, after: sayingsOf(answers.after, classes), ...(before ? { before } : {}) };
}

/** Counts [true class][predicted class]. */
export function confusionOf(
  truth: readonly number[],
  predicted: ArrayLike<number>,
  classes: number,
): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  truth.forEach((label, i) => {
    const row = requireItem(counts, label, "classes");
    const said = requireItem(predicted, i, "predictions");
    row[said] = (row[said] ?? 0) + 1;
  });
  return counts;
}

/** How one class fares. */
export interface ClassFigures {
  /** Examples of it. */
  readonly examples: number;
  /** Of those called so, the share that is. */
  readonly precision: number | null;
  /** Of those that are, the share called so. */
  readonly recall: number | null;
  readonly f1: number | null;
}

/** Figures of every class of a confusion matrix. */
export function classFigures(confusion: readonly (readonly number[])[]): ClassFigures[] {
  return confusion.map((row, c) => {
    const right = requireItem(row, c, "confusion");
    const examples = sum(row);
    const called = sum(confusion.map((each) => requireItem(each, c, "confusion")));
    const share = (of: number): number | null => (of === 0 ? null : right / of);
    const f1 = examples + called === 0 ? null : (2 * right) / (examples + called);
    return { examples, precision: share(called), recall: share(examples), f1 };
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

/** How far a model's probabilities can be taken at their word, as the verdict counts it (measure/calibration.ts). */
export function calibrationOf(truth: readonly number[], said: Sayings): Reliability {
  const { predicted, probabilities } = said;
  const classes = probabilities.length / Math.max(1, truth.length);
  const sure = Float64Array.from(predicted, (label, i) =>
    requireItem(probabilities, i * classes + label, "probabilities"),
  );
  return reliabilityOf(sure, (i) => predicted[i] === truth[i]);
}

/** What became of an example. */
export type Fate = "became wrong" | "became right" | "wrong otherwise";

/** An example that two models answer differently. */
export interface Changed {
  readonly example: number;
  readonly fate: Fate;
  readonly before: Opinion;
  readonly after: Opinion;
}

/** A class, and how probable it is said to be. */
export interface Opinion {
  readonly label: number;
  readonly probability: number;
}

const ORDER: readonly Fate[] = ["became wrong", "became right", "wrong otherwise"];

/** Examples whose class changed: first what was lost, of each kind the surest first. */
export function changedExamples(truth: readonly number[], before: Sayings, after: Sayings): Changed[] {
  const found = truth.flatMap((label, i): Changed[] => {
    const [was, is] = [opinionOf(before, i), opinionOf(after, i)];
    if (was.label === is.label) return [];
    const fate =
      was.label === label ? "became wrong" : is.label === label ? "became right" : "wrong otherwise";
    return [{ example: i, fate, before: was, after: is }];
  });
  return found.sort(
    (a, b) => ORDER.indexOf(a.fate) - ORDER.indexOf(b.fate) || b.after.probability - a.after.probability,
  );
}

function opinionOf({ predicted, probabilities }: Sayings, i: number): Opinion {
  const label = requireItem(predicted, i, "predictions");
  const classes = probabilities.length / predicted.length;
  return { label, probability: requireItem(probabilities, i * classes + label, "probabilities") };
}

/** Values of a regression before and after, those that moved furthest first. */
export function movedExamples({
  before,
  after,
}: Answers): { example: number; before: number; after: number }[] {
  if (before === undefined) return [];
  const moved = Array.from(after.logits, (value, i) => {
    return { example: i, before: requireItem(before.logits, i, "values"), after: value };
  });
  return moved.sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before));
}
