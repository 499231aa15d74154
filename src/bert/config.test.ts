import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { ConfigError } from "../base/errors.ts";
import { type BertConfig, type Head, isStock, parseConfig } from "./config.ts";
import { configJson } from "./config-json.ts";
import { parseHead } from "./head.ts";

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

test.each([
  ["gelu_python", "gelu"],
  ["gelu_new", "gelu_new"],
  ["gelu_fast", "gelu_new"],
  ["gelu_accurate", "gelu_new"],
  ["gelu_python_tanh", "gelu_new"],
])("hidden_act %s is the function %s", (name, activation) => {
  expect(parseConfig({ ...json, hidden_act: name }, "c").activation).toBe(activation);
});

test.each([
  [{ classifier_dropout: 0.5 }, 0.5],
  [{ classifier_dropout: 0 }, 0],
  [{ classifier_dropout: null }, undefined],
  [{}, undefined],
])("of %o the classifier's own dropout is %s, as transformers reads it", (change, rate) => {
  expect(parseConfig({ ...json, ...change }, "c").classifierDropout).toBe(rate);
});

test("pruned_heads leave each layer the heads that are not listed; one listed twice is removed once", () => {
  const heads = (pruned: unknown) =>
    parseConfig({ ...json, pruned_heads: pruned }, "c").layers.map((l) => l.heads);
  expect(heads({ 1: [0, 3, 3] })).toEqual([4, 2]);
  expect(heads({ 0: [], 1: [0, 1, 2, 3] })).toEqual([4, 0]);
  expect(heads({})).toEqual([4, 4]);
  expect(heads(null)).toEqual([4, 4]);
});

test("keys of transformers that do not change an encoder's answers are ignored", () => {
  const idle = { use_cache: false, is_decoder: false, chunk_size_feed_forward: 3, torch_dtype: "float16" };
  const more = {
    dtype: "bfloat16",
    pad_token_id: null,
    quantization_config: null,
    gradient_checkpointing: true,
  };
  expect(parseConfig({ ...json, ...idle, ...more }, "c")).toEqual(config);
});

const SIZED = { heads: 1, head_size: 2, ffn: 3 };
const MODULE = "bert.encoder.layer.0.output.dense";

/** The file with these modules in 8 bits. */
function eightBits(quantized: unknown, layers?: unknown): unknown {
  return { ...json, espalier: { quantized, ...(layers === undefined ? {} : { layers }) } };
}

const PLACED = { heads: 2, head_size: 2, ffn: 3, places: [0, 3] };

const REFUSED: readonly [string, unknown, string][] = [
  ["config/kind", [], "a JSON object"],
  ["config/model-type", { ...json, model_type: "deberta-v2" }, '"deberta-v2" (c)'],
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
  ["config/position", { ...json, position_embedding_type: null }, "got null"],
  ["config/activation", { ...json, hidden_act: null }, "got null"],
  ["config/activation", { ...json, hidden_act: "gelu_10" }, "gelu_10"],
  ["config/activation", { ...json, hidden_act: "quick_gelu" }, "quick_gelu"],
  ["config/fraction", { ...json, layer_norm_eps: null }, "layer_norm_eps"],
  ["config/fraction", { ...json, classifier_dropout: 1 }, "classifier_dropout"],
  ["config/fraction", { ...json, classifier_dropout: "0.1" }, "classifier_dropout"],
  ["config/kind", { ...json, pruned_heads: [[0]] }, "pruned_heads"],
  ["config/pruned", { ...json, pruned_heads: { 2: [0] } }, "from 0 to 1"],
  ["config/pruned", { ...json, pruned_heads: { "-1": [0] } }, "from 0 to 1"],
  ["config/pruned", { ...json, pruned_heads: { 1: [4] } }, 'pruned_heads["1"]'],
  ["config/pruned", { ...json, pruned_heads: { 1: 0 } }, 'pruned_heads["1"]'],
  ["config/pruned", { ...json, pruned_heads: { 0: [1] }, espalier: { layers: [SIZED, SIZED] } }, "beside"],
  ["config/heads", { ...json, num_attention_heads: 3 }, "a divisor of hidden_size 8"],
  ["config/fraction", { ...json, hidden_dropout_prob: 1 }, "hidden_dropout_prob"],
  ["config/layers", { ...json, espalier: { layers: [{ heads: 1, head_size: 2, ffn: 3 }] } }, "2 layers"],
  ["config/layers", { ...json, espalier: { layers: {} } }, "espalier.layers"],
  ["config/kind", { ...json, espalier: [] }, "espalier"],
  ["config/kind", { ...json, espalier: { quantized: ["bert"] } }, "espalier.quantized to be a JSON object"],
  ["config/quantized", { ...json, espalier: { quantized: {} } }, "to name a module"],
  ["config/quantized", eightBits({ "bert.pooler.dense": {} }), "bert.pooler.dense"],
  ["config/quantized", eightBits({ "bert.encoder.layer.2.output.dense": {} }), "layer.2.output.dense"],
  ["config/quantized", eightBits({ [MODULE]: { input: [-1, 1], bits: 4 } }), '"bits"'],
  ["config/quantized", eightBits({ [MODULE]: { input: [0.5, 1] } }), "[0.5,1]"],
  ["config/quantized", eightBits({ [MODULE]: { input: [-1, 1e39] } }), "[-1,1e+39]"],
  ["config/quantized", eightBits({ [MODULE]: { input: [-1, 0, 1] } }), "[-1,0,1]"],
  ["config/quantized", eightBits({ [MODULE]: { input: [null, 1] } }), "[null,1]"],
  ["config/kind", eightBits({ [MODULE]: [-1, 1] }), MODULE],
  [
    "config/quantized",
    eightBits({ [MODULE]: {} }, [{ ...SIZED, ffn: 0 }, SIZED]),
    "linear modules of the encoder's layers",
  ],
  ["config/size", { ...json, espalier: { layers: [{ heads: -1, head_size: 2, ffn: 3 }, {}] } }, "heads"],
];

