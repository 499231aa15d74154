import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { ConfigError } from "../base/errors.ts";
import { type BertConfig, configJson, type Head, isStock, parseConfig, parseHead } from "./config.ts";

const json = {
  architectures: ["BertForSequenceClassification"],
  model_type: "bert",
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 16,
  vocab_size: 30,
};

const config = configOf({
  vocabSize: 30,
  hiddenSize: 8,
  layers: [
    { heads: 4, headSize: 2, ffn: 16 },
    { heads: 4, headSize: 2, ffn: 16 },
  ],
  maxPositions: 512,
});

test("sizes are read and the rest has the defaults of transformers", () => {
  expect(parseConfig(json, "c")).toEqual(config);
  expect(parseConfig({ ...json, hidden_act: "gelu_pytorch_tanh" }, "c").activation).toBe("gelu_new");
  expect(parseConfig({ ...json, hidden_act: "relu", layer_norm_eps: 1e-5 }, "c")).toMatchObject({
    activation: "relu",
    layerNormEps: 1e-5,
  });
});

const HEADS: readonly [string, object, Head][] = [
  ["two labels unless told", {}, { kind: "classification", labels: ["LABEL_0", "LABEL_1"] }],
  ["num_labels", { num_labels: 3 }, { kind: "classification", labels: ["LABEL_0", "LABEL_1", "LABEL_2"] }],
  [
    "id2label in numeric order",
    { id2label: { 1: "yes", 0: "no" } },
    { kind: "classification", labels: ["no", "yes"] },
  ],
  ["one label is a regression", { num_labels: 1 }, { kind: "regression" }],
  ["problem type", { id2label: { 0: "score" }, problem_type: "regression" }, { kind: "regression" }],
  ["masked language model", { architectures: ["BertForMaskedLM"] }, { kind: "mlm" }],
  ["with next-sentence head", { architectures: ["BertForPreTraining"] }, { kind: "mlm" }],
  [
    "mixture of the layers",
    { architectures: ["BertMixtureForSequenceClassification"] },
    { kind: "classification", labels: ["LABEL_0", "LABEL_1"], reader: "mixture" },
  ],
  ["bare encoder", { architectures: ["BertModel"] }, { kind: "none" }],
  ["no architecture", { architectures: undefined }, { kind: "none" }],
];

test.each(HEADS)("head: %s", (_, change, head) => {
  expect(parseHead({ ...json, ...change }, "c")).toEqual(head);
});

const REFUSED: readonly [string, unknown, string][] = [
  ["config/kind", [], "a JSON object"],
  ["config/model-type", { ...json, model_type: "roberta" }, '"roberta" (c)'],
  ["config/architecture", { ...json, architectures: ["BertForTokenClassification"] }, "TokenClassification"],
  ["config/architecture", { ...json, architectures: ["constructor"] }, "constructor"],
  ["config/position", { ...json, position_embedding_type: "relative_key" }, "relative_key"],
  ["config/decoder", { ...json, is_decoder: true }, "is_decoder"],
  ["config/decoder", { ...json, add_cross_attention: true }, "add_cross_attention"],
  ["config/quantized", { ...json, quantization_config: { bits: 4 } }, "quantization_config"],
  ["config/activation", { ...json, hidden_act: "swish" }, "swish"],
  ["config/size", { ...json, hidden_size: undefined }, "got nothing"],
  ["config/size", { ...json, num_hidden_layers: 0 }, "num_hidden_layers"],
  ["config/size", { ...json, num_hidden_layers: 1e9 }, "num_hidden_layers"],
  ["config/size", { ...json, vocab_size: 1e15 }, "vocab_size"],
  ["config/size", { ...json, pad_token_id: 30 }, "pad_token_id"],
  ["config/heads", { ...json, num_attention_heads: 3 }, "a divisor of hidden_size 8"],
  ["config/fraction", { ...json, hidden_dropout_prob: 1 }, "hidden_dropout_prob"],
  ["config/layers", { ...json, espalier: { layers: [{ heads: 1, head_size: 2, ffn: 3 }] } }, "2 layers"],
  ["config/layers", { ...json, espalier: {} }, "espalier.layers"],
  ["config/size", { ...json, espalier: { layers: [{ heads: -1, head_size: 2, ffn: 3 }, {}] } }, "heads"],
  ["config/labels", { ...json, id2label: { 0: "a", 2: "b" } }, 'id2label["1"]'],
  ["config/labels", { ...json, id2label: { 0: "a", 1: "b" }, num_labels: 3 }, "num_labels"],
  ["config/problem", { ...json, problem_type: "multi_label_classification" }, "multi_label"],
  ["config/problem", { ...json, num_labels: 2, problem_type: "regression" }, "regression"],
  ["config/untied", { ...json, architectures: ["BertForMaskedLM"], tie_word_embeddings: false }, "tie_word"],
];

test.each(REFUSED)("%s is refused", (code, value, part) => {
  const read = () => {
    parseConfig(value, "c");
    parseHead(value, "c");
  };
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(part) }));
});

const PRUNED: BertConfig = {
  ...config,
  layers: [
    { heads: 3, headSize: 2, ffn: 0 },
    { heads: 0, headSize: 2, ffn: 7 },
  ],
};

test.each([
  ["plain", config, { kind: "classification", labels: ["a", "__proto__", "c"] }],
  ["pruned", PRUNED, { kind: "mlm" }],
  ["regression", { ...config, activation: "gelu_new", padTokenId: 3 }, { kind: "regression" }],
  ["mixture", config, { kind: "classification", labels: ["a", "b"], reader: "mixture" }],
  ["mixture regression", config, { kind: "regression", reader: "mixture" }],
  ["bare", config, { kind: "none" }],
] satisfies [string, BertConfig, Head][])("a written %s config is read back unchanged", (_, c, head) => {
  const back: unknown = JSON.parse(JSON.stringify(configJson(c, head)));
  expect(parseConfig(back, "c")).toEqual(c);
  expect(parseHead(back, "c")).toEqual(head);
});

test("only layers which transformers cannot hold are written under `espalier`", () => {
  expect(isStock(config)).toBe(true);
  expect(configJson(config, { kind: "none" })).not.toHaveProperty("espalier");
  expect(isStock(PRUNED)).toBe(false);
  expect(configJson(PRUNED, { kind: "none" })).toHaveProperty("espalier.layers", [
    { heads: 3, head_size: 2, ffn: 0 },
    { heads: 0, head_size: 2, ffn: 7 },
  ]);
});

test("a mixture is written under an architecture of our own, so that nobody takes it for the stock one", () => {
  const head: Head = { kind: "classification", labels: ["a", "b"], reader: "mixture" };
  expect(configJson(config, head)).toMatchObject({
    architectures: ["BertMixtureForSequenceClassification"],
    model_type: "bert",
  });
});
