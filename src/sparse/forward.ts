/**
 * The forward pass of a model in an arena, as one thread does its share of it. There is one for all architectures: where
 * they differ, model.ts has placed something else.
 *
 *   P panels   D hidden   E embeddings   A features of all heads   F feed-forward
 *
 * A thread has a range of the panels and does everything for them: only attention looks at other panels of a text, so
 * threads wait for each other once a layer, after keys and values. Where answers are made of first tokens alone the last
 * layer is computed for these, which are packed into panels of their own; that part, a hundredth of the work, is the
 * first thread's. Other heads are all threads' (heads.ts). Nothing but views is allocated in a pass. Browser-safe. Not
 * here: threads (runtime/), how a wait is done.
 */

import { requireItem, requireLast } from "../base/present.ts";
import { type PlacedBatch, readBatch, type TextPlace } from "./batch.ts";
import { answerFromAll, answerFromFirsts, keepMeans, readsAllTokens } from "./heads.ts";
import { PANEL, padFeatures, panelBytes, panelsOf } from "./panels.ts";
import type { PlacedLayer } from "./placed.ts";
import { type PlacedProduct, prepareInput, runProduct } from "./product.ts";
import { chunksOf, type Range, runNorm, runProducts, type Worker } from "./work.ts";

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
  const isWhole = readsAllTokens(head);
  model.layers.forEach((layer, i) => {
    const isFirsts = i === last && !isWhole;
    if (isFirsts) keepFirsts(worker, batch, range, isMixture ? last : 0);
    for (const chunk of chunksOf(range)) project(worker, batch, layer, i, chunk, !isFirsts);
    worker.meet();
    if (isFirsts) return;
    attend(worker, batch, layer, i, range);
    finishLayer(worker, layer, range, worker.model.room);
    if (!isMixture || i === last) return; // of the last layer the head itself sees to the means
    if (isWhole) keepMeans(worker, batch.texts, i);
    else keepFirsts(worker, batch, range, i);
  });
  if (isWhole) {
    answerFromAll(worker, batch.texts, range);
    return;
  }
  if (last < 0) {
    keepFirsts(worker, batch, range, 0);
    worker.meet();
  }
  if (thread > 0) return;
  if (last >= 0) lastLayer(worker, batch, last);
  answerFromFirsts(worker, batch.texts.length);
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
  const { hidden, normed, branch } = worker.model.room;
  const { features, norm, projection, next } = worker.model.embeddings;
  const x = projection ? branch : hidden;
  gather(worker, batch, range, x);
  runNorm(worker, { x, added: 0, y: x, features }, range, norm);
  if (projection)
    for (const chunk of chunksOf(range)) runProducts(worker, [[projection, hidden]], branch, chunk);
  if (next) runNorm(worker, { x: hidden, added: 0, y: normed }, range, next);
}

/** The sum of each token's rows of the tables, into panels [E] at `x`. */
function gather({ kernels, model }: Worker, batch: PlacedBatch, range: Range, x: number): void {
  const { features, words, positions, positionRow, types, pad } = model.embeddings;
  const stride = panelBytes(features);
  for (const { text, from, to } of textsIn(batch, range)) {
    kernels.gather(
      x + text.panel * stride,
      stride,
      (from - text.panel) * PANEL,
      (to - text.panel) * PANEL,
      text.tokens,
      text.ids,
      text.types,
      features,
      words,
      positions,
      positionRow,
      types,
      pad,
    );
  }
}

/** Keys, values and, where it is wanted, queries of at most CHUNK panels; nothing for a layer without heads. */
function project(
  worker: Worker,
  batch: PlacedBatch,
  layer: PlacedLayer,
  i: number,
  chunk: Range,
  withQuery: boolean,
): void {
  const { attention, isBare } = layer;
  if (!attention) return;
  const { hidden, normed, keys, values, queries } = worker.model.room;
  const targets: readonly (readonly [PlacedProduct, number])[] = [
    [attention.key, keys[turn(i)]],
    [attention.value, values[turn(i)]],
    ...(withQuery ? [[attention.query, queries[turn(i)]] as const] : []),
  ];
  runProducts(worker, targets, isBare ? hidden : normed, chunk);
  if (layer.places.angles === 0) return;
  for (const each of withQuery ? [keys[turn(i)], queries[turn(i)]] : [keys[turn(i)]])
    rotate(worker, batch, layer, chunk, each);
}

