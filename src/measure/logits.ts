/** What a model says of a whole set of examples, in the set's own order, and how well it does. */

import {
  type Batch,
  type EncodedSet,
  evalBatches,
  inExampleOrder,
  meanRows,
  UNLABELLED,
} from "../data/batches.ts";
import type { Measure } from "../data/dataset.ts";
import { lossOf, metricsOf, predict, requireAnswers, type Truth, truthOf } from "../data/judging/judge.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { openAnswers } from "../network/inference.ts";
import type { Network } from "../network/network.ts";

/** A model's answers to a labelled set. Two models are compared by these, example by example (paired.ts). */
export interface Judged {
  /** As `logitsOf` gives them. */
  readonly logits: Float32Array;
  /** See data/judging/judge.ts. */
  readonly predicted: ArrayLike<number>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean over the labels, or over the texts of an embedding. */
  readonly loss: number;
}

/** Anything that answers a batch: a network being trained, or one that is finished. */
export interface Answering {
  readonly logits: (batch: Batch) => Promise<Float32Array>;
}

/**
 * Answers to every example, row by row: [N, C], [N, 1] or [N, D]; for words a row for each that has a label, and for texts in
 * windows the mean of theirs.
 * @throws the reason of the signal, before the next batch
 */
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
  if (set.task === "tokens") return wordRows(set, parts);
  const rows = inExampleOrder(parts);
  return set.starts ? meanRows(rows, set.starts) : rows;
}

/** Of rows for all tokens of each batch, [B·T, C], those of the labelled ones, in the order of the examples. */
function wordRows(
  { examples }: EncodedSet,
  parts: readonly { readonly batch: Batch; readonly rows: Float32Array }[],
): Float32Array {
  const own: Float32Array[][] = examples.map(() => []);
  for (const { batch, rows } of parts) {
    const width = rows.length / (batch.size * batch.length);
    batch.indices.forEach((index, i) => {
      Array.from(examples[index]?.labels ?? []).forEach((label, token) => {
        if (label === UNLABELLED) return;
        const start = (i * batch.length + token) * width;
        own[index]?.push(rows.subarray(start, start + width));
      });
    });
  }
  const all = own.flat();
  const width = all[0]?.length ?? 0;
  const out = new Float32Array(all.length * width);
  all.forEach((row, i) => {
    out.set(row, i * width);
  });
  return out;
}

/** Asks a model about every example and judges what it says. @throws as `requireAnswers` does */
export async function judgeOn(model: Answering, set: EncodedSet, measure: Measure): Promise<Judged> {
  return judgeLogits(measure, await logitsOf(model, set), truthOf(set));
}

/** Judges answers to labelled examples. @throws as `requireAnswers` does */
export function judgeLogits(measure: Measure, logits: Float32Array, truth: Truth): Judged {
  requireAnswers(measure, logits, truth);
  const predicted = predict(measure, logits, truth);
  const metrics = metricsOf(measure, predicted, truth, logits);
  return { logits, predicted, metrics, loss: lossOf(measure, logits, truth) };
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
    return { network, ...(await judgeOn(await openAnswers(engine, network), set, measure)) };
  } finally {
    await engine.close();
  }
}
