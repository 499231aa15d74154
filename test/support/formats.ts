/**
 * The formats a network can be written in, each with the reader that others use; and networks that a format must carry.
 *
 * A row is tested by being added: `test/peers/formats.test.ts` writes every network in every format, reads it with that
 * format's reader and compares outputs. `open` gives undefined where the reader is not there on this machine.
 */

import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as ort from "onnxruntime-node";
import { fold, keyOf, normals } from "../../src/base/random.ts";
import { floatTensor } from "../../src/base/tensor.ts";
import type { BertConfig, Head, LayerConfig } from "../../src/bert/config.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { writeFileAtomic } from "../../src/formats/files.ts";
import { openPacked } from "../../src/measure/packed.ts";
import { readFolder, writeFolder } from "../../src/network/folder.ts";
import { type InputBatch, openAnswers, openNetwork } from "../../src/network/inference.ts";
import { lengthFor } from "../../src/network/length.ts";
import type { Network } from "../../src/network/network.ts";
import { exportOnnx, ONNX_INPUTS, onnxOutput } from "../../src/network/onnx.ts";
import { toStock } from "../../src/network/stock.ts";
import { keepPieces } from "../../src/network/vocabulary.ts";
import { decodeModel } from "../../src/onnx/decode.ts";
import { load } from "../../src/runtime/load.ts";
import { openSession } from "../../src/runtime/session.ts";
import { decodeEsp, encodeEsp, networkOf } from "../../src/sparse/esp/model.ts";
import { TINY_CONFIG, tinyModel } from "./tiny-model.ts";

/** A written model, opened by a reader of its format. Whoever opened it closes it. */
export interface OpenModel {
  /**
   * Logits row by row, of tokens [B, T, C]; without a head last hidden states, or vectors where the format's reader gives
   * these.
   */
  outputs(batch: InputBatch): Promise<Float32Array>;
  close(): Promise<void>;
}

/** One format with its reader. */
export interface Format {
  readonly name: string;
  /** Largest difference of an output that the format may make. */
  readonly bound: number;
  /** Whether its reader gives vectors of a network without a head, in place of last hidden states. */
  readonly vectors?: boolean;
  /** The code a network is refused with, where the format has no place for it. */
  refuses?(network: Network): string | undefined;
  /** Writes a network below an empty folder; the path is what `open` takes. */
  write(folder: string, network: Network): Promise<string>;
  open(path: string, network: Network, engine: Engine): Promise<OpenModel | undefined>;
  /** Tokens at which its reader cuts texts; undefined where the reader is not there on this machine. */
  length(path: string): Promise<number | undefined>;
}

/** A network through our own ONNX model and engine: what all formats are held to. */
export async function openHere(network: Network, engine: Engine, vectors = false): Promise<OpenModel> {
  const { logits } = await (vectors ? openAnswers : openNetwork)(engine, network);
  return { outputs: logits, close: async () => {} };
}

/** Outputs without those of padding, whose labels mean nothing: the runtime computes none. */
export function ofTokens({ head }: Network, { mask }: InputBatch, rows: Float32Array): Float32Array {
  return head.kind === "tokens"
    ? rows.filter((_, i) => mask[Math.floor(i / head.labels.length)] === 1)
    : rows;
}

/** Stock `transformers` has one size for all layers and no mixture. */
const refusedByStock = ({ head, config: { layers, hiddenSize } }: Network): string | undefined => {
  if ("reader" in head) return "stock/reader";
  return layers.some(({ heads, headSize }) => heads > 0 && hiddenSize % headSize !== 0)
    ? "stock/heads"
    : undefined;
};

