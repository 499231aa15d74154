/**
 * What a product is as it ships: the bytes of its .esp file, and how much faster it answers one text than the fine-tuned
 * model does, each as fast as it can be had: a dense model in ONNX Runtime, a sparse one in the sparse runtime.
 *
 * They take turns on one thread, so that whatever else the machine does falls on all: the ratio is worth more than
 * any time, and is all that is kept.
 */

import { measureLatency } from "../measure/latency.ts";
import { openPacked, packNetwork, runsSparse } from "../measure/packed.ts";
import type { Network } from "../network/network.ts";

/** A product beside the model it was made from. */
export interface PackedFacts {
  /** Of the product's file. */
  readonly bytes: number;
  /** Of the fine-tuned model's file. */
  readonly of: number;
  /**
   * One text: the fine-tuned model's median time in ONNX Runtime over the product's, there or packed, whichever is less.
   * Absent in lines of which the model was gone when this came to be measured.
   */
  readonly faster?: number;
}

/** Tokens of the one text: a sentence or two, as the tasks of GLUE have them; fewer where a model takes no more. */
const TOKENS = 64;
const PLAN = { batchSizes: [1], repetitions: 60, seconds: 4, threads: 1 };

/** Both as files, and timed in turns; undefined for a head that the runtime does not answer with. */
export async function comparePacked(dense: Network, product: Network): Promise<PackedFacts | undefined> {
  if (!runsSparse(dense.head) || !runsSparse(product.head)) return undefined;
  const [whole, small] = [await packNetwork(dense), await packNetwork(product)];
  const inference = await openPacked(small, 1, "model.esp");
  try {
    const { vocabSize, maxPositions } = product.config;
    const plan = { ...PLAN, lengths: [Math.min(TOKENS, maxPositions)] };
    const timed = await measureLatency([dense, product], plan, [{ inference, vocabSize }]);
    const [before = Number.NaN, ...after] = timed.map(([first]) => first?.p50 ?? Number.NaN);
    const faster = Math.round((100 * before) / Math.min(...after)) / 100;
    return { bytes: small.length, of: whole.length, faster };
  } finally {
    await inference.close();
  }
}
