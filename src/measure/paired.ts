/**
 * Whether two models differ, from their answers to the same examples.
 *
 * Most examples are answered alike, so what tells the two apart is the few that are not. A test for independent samples
 * adds the noise of all of them: on SST-2's 872 it calls 2.5 points nothing.
 *
 *   accuracy     p of McNemar's exact test: among the examples that one model alone has right, each side is as likely
 *                (McNemar 1947, in its binomial form); the interval is Tango's score interval (Tango, "Equivalence
 *                test and confidence interval for the difference in proportions for the paired-sample design",
 *                Statistics in Medicine 17, 1998, 891-908, §4), which keeps its level when few examples differ
 *   all others   paired bootstrap (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, §13.3): examples are
 *                drawn with replacement, both models keep their answers to them, percentiles of the difference; where
 *                every draw has the same, what so many examples leave open
 *
 * The interval speaks of other examples of the same kind, not of other seeds: a method is judged by several runs
 * (reproduce/). Not here: what is said of it (verdict.ts).
 */

import { requireCount } from "../base/present.ts";
import { type Key, sequence } from "../base/random.ts";
import { deviation, quantile } from "../base/statistics.ts";
import type { Measure } from "../data/dataset.ts";
import { drawExamples, vectorLosses } from "../data/judging/draw.ts";
import { countExamples, metricsOf, predict, type Truth } from "../data/judging/judge.ts";
import { meanOf, type Numbers, primaryOf } from "../data/judging/metrics.ts";
import type { PairedComparison } from "./result.ts";

type Interval = PairedComparison["interval"];

/** Level of every interval. */
export const LEVEL = 0.95;
/** The normal deviate that leaves (1 - LEVEL) / 2 above it. */
export const DEVIATE = 1.959963984540054;
/** Draws of a bootstrap: from key to key the ends of an interval deviate by some 2 % of its width. */
export const RESAMPLES = 2000;
/**
 * Models whose whole interval is nearer than this are called the same: one point, or 0.01 of a correlation. Published
 * comparisons give one decimal of a point and differ by about this much from seed to seed, so less has no consequence.
 */
export const MARGIN = 0.01;

/** The margin of a metric: an error of values has their unit, so the margin is that share of their deviation. A loss has none. */
function marginOf({ primary }: Pick<Measure, "primary">, { labels }: Truth): number {
  if (primary === "loss") return 0;
  return primary === "mae" || primary === "rmse" ? MARGIN * (deviation(Array.from(labels)) ?? 0) : MARGIN;
}

/** What two models said of the same examples. */
export interface PairedAnswers {
  readonly truth: Truth;
  /** As `predict` gives it (data/judging/judge.ts). */
  readonly before: Numbers;
  readonly after: Numbers;
  /** The answers themselves, which some metrics are made of; absent: those need them not. */
  readonly logits?: { readonly before: Float32Array; readonly after: Float32Array };
}

/** Compares two models by a measure's primary metric. @param key  of the bootstrap's draws */
export function comparePaired(measure: Measure, answers: PairedAnswers, key: Key): PairedComparison {
  const { truth, before, after } = answers;
  const { task, primary } = measure;
  const examples = countExamples(truth);
  const shared = { margin: marginOf(measure, truth), examples };
  const hasClasses = task === "classification";
  const expected = task === "embedding" ? examples : truth.labels.length;
  for (const each of [before, after]) requireCount(each, expected, "answers");
  const { lost, gained } = countChanges(truth.labels, before, after);
  if (hasClasses && primary === "accuracy") {
    const difference = (gained - lost) / examples;
    const interval = tangoInterval(gained, lost, examples);
    return { difference, interval, ...shared, lost, gained, p: mcnemarExact(gained, lost), resamples: null };
  }
  const { value, of, over = truth } = comparison(measure, answers);
  const difference = value(of.after, over) - value(of.before, over);
  const drawn = bootstrapInterval(measure, value, { truth: over, ...of }, key);
  const interval = drawn.low === drawn.high ? leftOpen(difference, examples, shared.margin) : drawn;
  const counts = hasClasses ? { lost, gained } : { lost: null, gained: null };
  return { difference, interval, ...shared, ...counts, p: null, resamples: RESAMPLES };
}

/** What is drawn, and the metric of it. */
interface Compared {
  readonly value: (said: Numbers, truth: Truth) => number;
  readonly of: { readonly before: Numbers; readonly after: Numbers };
  /** Default: what all answers are held to. */
  readonly over?: Truth;
}

/**
 * What the primary metric is made of: predictions where they are enough, else the answers themselves. The loss of vectors is
 * the mean of each text's, so these are drawn, with no vectors to be moved.
 */
