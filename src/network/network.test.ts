import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { parameters } from "../bert/names.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";
import { countParameters, initialNetwork, macs, withHead } from "./network.ts";

const config = configOf({
  vocabSize: 30,
  hiddenSize: 8,
  layers: [
    { heads: 4, headSize: 2, ffn: 16 },
    { heads: 1, headSize: 2, ffn: 3 },
  ],
  maxPositions: 12,
});
const vocabulary: TokenizerFiles = {
  vocab: Array.from({ length: 30 }, (_, i) => `p${i}`),
  lowercase: true,
  stripAccents: null,
  tokenizeChineseChars: true,
  maxLength: 12,
};
const two: Head = { kind: "classification", labels: ["no", "yes"] };
const three: Head = { kind: "classification", labels: ["no", "maybe", "yes"] };

test("a new network has every parameter in its shape: matrices spread as told, norms 1 and 0, biases 0", () => {
  const wide = { ...config, vocabSize: 4000 };
  const network = initialNetwork(wide, two, vocabulary, keyOf(1));
  expect([...network.tensors].map(([name, t]) => [name, t.shape])).toEqual([...parameters(wide, two)]);
  const words = network.tensors.get("bert.embeddings.word_embeddings.weight")?.data ?? new Float32Array();
  const mean = words.reduce((a, b) => a + b, 0) / words.length;
  const std = Math.sqrt(words.reduce((a, b) => a + (b - mean) ** 2, 0) / words.length);
  // 32,000 draws: the standard error of the mean is 0.00011, that of the deviation 0.00008.
  expect(Math.abs(mean)).toBeLessThan(0.0005);
  expect(Math.abs(std - 0.02)).toBeLessThan(0.0004);
  expect(network.tensors.get("bert.embeddings.LayerNorm.weight")?.data).toEqual(new Float32Array(8).fill(1));
  expect(network.tensors.get("bert.embeddings.LayerNorm.bias")?.data).toEqual(new Float32Array(8));
  expect(network.tensors.get("bert.encoder.layer.1.intermediate.dense.bias")?.data).toEqual(
    new Float32Array(3),
  );
});

test("the same key gives the same bytes under any head, another key others", () => {
  const name = "bert.encoder.layer.0.attention.self.query.weight";
  const a = initialNetwork(config, two, vocabulary, keyOf(1)).tensors.get(name)?.data;
  const b = initialNetwork(config, { kind: "mlm" }, vocabulary, keyOf(1)).tensors.get(name)?.data;
  const c = initialNetwork(config, two, vocabulary, keyOf(2)).tensors.get(name)?.data;
  expect(b).toEqual(a);
  expect(c).not.toEqual(a);
});

test("counts tell zeros and embeddings apart", () => {
  const network = initialNetwork(config, two, vocabulary, keyOf(1));
  const shapes = [...parameters(config, two).values()];
  const total = shapes.reduce((n, s) => n + s.reduce((a, b) => a * b, 1), 0);
  const embeddings = (30 + 12 + 2) * 8 + 16;
  const biases = 3 * 8 + 8 + 16 + 8 + (3 * 2 + 8 + 3 + 8) + 8 + 2 + 5 * 8;
  expect(countParameters(network)).toEqual({
    total,
    nonzero: total - biases,
    embeddings,
    nonzeroEmbeddings: embeddings - 8,
  });
});

test("a spare pooler is not counted", () => {
  const bare = initialNetwork(config, { kind: "none" }, vocabulary, keyOf(1));
  const spare = new Map(bare.tensors).set(
    "bert.pooler.dense.weight",
    floatTensor([8, 8], new Float32Array(64).fill(1)),
  );
  expect(countParameters({ ...bare, tensors: spare })).toEqual(countParameters(bare));
});

