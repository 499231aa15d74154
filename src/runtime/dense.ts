/**
 * The dense path, in Node: the same model in ONNX Runtime, for models with too few zeros to gain from sparse kernels.
 *
 * Only this file of the runtime knows ONNX Runtime; it is imported when a model may need it, and never in a browser.
 */

import { Engine } from "../engine/engine.ts";
import type { InputBatch } from "../network/inference.ts";
import { openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import type { EncodedText } from "../sparse/batch.ts";
import type { Path } from "./host.ts";

/** Texts of one batch: those of a pass of the sparse path have as many tokens. */
const BATCH = 32;

/** Opens a network in ONNX Runtime; it owns a thread: close it. */
export async function openDense(network: Network, threads: number): Promise<Path> {
  const { padTokenId } = network.config;
  const engine = new Engine({ threads });
  try {
    const inference = await openNetwork(engine, network);
    return {
      logits: async (texts) => {
        const parts: Float32Array[] = [];
        for (let i = 0; i < texts.length; i += BATCH) {
          parts.push(await inference.logits(batchOf(texts.slice(i, i + BATCH), padTokenId)));
        }
        return joined(parts);
      },
      close: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Padded to the longest. */
function batchOf(texts: readonly EncodedText[], pad: number): InputBatch {
  const length = Math.max(...texts.map(({ ids }) => ids.length));
  const n = texts.length * length;
  const batch = { ids: new Int32Array(n).fill(pad), types: new Int32Array(n), mask: new Float32Array(n) };
  texts.forEach(({ ids, types }, i) => {
    batch.ids.set(ids, i * length);
    batch.types.set(types, i * length);
    batch.mask.fill(1, i * length, i * length + ids.length);
  });
  return { size: texts.length, length, ...batch };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
