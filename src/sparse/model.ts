/**
 * A classifier, of texts or of tokens, or a sentence encoder put into an arena: every table, matrix and vector placed, and
 * the room that a pass works in (placed.ts).
 *
 * Two rooms for queries, keys and values take turns between layers: a thread may fill one while another still reads the
 * other. Queries too, though each thread has its own: where a layer has more heads than the one before, its panels are
 * larger, and one thread's lie where another's were.
 * Where architectures differ their facts decide, here alone: norms before modules are placed as norms after the sum
 * before, so that the pass has one order for both. Browser-safe. Not here: the pass (forward.ts), which texts go into it
 * (batch.ts).
 */

import { ConfigError } from "../base/errors.ts";
import { requireItem, requireLast } from "../base/present.ts";
import { softmax } from "../base/statistics.ts";
import type { FloatTensor } from "../base/tensor.ts";
import {
  type BertConfig,
  factsOf,
  type Head,
  type LayerConfig,
  POOLING_MODES,
  poolingOf,
} from "../bert/config.ts";
import { bucketOf, rotaryRates } from "../bert/distances.ts";
import type { Activation, Facts } from "../bert/facts.ts";
import { CLASSIFIER, EMBEDDINGS, FINAL_NORM, HIDDEN, layerNames, MIXTURE, POOLER } from "../bert/names.ts";
import type { Arena } from "./arena.ts";
import { ALL_TOKENS } from "./kernels.ts";
import type { Rates } from "./linear.ts";
import type { PackedMatrix } from "./matrix.ts";
import { bytePanelBytes, PANEL, panelBytes, panelsOf } from "./panels.ts";
import {
  type ActivationKernel,
  CHUNK,
  PASS_PANELS,
  type PlacedEmbeddings,
  type PlacedHead,
  type PlacedHidden,
  type PlacedLayer,
  type PlacedModel,
  type PlacedNorm,
  type PlacedPlaces,
  type Room,
} from "./placed.ts";
import { type Placer, placerOf } from "./placer.ts";
import { angleTable, termsOf } from "./places.ts";

/** What is placed: a network, or what a packed file holds. */
export interface SparseModel {
  readonly config: BertConfig;
  readonly head: Head;
  /** Under the checkpoint's names. */
  readonly tensors: ReadonlyMap<string, FloatTensor | PackedMatrix>;
}

const KERNEL_OF: Readonly<Record<Activation | "tanh", ActivationKernel>> = {
  gelu: "gelu_erf",
  gelu_new: "gelu_tanh",
  relu: "relu",
  tanh: "tanh",
};

/** How a model is placed. */
export interface Placing {
  readonly rates: Rates;
  readonly threads: number;
}

/**
 * Places a model.
 * @throws {ConfigError} `sparse/head` for a head that does not answer texts; {InputError} `sparse/tensor`;
 *   {RunError} `arena/memory`
 */
