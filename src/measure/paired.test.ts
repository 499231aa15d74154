import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { deviation, mean } from "../base/statistics.ts";
import type { Measure } from "../data/dataset.ts";
import { vectorLosses } from "../data/judging/draw.ts";
import { judgeLogits } from "./logits.ts";
import { comparePaired, MARGIN, mcnemarExact, RESAMPLES, tangoInterval } from "./paired.ts";

interface Interval {
  readonly low: number;
  readonly high: number;
}
interface Golden {
  readonly counts: readonly (Interval & { gained: number; lost: number; examples: number; p: number })[];
  readonly answers: readonly (Interval & {
    name: string;
    measure: Measure;
    truth: number[];
    before: number[];
    after: number[];
    difference: number;
  })[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/paired.json", import.meta.url), "utf8"),
);

test.each(golden.counts)(
  "$gained and $lost of $examples: p within 1e-9 of statsmodels', Tango's ends within 1e-6",
  (set) => {
    expect(Math.abs(mcnemarExact(set.gained, set.lost) - set.p)).toBeLessThan(1e-9);
    const { low, high } = tangoInterval(set.gained, set.lost, set.examples);
    expect(Math.abs(low - set.low)).toBeLessThan(1e-6);
    expect(Math.abs(high - set.high)).toBeLessThan(1e-6);
  },
);

test.each(golden.answers)(
  "$name: the bootstrap's ends are SciPy's within a twentieth of its width",
  (set) => {
    const found = comparePaired(set.measure, { ...set, truth: { labels: set.truth } }, keyOf(1));
    expect(Math.abs(found.difference - set.difference)).toBeLessThan(1e-12);
    const slack = (set.high - set.low) / 20;
    expect(Math.abs(found.interval.low - set.low)).toBeLessThan(slack);
    expect(Math.abs(found.interval.high - set.high)).toBeLessThan(slack);
    expect(found).toMatchObject({
      p: null,
      resamples: RESAMPLES,
      margin: MARGIN,
      examples: set.truth.length,
    });
  },
);

const ACCURACY: Measure = { task: "classification", metrics: ["accuracy"], primary: "accuracy" };

test("52 became wrong and 30 right of 872: 2.5 points lower, 4.6 to 0.5, with p = 0.02", () => {
  const before = Array.from({ length: 872 }, (_, i) => (i < 762 ? 1 : 0));
  const after = before.map((right, i) => (i < 52 || (i >= 762 && i < 792) ? 1 - right : right));
  const truth = before.map(() => 1);
  const found = comparePaired(ACCURACY, { truth: { labels: truth }, before, after }, keyOf(0));
  expect(found).toMatchObject({ lost: 52, gained: 30, examples: 872, resamples: null });
  expect(found.difference).toBeCloseTo(-0.0252, 4);
  expect(found.interval.low).toBeCloseTo(-0.0463, 4);
  expect(found.interval.high).toBeCloseTo(-0.005, 4);
  expect(found.p).toBeCloseTo(0.0198, 4);
});

test("the same answers give no difference, and an interval that is as narrow as the examples allow", () => {
  const truth = Array.from({ length: 400 }, (_, i) => i % 2);
  const same = { truth: { labels: truth }, before: truth, after: truth };
  const { interval, p } = comparePaired(ACCURACY, same, keyOf(0));
  expect(p).toBe(1);
  expect(interval.high).toBeCloseTo(1.96 ** 2 / (400 + 1.96 ** 2), 4);
  expect(interval.low).toBe(-interval.high);
  const f1 = comparePaired({ ...ACCURACY, metrics: ["f1"], primary: "f1" }, same, keyOf(0));
  expect(f1).toMatchObject({ difference: 0, lost: 0, gained: 0 });
  // Every draw has no difference; that many examples leave as much open as Tango's interval says.
  expect(f1.interval.high).toBeCloseTo(interval.high, 9);
  expect(f1.interval.low).toBe(-f1.interval.high);
});

test("an error of values is the same to within a hundredth of their deviation, a loss to within nothing", () => {
  const labels = Array.from({ length: 50 }, (_, i) => 1000 * (i % 5));
  const off = (by: number) => Float32Array.from(labels, (label, i) => label + by * (i % 2 === 0 ? 1 : -1));
  const [before, after] = [off(100), off(105)];
  const answers = { truth: { labels }, before, after, logits: { before, after } };
  const compare = (primary: Measure["primary"], scale = 1) => {
    const measure: Measure = { task: "regression", metrics: ["pearson", "mae", "rmse", "loss"], primary };
    const scaled = (numbers: ArrayLike<number>) => Float32Array.from(numbers, (x) => x * scale);
    const logits = { before: scaled(before), after: scaled(after) };
    const truth = { labels: [...scaled(labels)] };
    return comparePaired(measure, { ...answers, ...logits, truth, logits }, keyOf(1));
  };
  // The labels are 0 to 4,000 in equal numbers: variance 2,000,000 · 50/49.
  expect(compare("mae").margin).toBeCloseTo(0.01 * Math.sqrt((2e6 * 50) / 49), 6);
  expect(compare("rmse", 1e-3).margin).toBeCloseTo(1e-5 * Math.sqrt((2e6 * 50) / 49), 6);
  expect(compare("mae").difference).toBeCloseTo(5, 3);
  expect(compare("pearson").margin).toBe(MARGIN);
  expect(compare("loss").margin).toBe(0);
});

/** Vectors of 200 texts by a teacher, by one near it and by one further off. */
function vectors() {
  const [width, texts] = [8, 200];
  const labels = normals(keyOf(1), width * texts, 1);
  const off = (seed: number, by: number) => {
    const noise = normals(keyOf(seed), labels.length, by);
    return labels.map((x, i) => x + (noise[i] ?? 0));
  };
  return { width, labels, near: off(2, 0.1), far: off(3, 0.8) };
}

test("the loss of vectors has an interval around its difference", () => {
  const { width, labels, near, far } = vectors();
  const measure: Measure = { task: "embedding", metrics: ["cosine", "loss"], primary: "loss" };
  const truth = { labels, width };
  const [before, after] = [near, far].map((rows) => judgeLogits(measure, rows, truth));
  if (!before || !after) throw new Error("two models were judged");
  const logits = { before: near, after: far };
  const answers = { truth, before: before.predicted, after: after.predicted, logits };
  const { difference, interval, examples } = comparePaired(measure, answers, keyOf(0));
  expect(examples).toBe(200);
  expect(difference).toBeCloseTo((after.metrics.loss ?? 0) - (before.metrics.loss ?? 0), 12);
  expect(interval.low).toBeGreaterThan(0.1);
  expect(interval.low).toBeLessThan(difference);
  expect(interval.high).toBeGreaterThan(difference);
});

test("the loss of scored pairs is drawn pair by pair, each with both of its vectors", () => {
  const { labels, near, far } = vectors();
  const measure: Measure = { task: "embedding", metrics: ["spearman", "loss"], primary: "loss" };
  const scores = Array.from({ length: 100 }, (_, i) => i);
  const truth = { labels, width: 8, scores };
  const [before, after] = [near, far].map((rows) => judgeLogits(measure, rows, truth).predicted);
  if (!before || !after) throw new Error("two models were judged");
  const answers = { truth, before, after, logits: { before: near, after: far } };
  const found = comparePaired(measure, answers, keyOf(0));
  const pairs = [near, far].map((rows) => vectorLosses(rows, truth));
  const gaps = Array.from(pairs[1] ?? [], (loss, i) => loss - (pairs[0]?.[i] ?? 0));
  expect(gaps).toHaveLength(100);
  // By the normal interval of a mean of 100 gaps, within a tenth of its width.
  const half = (1.96 * (deviation(gaps) ?? 0)) / 10;
  expect(Math.abs(found.difference - mean(gaps))).toBeLessThan(1e-9);
  expect(Math.abs(found.interval.low - (mean(gaps) - half))).toBeLessThan(half / 5);
  expect(Math.abs(found.interval.high - (mean(gaps) + half))).toBeLessThan(half / 5);
});

test("one key gives one interval, another a near one", () => {
  const set = golden.answers[0];
  if (set === undefined) throw new Error("no golden answers");
  const answers = { ...set, truth: { labels: set.truth } };
  const of = (seed: number) => comparePaired(set.measure, answers, keyOf(seed)).interval;
  expect(of(1)).toEqual(of(1));
  expect(of(2)).not.toEqual(of(1));
  expect(Math.abs(of(2).low - of(1).low)).toBeLessThan((set.high - set.low) / 10);
});

test("the ends: one example, and all of them changed, stay within [-1, 1]", () => {
  expect(tangoInterval(1, 0, 1)).toMatchObject({ high: 1 });
  expect(tangoInterval(0, 5, 5)).toMatchObject({ low: -1 });
  expect(tangoInterval(5, 0, 5).low).toBeGreaterThan(0);
});
