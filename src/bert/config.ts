/**
 * The shape of an encoder, read from a Hugging Face `config.json` of any architecture in architectures/.
 *
 * Promise: a configuration which this project would compute differently from `transformers` is refused by name, not
 * approximated. Keys that do not change the arithmetic are ignored. Heads that `transformers` 4 removed are told by
 * `pruned_heads`; other layers of sizes of their own have no place in a stock `config.json` and stand under the key
 * `espalier`, as does which layers compute in 8 bits (quantized.ts).
 *
 * Not here: the head (head.ts), writing (config-json.ts), parameter names and shapes (names.ts), files
 * (network/folder.ts).
 */

import { requireItem } from "../base/present.ts";
import { isObject, type JsonObject, own } from "../formats/json.ts";
import type { Architecture, ReadSizes } from "./architectures/architecture.ts";
import { BERT_FACTS } from "./architectures/bert.ts";
import { architectureOf } from "./architectures/table.ts";
import { bad, fraction, isAbsent, parseActivation, readValue, record, size } from "./config-values.ts";
import type { Activation, Facts, LayerFacts, Reader } from "./facts.ts";
import { parseQuantized, type QuantizedLayers } from "./quantized.ts";

/** One encoder layer. A pruned module has `heads` or `ffn` 0: its output bias is all that is left of it. */
export interface LayerConfig extends LayerFacts {
  readonly heads: number;
  /** Features of one head; every layer of an unpruned model has heads × headSize = hiddenSize. */
  readonly headSize: number;
  /** Neurons between the two matrices of the feed-forward module. */
  readonly ffn: number;
}

/** Everything about an encoder that is not a tensor. */
export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: readonly LayerConfig[];
  /** Tokens that a text may have. */
  readonly maxPositions: number;
  /** Rows of the table of token types; 0 where there is none. */
  readonly typeVocab: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
  readonly hiddenDropout: number;
  /** Dropout of what the classifier reads, where it is not `hiddenDropout`. */
  readonly classifierDropout?: number;
  readonly attentionDropout: number;
  /** Standard deviation of a new weight. */
  readonly initializerRange: number;
  readonly padTokenId: number;
  /** Linear layers of the encoder that compute in 8 bits; the others, all where it is absent, in float32. */
  readonly quantized?: QuantizedLayers;
  /** What the encoder computes otherwise than BERT; absent for BERT itself (`factsOf`). */
  readonly facts?: Facts;
}

/** What an encoder of this configuration computes. */
export function factsOf({ facts }: Pick<BertConfig, "facts">): Facts {
  return facts ?? BERT_FACTS;
}

/** Heads with the reader's name only where it is not the stock one, so that each head is written in one way. */
interface Reading {
  readonly reader?: Exclude<Reader, "pooler">;
}

/**
 * How the last states of a text's tokens become one vector, in the words of sentence-transformers: their mean, the first
 * of them, the largest number of each feature, or their sum divided by the root of how many they are.
 */
export const POOLING_MODES = ["mean", "cls", "max", "mean_sqrt_len_tokens"] as const;
export type PoolingMode = (typeof POOLING_MODES)[number];

/** How a bare encoder makes the vector of a text. */
export interface Pooling {
  readonly mode: PoolingMode;
  /** Whether vectors are brought to length 1. */
  readonly normalize: boolean;
}

/** Of an encoder that does not say how: what most sentence encoders do. */
export const DEFAULT_POOLING: Pooling = { mode: "mean", normalize: true };

/**
 * What stands on top of the encoder. A classification has one label for each text, `multi-label` as many as hold,
 * `tokens` one for each token. `none` is the bare encoder, with its pooler; its `pooling` is absent where nobody said
 * how it makes vectors, and null where that was said and is not read here.
 */
export type Head =
  | ({ readonly kind: "classification"; readonly labels: readonly string[] } & Reading)
  | ({ readonly kind: "regression" } & Reading)
  | ({ readonly kind: "multi-label"; readonly labels: readonly string[] } & Reading)
  | { readonly kind: "tokens"; readonly labels: readonly string[] }
  | { readonly kind: "mlm" }
  | { readonly kind: "none"; readonly pooling?: Pooling | null };

/** The labels of a head that has such, in the order of its logits; none of another. */
export function labelsOf(head: Head): readonly string[] {
  return "labels" in head ? head.labels : [];
}

/** A head that answers a text as a whole with logits: it reads a pooler or a mixture. */
export type TextHead = Extract<Head, { readonly kind: "classification" | "regression" | "multi-label" }>;

/** Whether it is such a head. */
export function answersTexts(head: Head): head is TextHead {
  return head.kind === "classification" || head.kind === "regression" || head.kind === "multi-label";
}

/** Whether a head that answers texts reads first tokens alone, of the last layer or of all. */
export function readsFirsts(head: TextHead, config: Pick<BertConfig, "facts">): boolean {
  return head.reader === undefined ? factsOf(config).head.reads === "first" : head.reader === "mixture";
}