/** Turns queries or keys by the angles of their places. */
function rotate(
  { kernels }: Worker,
  batch: PlacedBatch,
  { heads, headSize, places }: PlacedLayer,
  chunk: Range,
  x: number,
): void {
  const { angles, anglesRow } = places;
  const stride = panelBytes(heads * headSize);
  for (const { text, from, to } of textsIn(batch, chunk)) {
    const table = angles + (from - text.panel) * anglesRow;
    kernels.rotate(x + from * stride, stride, to - from, heads, headSize, table);
  }
}

function turn(i: number): 0 | 1 {
  return i % 2 === 0 ? 0 : 1;
}

function attend(worker: Worker, batch: PlacedBatch, layer: PlacedLayer, i: number, range: Range): void {
  if (!layer.attention) return;
  const { kernels, model, thread } = worker;
  const { queries, mixed, keys, values, threads } = model.room;
  const stride = panelBytes(layer.heads * layer.headSize);
  const { reach, terms, termsRow } = layer.places;
  const { scores } = requireItem(threads, thread, "threads");
  for (const { text, from, to } of textsIn(batch, range)) {
    kernels.attention(
      queries[turn(i)] + from * stride,
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
      reach,
      terms,
      termsRow,
    );
  }
}

/** Where states lie that a layer replaces, and their norm. */
interface States {
  readonly hidden: number;
  readonly normed: number;
}

/** From the mixture on: output projection, sum and norm, feed-forward, sum and norm. */
function finishLayer(worker: Worker, layer: PlacedLayer, range: Range, { hidden, normed }: States): void {
  const { branch, mixed } = worker.model.room;
  const place = { x: hidden, added: branch, y: normed };
  for (const chunk of chunksOf(range)) {
    runProducts(worker, [[layer.attentionOutput, branch]], mixed, chunk);
    runNorm(worker, place, chunk, layer.attentionNorm);
    feedForward(worker, layer, normed, chunk);
    runNorm(worker, place, chunk, layer.outputNorm);
  }
}

/** At most CHUNK panels, through this thread's own room for neurons. */
function feedForward(
  { kernels, model, thread }: Worker,
  { intermediate, gate, output }: PlacedLayer,
  x: number,
  { from, to }: Range,
): void {
  const { neurons, gates, bytes, rounded } = requireItem(model.room.threads, thread, "threads");
  const panels = to - from;
  if (intermediate) {
    const input = { floats: x + from * panelBytes(intermediate.columns), bytes, rounded, panels };
    prepareInput(kernels, gate ? [intermediate, gate] : [intermediate], input);
    const numbers = panels * padFeatures(intermediate.rows) * PANEL;
    runProduct(kernels, intermediate, input, neurons);
    kernels[model.activation](neurons, numbers);
    if (gate) {
      runProduct(kernels, gate, input, gates);
      kernels.multiply(neurons, gates, numbers);
    }
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
  const { hidden, normed, firsts, firstsNormed } = model.room;
  const { hiddenSize } = model.config;
  const stride = panelBytes(hiddenSize);
  const target = requireItem(firsts, slot, "first tokens");
  texts.forEach(({ panel }, i) => {
    if (panel < from || panel >= to) return;
    kernels.lane(hidden + panel * stride, laneAddress(target, i, stride), hiddenSize);
    if (normed !== hidden)
      kernels.lane(normed + panel * stride, laneAddress(firstsNormed, i, stride), hiddenSize);
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
  const states = { hidden: requireLast(room.firsts, "first tokens"), normed: room.firstsNormed };
  const all: Range = { from: 0, to: panelsOf(texts.length) };
  if (layer.attention) {
    const { query } = layer.attention;
    const x = layer.isBare ? states.hidden : states.normed;
    for (const chunk of chunksOf(all)) runProducts(worker, [[query, room.queries[turn(i)]]], x, chunk);
    for (const [t, text] of texts.entries()) attendFirst(worker, layer, i, text, t);
  }
  finishLayer(worker, layer, all, states);
}

/** One text's first token over its text; the other 15 queries of the panel come along and are dropped. */
function attendFirst(
  { kernels, model }: Worker,
  layer: PlacedLayer,
  i: number,
  text: TextPlace,
  t: number,
): void {
  const { queries, mixed, keys, values, threads } = model.room;
  const features = layer.heads * layer.headSize;
  const stride = panelBytes(features);
  const { reach, terms, termsRow } = layer.places;
  const { scores, panel } = requireItem(threads, 0, "threads");
  kernels.attention(
    queries[turn(i)] + Math.floor(t / PANEL) * stride,
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
    -(t % PANEL), // the lane that is kept is the text's first token
    reach,
    terms,
    termsRow,
  );
  kernels.lane(panel + (t % PANEL) * 4, laneAddress(mixed, t, stride), features);
}
