/**
 * BERT.
 *
 *   Paper     Devlin, Chang, Lee & Toutanova, NAACL 2019 · https://arxiv.org/abs/1810.04805
 *   Original  transformers, models/bert
 */

import type { Facts } from "../facts.ts";
import { type Architecture, BERT_DEFAULTS, BERT_KEYS } from "./architecture.ts";

export const BERT_FACTS: Facts = {
  type: "bert",
  positions: { kind: "table" },
  types: "read",
  norm: "after",
  without: [],
  dropouts: {},
  head: { reads: "first", activation: "tanh", pooler: "read" },
};

export const BERT: Architecture = {
  type: "bert",
  stem: "Bert",
  classes: {
    BertForPreTraining: { kind: "mlm" },
    BertLMHeadModel: { kind: "mlm" },
    BertForNextSentencePrediction: { kind: "none", foreign: "next sentences" },
  },
  keys: BERT_KEYS,
  defaults: BERT_DEFAULTS,
  facts: () => BERT_FACTS,
  spelling: { base: "bert", rules: [], foreign: [] },
};