function comparison(measure: Measure, { truth, before, after, logits }: PairedAnswers): Compared {
  const isEnough = measure.primary === "mean" || measure.primary in metricsOf(measure, before, truth);
  if (isEnough || logits === undefined)
    return { value: (said, of) => primaryOf(measure, metricsOf(measure, said, of)), of: { before, after } };
  if (measure.task === "embedding" && measure.primary === "loss") {
    const of = { before: vectorLosses(logits.before, truth), after: vectorLosses(logits.after, truth) };
    return { value: meanOf, of, over: { labels: of.before } };
  }
  const value = (said: Numbers, of: Truth): number => {
    const rows = Float32Array.from(said);
    return primaryOf(measure, metricsOf(measure, predict(measure, rows, of), of, rows));
  };
  return { value, of: logits };
}

function countChanges(truth: Numbers, before: Numbers, after: Numbers): { lost: number; gained: number } {
  let [lost, gained] = [0, 0];
  for (let i = 0; i < truth.length; i++) {
    const [was, is] = [before[i] === truth[i], after[i] === truth[i]];
    if (was && !is) lost++;
    if (!was && is) gained++;
  }
  return { lost, gained };
}

/** Two-sided p of McNemar's exact test: 2·P(X ≤ min(b, c)) for X ~ Binomial(b + c, 1/2), at most 1. */
export function mcnemarExact(b: number, c: number): number {
  const n = b + c;
  const least = Math.min(b, c);
  let logTerm = -n * Math.LN2; // log P(X = 0)
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= least; k++) {
    logTerm += Math.log((n - k + 1) / k);
    sum += Math.exp(logTerm);
  }
  return Math.min(1, 2 * sum);
}

/**
 * Tango's score interval of (b - c) / n: the differences whose score statistic lies within the normal deviate.
 *
 * @param b  examples that the second alone has right
 * @param c  examples that the first alone has right
 * @example tangoInterval(30, 52, 872); // { low: -0.046, high: -0.005 }
 */
export function tangoInterval(b: number, c: number, n: number): Interval {
  const centre = (b - c) / n;
  const within = (delta: number): boolean => Math.abs(scoreStatistic(b, c, n, delta)) <= DEVIATE;
  return { low: borderBetween(centre, -1, within), high: borderBetween(centre, 1, within) };
}

/** T(Δ) = (b - c - nΔ) / √(n·(2q + Δ(1 - Δ))), q the likeliest share of c under Δ (Tango 1998, §2). */
function scoreStatistic(b: number, c: number, n: number, delta: number): number {
  const distance = b - c - n * delta;
  if (distance === 0) return 0;
  const linear = (2 * n - b + c) * delta - b - c;
  const constant = -c * delta * (1 - delta);
  const q = (Math.sqrt(Math.max(0, linear ** 2 - 8 * n * constant)) - linear) / (4 * n);
  return distance / Math.sqrt(n * Math.max(0, 2 * q + delta * (1 - delta)));
}

/** The last place from `inside` towards `end` where a claim holds that holds up to somewhere. */
function borderBetween(inside: number, end: number, holds: (at: number) => boolean): number {
  if (holds(end)) return end;
  let [near, far] = [inside, end];
  for (let i = 0; i < 60; i++) {
    const middle = (near + far) / 2;
    if (holds(middle)) near = middle;
    else far = middle;
  }
  return near;
}

/** Percentiles of the difference of a metric over examples drawn with replacement. */
function bootstrapInterval(
  measure: Measure,
  value: (predicted: Numbers, truth: Truth) => number,
  { truth, before, after }: PairedAnswers,
  key: Key,
): Interval {
  const n = countExamples(truth);
  const differences = new Float64Array(RESAMPLES);
  const places = new Int32Array(n);
  const next = sequence(key);
  for (let draw = 0; draw < RESAMPLES; draw++) {
    for (let i = 0; i < n; i++) places[i] = Math.floor((next() / 2 ** 32) * n);
    const drawn = drawExamples(measure, truth, [before, after], places);
    const [old, now] = drawn.predicted.map((predicted) => value(predicted, drawn.truth));
    differences[draw] = (now ?? Number.NaN) - (old ?? Number.NaN);
  }
  differences.sort();
  return { low: quantile(differences, (1 - LEVEL) / 2), high: quantile(differences, (1 + LEVEL) / 2) };
}

/**
 * Draws that all differ by the same say nothing of other examples: what `n` examples leave open where no answer changed, as
 * Tango's interval has it at no difference; of an error of values in their unit.
 */
function leftOpen(difference: number, n: number, margin: number): Interval {
  const unit = margin === 0 ? 1 : margin / MARGIN;
  const half = (unit * DEVIATE ** 2) / (n + DEVIATE ** 2);
  return { low: difference - half, high: difference + half };
}
