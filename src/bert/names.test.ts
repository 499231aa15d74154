import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { BERT } from "./architectures/bert.ts";
import { nameInside } from "./architectures/spelling.ts";
import type { Head } from "./config.ts";
import {
  EMBEDDINGS,
  isDecayed,
  isEmbedding,
  isEncoder,
  MLM,
  optionalParameters,
  parameters,
  type Surplus,
  surplusOf,
  TIED,
} from "./names.ts";

const config = configOf({
  vocabSize: 30522,
  hiddenSize: 768,
  layers: Array.from({ length: 12 }, () => ({ heads: 12, headSize: 64, ffn: 3072 })),
  maxPositions: 512,
});
const two: Head = { kind: "classification", labels: ["a", "b"] };
const mixture: Head = { ...two, reader: "mixture" };

function total(shapes: Map<string, readonly number[]>): number {
  return [...shapes.values()].reduce((n, shape) => n + shape.reduce((a, b) => a * b, 1), 0);
}

// The counts that `transformers` gives for bert-base-uncased under these heads.
test.each([
  ["classification", two, 109_483_778, 201],
  ["regression", { kind: "regression" }, 109_483_009, 201],
  ["mlm", { kind: "mlm" }, 109_514_298, 202],
  ["none", { kind: "none" }, 108_891_648, 197],
] satisfies [string, Head, number, number][])(
  "BERT-base with head %s has the known number of parameters",
  (_, head, size, tensors) => {
    const shapes = parameters(config, head);
    expect(total(shapes)).toBe(size);
    expect(shapes.size).toBe(tensors);
  },
);

test("a pruned layer's tensors have its own sizes, zero included", () => {
  const layers = [
    { heads: 2, headSize: 64, ffn: 100 },
    { heads: 0, headSize: 64, ffn: 0 },
  ];
  const shapes = parameters({ ...config, layers }, two);
  expect(shapes.get("bert.encoder.layer.0.attention.self.query.weight")).toEqual([128, 768]);
  expect(shapes.get("bert.encoder.layer.0.attention.output.dense.weight")).toEqual([768, 128]);
  expect(shapes.get("bert.encoder.layer.0.output.dense.weight")).toEqual([768, 100]);
  expect(shapes.get("bert.encoder.layer.1.attention.self.value.bias")).toEqual([0]);
  expect(shapes.get("bert.encoder.layer.1.output.dense.weight")).toEqual([768, 0]);
});

test("a pre-trained network may keep its pooler, and pooler and classifier are what fine-tuning adds", () => {
  expect([...optionalParameters(config, { kind: "mlm" }).keys()]).toEqual([
    "bert.pooler.dense.weight",
    "bert.pooler.dense.bias",
  ]);
  expect(optionalParameters(config, two).size).toBe(0);
  const fresh = [...parameters(config, two).keys()].filter((name) => !isEncoder(name));
  expect(fresh).toEqual([
    "bert.pooler.dense.weight",
    "bert.pooler.dense.bias",
    "classifier.weight",
    "classifier.bias",
  ]);
  expect([...parameters(config, two).keys()].filter(isEncoder)).toHaveLength(197);
  expect([...parameters(config, two).keys()].filter(isEmbedding)).toHaveLength(5);
});

test("a mixture has a weight for each layer and a square matrix in the pooler's place", () => {
  const shapes = [...parameters(config, mixture)].filter(([name]) => !isEncoder(name));
  expect(shapes).toEqual([
    ["mixture.weights", [12]],
    ["mixture.dense.weight", [768, 768]],
    ["mixture.dense.bias", [768]],
    ["classifier.weight", [2, 768]],
    ["classifier.bias", [2]],
  ]);
});

test.each([{ kind: "mlm" }, mixture] satisfies Head[])(
  "AdamW decays matrices and tables only: %o",
  (head) => {
    for (const [name, shape] of parameters(config, head))
      expect(isDecayed(name), name).toBe(shape.length === 2);
  },
);

test.each([
  ["encoder.layer.3.output.LayerNorm.gamma", "bert.encoder.layer.3.output.LayerNorm.weight"],
  ["bert.embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"],
  ["pooler.dense.weight", "bert.pooler.dense.weight"],
  ["cls.predictions.transform.LayerNorm.gamma", "cls.predictions.transform.LayerNorm.weight"],
  ["classifier.weight", "classifier.weight"],
  ["something.else", "something.else"],
  ["module.bert.pooler.dense.weight", "bert.pooler.dense.weight"],
  ["module.encoder.layer.0.output.dense.bias", "bert.encoder.layer.0.output.dense.bias"],
  ["_orig_mod.module.classifier.bias", "classifier.bias"],
  ["bert.bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"],
  ["embeddings.position_ids", "bert.embeddings.position_ids"],
])("on reading, %s is %s", (name, expected) => {
  expect(nameInside(name, BERT.spelling)).toBe(expected);
});

const mlm: Head = { kind: "mlm" };
const none: Head = { kind: "none" };
test.each([
  ["bert.embeddings.position_ids", two, "constant"],
  ["bert.embeddings.token_type_ids", none, "constant"],
  ["loss_fct.weight", two, "left out"],
  ["criterion.pos_weight", two, "left out"],
  ["class_weights", two, "left out"],
  ["cls.predictions.bias", two, "left out"],
  ["cls.seq_relationship.weight", mlm, "left out"],
  ["classifier.bias", mlm, "left out"],
  ["classifier.0.weight", none, "left out"],
  ["qa_outputs.weight", two, "left out"],
  ["classifier.out_proj.weight", two, "refused"],
  ["cls.predictions.other.weight", mlm, "refused"],
  ["classifer.bias", two, "refused"],
  ["bert.encoder.layer.12.output.dense.weight", two, "refused"],
  ["bert.encoder.layer.0.attention.self.query.lora_A.weight", two, "refused"],
  ["bert.encoder.layer.0.attention.self.distance_embedding.weight", two, "refused"],
] satisfies [string, Head, Surplus][])(
  "a tensor %s that %o has no place for is %s",
  (name, head, expected) => {
    expect(surplusOf(name, head)).toBe(expected);
  },
);

test("tied copies point at parameters of the masked-language-model head", () => {
  const shapes = parameters(config, { kind: "mlm" });
  for (const original of TIED.values()) expect(shapes.has(original)).toBe(true);
  expect([...TIED.values()]).toEqual([EMBEDDINGS.words, MLM.bias]);
});
