/**
 * RoBERTa, and XLM-R and CamemBERT, which are the same with other tokenizers: positions count from the padding id, released
 * models have one type of tokens, and a text is read by a hidden layer of the head's own.
 *
 *   Papers    Liu et al., 2019 · https://arxiv.org/abs/1907.11692
 *             Conneau et al., ACL 2020 · https://arxiv.org/abs/1911.02116
 *             Martin et al., ACL 2020 · https://arxiv.org/abs/1911.03894
 *   Original  transformers, models/roberta, models/xlm_roberta, models/camembert
 */

import type { Facts, HeadFacts, ModelType } from "../facts.ts";
import { type Architecture, BERT_DEFAULTS, BERT_KEYS } from "./architecture.ts";
import { type Rule, TEXTS } from "./spelling.ts";

/** A head with a hidden layer of its own, under `classifier`. */
export const OWN_HIDDEN_LAYER: readonly Rule[] = [
  ["bert.pooler.dense", "classifier.dense", TEXTS],
  ["classifier", "classifier.out_proj", TEXTS],
];

/** A masked language model under `lm_head`, and the pooler that no head reads. */
export function lmHeadRules(base: string): readonly Rule[] {
  return [
    ["bert.pooler.spare", `${base}.pooler.dense`],
    ["cls.predictions.transform.dense", "lm_head.dense"],
    ["cls.predictions.transform.LayerNorm", "lm_head.layer_norm"],
    ["cls.predictions.decoder", "lm_head.decoder"],
    ["cls.predictions.bias", "lm_head.bias"],
  ];
}

/** Of RoBERTa and of MPNet, which took it over. */
export const ROBERTA_HEAD: HeadFacts = {
  reads: "first",
  activation: "tanh",
  dropsInput: true,
  pooler: "spare",
  pieces: "gelu",
};

/** Rows of a table of positions that no token has: those up to the padding's. */
export function lostToPadding({ positions }: Facts): number {
  return positions.kind === "counted" ? positions.pad + 1 : 0;
}

function likeRoberta(type: ModelType, stem: string): Architecture {
  return {
    type,
    stem,
    classes: {},
    keys: BERT_KEYS,
    defaults: { ...BERT_DEFAULTS, padTokenId: 1 },
    facts: (_json, { padTokenId, typeVocab }) => ({
      type,
      positions: { kind: "counted", pad: padTokenId },
      types: typeVocab === 1 ? "first" : "read",
      norm: "after",
      without: [],
      dropouts: {},
      head: ROBERTA_HEAD,
    }),
    lost: lostToPadding,
    spelling: { base: "roberta", rules: [...OWN_HIDDEN_LAYER, ...lmHeadRules("roberta")], foreign: [] },
  };
}

export const ROBERTA = likeRoberta("roberta", "Roberta");
export const XLM_ROBERTA = likeRoberta("xlm-roberta", "XLMRoberta");
export const CAMEMBERT = likeRoberta("camembert", "Camembert");
