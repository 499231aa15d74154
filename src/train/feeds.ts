/** What a batch feeds a program: its arrays, its labels, the count they are averaged over, the key of its dropout. */

import { RunError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { fold, type Key } from "../base/random.ts";
import type { Tensor } from "../base/tensor.ts";
import type { Objective } from "../bert/objective.ts";
import type { Batch } from "../data/batches.ts";
import type { Program } from "../graph/program.ts";
import { FEED, scalarOf } from "./step.ts";

/** A batch as a step needs it: a masked-language-model batch also says where its labels are. */
export type TrainBatch = Pick<
  Batch,
  "size" | "length" | "ids" | "types" | "mask" | "labels" | "counted" | "width"
> & {
  /** [M], flat positions in [B, T] of the labels [M], of a masked language model alone. */
  readonly positions?: Int32Array;
  /** [B], numbers of the examples, the same whenever one comes again; absent when they have none. */
  readonly indices?: Int32Array;
};

/** Ids, types and mask. */
export function batchFeeds({ size, length, ids, types, mask }: TrainBatch): Record<string, Tensor> {
  const shape = [size, length];
  return {
    input_ids: { dtype: "int32", shape, data: ids },
    token_type_ids: { dtype: "int32", shape, data: types },
    mask: { dtype: "float32", shape, data: mask },
  };
}

/** Labels, their places where they have some, and the number of labels of the whole step. */
export function labelFeeds(
  { size, labels, positions, width }: TrainBatch,
  count: number,
): Record<string, Tensor> {
  const each = labels.length / size;
  const isRow = each !== 1 || width !== undefined;
  const shape = positions !== undefined || !isRow ? [labels.length] : [size, each];
  const tensor: Tensor =
    labels instanceof Int32Array
      ? { dtype: "int32", shape, data: labels }
      : { dtype: "float32", shape, data: labels };
  const places: Record<string, Tensor> = positions
    ? { [FEED.positions]: { dtype: "int32", shape, data: positions } }
    : {};
  return {
    ...places,
    [FEED.labels]: tensor,
    [FEED.count]: float(count),
  };
}

/** The teacher's answers, rows of `width` numbers. */
export function answerFeed(width: number, data: Float32Array): Record<string, Tensor> {
  return { [FEED.answers]: { dtype: "float32", shape: [data.length / width, width], data } };
}

/** What a batch's labels count in its loss: each 1, or the weight of its class. */
export function labelCount(
  { labels, counted = labels.length }: TrainBatch,
  { weights }: Objective = {},
): number {
  // Labels that hold or not are floats: weights of theirs change a loss and no count.
  if (weights === undefined || labels instanceof Float32Array) return counted;
  const of = (label: number): number => (label < 0 ? 0 : requireItem(weights, label, "weights"));
  // Of words none may have a label: their loss is 0, over whatever number but 0.
  return labels.reduce((sum, label) => sum + of(label), 0) || 1;
}

/** What the parts of an optimizer step are averaged over. */
export interface Whole {
  /** Labels, each counted as the weight of its class; and each as 1. */
  readonly count: number;
  readonly labelled: number;
  readonly texts: number;
}

/** Of all parts together. */
export function wholeOf(parts: readonly TrainBatch[], objective?: Objective): Whole {
  const sumOf = (countOf: (part: TrainBatch) => number): number =>
    parts.reduce((sum, part) => sum + countOf(part), 0);
  return {
    count: sumOf((part) => labelCount(part, objective)),
    labelled: sumOf((part) => labelCount(part)),
    texts: sumOf(({ size }) => size),
  };
}

/** One number. */
function float(value: number): Tensor {
  return { dtype: "float32", shape: [], data: Float32Array.of(value) };
}

/**
 * A method's numbers, and what the part is of the step: what of them the program reads.
 *
 * @throws {RunError} `method/scalar` for a number that it reads and the method does not give
 */
export function methodFeeds(
  { inputs }: Program,
  scalars: Readonly<Record<string, number>>,
  of?: { readonly part: TrainBatch; readonly whole: Whole },
): Record<string, Tensor> {
  const all = [
    ...(of === undefined
      ? []
      : [[FEED.share, of.part.size / of.whole.texts] as const, [FEED.labelled, of.whole.labelled] as const]),
    ...Object.entries(scalars).map(([name, value]) => [scalarOf(name), value] as const),
  ];
  const missing = [...inputs.keys()].find(
    (name) => name.startsWith(scalarOf("")) && !all.some(([given]) => given === name),
  );
  if (missing !== undefined) {
    const given = Object.keys(scalars).join(", ") || "none";
    const name = missing.slice(scalarOf("").length);
    throw new RunError("method/scalar", `scalars: expected ${name}, which a graph reads, got ${given}`);
  }
  return Object.fromEntries(
    all.filter(([name]) => inputs.has(name)).map(([name, value]) => [name, float(value)]),
  );
}

/** The 64-bit keys of a part of a step: dropout's, and that of a method's own noise, which is the first part's in all. */
export function keyFeed(
  { inputs }: Program,
  key: Key | undefined,
  step: number,
  part: number,
): Record<string, Tensor> {
  if (key === undefined) return {};
  const wordOf = (number: number): Tensor => {
    const [high, low] = fold(fold(key, step), number);
    const word = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
    return { dtype: "int64", shape: [], data: BigInt64Array.of(word) };
  };
  return {
    ...(inputs.has(FEED.key) ? { [FEED.key]: wordOf(part) } : {}),
    ...(inputs.has(FEED.noise) ? { [FEED.noise]: wordOf(0) } : {}),
  };
}
