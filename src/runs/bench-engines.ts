/**
 * What `espalier bench` can run a network with: one entry for each engine, with the file it wants and how it is opened.
 *
 *   onnx   ONNX Runtime, float32: the file that `export --to onnx` writes
 *   int8   ONNX Runtime, dynamic quantization: the file of `export --to onnx-int8`
 *
 * An engine is written once, here; options, processes and tables take it from the table. Not here: turns and clocks
 * (latency.ts), the process in which a contender lives (contender-process.ts).
 */

import { openAlone } from "../engine/alone.ts";
import type { Provider } from "../engine/protocol.ts";
import { feedsOf, type InputBatch } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { type OnnxWeights, onnxProgram } from "../network/onnx.ts";

/** How many threads an engine may use, and where it computes. */
export interface EngineSettings {
  readonly threads: number;
  readonly device: Provider;
}

/** A file that is loaded. */
export interface OpenFile {
  /** Brings a batch into the engine's own form, outside of the clock; each call of the result gives its outputs. */
  prepare(batch: InputBatch): () => Promise<Float32Array>;
}

/** One way to run a network. */
export interface BenchEngine {
  /** The bytes of the file that it runs from. */
  readonly write: (network: Network, producerVersion: string) => Uint8Array;
  /** Loads such a file; called in the contender's own process. */
  readonly open: (path: string, settings: EngineSettings) => Promise<OpenFile>;
  /** Flags that its process gets from Node. */
  readonly nodeFlags: readonly string[];
}

/** Every engine by name; the first is what the others are held to. */
export const ENGINES = {
  onnx: onnxEngine("float32"),
  int8: onnxEngine("int8"),
} as const satisfies Record<string, BenchEngine>;

/** Name of an engine. */
export type EngineName = keyof typeof ENGINES;

function onnxEngine(weights: OnnxWeights): BenchEngine {
  return {
    write: (network, producerVersion) => onnxProgram(network, producerVersion, weights).bytes,
    open: async (path, { threads, device }) => {
      const session = await openAlone(path, { threads, provider: device });
      return {
        prepare: (batch) => {
          const run = session.bind(feedsOf(batch));
          return async () => logitsOf(await run());
        },
      };
    },
    nodeFlags: [],
  };
}

/** A model's one output, whatever it is called. */
function logitsOf(outputs: Readonly<Record<string, unknown>>): Float32Array {
  const [data] = Object.values(outputs);
  if (data instanceof Float32Array) return data;
  throw new TypeError("model: expected a float output, got none");
}