test("multiply-accumulates equal the sum over all matrix products", () => {
  // BERT-base over 128 tokens: 12 layers of 12·T·D² + 2·T²·D.
  const base = {
    ...config,
    hiddenSize: 768,
    layers: Array.from({ length: 12 }, () => ({ heads: 12, headSize: 64, ffn: 3072 })),
  };
  expect(macs(base, { kind: "none" }, 128)).toBe(12 * (12 * 128 * 768 ** 2 + 2 * 128 ** 2 * 768));
  const bare = macs(config, { kind: "none" }, 5);
  expect(bare).toBe(4 * 5 * 64 + 2 * 25 * 8 + 2 * 5 * 8 * 16 + 4 * 5 * 16 + 2 * 25 * 2 + 2 * 5 * 8 * 3);
  expect(macs(config, three, 5) - bare).toBe(64 + 24);
  expect(macs(config, { kind: "regression" }, 5) - bare).toBe(64 + 8);
  expect(macs(config, { kind: "mlm" }, 5) - bare).toBe(5 * (64 + 240));
});

test("a new head shares the encoder, keeps a pre-trained pooler and drops the old head", () => {
  const pretrained = initialNetwork(config, { kind: "mlm" }, vocabulary, keyOf(1));
  const pooler = floatTensor([8, 8], new Float32Array(64).fill(3));
  const source = {
    ...pretrained,
    tensors: new Map(pretrained.tensors).set("bert.pooler.dense.weight", pooler),
  };
  const tuned = withHead(source, three, keyOf(7));
  expect([...tuned.tensors.keys()].sort()).toEqual([...parameters(config, three).keys()].sort());
  for (const [name, tensor] of tuned.tensors) {
    if (name.startsWith("bert.embeddings") || name.startsWith("bert.encoder")) {
      expect(tensor).toBe(source.tensors.get(name));
    }
  }
  expect(tuned.tensors.get("bert.pooler.dense.weight")).toBe(pooler);
  expect(tuned.tensors.get("classifier.weight")?.shape).toEqual([3, 8]);
  expect(tuned.tensors.get("classifier.weight")?.data.some((x) => x !== 0)).toBe(true);
  expect(withHead(source, { kind: "none" }, keyOf(7)).tensors.get("bert.pooler.dense.weight")).toBe(pooler);
});

test("a classifier is kept for the same labels and drawn anew for others", () => {
  const tuned = initialNetwork(config, two, vocabulary, keyOf(1));
  expect(withHead(tuned, two, keyOf(2)).tensors).toEqual(tuned.tensors);
  const renamed = withHead(tuned, { kind: "classification", labels: ["a", "b"] }, keyOf(2));
  expect(renamed.tensors.get("classifier.weight")).not.toEqual(tuned.tensors.get("classifier.weight"));
});

test("a mixture begins as the average, is kept under other labels, its classifier not a pooler's", () => {
  const tuned = initialNetwork(config, two, vocabulary, keyOf(1));
  const mixed = withHead(tuned, { ...two, reader: "mixture" }, keyOf(2));
  expect([...mixed.tensors.keys()]).toEqual([...parameters(config, mixed.head).keys()]);
  expect(mixed.tensors.get("mixture.weights")?.data).toEqual(new Float32Array(2));
  expect(mixed.tensors.get("mixture.dense.weight")?.data.some((x) => x !== 0)).toBe(true);
  expect(mixed.tensors.get("classifier.weight")).not.toEqual(tuned.tensors.get("classifier.weight"));
  const other = withHead(mixed, { ...three, reader: "mixture" }, keyOf(3));
  for (const name of ["mixture.weights", "mixture.dense.weight", "mixture.dense.bias"]) {
    expect(other.tensors.get(name)).toBe(mixed.tensors.get(name));
  }
  const back = withHead(mixed, two, keyOf(4));
  expect([...back.tensors.keys()]).toEqual([...parameters(config, two).keys()]);
  expect(macs(config, mixed.head, 5)).toBe(macs(config, two, 5));
});

test("masks follow the tensors that stay", () => {
  const mask = { dtype: "uint8", shape: [2, 8], data: new Uint8Array(16) } as const;
  const query = { ...mask, shape: [8, 8], data: new Uint8Array(64) };
  const name = "bert.encoder.layer.0.attention.self.query.weight";
  const tuned = {
    ...initialNetwork(config, two, vocabulary, keyOf(1)),
    masks: new Map<string, Tensor<"uint8">>([
      ["classifier.weight", mask],
      [name, query],
    ]),
  };
  expect(withHead(tuned, two, keyOf(2)).masks).toEqual(tuned.masks);
  expect([...(withHead(tuned, three, keyOf(2)).masks ?? [])]).toEqual([[name, query]]);
});
