/**
 * ELECTRA: BERT whose embeddings may be narrower than its states; a text is read by a hidden layer with GELU.
 *
 *   Paper     Clark, Luong, Le & Manning, ICLR 2020 · https://arxiv.org/abs/2003.10555
 *   Original  transformers, models/electra
 *
 * The discriminator's own head, which tells replaced pieces, is left out; a generator is a masked language model.
 */

import { size } from "../config-values.ts";
import { type Architecture, BERT_DEFAULTS, BERT_KEYS } from "./architecture.ts";
import { OWN_HIDDEN_LAYER } from "./roberta.ts";

export const ELECTRA: Architecture = {
  type: "electra",
  stem: "Electra",
  classes: { ElectraForPreTraining: { kind: "none", foreign: "replaced pieces" } },
  keys: BERT_KEYS,
  defaults: BERT_DEFAULTS,
  facts: (json, { hiddenSize }, where) => {
    const embeddingSize = size(json, "embedding_size", where, 128);
    return {
      type: "electra",
      ...(embeddingSize === hiddenSize ? {} : { embeddingSize }),
      positions: { kind: "table" },
      types: "read",
      norm: "after",
      without: [],
      dropouts: {},
      head: { reads: "first", activation: "gelu", dropsInput: true, pooler: "none", pieces: "gelu" },
    };
  },
  json: ({ embeddingSize }, _layers, hiddenSize) => ({ embedding_size: embeddingSize ?? hiddenSize }),
  spelling: {
    base: "electra",
    rules: [
      ["bert.embeddings.projection", "electra.embeddings_project"],
      ...OWN_HIDDEN_LAYER,
      ["cls.predictions.transform.dense", "generator_predictions.dense"],
      ["cls.predictions.transform.LayerNorm", "generator_predictions.LayerNorm"],
      ["cls.predictions.decoder.weight", "generator_lm_head.weight"],
      ["cls.predictions.bias", "generator_lm_head.bias"],
    ],
    foreign: ["discriminator_predictions"],
  },
};
