/**
 * A classifier, of texts or of tokens, or a sentence encoder in an arena: every table, matrix and vector placed, and the room that a pass works in.
 *
 *   P  panels of a pass, at most   D hidden   A features of all heads   F feed-forward   L layers
 *
 * What is placed is plain numbers (addresses), so that it can be sent to the threads that share the memory. Two rooms
 * for keys and values take turns between layers: a thread may fill one while another still reads the other.
 * Browser-safe. Not here: the pass (forward.ts), which texts go into it (batch.ts).
 */

import { ConfigError, InputError } from "../base/errors.ts";
import type { FloatTensor } from "../base/tensor.ts";
import {
  type BertConfig,
  type Head,
  type LayerConfig,
  POOLING_MODES,
  type Pooling,
  poolingOf,
} from "../bert/config.ts";
import type { Activation } from "../bert/facts.ts";
import { biasOf, CLASSIFIER, EMBEDDINGS, layerNames, MIXTURE, POOLER, weightOf } from "../bert/names.ts";
import type { Arena } from "./arena.ts";
import type { Rates } from "./linear.ts";
import { isPacked, type PackedMatrix, unpackMatrix } from "./matrix.ts";
import { bytePanelBytes, PANEL, panelBytes, panelsOf } from "./panels.ts";
import { type PlacedProduct, placeBytes, placeFloats } from "./product.ts";
import { requireReadable } from "./readable.ts";

/** What is placed: a network, or what a packed file holds. */
export interface SparseModel {
  readonly config: BertConfig;
  readonly head: Head;
  /** Under the checkpoint's names. */
  readonly tensors: ReadonlyMap<string, FloatTensor | PackedMatrix>;
}

/** Addresses of γ and β. */
export interface PlacedNorm {
  readonly gamma: number;
  readonly beta: number;
}

/** A layer; `attention` and `ffn` are absent where a module has lost every unit, and its output bias is left. */
export interface PlacedLayer {
  readonly heads: number;
  readonly headSize: number;
  readonly attention?: Readonly<Record<"query" | "key" | "value", PlacedProduct>>;
  readonly attentionOutput: PlacedProduct;
  readonly attentionNorm: PlacedNorm;
  readonly intermediate?: PlacedProduct;
  readonly output: PlacedProduct;
  readonly outputNorm: PlacedNorm;
}

/** What each thread has for itself. */
export interface ThreadRoom {
  /** Neurons of `CHUNK` panels. */
  readonly neurons: number;
  /** `CHUNK` panels of whatever a layer in 8 bits reads, as bytes and as the numbers that these stand for. */
  readonly bytes: number;
  readonly rounded: number;
  /** Attention scores of a text. */
  readonly scores: number;
  /** One panel of a mixture. */
  readonly panel: number;
}

/** Where a pass works; addresses of panels. */
export interface Room {
  /** Hidden states [P][D], and what a module adds to them [P][D]. */
  readonly hidden: number;
  readonly branch: number;
  /** Queries and mixtures [P][A], keys and values in two turns. */
  readonly query: number;
  readonly mixed: number;
  readonly keys: readonly [number, number];
  readonly values: readonly [number, number];
  readonly threads: readonly ThreadRoom[];
  /** First tokens of the texts [texts / 16][D], of every layer that the head reads. */
  readonly firsts: readonly number[];
  /** Logits [texts / 16][labels], of tokens [P][labels]; or vectors as rows [texts][D]. */
  readonly logits: number;
  /** The batch: see batch.ts. */
  readonly batch: number;
}

/** What becomes of the last layer: logits of first tokens, or of all; or a vector of each text. */
export type PlacedHead =
  | {
      readonly kind: "labels";
      readonly reader: PlacedProduct;
      /** Each layer's share of a mixture, by softmax; absent under a pooler. */
      readonly mixture?: readonly number[];
      readonly classifier: PlacedProduct;
    }
  | { readonly kind: "tokens"; readonly classifier: PlacedProduct }
  | { readonly kind: "vector"; readonly pooling: Pooling };

