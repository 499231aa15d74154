/** A small network and made-up batches: what a method is tried on in seconds, without files. */

import { requireItem } from "../base/present.ts";
import { fold, type Key, keyOf, normals, randint } from "../base/random.ts";
import { type BertConfig, type Head, labelsOf } from "../bert/config.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import type { TrainBatch } from "../train/feeds.ts";

const VOCABULARY = 60;
/** A head of three classes. */
export const CLASSES: Head = { kind: "classification", labels: ["a", "b", "c"] };

/** A network of 12 features with random weights, large enough that every gradient is far from 0. */
export function smallNetwork(head: Head, layers: number, dropout = 0.1, seed = 9): Network {
  return randomNetwork(smallConfig(layers, dropout), head, seed);
}

/** Its configuration: a BERT. */
function smallConfig(layers: number, dropout: number): BertConfig {
  const layer = { heads: 2, headSize: 6, ffn: 20 };
  return {
    vocabSize: VOCABULARY,
    hiddenSize: 12,
    layers: Array.from({ length: layers }, () => layer),
    maxPositions: 8,
    typeVocab: 2,
    activation: "gelu",
    layerNormEps: 1e-12,
    hiddenDropout: dropout,
    attentionDropout: dropout,
    initializerRange: 0.3,
    padTokenId: 0,
  };
}

/** A network of any configuration of 60 pieces and 8 positions at least. */
export function randomNetwork(config: BertConfig, head: Head, seed = 9): Network {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const vocab = Array.from({ length: VOCABULARY }, (_, i) => special[i] ?? `piece${i}`);
  const files = { vocab, lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: 8 };
  return initialNetwork(config, head, files, keyOf(seed));
}

/** Batch `number`: `size` texts of 3 to 8 pieces out of a part of the vocabulary, so that few rows are read at once. */
export function madeUpBatch(head: Head, number: number, size = 4): TrainBatch {
  const key = fold(keyOf(4), number);
  const length = 8;
  const ids = new Int32Array(size * length);
  const types = new Int32Array(size * length);
  const mask = new Float32Array(size * length);
  for (let row = 0; row < size; row++) {
    const pieces = row === 0 ? length : randint(fold(key, row), 6, 99) + 3;
    for (let i = 0; i < pieces; i++) {
      ids[row * length + i] = 5 + ((11 * number + randint(fold(key, row), 20, i)) % (VOCABULARY - 5));
      types[row * length + i] = Number(2 * i >= pieces);
      mask[row * length + i] = 1;
    }
  }
  const batch = { size, length, ids, types, mask };
  if (head.kind === "mlm") return { ...batch, ...masked(ids, mask, key) };
  return { ...batch, ...madeUpLabels(head, batch, key) };
}

/** Labels of any kind: every third token has none, and a vector's numbers are normal. */
function madeUpLabels(
  head: Head,
  { size, length, mask }: Pick<TrainBatch, "size" | "length" | "mask">,
  key: Key,
): Pick<TrainBatch, "labels" | "counted"> {
  const draw = (count: number, below: number): number[] =>
    Array.from({ length: count }, (_, i) => randint(fold(key, "labels"), below, i));
  const classes = labelsOf(head).length;
  switch (head.kind) {
    case "regression":
      return { labels: Float32Array.from(draw(size, 3)) };
    case "multi-label":
      return { labels: Float32Array.from(draw(size * classes, 2)) };
    case "none":
      return { labels: normals(fold(key, "labels"), size * 12, 1), counted: size };
    case "tokens": {
      const drawn = draw(size * length, classes).map((label, i) =>
        mask[i] === 1 && i % 3 > 0 ? label : -100,
      );
      return { labels: Int32Array.from(drawn), counted: drawn.filter((label) => label >= 0).length };
    }
    default:
      return { labels: Int32Array.from(draw(size, 3)) };
  }
}

/** Every third piece is to be predicted. */
function masked(ids: Int32Array, mask: Float32Array, key: Key): Pick<TrainBatch, "labels" | "positions"> {
  const positions = Int32Array.from([...ids.keys()].filter((i) => mask[i] === 1 && (i + key[0]) % 3 === 0));
  return { positions, labels: Int32Array.from(positions, (i) => requireItem(ids, i, "pieces")) };
}
