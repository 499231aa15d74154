/**
 * How answers to a set are judged: for each kind of task what they predict, its metrics, and the loss.
 *
 *   classification   a class for each example
 *   regression       a value for each example
 *   multi-label      1 or 0 for each label of each example
 *   tokens           a class for each word that has a label
 *   embedding        for each scored pair the cosine of its vectors; without scores that of each text's with its teacher's
 *
 * Not here: the metrics themselves (metrics.ts, entities.ts, neighbours.ts).
 */

import { ConfigError, RunError } from "../../base/errors.ts";
import { requireItem } from "../../base/present.ts";
import { type EncodedSet, UNLABELLED } from "../batches.ts";
import {
  type Dataset,
  METRIC_NAMES,
  type Measure,
  type MetricName,
  measureOf,
  type TaskKind,
} from "../dataset.ts";
import { entityScores } from "./entities.ts";
import {
  accuracy,
  argmaxRows,
  balancedAccuracy,
  columnOf,
  f1,
  macroF1,
  matthews,
  meanAbsoluteError,
  meanLoss,
  meanOf,
  NOT_FINITE,
  type Numbers,
  pearson,
  precision,
  recall,
  rootMeanSquaredError,
  spearman,
} from "./metrics.ts";
import { cosine, neighbourAgreement, rowCosines } from "./neighbours.ts";
import { averagePrecision, overClasses, overLabels, rocAuc } from "./scores.ts";

/** What answers are held to. */
export interface Truth {
  /** A class or value for each example; 0 or 1 for each label of each; a class for each labelled word; teachers' vectors. */
  readonly labels: Numbers;
  /** Of words: where each example's begin among `labels`, and the end. */
  readonly starts?: ArrayLike<number>;
  /** Of words: the classes' names. */
  readonly names?: readonly string[];
  /** Of vectors: how alike the texts 2i and 2i + 1 are. */
  readonly scores?: Numbers;
  /** Numbers of one example among `labels`; default 1. */
  readonly width?: number;
}

/** What a set's examples are known to be. */
export function truthOf({ task, examples, names, scores, starts: windows }: EncodedSet): Truth {
  const texts = windows
    ? Array.from(windows.subarray(0, -1), (at) => requireItem(examples, at, "windows"))
    : examples;
  const own = texts.map(({ labels }) => labels);
  if (task === "classification" || task === "regression")
    return { labels: own.map((labels) => labels[0] ?? Number.NaN) };
  if (task === "tokens") {
    const words = own.map((labels) => Array.from(labels).filter((label) => label !== UNLABELLED));
    const starts = new Int32Array(words.length + 1);
    words.forEach(({ length }, i) => {
      starts[i + 1] = (starts[i] ?? 0) + length;
    });
    return { labels: words.flat(), starts, ...(names ? { names } : {}) };
  }
  const width = own[0]?.length ?? 0;
  const labels = new Float32Array(own.length * width);
  own.forEach((row, i) => {
    labels.set(row, i * width);
  });
  return { labels, width, ...(scores ? { scores } : {}) };
}

/** Examples that were judged. */
export function countExamples({ labels, starts, width = 1, scores }: Truth): number {
  if (starts !== undefined) return starts.length - 1;
  return scores?.length ?? labels.length / width;
}

interface Judge {
  /** What answers say; in the places of `labels`, or one for each example of an embedding. */
  readonly predict: (logits: Float32Array, truth: Truth) => Numbers;
  /** Metrics of predictions by name; those that need the answers themselves are left out without them. */
  readonly metrics: (
    predicted: Numbers,
    truth: Truth,
    logits?: Float32Array,
  ) => { readonly [Name in MetricName]?: () => number };
  readonly loss: (logits: Float32Array, truth: Truth) => number;
  /** Numbers that each label has among the answers; undefined: two or more. */
  readonly numbers?: number;
}

