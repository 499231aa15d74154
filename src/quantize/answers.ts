/** What a network says of every text of a set: logits of one with labels, vectors of a bare encoder. And how far two differ. */

import { type Head, type Pooling, poolingOf } from "../bert/config.ts";
import { type Batch, type EncodedSet, evalBatches, inExampleOrder } from "../data/batches.ts";
import { cosine } from "../data/judging/neighbours.ts";
import type { Engine } from "../engine/engine.ts";
import type { Answering } from "../measure/logits.ts";
import { openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { poolBatch } from "../network/pooling.ts";

/** Texts of one batch. */
const BATCH = 32;

/**
 * Answers of a model that is open, [N, C] in the order of the texts.
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
  const parts: { batch: Batch; rows: Float32Array }[] = [];
  for (const batch of evalBatches(set, BATCH)) {
    signal?.throwIfAborted();
    const said = await model.logits(batch);
    parts.push({ batch, rows: pooling === undefined ? said : poolBatch(said, batch, pooling) });
  }
  return inExampleOrder(parts);
}

/** Answers of a network. */
export async function answersOf(
  engine: Engine,
  network: Network,
  set: EncodedSet,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return answersBy(await openNetwork(engine, network), poolingOf(network.head), set, signal);
}

/** How the answers of two networks are compared. */
export const DIVERGENCES = {
  classification: "KL divergence of the classes' probabilities from float32's, in nats",
  regression: "mean squared difference to float32's values",
  none: "1 - mean cosine with float32's vectors",
} as const;

/** How far answers [N, C] are from those of the float32 network, over all texts: 0 where they are the same. */
export function divergence(head: Head, exact: Float32Array, rough: Float32Array, texts: number): number {
  const width = exact.length / texts;
  let sum = 0;
  for (let i = 0; i < texts; i++) {
    const [a, b] = [exact, rough].map((rows) => rows.subarray(i * width, (i + 1) * width));
    if (a === undefined || b === undefined) continue;
    if (head.kind === "classification") sum += klDivergence(a, b);
    else if (head.kind === "regression") sum += ((a[0] ?? 0) - (b[0] ?? 0)) ** 2;
    else sum += 1 - cosine(a, 0, b, 0, width);
  }
  return sum / texts;
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
