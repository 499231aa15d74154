/** Networks and batches of a given shape with random content, for benchmarks. */

import { keyOf, randint } from "../dist/base/random.js";
import { initialNetwork } from "../dist/network/network.js";

/** The default shape of a training benchmark. */
export const SHAPE = {
  layers: 6,
  hidden: 384,
  heads: 12,
  ffn: 1536,
  vocab: 30522,
  batch: 32,
  tokens: 64,
  threads: 2,
  steps: 8,
};

/** The default shape with what was typed in its place. */
export function shapeOf(typed) {
  return /** @type {typeof SHAPE} */ (
    Object.fromEntries(Object.entries(SHAPE).map(([name, value]) => [name, Number(typed[name] ?? value)]))
  );
}

export function median(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * BERT's configuration at a shape.
 * @returns {import("../dist/bert/config.js").BertConfig}
 */
export function configOf({ layers, hidden, heads, ffn, vocab, positions = 512, dropout = 0.1 }) {
  return {
    vocabSize: vocab,
    hiddenSize: hidden,
    layers: Array.from({ length: layers }, () => ({ heads, headSize: hidden / heads, ffn })),
    maxPositions: positions,
    typeVocab: 2,
    activation: "gelu",
    layerNormEps: 1e-12,
    hiddenDropout: dropout,
    attentionDropout: dropout,
    initializerRange: 0.02,
    padTokenId: 0,
  };
}

/** BERT-base. */
export const BERT_BASE = { layers: 12, hidden: 768, heads: 12, ffn: 3072, vocab: 30_522 };

/** A classifier of two classes. */
export function networkOf({ layers, hidden, heads, ffn, vocab, tokens }, dropout = 0) {
  const config = configOf({ layers, hidden, heads, ffn, vocab, positions: tokens, dropout });
  const vocabulary = {
    vocab: [],
    lowercase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    maxLength: tokens,
  };
  return initialNetwork(config, { kind: "classification", labels: ["0", "1"] }, vocabulary, keyOf(1));
}

/** Random ids without padding. */
export function batchOf({ batch: size, tokens: length, vocab }) {
  const n = size * length;
  return {
    size,
    length,
    ids: Int32Array.from({ length: n }, (_, i) => randint(keyOf(2), vocab, i)),
    types: new Int32Array(n),
    mask: new Float32Array(n).fill(1),
    labels: Int32Array.from({ length: size }, (_, i) => i % 2),
  };
}
