import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Dataset, type Measure, type MetricName, measureOf } from "../dataset.ts";
import { GLUE } from "../glue.ts";
import { drawExamples } from "./draw.ts";
import { entityScores } from "./entities.ts";
import {
  countExamples,
  lossOf,
  measureBy,
  metricNames,
  metricsOf,
  predict,
  requireAnswers,
  type Truth,
} from "./judge.ts";
import { primaryOf } from "./metrics.ts";

interface Golden {
  readonly entities: readonly {
    name: string;
    names: string[];
    truth: number[];
    predicted: number[];
    starts: number[];
    precision: number;
    recall: number;
    f1: number;
  }[];
  readonly labels: {
    truth: number[];
    logits: number[];
    micro_f1: number;
    macro_f1: number;
    accuracy: number;
  };
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../../test/goldens/tasks.json", import.meta.url), "utf8"),
);

/** Metrics of answers. */
function judged(measure: Measure, logits: Float32Array, truth: Truth): Record<string, number> {
  requireAnswers(measure, logits, truth);
  return metricsOf(measure, predict(measure, logits, truth), truth, logits);
}

test.each(golden.entities)(
  "entities in $name: within 1e-12 of seqeval",
  ({ names, predicted, truth, starts, ...scores }) => {
    const found = entityScores(names, predicted, truth, starts);
    expect(Math.abs(found.precision - scores.precision)).toBeLessThan(1e-12);
    expect(Math.abs(found.recall - scores.recall)).toBeLessThan(1e-12);
    expect(Math.abs(found.f1 - scores.f1)).toBeLessThan(1e-12);
  },
);

const LABELS: Measure = {
  task: "multi-label",
  metrics: ["micro_f1", "macro_f1", "accuracy"],
  primary: "micro_f1",
};

test("several labels per text: micro and macro F1 and exact matches within 1e-12 of scikit-learn", () => {
  const { truth, logits, ...scores } = golden.labels;
  const found = judged(LABELS, Float32Array.from(logits), { labels: truth, width: 4 });
  for (const [name, value] of Object.entries(scores)) {
    expect(Math.abs((found[name] ?? Number.NaN) - value)).toBeLessThan(1e-12);
  }
});

test("the loss of several labels is the mean over all of them: ln 2 of logits 0", () => {
  const truth = { labels: [1, 0, 0, 0], width: 2 };
  expect(lossOf(LABELS, new Float32Array(4), truth)).toBeCloseTo(Math.LN2, 12);
  expect(lossOf(LABELS, Float32Array.of(200, -200, -200, 200), truth)).toBe(50);
});

test("vectors: the order of scored pairs, angles to the teacher, and neighbours", () => {
  const measure: Measure = {
    task: "embedding",
    metrics: ["spearman", "cosine", "neighbours"],
    primary: "spearman",
  };
  const vectors = Float32Array.of(1, 0, 1, 0.1, 1, 0, 0, 1, 1, 0, -1, 0.1);
  const alike = judged(measure, vectors, { labels: vectors, width: 2, scores: [5, 3, 0] });
  expect(alike.spearman).toBeCloseTo(1, 12);
  expect(alike.cosine).toBeCloseTo(1, 6);
  expect(alike.neighbours).toBe(1);
  const opposite = judged(measure, vectors, { labels: vectors.map((x) => -x), width: 2, scores: [0, 3, 5] });
  expect(opposite.spearman).toBeCloseTo(-1, 12);
  expect(opposite.cosine).toBeCloseTo(-1, 6);
});

test("examples are drawn with all their words, or all their labels", () => {
  const words: Truth = { labels: [0, 1, 2, 3, 4, 5], starts: [0, 1, 3, 6], names: ["O"] };
  expect(countExamples(words)).toBe(3);
  const drawn = drawExamples({ task: "tokens" }, words, [[9, 8, 7, 6, 5, 4]], Int32Array.of(2, 0, 0));
  expect(Array.from(drawn.truth.labels)).toEqual([3, 4, 5, 0, 0]);
  expect(Array.from(drawn.truth.starts ?? [])).toEqual([0, 3, 4, 5]);
  expect(Array.from(drawn.predicted[0] ?? [])).toEqual([6, 5, 4, 9, 9]);
  const labels: Truth = { labels: [0, 1, 1, 0], width: 2 };
  const twice = drawExamples({ task: "multi-label" }, labels, [[1, 1, 0, 0]], Int32Array.of(1, 1));
  expect(Array.from(twice.truth.labels)).toEqual([1, 0, 1, 0]);
  expect(countExamples(twice.truth)).toBe(2);
});