/** Every format. */
export const FORMATS: readonly Format[] = [
  {
    name: "Hugging Face folder, read here",
    bound: 0,
    write: async (folder, network) => {
      await writeFolder(folder, network);
      return folder;
    },
    open: async (path, _, engine) => openHere(await readFolder(path), engine),
    length: async (path) => lengthFor(await readFolder(path)),
  },
  {
    name: "stock folder, padded, read here",
    bound: 1e-5,
    refuses: refusedByStock,
    write: async (folder, network) => {
      await writeFolder(folder, toStock(network));
      return folder;
    },
    open: async (path, _, engine) => openHere(await readFolder(path), engine),
    length: async (path) => lengthFor(await readFolder(path)),
  },
  {
    name: "packed file, read here",
    bound: 1e-5,
    write: async (folder, network) => {
      const path = join(folder, "model.esp");
      await writeFileAtomic(path, [await encodeEsp(network, { values: "float32" })]);
      return path;
    },
    open: async (path, _, engine) => openHere(networkOf(await decodeEsp(await readFile(path), path)), engine),
    length: async (path) => lengthFor(await decodeEsp(await readFile(path), path)),
  },
  {
    name: "packed file, sparse runtime",
    bound: 1e-5,
    vectors: true,
    refuses: ({ head }) => (head.kind === "mlm" ? "sparse/head" : undefined),
    write: async (folder, network) => {
      const path = join(folder, "model.esp");
      const file = await encodeEsp(network, { values: "float32" });
      // Opened here as well: a head that the runtime has no place for is refused when it is asked for.
      await (await openSession(file, { threads: 1, where: path })).close();
      await writeFileAtomic(path, [file]);
      return path;
    },
    open: openRuntime,
    length: async (path) => {
      const model = await load(path, { threads: 1, path: "sparse" });
      await model.close();
      return model.maxLength;
    },
  },
  {
    name: "ONNX file, stock ONNX Runtime",
    bound: 1e-5,
    write: async (folder, network) => {
      const path = join(folder, "model.onnx");
      await writeFileAtomic(path, [exportOnnx(network)]);
      return path;
    },
    open: openStockRuntime,
    length: async (path) => Number(decodeModel(await readFile(path)).metadata?.max_length),
  },
  {
    name: "ONNX folder, transformers.js",
    bound: 1e-5,
    write: async (folder, network) => {
      await writeFolder(folder, network);
      await writeFileAtomic(join(folder, "onnx", "model.onnx"), [exportOnnx(network)]);
      return folder;
    },
    open: openTransformers,
    length: async (path) => (await transformersPieces(path, LONG))?.length,
  },
];

async function openRuntime(path: string): Promise<OpenModel> {
  const { logits, close } = await openPacked(await readFile(path), 1, path);
  return { outputs: logits, close };
}

async function openStockRuntime(path: string, network: Network): Promise<OpenModel> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  return {
    outputs: async ({ size, length, ids, types, mask }) => {
      const long = (data: Int32Array | Float32Array) =>
        new ort.Tensor("int64", BigInt64Array.from(data, BigInt), [size, length]);
      const feeds = {
        [ONNX_INPUTS.ids]: long(ids),
        [ONNX_INPUTS.types]: long(types),
        [ONNX_INPUTS.mask]: long(mask),
      };
      return floats((await session.run(feeds))[onnxOutput(network)]?.data);
    },
    close: () => session.release(),
  };
}

async function openTransformers(path: string, network: Network): Promise<OpenModel | undefined> {
  const library = await import("@huggingface/transformers").catch(() => undefined);
  if (library === undefined) return undefined;
  const {
    env,
    Tensor,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
  } = library;
  Object.assign(env, { allowRemoteModels: false, localModelPath: dirname(path) });
  const classes = {
    classification: AutoModelForSequenceClassification,
    regression: AutoModelForSequenceClassification,
    "multi-label": AutoModelForSequenceClassification,
    tokens: AutoModelForTokenClassification,
    mlm: AutoModelForMaskedLM,
    none: AutoModel,
  };
  const model = await classes[network.head.kind].from_pretrained(basename(path), { dtype: "fp32" });
  return {
    outputs: async ({ size, length, ids, types, mask }) => {
      const long = (data: Int32Array | Float32Array) =>
        new Tensor("int64", BigInt64Array.from(data, BigInt), [size, length]);
      const answer = await model({
        input_ids: long(ids),
        token_type_ids: long(types),
        attention_mask: long(mask),
      });
      return floats(answer[onnxOutput(network)]?.data);
    },
    close: async () => {
      await model.dispose();
    },
  };
}