/** Everything a pass needs to know. */
export interface PlacedModel {
  readonly config: Pick<
    BertConfig,
    "hiddenSize" | "layerNormEps" | "vocabSize" | "typeVocab" | "maxPositions"
  >;
  readonly activation: "gelu_erf" | "gelu_tanh" | "relu";
  /** Numbers of an answer: labels, or the features of a vector. */
  readonly outputs: number;
  readonly embeddings: Readonly<Record<"words" | "positions" | "types", number>> & {
    readonly norm: PlacedNorm;
  };
  readonly layers: readonly PlacedLayer[];
  readonly head: PlacedHead;
  readonly room: Room;
  /** Panels of a pass, at most; a text has at most as many. */
  readonly panels: number;
}

/** Panels whose neurons are held at once by a thread: 128 tokens, so that a matrix is read once for each. */
export const CHUNK = 8;
/** Tokens of a pass, unless the model takes longer texts. */
const PASS_TOKENS = 1024;

const KERNEL_OF: Readonly<Record<Activation, PlacedModel["activation"]>> = {
  gelu: "gelu_erf",
  gelu_new: "gelu_tanh",
  relu: "relu",
};

/** How a model is placed. */
export interface Placing {
  readonly rates: Rates;
  readonly threads: number;
}

/**
 * Places a model.
 * @throws {ConfigError} `sparse/architecture`; `sparse/head` for a head that does not answer texts; {InputError} `sparse/tensor`;
 *   {RunError} `arena/memory`
 */
export function placeModel(arena: Arena, model: SparseModel, { rates, threads }: Placing): PlacedModel {
  const { config } = model;
  requireReadable(config);
  const outputs = outputsOf(model);
  const place = placer(arena, model, rates);
  const panels = panelsOf(Math.max(PASS_TOKENS, config.maxPositions));
  const head = placeHead(place, model.head);
  const firsts = head.kind === "labels" && head.mixture ? config.layers.length : 1;
  const answers = head.kind === "tokens" ? panels : panelsOf(panels);
  return {
    config,
    activation: KERNEL_OF[config.activation],
    outputs,
    embeddings: {
      words: place.table(EMBEDDINGS.words),
      positions: place.table(EMBEDDINGS.positions),
      types: place.table(EMBEDDINGS.types),
      norm: place.norm(EMBEDDINGS.norm),
    },
    layers: config.layers.map((layer, i) => placeLayer(place, layer, i)),
    head,
    room: placeRoom(arena, config, { panels, outputs, threads, firsts, answers }),
    panels,
  };
}

/** How many numbers answer a text, or a token. @throws {ConfigError} `sparse/head` for a head that does not answer texts */
export function outputsOf({ config, head }: Pick<SparseModel, "config" | "head">): number {
  if ("labels" in head) return head.labels.length;
  if (head.kind === "regression") return 1;
  if (poolingOf(head)) return config.hiddenSize;
  const [expected, got] =
    head.kind === "mlm"
      ? ["a classifier, a regression or an encoder", "a masked language model"]
      : [
          `an encoder with vectors by ${POOLING_MODES.join(", ")}`,
          "one whose way to make them is not read here",
        ];
  throw new ConfigError("sparse/head", `model: expected ${expected}, got ${got}`);
}

function placeHead(place: Placer, head: Head): PlacedHead {
  const pooling = poolingOf(head);
  if (pooling) return { kind: "vector", pooling };
  if (head.kind === "tokens") return { kind: "tokens", classifier: place.linear(CLASSIFIER) };
  const isMixture = "reader" in head && head.reader === "mixture";
  return {
    kind: "labels",
    reader: place.linear(isMixture ? MIXTURE.dense : POOLER),
    ...(isMixture ? { mixture: softmax(place.tensor(MIXTURE.weights).data) } : {}),
    classifier: place.linear(CLASSIFIER),
  };
}

