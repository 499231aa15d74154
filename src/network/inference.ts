/**
 * A network ready to answer, on an engine: batches in, logits out, nothing kept for training.
 *
 * What runs is the very model that `exportOnnx` writes, so what is evaluated and timed here is what ships. Weights
 * inside the model cost some 100 ms more to load than weights that are fed, and are then faster: ONNX Runtime
 * packs them for its matrix products (6 x 256 model, 16 tokens, one thread: 1.7 ms instead of 2.4).
 *
 * Not here: what logits mean (runs/text-model.ts), evaluation during training (train/trainer.ts).
 */

import { randomUUID } from "node:crypto";
import { InputError, RunError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import type { Tensor } from "../base/tensor.ts";
import { type Head, poolingOf } from "../bert/config.ts";
import { type Batch, type EncodedSet, evalBatches } from "../data/batches.ts";
import type { Engine } from "../engine/engine.ts";
import type { Program } from "../graph/program.ts";
import type { Network } from "./network.ts";
import { ONNX_INPUTS, onnxOutput, onnxProgram } from "./onnx.ts";
import { poolBatch } from "./pooling.ts";

/** What a model reads of a batch. */
export type InputBatch = Pick<Batch, "size" | "length" | "ids" | "types" | "mask">;

/** A network on an engine. Its memory is the engine's, and is free when that is closed. */
export interface Inference {
  /**
   * Logits row by row: [B, C], [B, 1] of a regression, [B, T, C] where tokens have labels, [B, T, V] of a masked language
   * model; the last hidden states [B, T, D] of a network without a head.
   *
   * @throws {InputError} `inference/length` for a batch longer than the network has positions
   */
  logits(batch: InputBatch): Promise<Float32Array>;
}

/**
 * Loads a network.
 * @throws {FormatError} `onnx/too-large` for a network of 2 GiB or more
 */
export function openNetwork(engine: Engine, network: Network): Promise<Inference> {
  return openProgram(engine, onnxProgram(network), network);
}

/**
 * Loads a network as what answers texts: its logits, or [B, D] vectors of a bare encoder that makes such.
 * @throws as `openNetwork` does
 */
export async function openAnswers(engine: Engine, network: Network): Promise<Inference> {
  const inference = await openNetwork(engine, network);
  const pooling = poolingOf(network.head);
  if (!pooling) return inference;
  return { logits: async (batch) => poolBatch(await inference.logits(batch), batch, pooling) };
}

/**
 * Answers to texts in their order, so many in a batch: [N, C]; where tokens have labels a row for each token of each text.
 * @param model  as `openAnswers` opens it
 * @throws the reason of the signal, before the next batch
 */
export async function answersInOrder(
  model: Inference,
  head: Head,
  set: EncodedSet,
  batchSize: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const own: Float32Array[] = [];
  for (const batch of evalBatches(set, batchSize)) {
    signal?.throwIfAborted();
    const rows = await model.logits(batch);
    const stride = rows.length / batch.size;
    batch.indices.forEach((index, i) => {
      const tokens = requireItem(set.examples, index, "texts").ids.length;
      const length = head.kind === "tokens" ? tokens * head.labels.length : stride;
      own[index] = rows.subarray(i * stride, i * stride + length);
    });
  }
  const all = new Float32Array(own.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const rows of own) {
    all.set(rows, at);
    at += rows.length;
  }
  return all;
}

/** Loads a model that `exportOnnx` made of `network`. */
export async function openProgram(engine: Engine, program: Program, network: Network): Promise<Inference> {
  // A network has no name, and two of one shape must not share a session: the weights are inside.
  const session = await engine.session(`network ${randomUUID()}`, () => program);
  const output = onnxOutput(network);
  const longest = network.config.maxPositions;
  return {
    logits: async (batch) => {
      checkLength(batch.length, longest);
      const [results] = await engine.run([{ session, feeds: feedsOf(batch) }]);
      const data = results?.[output]?.data;
      if (data instanceof Float32Array) return data;
      throw new RunError("inference/output", `model: expected a float output ${output}, got none`);
    },
  };
}

/** @throws {InputError} `inference/length` for more tokens than there are positions */
export function checkLength(tokens: number, positions: number): void {
  if (tokens <= positions) return;
  const message = `batch: expected at most ${positions} tokens, the network's positions, got ${tokens}`;
  throw new InputError("inference/length", message);
}

/** A batch as the inputs of an exported model. */
export function feedsOf({ size, length, ids, types, mask }: InputBatch): Record<string, Tensor> {
  const integers = (data: Int32Array | Float32Array): Tensor => ({
    dtype: "int64",
    shape: [size, length],
    data: BigInt64Array.from(data, BigInt),
  });
  return {
    [ONNX_INPUTS.ids]: integers(ids),
    [ONNX_INPUTS.types]: integers(types),
    [ONNX_INPUTS.mask]: integers(mask),
  };
}
