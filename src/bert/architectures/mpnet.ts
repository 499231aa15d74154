/**
 * MPNet: RoBERTa's positions and head, no token types, and a table of relative positions whose numbers are added to the
 * scores of every layer.
 *
 *   Paper     Song, Tan, Qin, Lu & Liu, NeurIPS 2020 · https://arxiv.org/abs/2004.09297
 *   Original  transformers, models/mpnet
 *
 * The padding id of its positions, the number of buckets and the farthest distance are constants in the original.
 */

import type { JsonObject } from "../../formats/json.ts";
import { bad, size } from "../config-values.ts";
import { type Architecture, BERT_DEFAULTS, BERT_KEYS } from "./architecture.ts";
import { lmHeadRules, lostToPadding, OWN_HIDDEN_LAYER, ROBERTA_HEAD } from "./roberta.ts";

const [PAD, BUCKETS, FARTHEST] = [1, 32, 128];
/** Heads of the table at most, of which each layer lists its own: a hostile file must not fill the memory. */
const MOST_HEADS = 1024;

function headsOfTable(json: JsonObject, heads: number, where: string): number {
  return size(json, "relative_attention_heads", where, heads, 1, MOST_HEADS);
}

export const MPNET: Architecture = {
  type: "mpnet",
  stem: "MPNet",
  classes: {},
  keys: { ...BERT_KEYS, typeVocab: null, classifierDropout: null },
  defaults: { ...BERT_DEFAULTS, typeVocab: 0, padTokenId: PAD },
  facts: (json, { heads }, where) => {
    const buckets = size(json, "relative_attention_num_buckets", where, BUCKETS);
    if (buckets !== BUCKETS)
      throw bad("position", "relative_attention_num_buckets", String(BUCKETS), buckets, where);
    return {
      type: "mpnet",
      positions: { kind: "counted", pad: PAD },
      relative: {
        buckets,
        farthest: FARTHEST,
        heads: headsOfTable(json, heads, where),
      },
      types: "none",
      norm: "after",
      without: [],
      dropouts: {},
      head: ROBERTA_HEAD,
    };
  },
  layers: (json, { layers, heads }, where) => {
    const all = headsOfTable(json, heads, where);
    return Array.from({ length: layers }, () => ({ places: Array.from({ length: all }, (_, i) => i) }));
  },
  lost: lostToPadding,
  json: ({ relative }, layers) => {
    const { buckets, heads } = relative ?? { buckets: BUCKETS, heads: 0 };
    // Heads of the table, where no layer has kept all: stock models have no such key.
    const isWhole = layers.some(({ places }) => places?.length === heads);
    return {
      relative_attention_num_buckets: buckets,
      ...(isWhole ? {} : { relative_attention_heads: heads }),
    };
  },
  spelling: {
    base: "mpnet",
    rules: [
      ["bert.encoder.layer.#.attention.self.query", "mpnet.encoder.layer.#.attention.attn.q"],
      ["bert.encoder.layer.#.attention.self.key", "mpnet.encoder.layer.#.attention.attn.k"],
      ["bert.encoder.layer.#.attention.self.value", "mpnet.encoder.layer.#.attention.attn.v"],
      ["bert.encoder.layer.#.attention.output.dense", "mpnet.encoder.layer.#.attention.attn.o"],
      ["bert.encoder.layer.#.attention.output.LayerNorm", "mpnet.encoder.layer.#.attention.LayerNorm"],
      ["bert.embeddings.relative_positions", "mpnet.encoder.relative_attention_bias"],
      ...OWN_HIDDEN_LAYER,
      ...lmHeadRules("mpnet"),
    ],
    foreign: [],
  },
};
