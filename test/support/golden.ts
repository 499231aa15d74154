/**
 * The goldens of test/goldens/from_torch.py as typed values: what PyTorch computed, and the networks it computed it for.
 *
 * Weights of the tiny networks and of the head on the 6 x 256 model are not stored: `value(name, i)` makes the same bits
 * here as in the script. Everything is read afresh on each call; nothing here compares.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type FloatTensor, floatTensor, sizeOf } from "../../src/base/tensor.ts";
import type { BertConfig, Head } from "../../src/bert/config.ts";
import type { Activation } from "../../src/bert/facts.ts";
import { isEncoder, parameters } from "../../src/bert/names.ts";
import type { Batch } from "../../src/data/batches.ts";
import type { Network } from "../../src/network/network.ts";

/** n numbers in [-1, 1), a hash of (name, i) in 32-bit integer arithmetic; the script's `value`. */
export function value(name: string, n: number): Float64Array {
  let key = 0x811c9dc5; // FNV-1a, 32 bits
  for (let i = 0; i < name.length; i++) key = Math.imul(key ^ name.charCodeAt(i), 0x01000193);
  return Float64Array.from({ length: n }, (_, i) => {
    let h = key ^ Math.imul(i + 1, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3ce5);
    h = Math.imul(h ^ (h >>> 13), 0x297a2d39);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** Standard sizes of made-up matrices and biases. */
interface Scales {
  readonly matrix: number;
  readonly bias: number;
}
const TINY: Scales = { matrix: 0.4, bias: 0.1 };
const HEAD: Scales = { matrix: 0.035, bias: 0 };

/** The script's `made_up`: LayerNorm weights near 1, biases and matrices by their scale. */
function madeUp(name: string, shape: readonly number[], { matrix, bias }: Scales): FloatTensor {
  const u = value(name, sizeOf(shape));
  if (name.endsWith("LayerNorm.weight"))
    return floatTensor(
      shape,
      Float32Array.from(u, (x) => 1 + 0.2 * x),
    );
  const scale = name.endsWith("bias") ? bias : matrix;
  return floatTensor(
    shape,
    Float32Array.from(u, (x) => scale * x),
  );
}

/** One tiny network with its batch and everything PyTorch says about it, computed in float64. */
export interface TinyCase {
  readonly name: string;
  readonly network: Network;
  readonly ids: Int32Array;
  readonly types: Int32Array;
  readonly mask: Float32Array;
  /** B and T. */
  readonly size: number;
  readonly length: number;
  /** [B] classes or values; for `mlm` [B, T] with -100 where nothing is predicted. */
  readonly labels: Int32Array | Float32Array;
  /** [B, C], or [B, T, V] for `mlm`. */
  readonly logits: FloatTensor;
  readonly loss: number;
  /** Under the parameters' names; the tied output matrix counts with the word embeddings. */
  readonly gradients: ReadonlyMap<string, FloatTensor>;
}

interface TinyFile {
  readonly config: Readonly<Record<string, number>>;
  readonly ids: readonly (readonly number[])[];
  readonly types: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  readonly madeUp: { readonly name: string; readonly values: readonly number[] };
  readonly cases: readonly TinyFileCase[];
}

interface TinyFileCase {
  readonly activation: Activation;
  readonly head: "classification" | "regression" | "mlm";
  readonly labels: readonly (number | readonly number[])[];
  readonly logits: string;
  readonly logitsShape: readonly number[];
  readonly loss: number;
  readonly parameters: Readonly<Record<string, { shape: readonly number[]; gradient: string }>>;
}

function tinyFile(): TinyFile {
  return JSON.parse(read("tiny-bert.json"));
}

/** The first values of `value` as the script made them. */
export function madeUpSample(): TinyFile["madeUp"] {
  return tinyFile().madeUp;
}

/** Seven cases: classification and masked language model under gelu, gelu_new and relu, regression under gelu. */
export function tinyCases(): TinyCase[] {
  const file = tinyFile();
  return file.cases.map((c) => {
    const config = tinyConfig(file.config, c.activation);
    return {
      name: `${c.head} under ${c.activation}`,
      network: tinyNetwork(config, headOf(c.head), Object.entries(c.parameters)),
      ids: Int32Array.from(file.ids.flat()),
      types: Int32Array.from(file.types.flat()),
      mask: Float32Array.from(file.mask.flat()),
      size: file.ids.length,
      length: file.ids[0]?.length ?? 0,
      labels: c.head === "regression" ? Float32Array.from(c.labels.flat()) : Int32Array.from(c.labels.flat()),
      logits: floatTensor(c.logitsShape, decodeFloats(c.logits)),
      loss: c.loss,
      gradients: new Map(
        Object.entries(c.parameters).map(([name, p]) => [
          name,
          floatTensor(p.shape, decodeFloats(p.gradient)),
        ]),
      ),
    };
  });
}

/** The case's batch, in file order. For `mlm` the labels are [B, T]. */
export function tinyBatch({ ids, types, mask, size, length, labels }: TinyCase): Batch {
  return { ids, types, mask, size, length, labels, indices: Int32Array.from({ length: size }, (_, i) => i) };
}

function headOf(kind: TinyFileCase["head"]): Head {
  return kind === "classification" ? { kind, labels: ["a", "b", "c"] } : { kind };
}

function tinyConfig(json: TinyFile["config"], activation: Activation): BertConfig {
  const field = (key: string): number => {
    const number = json[key];
    if (number === undefined) throw new Error(`tiny-bert.json: expected config.${key}, got none`);
    return number;
  };
  const heads = field("num_attention_heads");
  const hiddenSize = field("hidden_size");
  const layer = { heads, headSize: hiddenSize / heads, ffn: field("intermediate_size") };
  return {
    vocabSize: field("vocab_size"),
    hiddenSize,
    layers: Array.from({ length: field("num_hidden_layers") }, () => layer),
    maxPositions: field("max_position_embeddings"),
    typeVocab: field("type_vocab_size"),
    activation,
    layerNormEps: field("layer_norm_eps"),
    hiddenDropout: 0,
    attentionDropout: 0,
    initializerRange: 0.02,
    padTokenId: field("pad_token_id"),
  };
}

function tinyNetwork(
  config: BertConfig,
  head: Head,
  shapes: readonly (readonly [string, { shape: readonly number[] }])[],
): Network {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  return {
    config,
    head,
    tensors: new Map(shapes.map(([name, { shape }]) => [name, madeUp(name, shape, TINY)])),
    vocabulary: {
      vocab: Array.from({ length: config.vocabSize }, (_, i) => special[i] ?? `piece${i}`),
      lowercase: true,
      stripAccents: null,
      tokenizeChineseChars: true,
      maxLength: config.maxPositions,
    },
  };
}

/** The network under a classification head with made-up pooler and classifier: what the two goldens below start from. */
export function withMadeUpHead(network: Network, labels: readonly string[] = ["0", "1"]): Network {
  const head: Head = { kind: "classification", labels };
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of parameters(network.config, head)) {
    const kept = isEncoder(name) ? network.tensors.get(name) : undefined;
    tensors.set(name, kept ?? madeUp(name, shape, HEAD));
  }
  const { config, vocabulary } = network;
  return { config, head, tensors, vocabulary };
}

/** wiki-bert.json: the 6 x 256 model with the made-up head on the first 8 dev sentences of SST-2, in float64. */
export interface WikiGolden {
  /** Pieces with [CLS] and [SEP], unpadded; all types are 0. */
  readonly ids: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly logits: readonly (readonly number[])[];
  /** Euclidean norm of each row's pooled vector, and of each row's last hidden states without padding. */
  readonly pooledNorms: readonly number[];
  readonly hiddenNorms: readonly number[];
  readonly loss: number;
  readonly gradientNorm: number;
  /** By parameter: norm, and the entries at 8 flat indices. */
  readonly gradients: Readonly<
    Record<
      string,
      { readonly norm: number; readonly index: readonly number[]; readonly values: readonly number[] }
    >
  >;
}

/** Reads wiki-bert.json. */
export function wikiGolden(): WikiGolden {
  return JSON.parse(read("wiki-bert.json"));
}

/** loss-curve.json: 50 steps of fine-tuning that network on the first 1600 training rows of SST-2, in file order. */
export interface LossCurve {
  readonly settings: {
    readonly rows: number;
    readonly batch: number;
    readonly maxLength: number;
    readonly learningRate: number;
    readonly weightDecay: number;
    readonly warmup: number;
    readonly clip: number;
    readonly betas: readonly [number, number];
    readonly epsilon: number;
    readonly steps: number;
  };
  /** The rate of each step, and its batch's padded length. */
  readonly rates: readonly number[];
  readonly widths: readonly number[];
  /** What a user of PyTorch sees, and the same with less rounding: losses differ by 1e-7, norms by 1.5e-6 of them. */
  readonly float32: Curve;
  readonly float64: Curve;
}

/** By step, before the update: the batch's mean loss, and the norm of all gradients before clipping. */
export interface Curve {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
}

/** Reads loss-curve.json. */
export function lossCurve(): LossCurve {
  return JSON.parse(read("loss-curve.json"));
}

function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../goldens/${name}`, import.meta.url)), "utf8");
}

/** Little-endian float32 in base64. */
function decodeFloats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}
