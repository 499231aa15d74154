/**
 * What an architecture is: a record of facts, and how its checkpoints spell what is BERT's inside.
 *
 * One file for each, to be read beside the original. Not here: reading a configuration with it (config.ts), tensors
 * (spelling.ts, network/folder-tensors.ts), the arithmetic (forward.ts).
 */

import type { JsonObject } from "../../formats/json.ts";
import type { Activation, Facts, LayerFacts, ModelType, Reader } from "../facts.ts";
import type { Spelling } from "./spelling.ts";

/** What a class of `transformers` says of the head. */
export interface Claim {
  readonly kind: "none" | "mlm" | "classification" | "tokens";
  readonly reader?: Exclude<Reader, "pooler">;
  /** What its own head does, where that is not read here and only the encoder is. */
  readonly foreign?: string;
}

/** Keys of a `config.json`; null where an architecture has none such. */
export interface Keys {
  readonly hiddenSize: string;
  readonly layers: string;
  readonly heads: string;
  readonly ffn: string;
  readonly activation: string;
  readonly hiddenDropout: string | null;
  readonly classifierDropout: string | null;
  readonly attentionDropout: string;
  readonly typeVocab: string | null;
  readonly layerNormEps: string | null;
}

/** What a key that is absent stands for. */
export interface Defaults {
  readonly activation: Activation;
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  /** Absent: as `hiddenDropout`. */
  readonly classifierDropout?: number;
  readonly maxPositions: number;
  readonly typeVocab: number;
  readonly layerNormEps: number;
  readonly padTokenId: number;
}

/** The sizes that an architecture's own part of a configuration may need. */
export interface ReadSizes {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly typeVocab: number;
  readonly padTokenId: number;
  readonly attentionDropout: number;
  readonly hiddenDropout: number;
}

export interface Architecture {
  readonly type: ModelType;
  /** What its classes are called: `DistilBert` of `DistilBertForMaskedLM`. */
  readonly stem: string;
  /** Its classes beside those that all have. */
  readonly classes: Readonly<Record<string, Claim>>;
  readonly keys: Keys;
  /** Other spellings of keys that `transformers` takes for the same. */
  readonly aliases?: Readonly<Record<string, string>>;
  readonly defaults: Defaults;
  /** @throws {ConfigError} `config/…` */
  readonly facts: (json: JsonObject, sizes: ReadSizes, where: string) => Facts;
  /** What layers have beside their sizes; default nothing. @throws {ConfigError} `config/…` */
  readonly layers?: (json: JsonObject, sizes: ReadSizes, where: string) => readonly LayerFacts[];
  /** Rows of the table of positions that no token has: a table of P rows is for P - `lost` tokens. */
  readonly lost?: (facts: Facts) => number;
  /** Keys of its own, to be written. */
  readonly json?: (facts: Facts, layers: readonly LayerFacts[], hiddenSize: number) => JsonObject;
  readonly spelling: Spelling;
}

/** BERT's keys, which most others have too. */
export const BERT_KEYS: Keys = {
  hiddenSize: "hidden_size",
  layers: "num_hidden_layers",
  heads: "num_attention_heads",
  ffn: "intermediate_size",
  activation: "hidden_act",
  hiddenDropout: "hidden_dropout_prob",
  classifierDropout: "classifier_dropout",
  attentionDropout: "attention_probs_dropout_prob",
  typeVocab: "type_vocab_size",
  layerNormEps: "layer_norm_eps",
};

export const BERT_DEFAULTS: Defaults = {
  activation: "gelu",
  hiddenDropout: 0.1,
  attentionDropout: 0.1,
  maxPositions: 512,
  typeVocab: 2,
  layerNormEps: 1e-12,
  padTokenId: 0,
};
