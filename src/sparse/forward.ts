/**
 * The forward pass of a model in an arena, as one thread does its share of it.
 *
 *   P panels   D hidden   A features of all heads   F feed-forward
 *
 * A thread has a range of the panels and does everything for them: only attention looks at other panels of a text, so
 * threads wait for each other once a layer, after keys and values. Where answers are made of first tokens alone the last
 * layer is computed for these, which are packed into panels of their own; that part, a hundredth of the work, is the
 * first thread's. Vectors of whole texts, and labels of tokens, are made by all threads. Nothing but views is allocated in
 * a pass. Browser-safe. Not here: threads (runtime/), how a wait is done.
 */

import { requireItem, requireLast } from "../base/present.ts";
import type { Pooling } from "../bert/config.ts";
import { type PlacedBatch, readBatch, type TextPlace } from "./batch.ts";
import { ALL_TOKENS, type Kernels } from "./kernels.ts";
import { CHUNK, type PlacedLayer, type PlacedModel, type PlacedNorm } from "./model.ts";
import { PANEL, padFeatures, panelBytes, panelsOf } from "./panels.ts";
import { type PlacedProduct, prepareInput, runProduct } from "./product.ts";
import { poolFirsts, poolTexts, type VectorRoom } from "./vectors.ts";

/** What one thread works with. */
export interface Worker {
  readonly kernels: Kernels;
  readonly memory: WebAssembly.Memory;
  readonly model: PlacedModel;
  /** This thread's number, from 0, of `threads`. */
  readonly thread: number;
  readonly threads: number;
  /** Returns when all threads have called it. */
  readonly meet: () => void;
}

/** A range of panels. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** Does this thread's share of the pass whose batch is in memory. When the first thread returns, the answers are there. */
export function forward(worker: Worker): void {
  const { model, memory, thread, threads } = worker;
  const batch = readBatch(memory, model);
  const share = (t: number): number => Math.floor((batch.panels * t) / threads);
  const range: Range = { from: share(thread), to: share(thread + 1) };
  embed(worker, batch, range);
  const { head } = model;
  const last = model.layers.length - 1;
  const isMixture = head.kind === "labels" && head.mixture !== undefined;
  const isWhole = head.kind === "tokens" || (head.kind === "vector" && head.pooling.mode !== "cls");
  model.layers.forEach((layer, i) => {
    const isFirsts = i === last && !isWhole;
    if (isFirsts) keepFirsts(worker, batch, range, isMixture ? last : 0);
    for (const chunk of chunksOf(range)) project(worker, layer, i, chunk, !isFirsts);
    worker.meet();
    if (isFirsts) return;
    attend(worker, batch, layer, i, range);
    finishLayer(worker, layer, range);
    if (isMixture) keepFirsts(worker, batch, range, i);
  });
  if (isWhole) {
    if (head.kind === "tokens") labelTokens(worker, head.classifier, range);
    if (head.kind === "vector") {
      worker.meet(); // a text may lie in the ranges of several threads
      poolTexts(vectorRoom(worker, head), model.room.hidden, { texts: batch.texts, thread, threads });
    }
    worker.meet(); // the first must not return before the others are done
    return;
  }
  if (last < 0) {
    keepFirsts(worker, batch, range, 0);
    worker.meet();
  }
  if (thread > 0) return;
  lastLayer(worker, batch, last);
  answer(worker, batch.texts.length);
}

/** Texts that have panels in a range, with the part that lies in it. */
function* textsIn(
  { texts }: PlacedBatch,
  { from, to }: Range,
): Generator<{ readonly text: TextPlace } & Range> {
  for (const text of texts) {
    const end = text.panel + panelsOf(text.tokens);
    if (end <= from || text.panel >= to) continue;
    yield { text, from: Math.max(from, text.panel), to: Math.min(to, end) };
  }
}

function embed(worker: Worker, batch: PlacedBatch, range: Range): void {
  const { kernels, model } = worker;
  const { embeddings, room, config } = model;
  const D = panelBytes(config.hiddenSize);
  for (const { text, from, to } of textsIn(batch, range)) {
    const [first, end] = [from - text.panel, to - text.panel];
    const x = room.hidden + text.panel * D;
    const { words, positions, types } = embeddings;
    kernels.gather(
      x,
      D,
      first * PANEL,
      end * PANEL,
      text.tokens,
      text.ids,
      text.types,
      config.hiddenSize,
      words,
      positions,
      4 * config.hiddenSize,
      types,
      -1,
    );
  }
  norm(worker, room.hidden, 0, range, embeddings.norm);
}

