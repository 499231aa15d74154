/** Small configurations of every architecture, for tests of what is done with a network. */

import type { BertConfig } from "../../src/bert/config.ts";
import { parseConfig } from "../../src/bert/config.ts";
import type { ModelType } from "../../src/bert/facts.ts";

const SIZES = {
  vocab_size: 60,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 20,
  max_position_embeddings: 12,
  initializer_range: 0.3,
};

/** One of each kind; the three of RoBERTa's are one. */
const JSONS: Readonly<Partial<Record<ModelType, object>>> = {
  bert: SIZES,
  distilbert: { ...SIZES, dim: 12, n_layers: 2, n_heads: 2, hidden_dim: 20 },
  roberta: { ...SIZES, type_vocab_size: 1, pad_token_id: 0 },
  electra: { ...SIZES, embedding_size: 8 },
  mpnet: SIZES,
  albert: { ...SIZES, embedding_size: 8 },
  modernbert: { ...SIZES, pad_token_id: 0, local_attention: 4, global_attn_every_n_layers: 2 },
};

/** The architectures that differ. */
export const KINDS = Object.keys(JSONS) as ModelType[]; // keys of the object above

/** A small encoder of a kind. */
export function smallConfigOf(type: ModelType): BertConfig {
  return parseConfig({ model_type: type, ...JSONS[type] }, type);
}
