/**
 * ModernBERT: LayerNorm before modules, rotary positions, gated feed-forward modules, most layers with local attention,
 * and hardly a bias. Its head's hidden layer is the one that pre-training has.
 *
 *   Paper     Warner et al., 2024 · https://arxiv.org/abs/2412.13663
 *   Original  transformers, models/modernbert
 *
 * Its configuration has two spellings: version 5 of `transformers` lists `layer_types` and `rope_parameters`, version 4
 * says how often a layer sees all tokens. Both are written, the second where it can be said so.
 */

import { type JsonObject, own } from "../../formats/json.ts";
import { bad, flag, fraction, parseActivation, readValue, record, size } from "../config-values.ts";
import type { Biased, LayerFacts } from "../facts.ts";
import { type Architecture, BERT_DEFAULTS, BERT_KEYS, type ReadSizes } from "./architecture.ts";

const [FULL, LOCAL] = ["full_attention", "sliding_attention"] as const;

/** What has a bias, by the key that says so, and whether it has one where the key is absent. */
const BIASES: readonly (readonly [key: string, kind: Biased, fallback: boolean])[] = [
  ["attention_bias", "attention", false],
  ["mlp_bias", "ffn", false],
  ["norm_bias", "norm", false],
  ["classifier_bias", "hidden", false],
  ["decoder_bias", "pieces", true],
];

/** Tokens that a layer with local attention sees in all. */
const DEFAULT_WINDOW = 128;

/** Base of the angles of one kind of layers, in either spelling. */
function baseOf(json: JsonObject, kind: typeof FULL | typeof LOCAL, fallback: number, where: string): number {
  const scaling = readValue(json, "rope_scaling", null);
  if (scaling !== null) throw bad("position", "rope_scaling", "absent", scaling, where);
  const given = record(readValue(json, "rope_parameters", null) ?? {}, "rope_parameters", where);
  const own = record(readValue(given, kind, null) ?? {}, `rope_parameters.${kind}`, where);
  const type = readValue(own, "rope_type", "default");
  if (type !== "default")
    throw bad("position", `rope_parameters.${kind}.rope_type`, '"default"', type, where);
  const older = readValue(json, kind === FULL ? "global_rope_theta" : "local_rope_theta", fallback);
  const base = readValue(own, "rope_theta", older);
  if (base === null && kind === LOCAL) return baseOf(json, FULL, GLOBAL_BASE, where);
  if (typeof base === "number" && base > 0 && Number.isFinite(base)) return base;
  throw bad("position", `rope_parameters.${kind}.rope_theta`, "a number above 0", base, where);
}

const [GLOBAL_BASE, LOCAL_BASE] = [160_000, 10_000];

/** Whether each layer sees all tokens. */
function fullLayers(json: JsonObject, layers: number, where: string): boolean[] {
  const types = readValue(json, "layer_types", null);
  if (types === null) {
    const every = size(json, "global_attn_every_n_layers", where, 3);
    return Array.from({ length: layers }, (_, i) => i % every === 0);
  }
  const list: readonly unknown[] = Array.isArray(types) ? types : [];
  if (list.length === layers && list.every((type) => type === FULL || type === LOCAL))
    return list.map((type) => type === FULL);
  throw bad("layers", "layer_types", `${layers} of ${FULL} and ${LOCAL}`, types, where);
}

function layersOf(json: JsonObject, { layers, heads, hiddenSize }: ReadSizes, where: string): LayerFacts[] {
  if (own(json, "espalier") === undefined && (hiddenSize / heads) % 2 !== 0) {
    throw bad(
      "heads",
      "num_attention_heads",
      "to leave heads an even size, which turns in pairs",
      heads,
      where,
    );
  }
  const window = Math.floor(size(json, "local_attention", where, DEFAULT_WINDOW) / 2);
  return fullLayers(json, layers, where).map((isFull, i) => ({
    gated: true,
    ...(isFull ? {} : { window }),
    ...(i === 0 ? { bare: true } : {}),
  }));
}

/** Ids that no arithmetic reads; their defaults lie outside of a smaller vocabulary. */
const NO_IDS = { bos_token_id: null, eos_token_id: null, cls_token_id: null, sep_token_id: null };

