/** One pass of the sparse runtime without threads, and the same texts through ONNX Runtime. */

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { builtUrl } from "../../src/base/built-url.ts";
import { keyOf, randint } from "../../src/base/random.ts";
import { unlabelled } from "../../src/data/batches.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { answersInOrder, openAnswers } from "../../src/network/inference.ts";
import type { Network } from "../../src/network/network.ts";
import { readAnswers } from "../../src/sparse/answers.ts";
import { Arena } from "../../src/sparse/arena.ts";
import { type EncodedText, writeBatch } from "../../src/sparse/batch.ts";
import { forward } from "../../src/sparse/forward.ts";
import { kernelsOf } from "../../src/sparse/kernels.ts";
import { USUAL_RATES } from "../../src/sparse/linear.ts";
import { packMatrix } from "../../src/sparse/matrix.ts";
import { placeModel } from "../../src/sparse/model.ts";
import type { PlacedModel } from "../../src/sparse/placed.ts";

const file = builtUrl("../../src/sparse/kernels.wasm", import.meta.url);

/** Kernels that every engine compiles. */
export const PLAIN_KERNELS = {
  module: new WebAssembly.Module(readFileSync(file)),
  fused: false,
  wide: false,
};

/** Made-up texts of so many tokens, of pieces below `vocabSize`. */
export function textsOf(lengths: readonly number[], vocabSize: number): EncodedText[] {
  return lengths.map((n, t) => ({
    ids: Int32Array.from({ length: n }, (_, i) => randint(keyOf(t), vocabSize, i)),
    types: Int32Array.from({ length: n }, (_, i) => Number(i > n / 2)),
  }));
}

/** A model in an arena, its matrices packed as they come out of a file. */
export function placed(
  network: Network,
  threads = 1,
): { readonly arena: Arena; readonly model: PlacedModel } {
  const arena = new Arena(false);
  const tensors = new Map(
    [...network.tensors].map(([name, tensor]) => [
      name,
      name.includes("encoder") && tensor.shape.length === 2 ? packMatrix(tensor, "1") : tensor,
    ]),
  );
  return { arena, model: placeModel(arena, { ...network, tensors }, { rates: USUAL_RATES, threads }) };
}

/** The runtime's answers. */
export function sparseAnswers(network: Network, texts: readonly EncodedText[]): Float32Array {
  const { arena, model } = placed(network);
  const kernels = kernelsOf(PLAIN_KERNELS, arena.memory);
  writeBatch(arena.memory, model, texts);
  forward({ kernels, memory: arena.memory, model, thread: 0, threads: 1, meet: () => {} });
  return readAnswers(arena.memory, model);
}

/** ONNX Runtime's, of the model that `exportOnnx` writes. */
export async function stockAnswers(
  engine: Engine,
  network: Network,
  texts: readonly EncodedText[],
): Promise<Float32Array> {
  const inference = await openAnswers(engine, network);
  const examples = unlabelled(texts, network.config.padTokenId);
  return answersInOrder(inference, network.head, examples, texts.length);
}

/** The largest distance between numbers at one place. */
export function furthest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (b[i] ?? Number.NaN))), 0);
}