test("MRPC and STS-B are judged by the mean of their two metrics", () => {
  const logits = Float32Array.of(0, 1, 0, 1, 1, 0, 0, 1);
  const mrpc = judged(GLUE.mrpc.measure, logits, { labels: [1, 0, 0, 1] });
  expect(mrpc.accuracy).toBe(0.75);
  expect(mrpc.f1).toBeCloseTo(0.8, 12);
  expect(primaryOf(GLUE.mrpc.measure, mrpc)).toBeCloseTo(0.775, 12);
  const stsb = judged(GLUE.stsb.measure, Float32Array.of(1, 2, 4), { labels: [0, 1, 2] });
  const both = ((stsb.pearson ?? 0) + (stsb.spearman ?? 0)) / 2;
  expect(stsb.spearman).toBeCloseTo(1, 12);
  expect(primaryOf(GLUE.stsb.measure, stsb)).toBe(both);
});

test("logits that are not finite, or do not fit the labels, are refused", () => {
  const measure: Measure = GLUE.sst2.measure;
  const truth = { labels: [0, 1] };
  expect(() => judged(measure, Float32Array.of(0, 1, Number.NaN, 1), truth)).toThrow(
    "metrics: expected finite logits, got NaN (example 2)",
  );
  expect(() => judged(measure, Float32Array.of(0, 1, 2), truth)).toThrow(
    "metrics: expected two logits or more for each of 2 labels, got 3 in all",
  );
  expect(() => judged(GLUE.stsb.measure, new Float32Array(4), truth)).toThrow(
    "metrics: expected one value for each of 2 labels, got 4 in all",
  );
  expect(() => judged(measure, new Float32Array(), { labels: [] })).toThrow(/for each of 0 labels/);
});

interface Scored {
  readonly name: string;
  readonly classes: number;
  readonly truth: number[];
  readonly logits: number[];
  readonly loss: number;
}
const scored: { readonly scores: readonly (Scored & Readonly<Record<string, number | null>>)[] } = JSON.parse(
  readFileSync(new URL("../../../test/goldens/metrics.json", import.meta.url), "utf8"),
);
const NEW: readonly MetricName[] = [
  "balanced_accuracy",
  "precision",
  "recall",
  "roc_auc",
  "average_precision",
  "loss",
];

test.each(scored.scores)("$name: what a user may choose is within 1e-6 of scikit-learn", (set) => {
  const labels = Array.from({ length: set.classes }, (_, c) => `class ${c}`);
  const data = { task: "classification" as const, labels };
  const known = metricNames(data);
  expect(NEW.filter((name) => known.includes(name))).toEqual(
    set.classes === 2 ? NEW : NEW.filter((name) => name !== "precision" && name !== "recall"),
  );
  const measure: Measure = { task: "classification", metrics: known, primary: "loss" };
  const logits = Float32Array.from(set.logits);
  const truth = { labels: set.truth };
  const found = metricsOf(measure, predict(measure, logits, truth), truth, logits);
  for (const name of NEW.filter((each) => known.includes(each)))
    expect(Math.abs((found[name] ?? 9) - Number(set[name])), name).toBeLessThan(1e-6);
});

test("a metric of one's own is reported beside the task's, and one that is not there is refused by name", () => {
  const data: Dataset = { name: "made", task: "classification", labels: ["no", "yes"], examples: [] };
  expect(measureBy(data, "loss")).toEqual({
    task: "classification",
    metrics: ["accuracy", "f1", "matthews", "loss"],
    primary: "loss",
  });
  expect(measureBy(data, "f1")).toEqual({ ...measureOf(data), primary: "f1" });
  expect(measureBy(data, undefined)).toEqual(measureOf(data));
  expect(() => measureBy(data, "auc")).toThrow(
    "metric: expected one of accuracy, balanced_accuracy, precision, recall, f1, macro_f1, matthews, roc_auc, average_precision, loss, got auc (made)",
  );
  const values: Dataset = { ...data, task: "regression", labels: [] };
  expect(() => measureBy(values, "f1")).toThrow(
    "metric: expected one of mean, pearson, spearman, mae, rmse, loss, got f1 (made)",
  );
});
