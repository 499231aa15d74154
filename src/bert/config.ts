/**
 * The shape of a BERT-type encoder, read from and written to a Hugging Face `config.json`.
 *
 * Promise: a configuration which this project would compute differently from `transformers` is refused by name, not
 * approximated. Keys that do not change the arithmetic are ignored. Layers pruned to sizes of their own have no
 * place in a stock `config.json`; they are written under the key `espalier` and read back from there.
 *
 * Not here: parameter names and shapes (names.ts), files (network/folder.ts).
 */

import { ConfigError } from "../base/errors.ts";
import { isObject, type JsonObject, own } from "../formats/json.ts";

/** The three functions of the feed-forward module: exact GELU (erf), GELU by tanh, ReLU. */
export type Activation = "gelu" | "gelu_new" | "relu";

/** One encoder layer. A pruned module has `heads` or `ffn` 0: its output bias is all that is left of it. */
export interface LayerConfig {
  readonly heads: number;
  /** Features of one head; every layer of an unpruned model has heads × headSize = hiddenSize. */
  readonly headSize: number;
  /** Neurons between the two matrices of the feed-forward module. */
  readonly ffn: number;
}

/** Everything about an encoder that is not a tensor. */
export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: readonly LayerConfig[];
  readonly maxPositions: number;
  readonly typeVocab: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  /** Standard deviation of a new weight. */
  readonly initializerRange: number;
  readonly padTokenId: number;
}

/**
 * What a classification or a regression reads of the encoder. The stock one is the pooler: tanh(W·h + b) of the last
 * layer's first token. A `mixture` is a learned average of every layer's first token and one hidden layer with ReLU
 * (forward.ts, `mixed`); no stock library has it.
 */
export type Reader = "pooler" | "mixture";

/** Heads with the reader's name only where it is not the stock one, so that each head is written in one way. */
interface Reading {
  readonly reader?: "mixture";
}

/** What stands on top of the encoder. `none` is the bare encoder, with its pooler. */
export type Head =
  | ({ readonly kind: "classification"; readonly labels: readonly string[] } & Reading)
  | ({ readonly kind: "regression" } & Reading)
  | { readonly kind: "mlm" }
  | { readonly kind: "none" };

const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ["gelu", "gelu"],
  ["gelu_new", "gelu_new"],
  ["gelu_pytorch_tanh", "gelu_new"],
  ["relu", "relu"],
]);

/** A classifier with the stock pooler, and one with a mixture. The second name is ours: no other library has the model. */
const CLASSIFIERS: Readonly<Record<Reader, string>> = {
  pooler: "BertForSequenceClassification",
  mixture: "BertMixtureForSequenceClassification",
};

interface Architecture extends Reading {
  readonly kind: Head["kind"];
}

/** The architectures read here; each name decides the head. */
const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ["BertModel", { kind: "none" }],
  ["BertForMaskedLM", { kind: "mlm" }],
  ["BertForPreTraining", { kind: "mlm" }],
  [CLASSIFIERS.pooler, { kind: "classification" }],
  [CLASSIFIERS.mixture, { kind: "classification", reader: "mixture" }],
]);

/** Largest size accepted for one dimension, and largest number of layers: a hostile file must not fill the memory. */
const MAX_SIZE = 2 ** 24;
const MAX_LAYERS = 512;

function bad(code: string, key: string, expected: string, got: unknown, where: string): ConfigError {
  return new ConfigError(
    `config/${code}`,
    `config: expected ${key} to be ${expected}, got ${JSON.stringify(got) ?? "nothing"} (${where})`,
  );
}

function record(json: unknown, key: string, where: string): JsonObject {
  if (!isObject(json)) throw bad("kind", key, "a JSON object", json, where);
  return json;
}

function size(
  json: JsonObject,
  key: string,
  where: string,
  fallback?: number,
  least = 1,
  most = MAX_SIZE,
): number {
  const value = own(json, key) ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw bad("size", key, `an integer from ${least} to ${most}`, value, where);
  }
  return value;
}

