/**
 * From last states to answers, as one thread does its share of it: the head's hidden layer, logits, vectors.
 *
 * Browser-safe. Not here: the encoder (forward.ts), answers as rows (answers.ts).
 */

import { requireItem, requireLast } from "../base/present.ts";
import type { Pooling } from "../bert/config.ts";
import type { TextPlace } from "./batch.ts";
import { PANEL, padFeatures, panelBytes, panelsOf } from "./panels.ts";
import type { PlacedHead, PlacedHidden } from "./placed.ts";
import { poolFirsts, poolTexts, spreadRows, type TextShare, type VectorRoom } from "./vectors.ts";
import { chunksOf, type Range, runNorm, runProducts, type Worker } from "./work.ts";

/** Whether a head reads the last layer of all tokens, not of first ones alone. */
export function readsAllTokens(head: PlacedHead): boolean {
  if (head.kind === "vector") return head.pooling.mode !== "cls";
  return head.kind === "tokens" || head.readsMean;
}

/** Answers of a head that reads all tokens, whose last states lie there. When the first thread returns, they are there. */
export function answerFromAll(worker: Worker, texts: readonly TextPlace[], range: Range): void {
  const { model, thread, threads, meet } = worker;
  const { head } = model;
  if (head.kind === "tokens") {
    for (const chunk of chunksOf(range)) labelTokens(worker, head, chunk);
  } else {
    meet(); // a text may lie in the ranges of several threads
    poolShare(worker, head, { texts, thread, threads });
  }
  meet(); // the first must not return before the others are done
  if (head.kind === "labels" && thread === 0) labelTexts(worker, head, texts.length);
}

/** Vectors of some texts, or what a head reads of them as lanes. */
function poolShare(worker: Worker, head: Of<"labels" | "vector">, share: TextShare): void {
  const { normed, firstsNormed } = worker.model.room;
  if (head.kind === "vector") poolTexts(vectorRoom(worker, head.pooling), normed, share);
  else spreadMeans(worker, normed, firstsNormed, share);
}

/** The means of some texts' states into lanes. */
function spreadMeans(worker: Worker, states: number, lanes: number, share: TextShare): void {
  // What modules have added is done with, so that rows have room there until they lie as lanes.
  const { branch } = worker.model.room;
  const means = { ...vectorRoom(worker, { mode: "mean", normalize: false }), vectors: branch };
  poolTexts(means, states, share);
  spreadRows(means, lanes, share);
}

/** Keeps a lower layer's means for a mixture of them. Threads meet before: a text may lie in the ranges of several. */
export function keepMeans(worker: Worker, texts: readonly TextPlace[], layer: number): void {
  const { model, thread, threads, meet } = worker;
  const { hidden, firsts } = model.room;
  meet();
  spreadMeans(worker, hidden, requireItem(firsts, layer, "means"), { texts, thread, threads });
}

/** Answers of a head that reads first tokens; the first thread's part. */
export function answerFromFirsts(worker: Worker, texts: number): void {
  const { head, room } = worker.model;
  if (head.kind === "vector") poolFirsts(vectorRoom(worker, head.pooling), room.firstsNormed, texts);
  if (head.kind === "labels") labelTexts(worker, head, texts);
}

type Of<K extends PlacedHead["kind"]> = Extract<PlacedHead, { readonly kind: K }>;

/** Logits of texts from what is read of them: a mixture of layers, or the last one. */
function labelTexts(worker: Worker, { mixture, hidden, classifier }: Of<"labels">, texts: number): void {
  const { branch, firstsNormed, logits } = worker.model.room;
  const all = panelsOf(texts);
  const read = mixture ? mix(worker, mixture, all) : firstsNormed;
  for (const chunk of chunksOf({ from: 0, to: all })) {
    runHidden(worker, hidden, read, branch, chunk);
    runProducts(worker, [[classifier, logits]], branch, chunk);
  }
}

/** Logits of at most CHUNK panels of tokens. */
function labelTokens(worker: Worker, { hidden, classifier }: Of<"tokens">, chunk: Range): void {
  const { normed, branch, logits } = worker.model.room;
  if (hidden) runHidden(worker, hidden, normed, branch, chunk);
  runProducts(worker, [[classifier, logits]], hidden ? branch : normed, chunk);
}

/** The head's hidden layer over at most CHUNK panels [D]. */
function runHidden(
  worker: Worker,
  { linear, activation, norm }: PlacedHidden,
  x: number,
  y: number,
  chunk: Range,
) {
  const { hiddenSize } = worker.model.config;
  runProducts(worker, [[linear, y]], x, chunk);
  const numbers = (chunk.to - chunk.from) * padFeatures(hiddenSize) * PANEL;
  worker.kernels[activation](y + chunk.from * panelBytes(hiddenSize), numbers);
  if (norm) runNorm(worker, { x: y, added: 0, y }, chunk, norm);
}

/** Σ shareₗ·readₗ into the last layer's place. */
function mix({ memory, model }: Worker, shares: readonly number[], panels: number): number {
  const { firsts, firstsNormed } = model.room;
  const numbers = (panels * panelBytes(model.config.hiddenSize)) / 4;
  const addresses = firsts.with(-1, firstsNormed);
  const layers = addresses.map((address) => new Float32Array(memory.buffer, address, numbers));
  const target = requireLast(layers, "first tokens");
  for (let i = 0; i < numbers; i++) {
    target[i] = shares.reduce((sum, share, l) => sum + share * (layers[l]?.[i] ?? 0), 0);
  }
  return requireLast(addresses, "first tokens");
}

function vectorRoom({ memory, model }: Worker, pooling: Pooling): VectorRoom {
  return { memory, pooling, features: model.config.hiddenSize, vectors: model.room.logits };
}
