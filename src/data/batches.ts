/**
 * Examples as arrays: encoded once, then cut into padded batches whose order depends on a key and the epoch alone.
 *
 * Any batch of an epoch can be made without those before it, so a resumed run continues in the middle of one. Within
 * stretches of a few batches examples of like length go together, which leaves little padding.
 */

import { ConfigError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { fold, type Key, permutation } from "../base/random.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type Dataset, type Example, labelsOf, type TaskKind } from "./dataset.ts";

/** Stands for the label of a piece that has none, as in PyTorch's losses. */
export const UNLABELLED = -100;

/** One example as piece numbers. */
export interface Encoded {
  readonly ids: Int32Array;
  readonly types: Int32Array;
  /**
   * What its answer is held to, by the kind of task: one class; one value; 0 or 1 for each label; a class or `UNLABELLED`
   * for each piece; the vector of a teacher. Empty where nothing is known.
   */
  readonly labels: ArrayLike<number>;
}

/** A data set as piece numbers, in the order of its examples. */
export interface EncodedSet {
  readonly task: TaskKind;
  readonly examples: readonly Encoded[];
  /** Of words: the classes' names. */
  readonly names?: readonly string[];
  /** As `Dataset.scores`. */
  readonly scores?: readonly number[];
  /** Of texts in windows, each of them an example: where the windows of each text begin, and the end. */
  readonly starts?: Int32Array;
  /** The number of [PAD]. */
  readonly pad: number;
}

/** A data set whose texts were cut at one length. */
export interface CutSet extends EncodedSet {
  /** The longest that an example may be, in pieces. */
  readonly length: number;
  /** Examples that were longer. */
  readonly cut: number;
}

/** `size` examples padded to the longest among them. */
export interface Batch {
  /** B. */
  readonly size: number;
  /** T. */
  readonly length: number;
  /** [B, T], padded with [PAD]. */
  readonly ids: Int32Array;
  /** [B, T], padded with 0. */
  readonly types: Int32Array;
  /** [B, T], 1 for a piece and 0 for padding. */
  readonly mask: Float32Array;
  /** Those of the examples one after another, classes in int32; of tokens [B, T], padded with `UNLABELLED`. */
  readonly labels: Int32Array | Float32Array;
  /** How many of them count in a mean; default all. */
  readonly counted?: number;
  /** Numbers of one example where a label is a row of them, be it of one; absent where it is a number. */
  readonly width?: number;
  /** [B], the example's number in the encoded data set. */
  readonly indices: Int32Array;
}

/** Batches by number; any of them can be made without those before it. */
export interface Batches extends Iterable<Batch> {
  readonly count: number;
  /** Batch `index`, from 0 to `count - 1`. */
  at(index: number): Batch;
}

/** How an epoch is cut. */
export interface TrainOrder {
  /** Examples per batch. */
  readonly batchSize: number;
  /** The run's key for its data order. */
  readonly key: Key;
  /** From 0. */
  readonly epoch: number;
  /** Put examples of like length together. */
  readonly bucket: boolean;
}

/**
 * Batches that are sorted by length together, when bucketing. Fewer pad more, more make each batch of one kind of text:
 * of SST-2, 8 leave 23 % padding and 50 leave 5 %, but with 50 the accuracy was a point lower (results/fine-tuning.md).
 */
const STRETCH = 8;

/** Texts times the square of their tokens in a batch that is answered, since scores of attention grow so: 64 texts of 512. */
const MOST_SCORES = 64 * 512 ** 2;

/** Encodes every example, cut to `length` pieces. 0.4 s for SST-2's 67,349 sentences on one core. */
export function encodeDataset(dataset: Dataset, tokenizer: Tokenizer, length: number): CutSet {
  let longer = 0;
  const { task, labels } = dataset;
  const examples = dataset.examples.map((example): Encoded => {
    if (task === "tokens") {
      const { cut, ...encoded } = encodeWords(example, tokenizer, length);
      if (cut > 0) longer++;
      return encoded;
    }
    const { ids, types, cut } = tokenizer.encode(example.text, example.pair, length);
    if (cut > 0) longer++;
    return {
      ids,
      types,
      labels: task === "multi-label" ? heldLabels(example, labels.length) : labelsOf(example),
    };
  });
  const { scores } = dataset;
  const more = { ...(task === "tokens" ? { names: labels } : {}), ...(scores ? { scores } : {}) };
  return { task, examples, pad: tokenizer.special.pad, length, cut: longer, ...more };
}

/**
 * Encodes every example whole, in windows of `length` pieces of which neighbours share `stride`; each has the text's label.
 * @throws {ConfigError} `stride/task` for data whose texts have no label as a whole; as `encodeWindows` does
 */
export function encodeInWindows(
  dataset: Dataset,
  tokenizer: Tokenizer,
  { length, stride }: { readonly length: number; readonly stride: number },
): CutSet {
  const { task, labels, name } = dataset;
  if (task === "tokens" || task === "embedding") {
    throw new ConfigError(
      "stride/task",
      `stride: expected data with labels of whole texts, got ${task} (${name})`,
    );
  }
  const starts = new Int32Array(dataset.examples.length + 1);
  const examples = dataset.examples.flatMap((example, i) => {
    const held = task === "multi-label" ? heldLabels(example, labels.length) : labelsOf(example);
    const { windows } = tokenizer.encodeWindows(example.text, example.pair, length, stride);
    starts[i + 1] = requireItem(starts, i, "windows") + windows.length;
    return windows.map(({ ids, types }): Encoded => ({ ids, types, labels: held }));
  });
  return { task, examples, starts, pad: tokenizer.special.pad, length, cut: 0 };
}

/** The mean of the rows from each start to the next: what the windows of a text say together. */
export function meanRows(rows: Float32Array, starts: ArrayLike<number>): Float32Array {
  const texts = starts.length - 1;
  const width = rows.length / requireItem(starts, texts, "windows");
  const means = new Float32Array(texts * width);
  for (let text = 0; text < texts; text++) {
    const [from, to] = [requireItem(starts, text, "windows"), requireItem(starts, text + 1, "windows")];
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let row = from; row < to; row++) sum += rows[row * width + column] ?? Number.NaN;
      means[text * width + column] = sum / (to - from);
    }
  }
  return means;
}

