/** Small classifiers with pruned encoders, which answer texts of letters: what tests of the runtime share. */

import { fold, keyOf, normals, uniform } from "../../src/base/random.ts";
import { floatTensor } from "../../src/base/tensor.ts";
import type { Head } from "../../src/bert/config.ts";
import { initialNetwork, type Network } from "../../src/network/network.ts";
import { configOf } from "./configs.ts";

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];
const VOCAB = [
  "[PAD]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  ...LETTERS,
  ...LETTERS.map((letter) => `##${letter}`),
];

const YES_OR_NO: Head = { kind: "classification", labels: ["no", "yes"] };

/** A network of 3 layers, a classifier "no" or "yes" by default, whose encoder keeps the share `density` of its weights. */
export function letterClassifier(density: number, head = YES_OR_NO): Network {
  const layers = Array.from({ length: 3 }, () => ({ heads: 2, headSize: 8, ffn: 32 }));
  const config = configOf({ vocabSize: VOCAB.length, hiddenSize: 16, layers, maxPositions: 64 });
  const files = {
    vocab: VOCAB,
    lowercase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    maxLength: 64,
  };
  const made = initialNetwork(config, head, files, keyOf(2));
  const tensors = new Map(made.tensors);
  for (const [name, { shape, data }] of tensors) {
    const key = fold(keyOf(3), name);
    const isPruned = name.includes("encoder") && shape.length === 2;
    const kept = (i: number): boolean => !isPruned || uniform(key, i) < density;
    const weights = normals(key, data.length, 0.4).map((w, i) => (kept(i) ? w : 0));
    tensors.set(name, floatTensor(shape, weights));
  }
  return { ...made, tensors };
}
