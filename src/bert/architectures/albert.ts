/**
 * ALBERT: all layers share the tensors of one, and embeddings are narrower than states.
 *
 *   Paper     Lan, Chen, Goodman, Gimpel, Sharma & Soricut, ICLR 2020 · https://arxiv.org/abs/1909.11942
 *   Original  transformers, models/albert
 *
 * With several groups, layer i of L has the tensors of group ⌊i·groups/L⌋. What would have to differ between layers that
 * share is refused where it is asked (network/shrink.ts, network/layers.ts).
 */

import { bad, size } from "../config-values.ts";
import { type Architecture, BERT_DEFAULTS, BERT_KEYS } from "./architecture.ts";
import type { Rule } from "./spelling.ts";

const GROUP = "albert.encoder.albert_layer_groups.#.albert_layers.0";

const MODULES = [
  ["attention.self.query", "attention.query"],
  ["attention.self.key", "attention.key"],
  ["attention.self.value", "attention.value"],
  ["attention.output.dense", "attention.dense"],
  ["attention.output.LayerNorm", "attention.LayerNorm"],
  ["intermediate.dense", "ffn"],
  ["output.dense", "ffn_output"],
  ["output.LayerNorm", "full_layer_layer_norm"],
] as const;

export const ALBERT: Architecture = {
  type: "albert",
  stem: "Albert",
  classes: { AlbertForPreTraining: { kind: "mlm" } },
  keys: { ...BERT_KEYS, classifierDropout: "classifier_dropout_prob" },
  defaults: {
    ...BERT_DEFAULTS,
    activation: "gelu_new",
    hiddenDropout: 0,
    attentionDropout: 0,
    classifierDropout: 0.1,
  },
  facts: (json, _sizes, where) => {
    const inner = size(json, "inner_group_num", where, 1);
    if (inner !== 1) throw bad("sharing", "inner_group_num", "1", inner, where);
    return {
      type: "albert",
      embeddingSize: size(json, "embedding_size", where, 128),
      positions: { kind: "table" },
      types: "read",
      norm: "after",
      without: [],
      dropouts: { output: 0 },
      head: { reads: "first", activation: "tanh", pooler: "read" },
    };
  },
  layers: (json, { layers }, where) => {
    const groups = size(json, "num_hidden_groups", where, 1, 1, layers);
    return Array.from({ length: layers }, (_, i) => ({ sharing: Math.floor(i / (layers / groups)) }));
  },
  json: ({ embeddingSize }, layers) => ({
    embedding_size: embeddingSize,
    inner_group_num: 1,
    num_hidden_groups: new Set(layers.map(({ sharing }) => sharing)).size,
  }),
  spelling: {
    base: "albert",
    rules: [
      ...MODULES.map(([inside, stored]): Rule => [`bert.encoder.layer.#.${inside}`, `${GROUP}.${stored}`]),
      ["bert.embeddings.projection", "albert.encoder.embedding_hidden_mapping_in"],
      ["bert.pooler.dense", "albert.pooler"],
      ["cls.predictions.transform.dense", "predictions.dense"],
      ["cls.predictions.transform.LayerNorm", "predictions.LayerNorm"],
      ["cls.predictions.decoder", "predictions.decoder"],
      ["cls.predictions.bias", "predictions.bias"],
    ],
    foreign: ["sop_classifier"],
  },
};