const classes: Judge = {
  predict: (logits, { labels }) => argmaxRows(logits, logits.length / labels.length),
  metrics: (predicted, { labels }, logits) => ({
    accuracy: () => accuracy(predicted, labels),
    balanced_accuracy: () => balancedAccuracy(predicted, labels),
    f1: () => f1(predicted, labels),
    precision: () => precision(predicted, labels),
    recall: () => recall(predicted, labels),
    macro_f1: () => macroF1(predicted, labels),
    matthews: () => matthews(predicted, labels),
    ...(logits === undefined
      ? {}
      : {
          roc_auc: () => overClasses(rocAuc, logits, labels),
          average_precision: () => overClasses(averagePrecision, logits, labels),
        }),
  }),
  loss: (logits, { labels }) => meanLoss({ task: "classification" }, logits, labels),
};

const JUDGES: Readonly<Record<TaskKind, Judge>> = {
  classification: classes,
  regression: {
    predict: (logits) => logits,
    metrics: (predicted, { labels }) => ({
      pearson: () => pearson(predicted, labels),
      spearman: () => spearman(predicted, labels),
      mae: () => meanAbsoluteError(predicted, labels),
      rmse: () => rootMeanSquaredError(predicted, labels),
    }),
    loss: (logits, { labels }) => meanLoss({ task: "regression" }, logits, labels),
    numbers: 1,
  },
  "multi-label": {
    predict: (logits) => Uint8Array.from(logits, (z) => Number(z >= 0)),
    metrics: (predicted, { labels, width = 1 }, logits) => ({
      micro_f1: () => f1(predicted, labels),
      macro_f1: () =>
        meanOf(columns(width).map((c) => f1(columnOf(predicted, c, width), columnOf(labels, c, width)))),
      accuracy: () => exactRows(predicted, labels, width),
      ...(logits === undefined
        ? {}
        : {
            roc_auc: () => overLabels(rocAuc, logits, labels, width),
            average_precision: () => overLabels(averagePrecision, logits, labels, width),
          }),
    }),
    loss: (logits, { labels }) => meanOf(Array.from(logits, (z, i) => softplus(z) - z * (labels[i] ?? 0))),
    numbers: 1,
  },
  tokens: {
    ...classes,
    metrics: (predicted, truth, logits) => {
      const { labels, starts = [0, labels.length], names = [] } = truth;
      const entities = once(() => entityScores(names, predicted, labels, starts));
      return {
        ...classes.metrics(predicted, truth, logits),
        entity_f1: () => entities().f1,
        entity_precision: () => entities().precision,
        entity_recall: () => entities().recall,
      };
    },
  },
  embedding: {
    predict: (vectors, truth) => {
      const { labels, scores } = truth;
      const width = vectorWidth(vectors, truth);
      if (scores === undefined) return rowCosines(vectors, labels, width);
      return Float64Array.from(scores, (_, i) =>
        cosine(vectors, 2 * i * width, vectors, (2 * i + 1) * width, width),
      );
    },
    metrics: (predicted, truth, vectors) => {
      const { labels, scores } = truth;
      const known = scores
        ? { spearman: () => spearman(predicted, scores), pearson: () => pearson(predicted, scores) }
        : { cosine: () => meanOf(predicted) };
      if (vectors === undefined || labels.length === 0) return known;
      const width = vectorWidth(vectors, truth);
      return {
        ...known,
        cosine: () => meanOf(rowCosines(vectors, labels, width)),
        neighbours: () => neighbourAgreement(vectors, labels, width),
      };
    },
    loss: (vectors, truth) => {
      if (truth.labels.length === 0) return 0;
      return 1 - meanOf(rowCosines(vectors, truth.labels, vectorWidth(vectors, truth)));
    },
    numbers: 1,
  },
};

/** Numbers of a vector. */
export function vectorWidth(vectors: Numbers, { scores, width = 1 }: Truth): number {
  return scores === undefined ? width : vectors.length / (2 * scores.length);
}

/** What answers predict, in the places of the labels; of an embedding one number for each example. */
export function predict({ task }: Pick<Measure, "task">, logits: Float32Array, truth: Truth): Numbers {
  return JUDGES[task].predict(logits, truth);
}

/** Metrics that speak of class 1 alone, and so of data with two classes. */
const OF_CLASS_1: readonly MetricName[] = ["f1", "precision", "recall"];

