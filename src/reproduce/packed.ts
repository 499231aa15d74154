/**
 * What a product is as it ships: the bytes of its .esp file, and how much faster the runtime reads one text with it than
 * with the fine-tuned model, each as a file of the same kind.
 *
 * The two take turns on one thread, so that whatever else the machine does falls on both: the ratio is worth more than
 * either time, and is all that is kept.
 */

import { timeModels } from "../measure/latency.ts";
import { openPacked, packNetwork, runsSparse } from "../measure/packed.ts";
import type { Network } from "../network/network.ts";

/** A product beside the model it was made from. */
export interface PackedFacts {
  /** Of the product's file. */
  readonly bytes: number;
  /** Of the fine-tuned model's file. */
  readonly of: number;
  /** The fine-tuned model's median time over the product's, for one text. */
  readonly faster: number;
}

/** Tokens of the one text: a sentence or two, as the tasks of GLUE have them; fewer where a model takes no more. */
const TOKENS = 64;
const PLAN = { batchSizes: [1], repetitions: 60, seconds: 4 };

/** Both as files, timed in turns; undefined for a head that the runtime does not answer with. */
export async function comparePacked(dense: Network, product: Network): Promise<PackedFacts | undefined> {
  if (!runsSparse(dense.head) || !runsSparse(product.head)) return undefined;
  const [whole, small] = [await packNetwork(dense), await packNetwork(product)];
  const opened = await Promise.all([whole, small].map((file) => openPacked(file, 1, "model.esp")));
  try {
    const { vocabSize, maxPositions } = product.config;
    const plan = { ...PLAN, lengths: [Math.min(TOKENS, maxPositions)] };
    const models = opened.map((inference) => ({ inference, vocabSize }));
    const [before, after] = (await timeModels(models, plan)).map(([first]) => first?.p50 ?? Number.NaN);
    return {
      bytes: small.length,
      of: whole.length,
      faster: Math.round((100 * (before ?? Number.NaN)) / (after ?? Number.NaN)) / 100,
    };
  } finally {
    for (const inference of opened) await inference.close();
  }
}