function fraction(json: JsonObject, key: string, where: string, fallback: number): number {
  const value = own(json, key) ?? fallback;
  if (typeof value !== "number" || !(value >= 0 && value < 1)) {
    throw bad("fraction", key, "a number in [0, 1)", value, where);
  }
  return value;
}

/** Settings under which `transformers` computes something else than this project does. */
function refuseForeign(json: JsonObject, where: string): void {
  const type = own(json, "model_type") ?? "bert";
  if (type !== "bert") throw bad("model-type", "model_type", '"bert"', type, where);
  const position = own(json, "position_embedding_type") ?? "absolute";
  if (position !== "absolute")
    throw bad("position", "position_embedding_type", '"absolute"', position, where);
  for (const key of ["is_decoder", "add_cross_attention"]) {
    if (own(json, key)) throw bad("decoder", key, "false: only encoders are read", own(json, key), where);
  }
  if (own(json, "quantization_config")) {
    throw bad("quantized", "quantization_config", "absent", own(json, "quantization_config"), where);
  }
}

function prunedLayers(json: JsonObject, where: string): LayerConfig[] | undefined {
  const extra = own(json, "espalier");
  if (extra === undefined) return undefined;
  const layers = own(record(extra, "espalier", where), "layers");
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) {
    throw bad("layers", "espalier.layers", `a list of at most ${MAX_LAYERS} layers`, layers, where);
  }
  return layers.map((item: unknown, i) => {
    const layer = record(item, `espalier.layers[${i}]`, where);
    const at = `${where}, espalier.layers[${i}]`;
    return {
      heads: size(layer, "heads", at, undefined, 0),
      headSize: size(layer, "head_size", at),
      ffn: size(layer, "ffn", at, undefined, 0),
    };
  });
}

function parseLayers(json: JsonObject, hiddenSize: number, where: string): LayerConfig[] {
  const count = size(json, "num_hidden_layers", where, undefined, 1, MAX_LAYERS);
  const pruned = prunedLayers(json, where);
  if (pruned !== undefined) {
    if (pruned.length === count) return pruned;
    throw bad(
      "layers",
      "espalier.layers",
      `${count} layers, as num_hidden_layers says`,
      pruned.length,
      where,
    );
  }
  const heads = size(json, "num_attention_heads", where);
  if (hiddenSize % heads !== 0) {
    throw bad("heads", "num_attention_heads", `a divisor of hidden_size ${hiddenSize}`, heads, where);
  }
  const layer = { heads, headSize: hiddenSize / heads, ffn: size(json, "intermediate_size", where) };
  return Array.from({ length: count }, () => layer);
}

function parseActivation(json: JsonObject, where: string): Activation {
  const name = own(json, "hidden_act") ?? "gelu";
  const activation = typeof name === "string" ? ACTIVATIONS.get(name) : undefined;
  if (activation === undefined) {
    throw bad("activation", "hidden_act", `one of ${[...ACTIVATIONS.keys()].join(", ")}`, name, where);
  }
  return activation;
}

/**
 * Reads the encoder's part of a parsed `config.json`. Sizes must be there; the rest has the defaults of `transformers`.
 *
 * @param where  named in messages: the file
 * @throws {ConfigError} `config/…`, naming the key
 */
export function parseConfig(json: unknown, where: string): BertConfig {
  const c = record(json, "the file", where);
  refuseForeign(c, where);
  const hiddenSize = size(c, "hidden_size", where);
  const vocabSize = size(c, "vocab_size", where);
  return {
    vocabSize,
    hiddenSize,
    layers: parseLayers(c, hiddenSize, where),
    maxPositions: size(c, "max_position_embeddings", where, 512),
    typeVocab: size(c, "type_vocab_size", where, 2),
    activation: parseActivation(c, where),
    layerNormEps: fraction(c, "layer_norm_eps", where, 1e-12),
    hiddenDropout: fraction(c, "hidden_dropout_prob", where, 0.1),
    attentionDropout: fraction(c, "attention_probs_dropout_prob", where, 0.1),
    initializerRange: fraction(c, "initializer_range", where, 0.02),
    padTokenId: size(c, "pad_token_id", where, 0, 0, vocabSize - 1),
  };
}

