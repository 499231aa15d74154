/**
 * What a network says of a set: logits of one with labels, vectors of a bare encoder. And how far two networks differ.
 *
 * What is judged are the answers that have a label (measure/logits.ts); two networks are compared by all that they say.
 */

import { mean } from "../base/statistics.ts";
import { type Head, type Pooling, poolingOf } from "../bert/config.ts";
import type { EncodedSet } from "../data/batches.ts";
import { cosine } from "../data/judging/neighbours.ts";
import type { Engine } from "../engine/engine.ts";
import { type Answering, logitsOf } from "../measure/logits.ts";
import { answersInOrder, openAnswers, openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { poolBatch } from "../network/pooling.ts";

/** Texts of one batch. */
const BATCH = 32;

/**
 * Answers of a model that is open to what has a label, [N, C] in the order of the texts.
 *
 * @param pooling  of what gives states of tokens; undefined for what gives logits or vectors
 * @throws the reason of the signal, before the next batch
 */
export async function answersBy(
  model: Answering,
  pooling: Pooling | undefined,
  set: EncodedSet,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const pooled: Answering = {
    logits: async (batch) => {
      const said = await model.logits(batch);
      return pooling === undefined ? said : poolBatch(said, batch, pooling);
    },
  };
  return logitsOf(pooled, set, BATCH, signal);
}

/** The same of a network. */
export async function answersOf(
  engine: Engine,
  network: Network,
  set: EncodedSet,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return answersBy(await openNetwork(engine, network), poolingOf(network.head), set, signal);
}

/** All that a network says of texts: of tokens a row for each, whether it has a label or not. */
export async function everyAnswer(
  engine: Engine,
  network: Network,
  set: EncodedSet,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return answersInOrder(await openAnswers(engine, network), network.head, set, BATCH, signal);
}

/** How the answers of two networks are compared. */
export const DIVERGENCES = {
  classification: "KL divergence of the classes' probabilities from float32's, in nats",
  regression: "mean squared difference to float32's values",
  "multi-label": "KL divergence of a label's probability from float32's, in nats, mean over the labels",
  tokens: "KL divergence of the classes' probabilities from float32's, in nats, mean over the tokens",
  none: "1 - mean cosine with float32's vectors",
} as const;

/** How far answers [N, C] are from those of the float32 network, over all texts: 0 where they are the same. */
export function divergence(head: Head, exact: Float32Array, rough: Float32Array, texts: number): number {
  const width = head.kind === "tokens" ? head.labels.length : exact.length / texts;
  const rows = exact.length / width;
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const [a, b] = [exact, rough].map((all) => all.subarray(i * width, (i + 1) * width));
    if (a && b) sum += distance(head, a, b);
  }
  return sum / rows;
}

function distance({ kind }: Head, a: Float32Array, b: Float32Array): number {
  if (kind === "classification" || kind === "tokens") return klDivergence(a, b);
  if (kind === "regression") return ((a[0] ?? 0) - (b[0] ?? 0)) ** 2;
  // A label that holds or does not is two classes, with logits z and 0.
  if (kind === "multi-label")
    return mean(Array.from(a, (z, c) => klDivergence(Float32Array.of(z, 0), Float32Array.of(b[c] ?? 0, 0))));
  return 1 - cosine(a, 0, b, 0, a.length);
}

/** The mean cosine of vectors [N, D] with the exact ones. */
export function meanCosine(exact: Float32Array, rough: Float32Array, texts: number): number {
  return 1 - divergence({ kind: "none" }, exact, rough, texts);
}

/** Σ p·(log p - log q) of the softmax of two rows. */
function klDivergence(a: Float32Array, b: Float32Array): number {
  const [p, q] = [logSoftmax(a), logSoftmax(b)];
  return p.reduce((sum, log, i) => sum + Math.exp(log) * (log - (q[i] ?? 0)), 0);
}

function logSoftmax(row: Float32Array): number[] {
  const most = Math.max(...row);
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) + most;
  return Array.from(row, (x) => x - total);
}
