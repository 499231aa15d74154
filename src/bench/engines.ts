/**
 * What `espalier bench` can run a network with: one entry for each engine, with the file it wants and how it is opened.
 *
 *   onnx             ONNX Runtime, float32: the file that `export --to onnx` writes
 *   int8             ONNX Runtime, dynamic quantization: the file of `export --to onnx-int8`
 *   int8-qdq         ONNX Runtime, static quantization: the file of `export --to onnx-qdq`, of any model (calibrated.ts)
 *   transformers.js  the file of int8 in that library on WebAssembly, where it is installed (transformers-js.ts)
 *   sparse           the sparse runtime: the file of `export --to esp`, numbers in float16, or the .esp file that was given
 *
 * An engine runs from what a user would ship, so bytes, loading and the difference of its answers are those of that file. An encoder without a head answers with vectors in all of them.
 * An engine is written once, here; options, processes and tables take it from the table. Not here: turns and clocks
 * (latency.ts), the process in which a contender lives (contender-process.ts).
 */

import { dirname } from "node:path";
import type { Pooling } from "../bert/config.ts";
import { configJson } from "../bert/config-json.ts";
import { linearModules } from "../bert/quantized.ts";
import type { Provider } from "../engine/protocol.ts";
import { readBytes } from "../formats/files.ts";
import { codeVersion } from "../measure/machine.ts";
import { openPacked, packNetwork, runsSparse } from "../measure/packed.ts";
import { feedsOf, type InputBatch } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { type OnnxWeights, onnxProgram } from "../network/onnx.ts";
import { poolBatch } from "../network/pooling.ts";
import { inFloat } from "../network/quantized.ts";
import { unlabelledKind } from "../runs/text-model.ts";
import type { KernelReport } from "../runtime/protocol.ts";
import { calibrated } from "./calibrated.ts";
import { findTransformers, loadTransformers, openFolder, TRANSFORMERS_INSTALL } from "./transformers-js.ts";

/** How many threads an engine may use, and where it computes. */
export interface EngineSettings {
  readonly threads: number;
  readonly device: Provider;
  /** How states become the vectors that are the answer; absent where the answer is what the model puts out. */
  readonly pooling?: Pooling | undefined;
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

/** What an engine expects, and what it has got instead. */
export interface Lack {
  readonly expected: string;
  readonly got: string;
}

/** One way to run a network. */
export interface BenchEngine {
  /** Whether its time does not depend on zeros. */
  readonly isDense: boolean;
  /** What is missing to run a network; undefined where nothing is. */
  readonly lack: (network: Network) => Lack | undefined;
  /** The file that it runs from, below a folder of its own. */
  readonly file: string;
  /** The bytes of that file. */
  readonly write: (source: EngineSource) => Promise<Uint8Array>;
  /** What else it looks for in the folder: texts by name. */
  readonly beside?: (network: Network) => Readonly<Record<string, string>>;
  /** Loads code that is not this program's, in the contender's own process, before the clock starts. */
  readonly code?: (settings: EngineSettings) => void;
  /** Loads such a file; called in the contender's own process. */
  readonly open: (path: string, settings: EngineSettings) => Promise<OpenFile>;
  /** Flags that its process gets from Node. */
  readonly nodeFlags: readonly string[];
}

/** Names of the engines; the first is what the others are held to. */
export const ENGINE_NAMES = ["onnx", "int8", "int8-qdq", "transformers.js", "sparse"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Every engine by name. */
export const ENGINES: Readonly<Record<EngineName, BenchEngine>> = {
  onnx: onnxEngine("float32"),
  int8: onnxEngine("int8"),
  "int8-qdq": {
    ...onnxEngine("qdq"),
    lack: ({ config }) =>
      linearModules(config.layers).length > 0
        ? undefined
        : { expected: "a model with layers to quantize", got: "one without heads and neurons" },
    write: async ({ network }) => onnxBytes(await calibrated(network), "qdq"),
  },
  "transformers.js": {
    ...onnxEngine("int8"),
    lack: () =>
      findTransformers() === undefined
        ? { expected: `transformers.js (${TRANSFORMERS_INSTALL})`, got: `none in ${process.cwd()}` }
        : undefined,
    file: "onnx/model_quantized.onnx",
    beside: ({ config, head }) => ({ "config.json": JSON.stringify(configJson(config, head)) }),
    code: ({ threads }) => {
      loadTransformers(threads);
    },
    open: async (path, { threads, pooling }) => {
      const model = await openFolder(loadTransformers(threads), dirname(dirname(path)));
      return {
        prepare: (batch) => {
          const run = model(batch);
          return async () =>
            answerOf(floatsOf(Object.values(await run()).map(({ data }) => data)), batch, pooling);
        },
        kernels: null,
      };
    },
  },
  sparse: {
    isDense: false,
    lack: ({ head }) =>
      runsSparse(head)
        ? undefined
        : { expected: "a model with labels, a score or vectors", got: unlabelledKind(head) },
    file: "model.esp",
    write: async ({ network, esp }) => (esp === undefined ? packNetwork(network) : readBytes(esp)),
    open: async (path, { threads }) => {
      const { logits, report } = await openPacked(await readBytes(path), threads, path);
      return { prepare: (batch) => () => logits(batch), kernels: report };
    },
    nodeFlags: [],
  },
};

async function onnxBytes(network: Network, weights: OnnxWeights): Promise<Uint8Array> {
  return onnxProgram(network, { producerVersion: await codeVersion(), weights }).bytes;
}

function onnxEngine(weights: OnnxWeights): BenchEngine {
  return {
    isDense: true,
    lack: () => undefined,
    file: "model.onnx",
    // A model in 8 bits without its rounding: the rival computes as it would have been written without this project.
    write: ({ network }) => onnxBytes(inFloat(network), weights),
    open: async (path, { threads, device, pooling }) => {
      // Only here: ONNX Runtime may not be there, and then what else the program does must not fail for it.
      const { openAlone } = await import("../engine/alone.ts");
      const session = await openAlone(path, { threads, provider: device });
      return {
        prepare: (batch) => {
          const run = session.bind(feedsOf(batch));
          return async () => answerOf(floatsOf(Object.values(await run())), batch, pooling);
        },
        kernels: null,
      };
    },
    nodeFlags: [],
  };
}

/** A model's one output, whatever it is called. */
function floatsOf([data]: readonly unknown[]): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new TypeError("model: expected a float output, got none");
}

function answerOf(output: Float32Array, batch: InputBatch, pooling: Pooling | undefined): Float32Array {
  return pooling ? poolBatch(output, batch, pooling) : output;
}
