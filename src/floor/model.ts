/**
 * A floor: what a task gives without a Transformer. A text becomes a row of features, and a linear model reads it.
 *
 * Not here: how a text becomes a row (terms.ts, pieces.ts), pairs (rows.ts), the fit itself (linear.ts), files (folder.ts).
 */

import { requireItem } from "../base/present.ts";
import { classOf, type Dataset, type Example, labelsOf, type TaskKind } from "../data/dataset.ts";
import type { ReadText, Text } from "../network/predictions.ts";
import type { Scaling } from "../network/scaled.ts";
import { fitLinear, type LinearModel, logisticLoss, scoreRows, softmaxLoss, squaredLoss } from "./linear.ts";
import { type Distillation, distilPieces, type PieceTable, pieceRow } from "./pieces.ts";
import { pairRow, pairWidth, type RowShape, type Rows, stackRows } from "./rows.ts";
import { learnTerms, type SparseRow, type TermTable, tfIdfRow, wordsOf } from "./terms.ts";

/** What turns a text into a row; one for each kind of floor. */
export type Reader =
  | { readonly kind: "tf-idf"; readonly table: TermTable }
  | { readonly kind: "static"; readonly table: PieceTable };

/** Tasks that ask for labels or a value of a whole text; words and vectors have no floor. */
export const FLOOR_TASKS = ["classification", "regression", "multi-label"] as const;
export type FloorTask = (typeof FLOOR_TASKS)[number];

/** Whether a task has a floor. */
export function hasFloor(task: TaskKind): task is FloorTask {
  return FLOOR_TASKS.some((each) => each === task);
}

/** A model that answers texts, as a fine-tuned network does. */
export interface FloorModel {
  readonly task: FloorTask;
  /** Names of classes or labels by their numbers; empty for a regression. */
  readonly labels: readonly string[];
  /** Whether it learnt from pairs of texts. */
  readonly isPair: boolean;
  readonly reader: Reader;
  readonly linear: LinearModel;
}

/** Learns the terms of a data set. */
export function learnTermReader({ examples }: Dataset): Extract<Reader, { kind: "tf-idf" }> {
  return { kind: "tf-idf", table: learnTerms(textsOf(examples)) };
}

/** Distils the pieces of a data set. @throws as `distilPieces` does */
export async function distilReader(
  { examples }: Dataset,
  from: Distillation,
  signal?: AbortSignal,
): Promise<Extract<Reader, { kind: "static" }>> {
  return { kind: "static", table: await distilPieces(from, textsOf(examples), signal) };
}

function textsOf(examples: readonly Example[]): string[] {
  return examples.flatMap(({ text, pair }) => (pair === undefined ? [text] : [text, pair]));
}

/** Fits a linear model to a data set. @throws the reason of the signal, between two steps */
export async function fitFloor(
  reader: Reader,
  task: FloorTask,
  { labels, examples }: Dataset,
  signal?: AbortSignal,
): Promise<FloorModel> {
  const isPair = examples.some(({ pair }) => pair !== undefined);
  const rows = rowsOf({ reader, isPair }, examples.map(asText));
  const facts = { task, labels, isPair, reader };
  if (task === "regression") {
    const linear = await fitValues(rows, examples.map(classOf), signal);
    return folded({ ...facts, linear });
  }
  const isMany = task === "classification" && labels.length > 2;
  const loss = isMany ? softmaxLoss(examples.map(classOf)) : logisticLoss(rightOutputs(task, examples));
  return folded({ ...facts, linear: await fitLinear(rows, outputsOf(facts), loss, signal) });
}

/**
 * Of single texts under static embeddings the same model without its vectors: a score of a mean is the mean of the pieces'
 * scores, so each piece is one number for each output.
 */
function folded(model: FloorModel): FloorModel {
  const { reader, isPair, linear } = model;
  if (reader.kind !== "static" || isPair || reader.table.vectors === null) return model;
  const { vectors, width, tokenizer } = reader.table;
  const pieces = tokenizer.vocabSize;
  const places = Array.from({ length: width }, (_, f) => f);
  const rows = Array.from({ length: pieces }, (_, piece) => {
    return { places, values: [...vectors.subarray(piece * width, (piece + 1) * width)] };
  });
  const { outputs, bias } = linear;
  const scores = scoreRows({ ...linear, bias: new Float32Array(outputs) }, stackRows(rows, width));
  const table: PieceTable = { ...reader.table, vectors: null, width: pieces };
  return {
    ...model,
    reader: { kind: "static", table },
    linear: { outputs, weight: Float32Array.from(scores), bias },
  };
}

