/**
 * DistilBERT: BERT without token types and without dropout after attention; a text is read by a hidden layer with ReLU.
 *
 *   Paper     Sanh, Debut, Chaumond & Wolf, 2019 · https://arxiv.org/abs/1910.01108
 *   Original  transformers, models/distilbert
 *
 * The method that makes such a model of a BERT is another file of that name (methods/).
 */

import { type Architecture, BERT_DEFAULTS, BERT_KEYS } from "./architecture.ts";
import { type Rule, TEXTS } from "./spelling.ts";

const LAYER = ["bert.encoder.layer.#", "distilbert.transformer.layer.#"] as const;

/** Modules of a layer, here and there. */
const MODULES = [
  ["attention.self.query", "attention.q_lin"],
  ["attention.self.key", "attention.k_lin"],
  ["attention.self.value", "attention.v_lin"],
  ["attention.output.dense", "attention.out_lin"],
  ["attention.output.LayerNorm", "sa_layer_norm"],
  ["intermediate.dense", "ffn.lin1"],
  ["output.dense", "ffn.lin2"],
  ["output.LayerNorm", "output_layer_norm"],
] as const;

export const DISTILBERT: Architecture = {
  type: "distilbert",
  stem: "DistilBert",
  classes: {},
  keys: {
    ...BERT_KEYS,
    hiddenSize: "dim",
    layers: "n_layers",
    heads: "n_heads",
    ffn: "hidden_dim",
    activation: "activation",
    hiddenDropout: "dropout",
    classifierDropout: "seq_classif_dropout",
    attentionDropout: "attention_dropout",
    typeVocab: null,
    layerNormEps: null,
  },
  aliases: { dim: "hidden_size", n_layers: "num_hidden_layers", n_heads: "num_attention_heads" },
  defaults: { ...BERT_DEFAULTS, typeVocab: 0, classifierDropout: 0.2 },
  facts: (_json, { hiddenDropout }) => ({
    type: "distilbert",
    positions: { kind: "table" },
    types: "none",
    norm: "after",
    without: [],
    dropouts: { attentionOutput: 0, tokens: hiddenDropout },
    head: { reads: "first", activation: "relu", pooler: "none" },
  }),
  spelling: {
    base: "distilbert",
    rules: [
      ...MODULES.map(([inside, stored]): Rule => [`${LAYER[0]}.${inside}`, `${LAYER[1]}.${stored}`]),
      ["bert.pooler.dense", "pre_classifier", TEXTS],
      ["cls.predictions.transform.dense", "vocab_transform"],
      ["cls.predictions.transform.LayerNorm", "vocab_layer_norm"],
      ["cls.predictions.decoder.weight", "vocab_projector.weight"],
      ["cls.predictions.bias", "vocab_projector.bias"],
    ],
    foreign: [],
  },
};