/** How often a layer sees all tokens, for version 4; nothing where that has no rhythm. */
function rhythm(layers: readonly LayerFacts[]): JsonObject {
  const next = layers.findIndex(({ window }, i) => i > 0 && window === undefined);
  const every = next < 0 ? layers.length : next;
  const isRegular = layers.every(({ window }, i) => (window === undefined) === (i % every === 0));
  return isRegular ? { global_attn_every_n_layers: every } : {};
}

export const MODERNBERT: Architecture = {
  type: "modernbert",
  stem: "ModernBert",
  classes: {},
  keys: {
    ...BERT_KEYS,
    activation: "hidden_activation",
    hiddenDropout: null,
    attentionDropout: "attention_dropout",
    typeVocab: null,
    layerNormEps: "norm_eps",
  },
  defaults: {
    ...BERT_DEFAULTS,
    hiddenDropout: 0,
    attentionDropout: 0,
    classifierDropout: 0,
    maxPositions: 8192,
    typeVocab: 0,
    layerNormEps: 1e-5,
    padTokenId: 50_283,
  },
  facts: (json, { attentionDropout }, where) => {
    const reads = readValue(json, "classifier_pooling", "cls");
    if (reads !== "cls" && reads !== "mean")
      throw bad("pooling", "classifier_pooling", '"cls" or "mean"', reads, where);
    return {
      type: "modernbert",
      positions: {
        kind: "rotary",
        full: baseOf(json, FULL, GLOBAL_BASE, where),
        window: baseOf(json, LOCAL, LOCAL_BASE, where),
      },
      types: "none",
      norm: "before",
      without: BIASES.flatMap(([key, kind, fallback]) => (flag(json, key, where, fallback) ? [] : [kind])),
      dropouts: {
        embeddings: fraction(json, "embedding_dropout", where, 0),
        attentionOutput: attentionDropout,
        neurons: fraction(json, "mlp_dropout", where, 0),
        output: 0,
      },
      head: {
        reads: reads === "cls" ? "first" : "mean",
        activation: parseActivation(json, "classifier_activation", where),
        shared: true,
        pooler: "none",
      },
    };
  },
  layers: layersOf,
  json: ({ positions, without, dropouts, head }, layers) => {
    const bases = positions.kind === "rotary" ? positions : { full: GLOBAL_BASE, window: LOCAL_BASE };
    const window = layers.find((layer) => layer.window !== undefined)?.window;
    return {
      ...Object.fromEntries(BIASES.map(([key, kind]) => [key, !without.includes(kind)])),
      embedding_dropout: dropouts.embeddings ?? 0,
      mlp_dropout: dropouts.neurons ?? 0,
      classifier_pooling: head.reads === "mean" ? "mean" : "cls",
      classifier_activation: head.activation,
      local_attention: window === undefined ? DEFAULT_WINDOW : 2 * window,
      layer_types: layers.map((layer) => (layer.window === undefined ? FULL : LOCAL)),
      rope_parameters: {
        [FULL]: { rope_type: "default", rope_theta: bases.full },
        [LOCAL]: { rope_type: "default", rope_theta: bases.window },
      },
      ...rhythm(layers),
      ...NO_IDS,
      global_rope_theta: bases.full,
      local_rope_theta: bases.window,
    };
  },
  spelling: {
    base: "model",
    rules: [
      ["bert.embeddings.word_embeddings", "model.embeddings.tok_embeddings"],
      ["bert.embeddings.LayerNorm", "model.embeddings.norm"],
      ["bert.encoder.layer.#.attention.output.LayerNorm", "model.layers.#.attn_norm"],
      ["bert.encoder.layer.#.attention.self.fused", "model.layers.#.attn.Wqkv"],
      ["bert.encoder.layer.#.attention.output.dense", "model.layers.#.attn.Wo"],
      ["bert.encoder.layer.#.output.LayerNorm", "model.layers.#.mlp_norm"],
      ["bert.encoder.layer.#.intermediate.fused", "model.layers.#.mlp.Wi"],
      ["bert.encoder.layer.#.output.dense", "model.layers.#.mlp.Wo"],
      ["bert.encoder.LayerNorm", "model.final_norm"],
      ["bert.pooler.dense", "head.dense"],
      ["bert.pooler.LayerNorm", "head.norm"],
      ["cls.predictions.decoder.weight", "decoder.weight"],
      ["cls.predictions.bias", "decoder.bias"],
    ],
    foreign: [],
  },
};