/** A text longer than any model here takes. */
const LONG = "film ".repeat(200);

/** What transformers.js makes of a text beside an ONNX model; undefined where it is not there. */
export async function transformersPieces(folder: string, text: string): Promise<number[] | undefined> {
  const library = await import("@huggingface/transformers").catch(() => undefined);
  if (library === undefined) return undefined;
  Object.assign(library.env, { allowRemoteModels: false, localModelPath: dirname(folder) });
  const tokenizer = await library.AutoTokenizer.from_pretrained(basename(folder));
  const { input_ids: ids } = tokenizer(text, { truncation: true });
  return Array.from(ids.data, Number);
}

function floats(data: unknown): Float32Array {
  if (data instanceof Float32Array) return Float32Array.from(data);
  throw new Error(`reader: expected float32 outputs, got ${typeof data}`);
}

const CLASSES: Head = { kind: "classification", labels: ["negative", "positive"] };

/** Layers of these sizes over 24 features; biases are drawn too, so that one that is lost shows. */
function network(layers: readonly LayerConfig[], head: Head = CLASSES): Network {
  const config: BertConfig = { ...TINY_CONFIG, hiddenSize: 24, layers };
  const { tensors, ...rest } = tinyModel(head, config);
  const drawn = [...tensors].map(([name, tensor]) => {
    const values = normals(fold(keyOf(8), name), tensor.data.length, 0.5);
    return [name, name.endsWith("bias") ? floatTensor(tensor.shape, values) : tensor] as const;
  });
  return { ...rest, tensors: new Map(drawn) };
}

const headSize = 8;
const whole: LayerConfig = { heads: 3, headSize, ffn: 32 };
const odd = [
  { heads: 1, headSize, ffn: 7 },
  { heads: 3, headSize, ffn: 1 },
];

/** Every kind of network that a format has to carry, or to refuse by name. */
export const NETWORKS: readonly (readonly [string, Network])[] = [
  ["whole layers", network([whole, whole])],
  ["odd numbers of heads and neurons", network(odd)],
  ["a layer without heads", network([{ ...whole, heads: 0 }, whole])],
  ["a layer without neurons", network([whole, { ...whole, ffn: 0 }])],
  ["a layer of two biases", network([{ ...whole, heads: 0, ffn: 0 }, whole])],
  ["biases alone", network([whole, whole].map((layer) => ({ ...layer, heads: 0, ffn: 0 })))],
  ["no heads in any layer", network([whole, whole].map((layer) => ({ ...layer, heads: 0 })))],
  [
    "heads that do not fill the hidden size",
    network([
      { heads: 2, headSize: 5, ffn: 9 },
      { heads: 4, headSize: 5, ffn: 9 },
    ]),
  ],
  ["an odd regression", network(odd, { kind: "regression" })],
  ["several labels of an odd network", network(odd, { kind: "multi-label", labels: ["a", "b", "c"] })],
  ["labels of tokens of an odd network", network(odd, { kind: "tokens", labels: ["O", "B-X", "I-X"] })],
  ["an odd mixture of layers", network(odd, { ...CLASSES, reader: "mixture" })],
  ["an odd mixture of the layers' means", network(odd, { ...CLASSES, reader: "means" })],
  ["an odd masked language model", network(odd, { kind: "mlm" })],
  ["an odd bare encoder", network(odd, { kind: "none" })],
  [
    "an odd sentence encoder",
    network(odd, { kind: "none", pooling: { mode: "mean_sqrt_len_tokens", normalize: false } }),
  ],
  ["fewer word pieces", keepPieces(network([whole, ...odd]), [0, 1, 2, 3, 4, 6, 7, 9, 12])],
];