/** Scores of a text: one for each label or class, and for two classes that of the second alone. */
export function outputsOf({ task, labels }: Pick<FloorModel, "task" | "labels">): number {
  if (task === "regression" || (task === "classification" && labels.length <= 2)) return 1;
  return labels.length;
}

/** Of two classes the one output is the second's. */
function rightOutputs(
  task: FloorTask,
  examples: readonly Example[],
): (row: number, output: number) => boolean {
  const right = examples.map((each) => new Set(labelsOf(each)));
  const first = task === "classification" ? 1 : 0;
  return (row, output) => requireItem(right, row, "examples").has(first + output);
}

/** In units of their own deviation, so that a fit ends alike for stars and for prices: the penalty is none on their scale. */
async function fitValues(
  rows: Rows,
  truth: readonly number[],
  signal: AbortSignal | undefined,
): Promise<LinearModel> {
  const mean = truth.reduce((sum, y) => sum + y / truth.length, 0);
  const deviation = Math.sqrt(truth.reduce((sum, y) => sum + (y - mean) ** 2 / truth.length, 0)) || 1;
  const scaled = truth.map((y) => (y - mean) / deviation);
  const { outputs, weight, bias } = await fitLinear(rows, 1, squaredLoss(scaled), signal);
  return { outputs, weight: weight.map((w) => w * deviation), bias: bias.map((b) => b * deviation + mean) };
}

/** Logits [N, labels], or values [N] of a regression: the form in which a network answers. */
export function floorLogits(model: FloorModel, texts: readonly Text[]): Float32Array {
  const scores = Float32Array.from(scoreRows(model.linear, rowsOf(model, texts)));
  if (outputsOf(model) > 1 || model.task !== "classification") return scores;
  // Of two classes the first has 0, and the softmax is the second's sigmoid.
  return Float32Array.from({ length: 2 * scores.length }, (_, i) =>
    i % 2 === 0 ? 0 : requireItem(scores, (i - 1) / 2, "scores"),
  );
}

/** The floor whose logits are these, as network/scaled.ts does to a network's. */
export function scaledFloor(model: FloorModel, { temperature, shift }: Scaling): FloorModel {
  const { outputs, weight, bias } = model.linear;
  // Of two classes the one output is the second's.
  const own = shift?.slice(-outputs);
  const linear = {
    outputs,
    weight: weight.map((w) => w / temperature),
    bias: bias.map((b, c) => b / temperature + (own === undefined ? 0 : requireItem(own, c, "shift"))),
  };
  return { ...model, linear };
}

/** A text of an example, as those that are given to be labelled. */
export function asText({ text, pair }: Pick<Example, "text" | "pair">): Text {
  return pair === undefined ? text : [text, pair];
}

/** A text as a floor reads it: all of it, word by word. */
export function readWhole(given: Text): ReadText {
  const [text, pair] = typeof given === "string" ? [given, null] : given;
  const tokens = wordsOf(text).length + wordsOf(pair ?? "").length;
  return { text, pair, tokens, cut: 0 };
}

/** A model of pairs reads a single text as one beside an empty one; one of single texts reads both as one. */
function rowsOf({ reader, isPair }: Pick<FloorModel, "reader" | "isPair">, texts: readonly Text[]): Rows {
  const shape = shapeOf(reader);
  const rows = texts.map((given) => {
    const [text, pair] = typeof given === "string" ? [given, ""] : given;
    if (!isPair) return rowOf(reader, pair === "" ? text : `${text}\n${pair}`);
    return pairRow(rowOf(reader, text), rowOf(reader, pair), shape);
  });
  return stackRows(rows, isPair ? pairWidth(shape) : shape.width);
}

/** Rows of one text. */
export function shapeOf({ kind, table }: Reader): RowShape {
  if (kind === "tf-idf") return { width: table.terms.length, isDense: false };
  return { width: table.width, isDense: table.vectors !== null };
}

function rowOf({ kind, table }: Reader, text: string): SparseRow {
  return kind === "tf-idf" ? tfIdfRow(table, text) : pieceRow(table, text);
}

/** Numbers that are stored for a model. */
export function countNumbers({ reader: { kind, table }, linear }: FloorModel): number {
  const own = kind === "tf-idf" ? table.idf.length : (table.vectors?.length ?? 0);
  return own + linear.weight.length + linear.bias.length;
}