/** 1 for each label that holds. */
function heldLabels(example: Example, labels: number): Float32Array {
  const row = new Float32Array(labels);
  for (const label of labelsOf(example)) row[label] = 1;
  return row;
}

/**
 * A text in words, as one sequence: the first piece of each word has its label, as is usual (Devlin et al. 2019, §5.3). A word
 * of which no piece is left has none.
 */
function encodeWords(
  example: Example,
  tokenizer: Tokenizer,
  length: number,
): Encoded & { readonly cut: number } {
  const { ids, types, starts, cut } = tokenizer.encodeWords(example.words ?? [example.text], length);
  const labels = new Int32Array(ids.length).fill(UNLABELLED);
  const given = labelsOf(example);
  starts.forEach((start, word) => {
    if (start >= 0) labels[start] = requireItem(given, word, "labels");
  });
  return { ids, types, labels, cut };
}

/** Texts of which nothing is known but their pieces, to be answered. */
export function unlabelled(
  texts: readonly { readonly ids: ArrayLike<number>; readonly types: ArrayLike<number> }[],
  pad: number,
): EncodedSet {
  const examples = texts.map(
    ({ ids, types }): Encoded => ({ ids: Int32Array.from(ids), types: Int32Array.from(types), labels: [] }),
  );
  return { task: "classification", examples, pad };
}

/**
 * One epoch of training: every example once, in an order that `key` and `epoch` determine.
 * @throws {ConfigError} `batches/size` for a batch size that is no positive integer, `batches/none` without examples
 */
export function trainBatches(set: EncodedSet, order: TrainOrder): Batches {
  const { batchSize, epoch, bucket } = order;
  checkSize(batchSize);
  const key = fold(fold(order.key, "epoch"), epoch);
  const shuffled = permutation(fold(key, "examples"), set.examples.length);
  if (shuffled.length === 0) throw new ConfigError("batches/none", "batches: expected examples, got none");
  const cuts = cut(bucket ? byLengthInStretches(set, shuffled, STRETCH * batchSize) : shuffled, batchSize);
  const places = permutation(fold(key, "batches"), cuts.length);
  return batchesOf(set, bucket ? Array.from(places, (place) => requireItem(cuts, place, "batches")) : cuts);
}

/**
 * Every example once, longest first: the least padding, and the largest batch at once instead of at the end.
 *
 * @param batchSize  the most examples of a batch; long texts fill one with fewer (`MOST_SCORES`), a text that is longer alone
 * @throws {ConfigError} `batches/size`.
 */