/** Every metric that a data set can be judged by. */
export function metricNames({
  task,
  labels,
  scores,
}: Pick<Dataset, "task" | "labels" | "scores">): MetricName[] {
  const truth: Truth = { labels: [], ...(scores ? { scores } : {}) };
  const hasTwo = task === "classification" && labels.length === 2;
  const names = Object.keys(knownMetrics(task, [], truth, new Float32Array(0)));
  return METRIC_NAMES.filter((name) => names.includes(name) && (hasTwo || !OF_CLASS_1.includes(name)));
}

/**
 * The measure of a data set by a metric of the user's choice, beside those that it has anyway.
 * @throws {ConfigError} `metric/unknown`
 */
export function measureBy(dataset: Dataset, name: string | undefined): Measure {
  const own = measureOf(dataset);
  if (name === undefined || name === own.primary) return own;
  const known = metricNames(dataset);
  const primary = known.find((each) => each === name);
  if (primary === undefined) {
    const mean = own.primary === "mean" ? ["mean"] : [];
    const expected = [...mean, ...known].join(", ");
    throw new ConfigError(
      "metric/unknown",
      `metric: expected one of ${expected}, got ${name} (${dataset.name})`,
    );
  }
  const { task, metrics } = own;
  return { task, metrics: metrics.includes(primary) ? metrics : [...metrics, primary], primary };
}

function knownMetrics(
  task: TaskKind,
  predicted: Numbers,
  truth: Truth,
  logits?: Float32Array,
): ReturnType<Judge["metrics"]> {
  const { metrics, loss } = JUDGES[task];
  const answered = logits === undefined ? {} : { loss: () => loss(logits, truth) };
  return { ...metrics(predicted, truth, logits), ...answered };
}

/**
 * The measure's metrics of predictions, and `mean` where that is the primary one.
 *
 * @param logits  the answers themselves; without them a metric that needs them is left out
 */
export function metricsOf(
  { task, metrics, primary }: Measure,
  predicted: Numbers,
  truth: Truth,
  logits?: Float32Array,
): Record<string, number> {
  const known = knownMetrics(task, predicted, truth, logits);
  const found = metrics.flatMap((name): [string, number][] => {
    const value = known[name]?.();
    return value === undefined ? [] : [[name, value]];
  });
  if (primary === "mean") found.push(["mean", meanOf(found.map(([, value]) => value))]);
  return Object.fromEntries(found);
}

/** Mean loss of answers, in double precision. */
export function lossOf({ task }: Pick<Measure, "task">, logits: Float32Array, truth: Truth): number {
  return JUDGES[task].loss(logits, truth);
}

/** @throws {RunError} `metrics/finite` when an answer is not finite, `metrics/count` when answers do not fit the labels */
export function requireAnswers({ task }: Pick<Measure, "task">, logits: Float32Array, truth: Truth): void {
  const { labels, scores, starts } = truth;
  // Pairs are judged by their scores alone where no teacher has given vectors.
  const count = labels.length === 0 && scores !== undefined ? logits.length : labels.length;
  const width = logits.length / count;
  const { numbers } = JUDGES[task];
  const fits = numbers === undefined ? Number.isInteger(width) && width >= 2 : width === numbers;
  if (count === 0 || !fits) {
    const expected = numbers === undefined ? "two logits or more" : "one value";
    const message = `metrics: expected ${expected} for each of ${count} labels, got ${logits.length} in all`;
    throw new RunError("metrics/count", message);
  }
  const bad = logits.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const each = starts === undefined ? logits.length / countRows(truth) : width;
  const where = `${starts === undefined ? "example" : "word"} ${Math.floor(bad / each) + 1}`;
  const message = `metrics: expected finite logits, got ${logits[bad]} (${where}); ${NOT_FINITE}`;
  throw new RunError("metrics/finite", message);
}

/** Examples that have answers: of pairs both texts. */
function countRows({ labels, scores, width = 1 }: Truth): number {
  return scores === undefined ? labels.length / width : 2 * scores.length;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function columns(width: number): number[] {
  return Array.from({ length: width }, (_, c) => c);
}

/** The share of rows in which every label is right. */
function exactRows(predicted: Numbers, labels: Numbers, width: number): number {
  const rows = Array.from({ length: labels.length / width }, (_, i) =>
    Number(columns(width).every((c) => predicted[i * width + c] === labels[i * width + c])),
  );
  return meanOf(rows);
}

/** log(1 + eᶻ). */
function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}