/** Labels in the order of their class numbers: `id2label`, else `num_labels` names `LABEL_i`, else the two of the default. */
function parseLabels(c: JsonObject, where: string): string[] {
  const named = own(c, "id2label");
  if (named === undefined || named === null) {
    const count = size(c, "num_labels", where, 2, 1, 65_536);
    return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  }
  const table = record(named, "id2label", where);
  const labels = Object.keys(table).map((_, i) => {
    const label = own(table, String(i));
    if (typeof label !== "string") throw bad("labels", `id2label["${i}"]`, "a string", label, where);
    return label;
  });
  const count = size(c, "num_labels", where, labels.length, 1, 65_536);
  if (count !== labels.length) {
    throw bad("labels", "num_labels", `${labels.length}, the size of id2label`, count, where);
  }
  return labels;
}

function architecture(c: JsonObject, where: string): Architecture {
  const list = own(c, "architectures");
  if (list === undefined || list === null) return { kind: "none" };
  const name: unknown = Array.isArray(list) ? list[0] : list;
  const found = typeof name === "string" ? ARCHITECTURES.get(name) : undefined;
  if (found === undefined) {
    throw bad("architecture", "architectures", `one of ${[...ARCHITECTURES.keys()].join(", ")}`, list, where);
  }
  return found;
}

/**
 * Reads the head of a parsed `config.json`: from its architecture, its labels and its problem type.
 *
 * One label, or problem type `regression`, is a regression, as in `transformers`.
 *
 * @throws {ConfigError} `config/…` for an architecture, a problem type or a list of labels that is not read here
 */
export function parseHead(json: unknown, where: string): Head {
  const c = record(json, "the file", where);
  const { kind, ...reading } = architecture(c, where);
  if (kind === "mlm" && own(c, "tie_word_embeddings") === false) {
    throw bad("untied", "tie_word_embeddings", "true", false, where);
  }
  if (kind !== "classification") return kind === "mlm" ? { kind } : { kind: "none" };
  const labels = parseLabels(c, where);
  const problem = own(c, "problem_type") ?? null;
  if (labels.length === 1 && (problem === null || problem === "regression")) {
    return { kind: "regression", ...reading };
  }
  if (problem !== null && problem !== "single_label_classification") {
    throw bad(
      "problem",
      "problem_type",
      `single_label_classification for ${labels.length} labels`,
      problem,
      where,
    );
  }
  return { kind, labels, ...reading };
}

/** True when `transformers` can hold the layers: all alike, and the heads fill the hidden size. */
export function isStock(config: BertConfig): boolean {
  const [first] = config.layers;
  return config.layers.every(
    (layer) =>
      layer.heads * layer.headSize === config.hiddenSize &&
      layer.heads === first?.heads &&
      layer.ffn === first.ffn &&
      layer.ffn > 0,
  );
}

function headJson(head: Head): JsonObject {
  if (head.kind === "none") return { architectures: ["BertModel"] };
  if (head.kind === "mlm") return { architectures: ["BertForMaskedLM"], tie_word_embeddings: true };
  const labels = head.kind === "regression" ? ["LABEL_0"] : head.labels;
  return {
    architectures: [CLASSIFIERS[head.reader ?? "pooler"]],
    problem_type: head.kind === "regression" ? "regression" : "single_label_classification",
    id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  };
}

/**
 * The `config.json` of a model. `parseConfig` and `parseHead` read the same values back.
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
    attention_probs_dropout_prob: config.attentionDropout,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: config.typeVocab,
    initializer_range: config.initializerRange,
    layer_norm_eps: config.layerNormEps,
    pad_token_id: config.padTokenId,
    position_embedding_type: "absolute",
    ...(isStock(config)
      ? {}
      : { espalier: { layers: layers.map((l) => ({ heads: l.heads, head_size: l.headSize, ffn: l.ffn })) } }),
  };
}