export function evalBatches(set: EncodedSet, batchSize: number): Batches {
  checkSize(batchSize);
  const all = Int32Array.from(set.examples, (_, i) => i);
  const sorted = byLengthInStretches(set, all, Math.max(1, all.length)).reverse();
  return batchesOf(set, cutByScores(set, sorted, batchSize));
}

/** Rows computed batch by batch (logits, [B, C] each), in the order of the examples: [N, C]. */
export function inExampleOrder(
  parts: readonly { readonly batch: Pick<Batch, "indices">; readonly rows: Float32Array }[],
): Float32Array {
  const total = parts.reduce((n, { rows }) => n + rows.length, 0);
  const out = new Float32Array(total);
  for (const { batch, rows } of parts) {
    const width = rows.length / batch.indices.length;
    batch.indices.forEach((index, i) => {
      out.set(rows.subarray(i * width, (i + 1) * width), index * width);
    });
  }
  return out;
}

function checkSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize > 0) return;
  throw new ConfigError("batches/size", `batch size: expected a positive integer, got ${batchSize}`);
}

/** Sorts each stretch of an order by length; equal lengths keep their order. */
function byLengthInStretches(set: EncodedSet, order: Int32Array, stretch: number): Int32Array {
  const sorted = new Int32Array(order.length);
  for (let start = 0; start < order.length; start += stretch) {
    const part = Array.from(order.subarray(start, start + stretch), (example) => ({
      example,
      length: requireItem(set.examples, example, "examples").ids.length,
    }));
    part.sort((a, b) => a.length - b.length);
    sorted.set(
      part.map(({ example }) => example),
      start,
    );
  }
  return sorted;
}

function cut(order: Int32Array, batchSize: number): Int32Array[] {
  const count = Math.ceil(order.length / batchSize);
  return Array.from({ length: count }, (_, i) => order.slice(i * batchSize, (i + 1) * batchSize));
}

/** Batches of an order that goes longest first, each as large as its first example lets it be. */
function cutByScores({ examples }: EncodedSet, order: Int32Array, batchSize: number): Int32Array[] {
  const cuts: Int32Array[] = [];
  for (let start = 0; start < order.length; ) {
    const { length } = requireItem(examples, requireItem(order, start, "order"), "examples").ids;
    const size = Math.min(batchSize, Math.max(1, Math.floor(MOST_SCORES / length ** 2)));
    cuts.push(order.slice(start, start + size));
    start += size;
  }
  return cuts;
}

function batchesOf(set: EncodedSet, cuts: readonly Int32Array[]): Batches {
  const at = (index: number): Batch => {
    const indices = cuts[index];
    if (indices !== undefined) return padExamples(set, indices);
    throw new RangeError(`batch: expected a number from 0 to ${cuts.length - 1}, got ${index}`);
  };
  return {
    count: cuts.length,
    at,
    *[Symbol.iterator]() {
      for (let i = 0; i < cuts.length; i++) yield at(i);
    },
  };
}

function padExamples({ examples, task, pad }: EncodedSet, indices: Int32Array): Batch {
  const rows = Array.from(indices, (index) => examples[index]).filter((row) => row !== undefined);
  const size = rows.length;
  const length = rows.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  const ids = new Int32Array(size * length).fill(pad);
  const types = new Int32Array(size * length);
  const mask = new Float32Array(size * length);
  rows.forEach((row, i) => {
    ids.set(row.ids, i * length);
    types.set(row.types, i * length);
    mask.fill(1, i * length, i * length + row.ids.length);
  });
  return { size, length, ids, types, mask, ...labelsOfBatch(task, rows, length), indices };
}

/** Labels of a batch, and how many of them count where it is not as many as there are. */
function labelsOfBatch(
  task: TaskKind,
  rows: readonly Encoded[],
  length: number,
): Pick<Batch, "labels" | "counted" | "width"> {
  if (task === "tokens") {
    const labels = new Int32Array(rows.length * length).fill(UNLABELLED);
    rows.forEach(({ labels: own }, i) => {
      labels.set(own, i * length);
    });
    // A batch without a label has a mean of nothing: its loss is 0, not 0/0.
    return {
      labels,
      counted: Math.max(
        1,
        labels.reduce((n, label) => n + Number(label !== UNLABELLED), 0),
      ),
    };
  }
  const values = rows.flatMap(({ labels }) => Array.from(labels));
  if (task === "classification") return { labels: Int32Array.from(values) };
  const labels = Float32Array.from(values);
  if (task === "regression") return { labels };
  const width = labels.length / rows.length;
  return task === "embedding" ? { labels, width, counted: rows.length } : { labels, width };
}