/** How a network makes vectors of texts; undefined where it makes none. */
export function poolingOf(head: Head): Pooling | undefined {
  if (head.kind !== "none" || head.pooling === null) return undefined;
  return head.pooling ?? DEFAULT_POOLING;
}

/** Largest number of layers: a hostile file must not fill the memory. */
const MAX_LAYERS = 512;

/** Settings under which `transformers` computes something else than this project does. */
function refuseForeign(json: JsonObject, where: string): void {
  // Null too: version 4 of `transformers` then adds no positions at all.
  const position = readValue(json, "position_embedding_type", "absolute");
  if (position !== "absolute")
    throw bad("position", "position_embedding_type", '"absolute"', position, where);
  for (const key of ["is_decoder", "add_cross_attention"]) {
    if (own(json, key)) throw bad("decoder", key, "false: only encoders are read", own(json, key), where);
  }
  if (own(json, "quantization_config")) {
    throw bad("quantized", "quantization_config", "absent", own(json, "quantization_config"), where);
  }
}

/** Layers under `espalier`, or undefined where there are none. @param facts  of the layers of the file */
function ownLayers(
  json: JsonObject,
  count: number,
  facts: readonly LayerFacts[],
  where: string,
): LayerConfig[] | undefined {
  const extra = own(json, "espalier");
  if (extra === undefined) return undefined;
  const layers = own(record(extra, "espalier", where), "layers");
  if (layers === undefined) return undefined;
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) {
    throw bad("layers", "espalier.layers", `a list of at most ${MAX_LAYERS} layers`, layers, where);
  }
  if (layers.length !== count) {
    const expected = `${count} layers, as num_hidden_layers says`;
    throw bad("layers", "espalier.layers", expected, layers.length, where);
  }
  return layers.map((item: unknown, i) => {
    const layer = record(item, `espalier.layers[${i}]`, where);
    const at = `${where}, espalier.layers[${i}]`;
    const heads = size(layer, "heads", at, undefined, 0);
    return {
      heads,
      headSize: size(layer, "head_size", at),
      ffn: size(layer, "ffn", at, undefined, 0),
      ...ownFacts(layer, heads, requireItem(facts, i, "layers"), at),
    };
  });
}

/** What of a layer's facts a pruned model may say for itself: where its heads were, and whether a norm comes first. */
function ownFacts(layer: JsonObject, heads: number, facts: LayerFacts, where: string): LayerFacts {
  const { bare: isBare, places: all, ...rest } = facts;
  const bare = readValue(layer, "bare", isBare === true);
  if (typeof bare !== "boolean") throw bad("layers", "bare", "true or false", bare, where);
  const places = readValue(layer, "places", all);
  if (all === undefined) return { ...rest, ...(bare ? { bare } : {}) };
  const list: readonly unknown[] = Array.isArray(places) ? places : [];
  const known = all.filter((place) => list.includes(place));
  if (known.length !== heads || known.join() !== list.join()) {
    throw bad("layers", "places", `${heads} ascending numbers below ${all.length}`, places, where);
  }
  return { ...rest, places: known };
}

/** Numbers of the heads that `transformers` 4 removed, by layer: {"3": [0, 7]}. A head listed twice is removed once. */
function prunedHeads(
  json: JsonObject,
  layers: number,
  heads: number,
  where: string,
): Map<number, Set<number>> {
  const pruned = new Map<number, Set<number>>();
  const table = own(json, "pruned_heads") ?? {};
  for (const [key, list] of Object.entries(record(table, "pruned_heads", where))) {
    const layer = Number(key);
    if (!/^\d+$/.test(key) || layer >= layers) {
      throw bad("pruned", "pruned_heads", `an object by layer, from 0 to ${layers - 1}`, table, where);
    }
    const numbers: readonly unknown[] = Array.isArray(list) ? list : [undefined];
    const known = numbers.filter(
      (head) => Number.isInteger(head) && Number(head) >= 0 && Number(head) < heads,
    );
    if (known.length < numbers.length) {
      throw bad("pruned", `pruned_heads["${key}"]`, `a list of heads from 0 to ${heads - 1}`, list, where);
    }
    pruned.set(layer, new Set(known.map(Number)));
  }
  return pruned;
}

/** What each layer has beside its sizes. */
function layerFacts(
  json: JsonObject,
  { layers }: Architecture,
  sizes: ReadSizes,
  where: string,
): readonly LayerFacts[] {
  return layers?.(json, sizes, where) ?? Array.from({ length: sizes.layers }, () => ({}));
}

function parseLayers(
  json: JsonObject,
  architecture: Architecture,
  sizes: ReadSizes,
  where: string,
): LayerConfig[] {
  const { layers: count, heads, hiddenSize } = sizes;
  const { keys } = architecture;
  const facts = layerFacts(json, architecture, sizes, where);
  const sized = ownLayers(json, count, facts, where);
  if (sized !== undefined) {
    if (prunedHeads(json, count, Number.POSITIVE_INFINITY, where).size === 0) return sized;
    throw bad("pruned", "pruned_heads", "absent beside espalier.layers", own(json, "pruned_heads"), where);
  }
  if (hiddenSize % heads !== 0) {
    throw bad("heads", keys.heads, `a divisor of ${keys.hiddenSize} ${hiddenSize}`, heads, where);
  }
  const layer = { heads, headSize: hiddenSize / heads, ffn: size(json, keys.ffn, where) };
  const pruned = prunedHeads(json, count, heads, where);
  return facts.map(({ places, ...rest }, i) => {
    const gone = pruned.get(i);
    const left = places?.filter((place) => gone?.has(place) !== true);
    return { ...layer, heads: heads - (gone?.size ?? 0), ...rest, ...(left ? { places: left } : {}) };
  });
}

