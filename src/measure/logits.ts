/** What a model says of a whole set of examples, in the set's own order, and how well it does. */

import { type Batch, type EncodedSet, evalBatches, inExampleOrder } from "../data/batches.ts";
import type { Measure } from "../data/dataset.ts";
import { meanLoss, predictedBy, taskMetrics } from "../data/metrics.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";

/** A model's answers to a labelled set. Two models are compared by these, example by example (paired.ts). */
export interface Judged {
  /** [N, C], or [N] of a regression. */
  readonly logits: Float32Array;
  /** A class for each example, or the value of a regression. */
  readonly predicted: ArrayLike<number>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean cross-entropy, or mean squared error of a regression. */
  readonly loss: number;
}

/** Anything that answers a batch: a network being trained, or one that is finished. */
export interface Answering {
  readonly logits: (batch: Batch) => Promise<Float32Array>;
}

/** Logits of every example, row by row: [N, C]. @throws the reason of the signal, before the next batch */
export async function logitsOf(
  model: Answering,
  set: EncodedSet,
  batchSize = 64,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const parts: { batch: Batch; rows: Float32Array }[] = [];
  for (const batch of evalBatches(set, batchSize)) {
    signal?.throwIfAborted();
    parts.push({ batch, rows: await model.logits(batch) });
  }
  return inExampleOrder(parts);
}

/** Asks a model about every example and judges what it says. @throws as `taskMetrics` does */
export async function judgeOn(model: Answering, set: EncodedSet, measure: Measure): Promise<Judged> {
  return judgeLogits(measure, await logitsOf(model, set), truthOf(set));
}

/** Judges logits [N, C] of labelled examples. @throws as `taskMetrics` does */
export function judgeLogits(measure: Measure, logits: Float32Array, labels: readonly number[]): Judged {
  const metrics = taskMetrics(measure, logits, labels);
  const predicted = predictedBy(measure, logits, labels.length);
  return { logits, predicted, metrics, loss: meanLoss(measure, logits, labels) };
}

/** Judges a finished network as the model that ships, on an engine of its own. @throws as `judgeOn` does */
export async function judgeNetwork(
  network: Network,
  { threads, device }: { readonly threads: number; readonly device: Provider },
  set: EncodedSet,
  measure: Measure,
): Promise<Judged & { readonly network: Network }> {
  const engine = new Engine({ threads, provider: device });
  try {
    return { network, ...(await judgeOn(await openNetwork(engine, network), set, measure)) };
  } finally {
    await engine.close();
  }
}

/** The gold labels of a set. */
export function truthOf({ examples }: EncodedSet): number[] {
  return examples.map(({ label }) => label);
}
