/**
 * The `config.json` of a model, as stock `transformers` reads it. config.ts and head.ts read the same values back.
 *
 * Not here: which architectures there are (head.ts).
 */

import type { JsonObject } from "../formats/json.ts";
import { type BertConfig, type Head, isStock, type TextHead } from "./config.ts";
import { CLASSIFIERS, TOKENS } from "./head.ts";
import { quantizedJson } from "./quantized.ts";

/** What `transformers` calls the three tasks of one architecture. */
const PROBLEMS: Readonly<Record<TextHead["kind"], string>> = {
  classification: "single_label_classification",
  regression: "regression",
  "multi-label": "multi_label_classification",
};

function headJson(head: Head): JsonObject {
  if (head.kind === "none") return { architectures: ["BertModel"] };
  if (head.kind === "mlm") return { architectures: ["BertForMaskedLM"], tie_word_embeddings: true };
  const labels = head.kind === "regression" ? ["LABEL_0"] : head.labels;
  const kind =
    head.kind === "tokens"
      ? { architectures: [TOKENS] }
      : { architectures: [CLASSIFIERS[head.reader ?? "pooler"]], problem_type: PROBLEMS[head.kind] };
  return {
    ...kind,
    id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  };
}

/**
 * The content of the file.
 *
 * `num_attention_heads` and `intermediate_size` of a pruned model are the largest of its layers; only the key
 * `espalier` says what each layer has.
 */
export function configJson(config: BertConfig, head: Head): Record<string, unknown> {
  const { layers } = config;
  return {
    ...headJson(head),
    model_type: "bert",
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: layers.length,
    num_attention_heads: Math.max(...layers.map((layer) => layer.heads)),
    intermediate_size: Math.max(...layers.map((layer) => layer.ffn)),
    hidden_act: config.activation,
    hidden_dropout_prob: config.hiddenDropout,
    ...(config.classifierDropout === undefined ? {} : { classifier_dropout: config.classifierDropout }),
    attention_probs_dropout_prob: config.attentionDropout,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: config.typeVocab,
    initializer_range: config.initializerRange,
    layer_norm_eps: config.layerNormEps,
    pad_token_id: config.padTokenId,
    position_embedding_type: "absolute",
    ...ownJson(config, head),
  };
}

/** What no stock library has a place for, under a key of our own; nothing where there is nothing of the kind. */
function ownJson(config: BertConfig, head: Head): JsonObject {
  const layers = config.layers.map((l) => ({ heads: l.heads, head_size: l.headSize, ffn: l.ffn }));
  const own = {
    ...(isStock(config) ? {} : { layers }),
    ...(config.quantized === undefined ? {} : { quantized: quantizedJson(config.quantized) }),
    ...(head.kind === "none" && head.pooling !== undefined ? { pooling: head.pooling } : {}),
  };
  return Object.keys(own).length === 0 ? {} : { espalier: own };
}