/** The file under the keys of its architecture: other spellings are moved where these are not there. */
function respelled(json: JsonObject, { aliases = {} }: Architecture): JsonObject {
  const moved = Object.entries(aliases).filter(
    ([key, alias]) => isAbsent(json, key) && !isAbsent(json, alias),
  );
  return { ...json, ...Object.fromEntries(moved.map(([key, alias]) => [key, own(json, alias)])) };
}

/**
 * Reads the encoder's part of a parsed `config.json`. Sizes must be there; the rest has the defaults of `transformers`.
 *
 * @param where  named in messages: the file
 * @throws {ConfigError} `config/…`, naming the key
 */
export function parseConfig(json: unknown, where: string): BertConfig {
  const given = record(json, "the file", where);
  const architecture = architectureOf(given, where);
  const { keys, defaults } = architecture;
  const c = respelled(given, architecture);
  refuseForeign(c, where);
  const vocabSize = size(c, "vocab_size", where);
  const sizes = readSizes(c, architecture, vocabSize, where);
  const { hiddenSize, typeVocab, hiddenDropout, attentionDropout, padTokenId } = sizes;
  const layers = parseLayers(c, architecture, sizes, where);
  const quantized = parseQuantized(own(c, "espalier"), layers, where);
  const facts = architecture.facts(c, sizes, where);
  const odd =
    facts.positions.kind === "rotary" ? layers.find(({ headSize }) => headSize % 2 !== 0) : undefined;
  if (odd)
    throw bad(
      "heads",
      "features of a head",
      "an even number, of which pairs are turned",
      odd.headSize,
      where,
    );
  const lost = architecture.lost?.(facts) ?? 0;
  const dropoutKey = keys.classifierDropout;
  const classifierDropout =
    dropoutKey === null || isAbsent(c, dropoutKey)
      ? defaults.classifierDropout
      : fraction(c, dropoutKey, where);
  return {
    vocabSize,
    hiddenSize,
    layers,
    maxPositions: size(c, "max_position_embeddings", where, defaults.maxPositions, lost + 1) - lost,
    typeVocab,
    activation: parseActivation(c, keys.activation, where, defaults.activation),
    layerNormEps:
      keys.layerNormEps === null
        ? defaults.layerNormEps
        : fraction(c, keys.layerNormEps, where, defaults.layerNormEps),
    hiddenDropout,
    ...(classifierDropout === undefined ? {} : { classifierDropout }),
    attentionDropout,
    initializerRange: fraction(c, "initializer_range", where, 0.02),
    padTokenId,
    ...(quantized === undefined ? {} : { quantized }),
    ...(facts === BERT_FACTS ? {} : { facts }),
  };
}

function readSizes(
  c: JsonObject,
  { keys, defaults }: Architecture,
  vocabSize: number,
  where: string,
): ReadSizes {
  const dropout = (key: string | null, fallback: number): number =>
    key === null ? fallback : fraction(c, key, where, fallback);
  const padding = Math.min(defaults.padTokenId, vocabSize - 1);
  const extra = own(c, "espalier");
  const isSized = isObject(extra) && own(extra, "layers") !== undefined; // then each layer has its own number of heads
  return {
    hiddenSize: size(c, keys.hiddenSize, where),
    layers: size(c, keys.layers, where, undefined, 1, MAX_LAYERS),
    heads: isSized ? size(c, keys.heads, where, 1, 0) : size(c, keys.heads, where),
    typeVocab: keys.typeVocab === null ? 0 : size(c, keys.typeVocab, where, defaults.typeVocab),
    padTokenId:
      own(c, "pad_token_id") === null ? padding : size(c, "pad_token_id", where, padding, 0, vocabSize - 1),
    hiddenDropout: dropout(keys.hiddenDropout, defaults.hiddenDropout),
    attentionDropout: dropout(keys.attentionDropout, defaults.attentionDropout),
  };
}

/**
 * True when `transformers` can hold the layers: all alike, the heads filling the hidden size and in their old places, and
 * no norm missing but the one that is before nothing.
 */
export function isStock(config: BertConfig): boolean {
  const [first] = config.layers;
  const { norm, relative } = factsOf(config);
  return config.layers.every(
    (layer, i) =>
      (layer.bare === true) === (norm === "before" && i === 0) &&
      (layer.places?.length ?? relative?.heads) === relative?.heads &&
      layer.heads * layer.headSize === config.hiddenSize &&
      layer.heads === first?.heads &&
      layer.ffn === first.ffn &&
      layer.ffn > 0,
  );
}