function norm(
  { kernels, model }: Worker,
  x: number,
  r: number,
  { from, to }: Range,
  { gamma, beta }: PlacedNorm,
): void {
  const { hiddenSize, layerNormEps } = model.config;
  const stride = panelBytes(hiddenSize);
  const at = (base: number): number => (base === 0 ? 0 : base + from * stride);
  kernels.layer_norm(at(x), at(r), at(x), to - from, stride, hiddenSize, gamma, beta, layerNormEps);
}

/** Keys, values and, where it is wanted, queries of at most CHUNK panels; nothing for a layer without heads. */
function project(
  worker: Worker,
  { attention }: PlacedLayer,
  i: number,
  chunk: Range,
  withQuery: boolean,
): void {
  if (!attention) return;
  const { hidden, keys, values, query } = worker.model.room;
  const targets: readonly (readonly [PlacedProduct, number])[] = [
    [attention.key, keys[turn(i)]],
    [attention.value, values[turn(i)]],
    ...(withQuery ? [[attention.query, query] as const] : []),
  ];
  productsOver(worker, targets, hidden, chunk);
}

/** y = W·x + b for at most CHUNK panels, by several layers that read the same x; strides follow from the layers' sizes. */
function productsOver(
  { kernels, model, thread }: Worker,
  targets: readonly (readonly [layer: PlacedProduct, y: number])[],
  x: number,
  { from, to }: Range,
): void {
  const layers = targets.map(([layer]) => layer);
  const { columns } = requireItem(layers, 0, "layers");
  const { bytes, rounded } = requireItem(model.room.threads, thread, "threads");
  const input = { floats: x + from * panelBytes(columns), bytes, rounded, panels: to - from };
  prepareInput(kernels, layers, input);
  for (const [layer, y] of targets) runProduct(kernels, layer, input, y + from * panelBytes(layer.rows));
}

function turn(i: number): 0 | 1 {
  return i % 2 === 0 ? 0 : 1;
}

function attend(worker: Worker, batch: PlacedBatch, layer: PlacedLayer, i: number, range: Range): void {
  if (!layer.attention) return;
  const { kernels, model, thread } = worker;
  const { query, mixed, keys, values, threads } = model.room;
  const stride = panelBytes(layer.heads * layer.headSize);
  const { scores } = requireItem(threads, thread, "threads");
  for (const { text, from, to } of textsIn(batch, range)) {
    kernels.attention(
      query + from * stride,
      keys[turn(i)] + text.panel * stride,
      values[turn(i)] + text.panel * stride,
      mixed + from * stride,
      stride,
      stride,
      to - from,
      text.tokens,
      layer.heads,
      layer.headSize,
      scores,
      PANEL * (from - text.panel),
      ALL_TOKENS,
      0,
      0,
    );
  }
}

/** From the mixture on: output projection, LayerNorm, feed-forward, LayerNorm. Hidden states are replaced. */
function finishLayer(
  worker: Worker,
  layer: PlacedLayer,
  range: Range,
  hidden = worker.model.room.hidden,
): void {
  const { branch, mixed } = worker.model.room;
  for (const chunk of chunksOf(range)) {
    productsOver(worker, [[layer.attentionOutput, branch]], mixed, chunk);
    norm(worker, hidden, branch, chunk, layer.attentionNorm);
    feedForward(worker, layer, hidden, chunk);
    norm(worker, hidden, branch, chunk, layer.outputNorm);
  }
}

/** Parts of a range small enough that what is made of them stays in the second cache: 128 tokens. */
function* chunksOf({ from, to }: Range): Generator<Range> {
  for (let at = from; at < to; at += CHUNK) yield { from: at, to: Math.min(at + CHUNK, to) };
}

/** At most CHUNK panels, through this thread's own room for neurons. */
function feedForward(
  { kernels, model, thread }: Worker,
  layer: PlacedLayer,
  hidden: number,
  range: Range,
): void {
  const { from, to } = range;
  const { intermediate, output } = layer;
  const { neurons, bytes, rounded } = requireItem(model.room.threads, thread, "threads");
  const panels = to - from;
  if (intermediate) {
    const input = { floats: hidden + from * panelBytes(intermediate.columns), bytes, rounded, panels };
    prepareInput(kernels, [intermediate], input);
    runProduct(kernels, intermediate, input, neurons);
    kernels[model.activation](neurons, panels * padFeatures(intermediate.rows) * PANEL);
  }
  const input = { floats: neurons, bytes, rounded, panels };
  prepareInput(kernels, [output], input);
  runProduct(kernels, output, input, model.room.branch + from * panelBytes(output.rows));
}