test.each(REFUSED)("%s is refused", (code, value, part) => {
  const read = () => parseConfig(value, "c");
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(part) }));
});

const ATTENTION = "bert.encoder.layer.0.attention.self.key";
const QUANTIZED = new Map([
  [ATTENTION, { input: { low: -1.5, high: 0 } }],
  [MODULE, {}],
]);

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
  ["head dropout", { ...config, classifierDropout: 0 }, { kind: "regression" }],
  ["regression", { ...config, activation: "gelu_new", padTokenId: 3 }, { kind: "regression" }],
  ["mixture", config, { kind: "classification", labels: ["a", "b"], reader: "mixture" }],
  ["mixture of means", config, { kind: "classification", labels: ["a", "b"], reader: "means" }],
  ["mixture regression", config, { kind: "regression", reader: "mixture" }],
  ["bare", config, { kind: "none" }],
  ["sentence encoder's", config, { kind: "none", pooling: { mode: "cls", normalize: false } }],
  ["pruned sentence encoder's", PRUNED, { kind: "none", pooling: { mode: "mean", normalize: true } }],
  ["bare encoder's whose pooling is not read", config, { kind: "none", pooling: null }],
  ["8-bit", { ...config, quantized: QUANTIZED }, { kind: "none" }],
  ["pruned 8-bit", { ...PRUNED, quantized: new Map([[ATTENTION, {}]]) }, { kind: "none" }],
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

const MODERN = {
  ...{
    model_type: "modernbert",
    vocab_size: 30,
    hidden_size: 8,
    num_hidden_layers: 4,
    num_attention_heads: 2,
  },
  ...{ intermediate_size: 6, pad_token_id: 0 },
};

test("of ModernBERT both spellings say how often all tokens are seen, and by which angles", () => {
  const older = { ...MODERN, global_attn_every_n_layers: 2, local_attention: 7, local_rope_theta: null };
  const seen = (json: unknown) => parseConfig(json, "c").layers.map(({ window }) => window);
  expect(seen(older)).toEqual([undefined, 3, undefined, 3]);
  expect(parseConfig(older, "c").facts?.positions).toEqual({
    kind: "rotary",
    full: 160_000,
    window: 160_000,
  });
  expect(seen(MODERN)).toEqual([undefined, 64, 64, undefined]);
  const types = ["sliding_attention", "sliding_attention", "full_attention", "full_attention"];
  const newer = { ...MODERN, layer_types: types, rope_parameters: { full_attention: { rope_theta: 50 } } };
  expect(seen(newer)).toEqual([64, 64, undefined, undefined]);
  expect(parseConfig(newer, "c").facts?.positions).toEqual({ kind: "rotary", full: 50, window: 10_000 });
});

test.each([
  ["config/position", { ...MODERN, rope_scaling: { factor: 2 } }, "rope_scaling"],
  ["config/position", { ...MODERN, rope_parameters: { full_attention: { rope_type: "yarn" } } }, "yarn"],
  ["config/position", { ...MODERN, global_rope_theta: 0 }, "a number above 0"],
  ["config/layers", { ...MODERN, layer_types: ["full_attention"] }, "layer_types"],
  ["config/heads", { ...MODERN, num_attention_heads: 8 }, "even"],
  ["config/pooling", { ...MODERN, classifier_pooling: "max" }, "classifier_pooling"],
  ["config/flag", { ...MODERN, mlp_bias: 1 }, "mlp_bias"],
  ["config/position", { ...json, model_type: "mpnet", relative_attention_num_buckets: 16 }, "32"],
  ["config/sharing", { ...json, model_type: "albert", inner_group_num: 2 }, "inner_group_num"],
  ["config/size", { ...json, model_type: "roberta", max_position_embeddings: 2 }, "max_position_embeddings"],
  [
    "config/layers",
    { ...json, model_type: "mpnet", espalier: { layers: [PLACED, { ...PLACED, places: [2, 1] }] } },
    "places",
  ],
] satisfies [string, unknown, string][])("%s is refused of another architecture", (code, value, part) => {
  expect(() => parseConfig(value, "c")).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(part) }),
  );
});

test("places of MPNet's heads and norms of ModernBERT's layers are written where a pruned model needs them", () => {
  const mpnet = parseConfig({ ...json, model_type: "mpnet", espalier: { layers: [PLACED, PLACED] } }, "c");
  expect(mpnet.layers[0]).toEqual({ heads: 2, headSize: 2, ffn: 3, places: [0, 3] });
  expect(parseConfig(configJson(mpnet, { kind: "none" }), "c")).toEqual(mpnet);
  const { layers, ...modern } = parseConfig(MODERN, "c");
  const moved = { ...modern, layers: layers.toReversed() };
  expect(parseConfig(configJson(moved, { kind: "none" }), "c")).toEqual(moved);
});
