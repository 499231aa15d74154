/**
 * What `espalier bench` can run a network with: one entry for each engine, with the file it wants and how it is opened.
 *
 *   onnx     ONNX Runtime, float32: the file that `export --to onnx` writes
 *   int8     ONNX Runtime, dynamic quantization: the file of `export --to onnx-int8`
 *   sparse   the sparse runtime: the file of `export --to esp`, numbers in float16, or the .esp file that was given
 *
 * An engine runs from what a user would ship, so bytes, loading and the difference of its logits are those of that file.
 * An engine is written once, here; options, processes and tables take it from the table. Not here: turns and clocks
 * (latency.ts), the process in which a contender lives (contender-process.ts).
 */

import { readFile } from "node:fs/promises";
import type { Head } from "../bert/config.ts";
import { openAlone } from "../engine/alone.ts";
import type { Provider } from "../engine/protocol.ts";
import { codeVersion } from "../measure/machine.ts";
import { openPacked, packNetwork, runsSparse } from "../measure/packed.ts";
import { feedsOf, type InputBatch } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { type OnnxWeights, onnxProgram } from "../network/onnx.ts";
import type { KernelReport } from "../runtime/protocol.ts";

/** How many threads an engine may use, and where it computes. */
export interface EngineSettings {
  readonly threads: number;
  readonly device: Provider;
}

/** A network to be written. */
export interface EngineSource {
  readonly network: Network;
  /** The .esp file that it was read from. */
  readonly esp?: string;
}

/** A file that is loaded. */
export interface OpenFile {
  /** Brings a batch into the engine's own form, outside of the clock; each call of the result gives its outputs. */
  prepare(batch: InputBatch): () => Promise<Float32Array>;
  /** What the sparse runtime found while loading; null for other engines. */
  readonly kernels: KernelReport | null;
}

/** One way to run a network. */
export interface BenchEngine {
  /** Whether it can run a network with such a head. */
  readonly takes: (head: Head) => boolean;
  /** The bytes of the file that it runs from. */
  readonly write: (source: EngineSource) => Promise<Uint8Array>;
  /** Loads such a file; called in the contender's own process. */
  readonly open: (path: string, settings: EngineSettings) => Promise<OpenFile>;
  /** Flags that its process gets from Node. */
  readonly nodeFlags: readonly string[];
}

/** Names of the engines; the first is what the others are held to. */
export const ENGINE_NAMES = ["onnx", "int8", "sparse"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Every engine by name. */
export const ENGINES: Readonly<Record<EngineName, BenchEngine>> = {
  onnx: onnxEngine("float32"),
  int8: onnxEngine("int8"),
  sparse: {
    takes: runsSparse,
    write: async ({ network, esp }) =>
      esp === undefined ? packNetwork(network) : new Uint8Array(await readFile(esp)),
    open: async (path, { threads }) => {
      const { logits, report } = await openPacked(new Uint8Array(await readFile(path)), threads, path);
      return { prepare: (batch) => () => logits(batch), kernels: report };
    },
    nodeFlags: [],
  },
};

function onnxEngine(weights: OnnxWeights): BenchEngine {
  return {
    takes: () => true,
    write: async ({ network }) =>
      onnxProgram(network, { producerVersion: await codeVersion(), weights }).bytes,
    open: async (path, { threads, device }) => {
      const session = await openAlone(path, { threads, provider: device });
      return {
        prepare: (batch) => {
          const run = session.bind(feedsOf(batch));
          return async () => logitsOf(await run());
        },
        kernels: null,
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