interface Placer {
  readonly tensor: (name: string) => FloatTensor;
  readonly table: (name: string) => number;
  readonly norm: (module: string) => PlacedNorm;
  readonly linear: (module: string, scale?: number) => PlacedProduct;
  /** Of a layer, in 8 bits where the configuration says so. */
  readonly product: (module: string, scale?: number) => PlacedProduct;
}

function placer(arena: Arena, { config, tensors }: SparseModel, rates: Rates): Placer {
  const found = (name: string): FloatTensor | PackedMatrix => {
    const tensor = tensors.get(name);
    if (tensor) return tensor;
    throw new InputError("sparse/tensor", `model: expected the tensor ${name}, got ${tensors.size} others`);
  };
  const tensor = (name: string): FloatTensor => {
    const value = found(name);
    return isPacked(value) ? unpackMatrix(value) : value;
  };
  const table = (name: string): number => arena.place(tensor(name).data);
  const linear = (module: string, scale?: number): PlacedProduct =>
    placeFloats(arena, found(weightOf(module)), tensor(biasOf(module)), rates, scale);
  return {
    tensor,
    table,
    norm: (module) => ({ gamma: table(weightOf(module)), beta: table(biasOf(module)) }),
    linear,
    product: (module, scale) =>
      config.quantized?.has(module)
        ? placeBytes(arena, found(weightOf(module)), tensor(biasOf(module)), rates, scale)
        : linear(module, scale),
  };
}

function placeLayer(place: Placer, { heads, headSize, ffn }: LayerConfig, i: number): PlacedLayer {
  const names = layerNames(i);
  return {
    heads,
    headSize,
    ...(heads > 0
      ? {
          attention: {
            query: place.product(names.query, 1 / Math.sqrt(headSize)),
            key: place.product(names.key),
            value: place.product(names.value),
          },
        }
      : {}),
    attentionOutput: place.product(names.attentionOutput),
    attentionNorm: place.norm(names.attentionNorm),
    ...(ffn > 0 ? { intermediate: place.product(names.intermediate) } : {}),
    output: place.product(names.output),
    outputNorm: place.norm(names.outputNorm),
  };
}

interface RoomSize {
  readonly panels: number;
  readonly outputs: number;
  readonly threads: number;
  /** Layers whose first tokens are kept. */
  readonly firsts: number;
  /** Panels of answers. */
  readonly answers: number;
}

function placeRoom(
  arena: Arena,
  config: BertConfig,
  { panels, outputs, threads, firsts, answers }: RoomSize,
): Room {
  const D = panelBytes(config.hiddenSize);
  const A = panelBytes(Math.max(0, ...config.layers.map(({ heads, headSize }) => heads * headSize)));
  const F = panelBytes(Math.max(0, ...config.layers.map(({ ffn }) => ffn)));
  const { quantized } = config;
  const widest = Math.max(D, A, F) / (4 * PANEL);
  const texts = panelsOf(panels);
  const room = (bytes: number, count = panels): number => arena.allocate(bytes * count);
  return {
    hidden: room(D),
    branch: room(D),
    query: room(A),
    mixed: room(A),
    keys: [room(A), room(A)],
    values: [room(A), room(A)],
    threads: Array.from({ length: threads }, () => ({
      neurons: room(F, CHUNK),
      bytes: room(quantized ? bytePanelBytes(widest) : 0, CHUNK),
      rounded: room(quantized ? panelBytes(widest) : 0, CHUNK),
      scores: arena.allocate((config.maxPositions + 8) * PANEL * 4),
      panel: room(A, 1),
    })),
    firsts: Array.from({ length: firsts }, () => room(D, texts)),
    logits: room(panelBytes(outputs), answers),
    batch: arena.allocate(batchBytes(panels)),
  };
}

/** See batch.ts: a head of 2 words, 3 for each text, and ids and types of each token. */
function batchBytes(panels: number): number {
  return 4 * (2 + 3 * panels + 2 * panels * PANEL);
}

function softmax(weights: Float32Array): number[] {
  const top = weights.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Array.from(weights, (w) => Math.exp(w - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / total);
}