/** Copies the first tokens of the texts that begin in this thread's range, each into its own lane. */
function keepFirsts(
  { kernels, model }: Worker,
  { texts }: PlacedBatch,
  { from, to }: Range,
  slot: number,
): void {
  const { hiddenSize } = model.config;
  const stride = panelBytes(hiddenSize);
  const firsts = requireItem(model.room.firsts, slot, "first tokens");
  texts.forEach(({ panel }, i) => {
    if (panel < from || panel >= to) return;
    kernels.lane(model.room.hidden + panel * stride, laneAddress(firsts, i, stride), hiddenSize);
  });
}

/** Of text `i` in panels that hold one token of each text. */
function laneAddress(base: number, i: number, stride: number): number {
  return base + Math.floor(i / PANEL) * stride + (i % PANEL) * 4;
}

/** The last layer for the first tokens, which lie in `firsts`. Queries, mixtures and branches of the others are done with. */
function lastLayer(worker: Worker, { texts }: PlacedBatch, i: number): void {
  const { room, layers } = worker.model;
  const layer = requireItem(layers, i, "layers");
  const firsts = requireLast(room.firsts, "first tokens");
  const all: Range = { from: 0, to: panelsOf(texts.length) };
  if (layer.attention) {
    const { query } = layer.attention;
    for (const chunk of chunksOf(all)) productsOver(worker, [[query, room.query]], firsts, chunk);
    for (const [t, text] of texts.entries()) attendFirst(worker, layer, i, text, t);
  }
  finishLayer(worker, layer, all, firsts);
}

/** One text's first token over its text; the other 15 queries of the panel come along and are dropped. */
function attendFirst(
  { kernels, model }: Worker,
  layer: PlacedLayer,
  i: number,
  text: TextPlace,
  t: number,
): void {
  const { query, mixed, keys, values, threads } = model.room;
  const features = layer.heads * layer.headSize;
  const stride = panelBytes(features);
  const { scores, panel } = requireItem(threads, 0, "threads");
  kernels.attention(
    query + Math.floor(t / PANEL) * stride,
    keys[turn(i)] + text.panel * stride,
    values[turn(i)] + text.panel * stride,
    panel,
    stride,
    stride,
    1,
    text.tokens,
    layer.heads,
    layer.headSize,
    scores,
    -(t % PANEL),
    ALL_TOKENS,
    0,
    0,
  );
  kernels.lane(panel + (t % PANEL) * 4, laneAddress(mixed, t, stride), features);
}

/** Logits of every token of a range. */
function labelTokens({ kernels, model }: Worker, classifier: PlacedProduct, range: Range): void {
  const { hidden, logits } = model.room;
  for (const { from, to } of chunksOf(range)) {
    const floats = hidden + from * panelBytes(classifier.columns);
    const y = logits + from * panelBytes(classifier.rows);
    runProduct(kernels, classifier, { floats, bytes: 0, rounded: 0, panels: to - from }, y);
  }
}

/** What the head reads, its hidden layer, and the logits; or the vectors of first tokens. */
function answer(worker: Worker, texts: number): void {
  const { kernels, model } = worker;
  const { room, head } = model;
  if (head.kind === "tokens") return;
  if (head.kind === "vector") {
    poolFirsts(vectorRoom(worker, head), requireItem(room.firsts, 0, "first tokens"), texts);
    return;
  }
  const { mixture, reader, classifier } = head;
  const panels = panelsOf(texts);
  const firsts = requireItem(room.firsts, 0, "first tokens");
  const read = mixture ? mix(worker, mixture, panels) : firsts;
  runProduct(kernels, reader, { floats: read, bytes: 0, rounded: 0, panels }, room.branch);
  const numbers = panels * padFeatures(model.config.hiddenSize) * PANEL;
  kernels[mixture ? "relu" : "tanh"](room.branch, numbers);
  runProduct(kernels, classifier, { floats: room.branch, bytes: 0, rounded: 0, panels }, room.logits);
}

/** Σ shareₗ·firstₗ into the first layer's place. */
function mix({ memory, model }: Worker, shares: readonly number[], panels: number): number {
  const { firsts } = model.room;
  const numbers = (panels * panelBytes(model.config.hiddenSize)) / 4;
  const layers = firsts.map((address) => new Float32Array(memory.buffer, address, numbers));
  const [target] = layers;
  for (let i = 0; target && i < numbers; i++) {
    target[i] = shares.reduce((sum, share, l) => sum + share * (layers[l]?.[i] ?? 0), 0);
  }
  return requireItem(firsts, 0, "first tokens");
}

function vectorRoom({ memory, model }: Worker, { pooling }: { readonly pooling: Pooling }): VectorRoom {
  return { memory, pooling, features: model.config.hiddenSize, vectors: model.room.logits };
}
