/**
 * The `config.json` of a model, as stock `transformers` reads it. config.ts and head.ts read the same values back.
 *
 * Not here: which architectures there are (architectures/).
 */

import type { JsonObject } from "../formats/json.ts";
import type { Architecture } from "./architectures/architecture.ts";
import { ARCHITECTURES, classOf } from "./architectures/table.ts";
import { type BertConfig, factsOf, type Head, isStock, type TextHead } from "./config.ts";
import { quantizedJson } from "./quantized.ts";

/** What `transformers` calls the three tasks of one architecture. */
const PROBLEMS: Readonly<Record<TextHead["kind"], string>> = {
  classification: "single_label_classification",
  regression: "regression",
  "multi-label": "multi_label_classification",
};

function headJson(head: Head, { stem }: Architecture): JsonObject {
  if (head.kind === "none") return { architectures: [`${stem}Model`] };
  if (head.kind === "mlm") return { architectures: [`${stem}ForMaskedLM`], tie_word_embeddings: true };
  const labels = head.kind === "regression" ? ["LABEL_0"] : head.labels;
  const kind =
    head.kind === "tokens"
      ? { architectures: [classOf(stem, "tokens")] }
      : {
          architectures: [classOf(stem, head.reader ?? "classification")],
          problem_type: PROBLEMS[head.kind],
        };
  return {
    ...kind,
    id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  };
}

/**
 * The content of the file, under the keys of its architecture.
 *
 * `num_attention_heads` and `intermediate_size` of a pruned model are the largest of its layers; only the key
 * `espalier` says what each layer has.
 */
export function configJson(config: BertConfig, head: Head): Record<string, unknown> {
  const { layers } = config;
  const facts = factsOf(config);
  const architecture = ARCHITECTURES[facts.type];
  const { keys, lost, json } = architecture;
  const { classifierDropout } = config;
  return {
    ...headJson(head, architecture),
    model_type: facts.type,
    vocab_size: config.vocabSize,
    [keys.hiddenSize]: config.hiddenSize,
    [keys.layers]: layers.length,
    [keys.heads]: Math.max(...layers.map((layer) => layer.heads)),
    [keys.ffn]: Math.max(...layers.map((layer) => layer.ffn)),
    [keys.activation]: config.activation,
    ...under(keys.hiddenDropout, config.hiddenDropout),
    ...(classifierDropout === undefined ? {} : under(keys.classifierDropout, classifierDropout)),
    [keys.attentionDropout]: config.attentionDropout,
    max_position_embeddings: config.maxPositions + (lost?.(facts) ?? 0),
    ...under(keys.typeVocab, config.typeVocab),
    initializer_range: config.initializerRange,
    ...under(keys.layerNormEps, config.layerNormEps),
    pad_token_id: config.padTokenId,
    ...(facts.positions.kind === "table" ? { position_embedding_type: "absolute" } : {}),
    ...json?.(facts, layers, config.hiddenSize),
    ...ownJson(config, head),
  };
}

function under(key: string | null, value: number): JsonObject {
  return key === null ? {} : { [key]: value };
}

/** What no stock library has a place for, under a key of our own; nothing where there is nothing of the kind. */
function ownJson(config: BertConfig, head: Head): JsonObject {
  const layers = config.layers.map((l) => ({
    heads: l.heads,
    head_size: l.headSize,
    ffn: l.ffn,
    ...(config.facts?.norm === "before" ? { bare: l.bare === true } : {}),
    ...(l.places === undefined ? {} : { places: l.places }),
  }));
  const own = {
    ...(isStock(config) ? {} : { layers }),
    ...(config.quantized === undefined ? {} : { quantized: quantizedJson(config.quantized) }),
    ...(head.kind === "none" && head.pooling !== undefined ? { pooling: head.pooling } : {}),
  };
  return Object.keys(own).length === 0 ? {} : { espalier: own };
}
