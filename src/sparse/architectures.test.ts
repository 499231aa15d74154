/**
 * Every architecture in the runtime's pass beside the graph that trains it, on texts of several panels; beside
 * transformers they stand in runtime/architectures.test.ts. A case of test/goldens/encoders.py is tested by being added.
 */

import { afterAll, expect, test } from "vitest";
import { encoderCases } from "../../test/support/encoders.ts";
import { furthest, sparseAnswers, stockAnswers, textsOf } from "../../test/support/sparse-pass.ts";
import { fold, keyOf, normals } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { type BertConfig, factsOf, type Head, parseConfig } from "../bert/config.ts";
import { parameters } from "../bert/names.ts";
import { linearModules } from "../bert/quantized.ts";
import { Engine } from "../engine/engine.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import { withQuantized } from "../network/quantized.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ..."abcdefghijklmnopqrs"];
const LABELS = ["a", "b", "c"];
const HEADS: Readonly<Record<string, Head>> = {
  classification: { kind: "classification", labels: LABELS },
  mixture: { kind: "multi-label", labels: LABELS, reader: "mixture" },
  means: { kind: "multi-label", labels: LABELS, reader: "means" },
  tokens: { kind: "tokens", labels: LABELS },
  "first vectors": { kind: "none", pooling: { mode: "cls", normalize: true } },
  "mean vectors": { kind: "none", pooling: { mode: "mean", normalize: false } },
};
/** More texts than a panel has lanes, and longer ones than a panel and than a window of ModernBERT's. */
const LENGTHS = [5, 70, 16, 17, 1, 33, ...Array.from({ length: 14 }, (_, i) => 1 + i)];

/** The kinds of configurations of the goldens, each once, for texts of 70 tokens. */
const configs = new Map(
  (await encoderCases()).map(({ config }): [string, BertConfig] => {
    const { architectures: _, max_position_embeddings: most, pad_token_id: pad = 0, ...rest } = config;
    const longer = { ...rest, pad_token_id: pad, max_position_embeddings: 54 + Number(most) };
    const parsed = parseConfig(longer, "test");
    const { type, head, embeddingSize = "" } = factsOf(parsed);
    const kind = /roberta|camembert/.test(type) ? "roberta" : type;
    return [`${kind} ${head.reads} ${embeddingSize}`, parsed];
  }),
);

/** Weights large enough that no function stays linear, norms near 1; a third of each matrix is left. */
function networkOf(config: BertConfig, head: Head): Network {
  const files = {
    vocab: PIECES,
    lowercase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    maxLength: 70,
  };
  const network = initialNetwork(config, head, files, keyOf(1));
  const tensors = [...parameters(config, head)].map(([name, shape]) => {
    const n = shape.reduce((a, b) => a * b, 1);
    const isNorm = name.endsWith("LayerNorm.weight");
    const numbers = normals(fold(keyOf(2), name), n, 0.4).map((w, i) =>
      isNorm ? 1 + w / 2 : shape.length === 2 && i % 3 > 0 ? 0 : w,
    );
    return [name, floatTensor(shape, numbers)] as const;
  });
  return { ...network, tensors: new Map(tensors) };
}

test.each([...configs.keys()])("%s: answers within 2e-5 of ONNX Runtime's, by every head", async (key) => {
  const config = configs.get(key) ?? parseConfig({}, key);
  const texts = textsOf(LENGTHS, config.vocabSize);
  for (const [name, head] of Object.entries(HEADS)) {
    const network = networkOf(config, head);
    const stock = await stockAnswers(engine, network, texts);
    expect(Math.max(...stock.map(Math.abs)), name).toBeGreaterThan(0.01);
    expect(furthest(sparseAnswers(network, texts), stock), name).toBeLessThan(2e-5);
  }
});

/** The first layer with two heads and some neurons, the second with no units; layers that share have to stay as they are. */
function pruned(config: BertConfig): BertConfig {
  const layers = config.layers.map((layer, i) => {
    if (layer.sharing !== undefined || i > 1) return layer;
    const [heads, ffn] = i === 0 ? [2, 7] : [0, 0];
    const places = layer.places?.filter((place) => place !== 1).slice(0, heads);
    return { ...layer, heads, ffn, ...(places ? { places } : {}) };
  });
  // A layer that begins without a norm may have come into another's place.
  const [first, ...others] = layers;
  const isMoved = first?.bare === true;
  const moved = others.map((layer) => ({ ...layer, ...(isMoved ? { bare: true as const } : {}) }));
  return { ...config, layers: first ? [first, ...moved] : [] };
}

test.each([...configs.keys()])("%s, pruned and moved: answers within 2e-5 of ONNX Runtime's", async (key) => {
  const config = pruned(configs.get(key) ?? parseConfig({}, key));
  const texts = textsOf(LENGTHS, config.vocabSize);
  for (const head of [
    { kind: "classification", labels: LABELS },
    { kind: "tokens", labels: LABELS },
  ] as const) {
    const network = networkOf(config, head);
    const stock = await stockAnswers(engine, network, texts);
    expect(furthest(sparseAnswers(network, texts), stock), head.kind).toBeLessThan(2e-5);
  }
});

test.each([...configs.keys()])("%s in 8 bits: answers within 2e-5 of ONNX Runtime's", async (key) => {
  const config = configs.get(key) ?? parseConfig({}, key);
  const texts = textsOf(LENGTHS, config.vocabSize);
  const network = networkOf(config, { kind: "tokens", labels: LABELS });
  const modules = linearModules(config.layers);
  const inBytes = withQuantized(network, new Map(modules.map((module) => [module, {}])));
  const [ours, stock] = [sparseAnswers(inBytes, texts), await stockAnswers(engine, inBytes, texts)];
  expect(furthest(ours, stock)).toBeLessThan(2e-5);
  expect(furthest(ours, sparseAnswers(network, texts))).toBeGreaterThan(1e-4);
});
