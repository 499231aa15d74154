/** What a model says of a whole set of examples, in the set's own order. */

import { type Batch, type EncodedSet, evalBatches, inExampleOrder } from "../data/batches.ts";

/** Anything that answers a batch: a network being trained, or one that is finished. */
export interface Answering {
  readonly logits: (batch: Batch) => Promise<Float32Array>;
}

/** Logits of every example, row by row: [N, C]. */
export async function logitsOf(model: Answering, set: EncodedSet, batchSize = 64): Promise<Float32Array> {
  const parts: { batch: Batch; rows: Float32Array }[] = [];
  for (const batch of evalBatches(set, batchSize)) parts.push({ batch, rows: await model.logits(batch) });
  return inExampleOrder(parts);
}