export function placeModel(arena: Arena, model: SparseModel, { rates, threads }: Placing): PlacedModel {
  const { config } = model;
  const facts = factsOf(config);
  const outputs = outputsOf(model);
  const place = placerOf(arena, model, rates);
  const panels = Math.max(PASS_PANELS, panelsOf(config.maxPositions));
  const head = placeHead(place, model.head, facts);
  const firsts = head.kind === "labels" && head.mixture ? config.layers.length : 1;
  const answers = head.kind === "tokens" ? panels : panelsOf(panels);
  const { hiddenSize, layerNormEps, vocabSize, maxPositions } = config;
  return {
    config: {
      ...{ hiddenSize, layerNormEps, vocabSize, maxPositions },
      typeVocab: facts.types === "read" ? config.typeVocab : 0,
    },
    activation: KERNEL_OF[config.activation],
    outputs,
    embeddings: placeEmbeddings(place, config, facts),
    layers: config.layers.map((_, i) => placeLayer(place, config, facts, i)),
    head,
    room: placeRoom(arena, config, facts, { panels, outputs, threads, firsts, answers }),
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

function placeHead(place: Placer, head: Head, facts: Facts): PlacedHead {
  const pooling = poolingOf(head);
  if (pooling) return { kind: "vector", pooling };
  const classifier = place.linear(CLASSIFIER);
  const { reads, activation, shared: isShared } = facts.head;
  const hidden = (): PlacedHidden => ({
    linear: place.linear(POOLER),
    activation: KERNEL_OF[activation],
    ...(isShared === true ? { norm: place.norm(HIDDEN.norm) } : {}),
  });
  if (head.kind === "tokens")
    return { kind: "tokens", ...(isShared === true ? { hidden: hidden() } : {}), classifier };
  const reader = "reader" in head ? head.reader : undefined;
  if (reader === undefined)
    return { kind: "labels", hidden: hidden(), readsMean: reads === "mean", classifier };
  return {
    kind: "labels",
    hidden: { linear: place.linear(MIXTURE.dense), activation: "relu" },
    readsMean: reader === "means",
    mixture: softmax(place.tensor(MIXTURE.weights[reader]).data),
    classifier,
  };
}

function placeEmbeddings(place: Placer, config: BertConfig, facts: Facts): PlacedEmbeddings {
  const { positions, types, embeddingSize } = facts;
  const features = embeddingSize ?? config.hiddenSize;
  const none = (): number => place.made("no row", () => new Float32Array(features));
  const isTable = positions.kind !== "rotary";
  return {
    features,
    words: place.table(EMBEDDINGS.words),
    positions: isTable ? place.table(EMBEDDINGS.positions) : none(),
    positionRow: isTable ? 4 * features : 0,
    pad: positions.kind === "counted" ? positions.pad : -1,
    types: types === "none" ? none() : place.table(EMBEDDINGS.types),
    norm: place.norm(EMBEDDINGS.norm),
    ...(embeddingSize === undefined ? {} : { projection: place.linear(EMBEDDINGS.projection) }),
    ...(facts.norm === "before" ? { next: normBefore(place, config, 0) } : {}),
  };
}

/** Where norms stand before modules: the one that layer `i` begins with, or what stands after the last. */
function normBefore(place: Placer, { layers }: BertConfig, i: number): PlacedNorm {
  const layer = layers[i];
  // A layer that begins without one reads the sum itself, and what any norm makes of it is not looked at.
  return place.norm(
    layer === undefined || layer.bare === true ? FINAL_NORM : layerNames(layer.sharing ?? i).attentionNorm,
  );
}

function placeLayer(place: Placer, config: BertConfig, facts: Facts, i: number): PlacedLayer {
  const layer = requireItem(config.layers, i, "layers");
  const { heads, headSize, ffn } = layer;
  const names = layerNames(layer.sharing ?? i);
  const isBefore = facts.norm === "before";
  return {
    heads,
    headSize,
    isBare: layer.bare === true,
    places: placePlaces(place, config, facts, layer),
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
    attentionNorm: place.norm(isBefore ? names.outputNorm : names.attentionNorm),
    ...(ffn > 0 ? { intermediate: place.product(names.intermediate) } : {}),
    ...(ffn > 0 && layer.gated === true ? { gate: place.product(names.gate) } : {}),
    output: place.product(names.output),
    outputNorm: isBefore ? normBefore(place, config, i + 1) : place.norm(names.outputNorm),
  };
}

function placePlaces(
  place: Placer,
  { maxPositions }: BertConfig,
  { positions, relative }: Facts,
  { window, places = [], heads, headSize }: LayerConfig,
): PlacedPlaces {
  // A window that no text is longer than is none.
  const reach = window !== undefined && window < maxPositions ? window : undefined;
  const added = (): ReturnType<typeof termsOf> => {
    if (relative === undefined) return termsOf({ window: reach, maxPositions, heads });
    const table = place.tensor(EMBEDDINGS.relative).data;
    const { buckets, farthest, heads: columns } = relative;
    return termsOf({ window: reach, maxPositions, heads }, (head, distance) => {
      const row = bucketOf(-distance, buckets, farthest) * columns;
      return requireItem(table, row + requireItem(places, head, "heads"), "relative positions");
    });
  };
  const terms = heads > 0 ? added() : undefined;
  const base = positions.kind !== "rotary" ? 0 : window === undefined ? positions.full : positions.window;
  const angles = (): Float32Array => angleTable(rotaryRates(base, headSize), panelsOf(maxPositions));
  return {
    reach: reach ?? ALL_TOKENS,
    terms: terms ? place.made(`terms ${reach} ${places.join()}`, terms.rows) + 4 * terms.origin : 0,
    termsRow: relative !== undefined && terms ? 4 * terms.length : 0,
    angles: base === 0 || heads === 0 ? 0 : place.made(`angles ${base} ${headSize}`, angles),
    anglesRow: headSize * PANEL * 4,
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
  { norm, embeddingSize = config.hiddenSize }: Facts,
  { panels, outputs, threads, firsts, answers }: RoomSize,
): Room {
  const D = panelBytes(config.hiddenSize);
  const A = panelBytes(Math.max(0, ...config.layers.map(({ heads, headSize }) => heads * headSize)));
  const F = panelBytes(Math.max(0, ...config.layers.map(({ ffn }) => ffn)));
  const { quantized, layers } = config;
  const gates = layers.some(({ gated }) => gated === true) ? F : 0;
  const widest = Math.max(D, A, F) / (4 * PANEL);
  const texts = panelsOf(panels);
  const room = (bytes: number, count = panels): number => arena.allocate(bytes * count);
  const hidden = room(D);
  const kept = Array.from({ length: firsts }, () => room(D, texts));
  const isBefore = norm === "before";
  return {
    hidden,
    normed: isBefore ? room(D) : hidden,
    branch: room(Math.max(D, panelBytes(embeddingSize))),
    mixed: room(A),
    queries: [room(A), room(A)],
    keys: [room(A), room(A)],
    values: [room(A), room(A)],
    threads: Array.from({ length: threads }, () => ({
      neurons: room(F, CHUNK),
      gates: room(gates, CHUNK),
      bytes: room(quantized ? bytePanelBytes(widest) : 0, CHUNK),
      rounded: room(quantized ? panelBytes(widest) : 0, CHUNK),
      scores: arena.allocate((config.maxPositions + 8) * PANEL * 4),
      panel: room(A, 1),
    })),
    firsts: kept,
    firstsNormed: isBefore ? room(D, texts) : requireLast(kept, "first tokens"),
    logits: room(panelBytes(outputs), answers),
    batch: arena.allocate(batchBytes(panels)),
  };
}

/** See batch.ts: a head of 2 words, 3 for each text, and ids and types of each token. */
function batchBytes(panels: number): number {
  return 4 * (2 + 3 * panels + 2 * panels * PANEL);
}
