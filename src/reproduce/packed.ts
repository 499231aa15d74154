/**
 * What a product is as it ships: the bytes of its .esp file, and how much faster it answers one text than the fine-tuned
 * model does, each as fast as it can be had: a dense model in ONNX Runtime, a sparse one in the sparse runtime.
 *
 * They take turns on one thread, so that whatever else the machine does falls on all: the ratio is worth more than
 * any time, and is all that is kept.
 */

import { Engine } from "../engine/engine.ts";
import { measureLatency } from "../measure/latency.ts";
import { openPacked, type PackedInference, packNetwork } from "../measure/packed.ts";
import { type Inference, openProgram } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { onnxProgram } from "../network/onnx.ts";

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

/** A product in 8 bits: its packed file, and the network that its QDQ file is made of. */
export interface InEightBits {
  readonly file: Uint8Array;
  readonly network: Network;
}

/** A product's files beside the fine-tuned model's, and how many times as fast it is in 8 bits, packed and in ONNX Runtime. */
export interface Compared {
  readonly packed: PackedFacts;
  readonly eight?: { readonly faster: number; readonly fasterInOnnx: number };
}

/** All as files, and timed in turns. */
export async function comparePacked(
  dense: Network,
  product: Network,
  eight?: InEightBits,
): Promise<Compared> {
  const [whole, small] = [await packNetwork(dense), await packNetwork(product)];
  const engine = new Engine({ threads: 1, provider: "cpu" });
  const opened: PackedInference[] = [];
  const packed = async (file: Uint8Array): Promise<Inference> => {
    const inference = await openPacked(file, 1, "model.esp");
    opened.push(inference);
    return inference;
  };
  try {
    const { vocabSize, maxPositions } = product.config;
    const plan = { ...PLAN, lengths: [Math.min(TOKENS, maxPositions)] };
    const inferences = [await packed(small), ...(eight ? await openEight(eight, packed, engine) : [])];
    const beside = inferences.map((inference) => ({ inference, vocabSize }));
    const timed = await measureLatency([dense, product], plan, beside);
    const [before = Number.NaN, ...after] = timed.map(([first]) => first?.p50 ?? Number.NaN);
    const [inOnnx = Number.NaN, asFile = Number.NaN, ...in8Bits] = after.map(
      (time) => Math.round((100 * before) / time) / 100,
    );
    const [faster, fasterInOnnx] = in8Bits;
    return {
      packed: { bytes: small.length, of: whole.length, faster: Math.max(inOnnx, asFile) },
      ...(faster === undefined || fasterInOnnx === undefined ? {} : { eight: { faster, fasterInOnnx } }),
    };
  } finally {
    await engine.close();
    await Promise.all(opened.map((inference) => inference.close()));
  }
}

async function openEight(
  { file, network }: InEightBits,
  packed: (file: Uint8Array) => Promise<Inference>,
  engine: Engine,
): Promise<Inference[]> {
  const program = onnxProgram(network, { weights: "qdq" });
  return [await packed(file), await openProgram(engine, program, network)];
}
