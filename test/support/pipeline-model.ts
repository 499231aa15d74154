/** The tiny network with tokenizers that are no WordPiece: pairs of bytes, and pieces with scores. */

import { keyOf } from "../../src/base/random.ts";
import type { Head } from "../../src/bert/config.ts";
import { initialNetwork, type Network } from "../../src/network/network.ts";
import type { Merge, Pipeline } from "../../src/text/pipeline/pipeline.ts";
import { BYTE_CHARACTERS } from "../../src/text/pipeline/words.ts";
import { robertaTemplates, SPECIAL_FLAGS } from "../../src/text/rules.ts";
import type { PipelineFiles } from "../../src/text/tokenizer.ts";
import { TINY_CONFIG } from "./tiny-model.ts";

const SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];
const IDS = { cls: 0, pad: 1, sep: 2, unk: 3, mask: 4 };

const MERGES: readonly Merge[] = [
  ["f", "i"],
  ["l", "m"],
  ["fi", "lm"],
  ["Ġ", "film"],
  ["g", "o"],
  ["o", "d"],
];

/** A table of characters in which nothing stands: a trie of one unit, and no text. */
const EMPTY_TABLE = Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0);

const SCORED: readonly (readonly [string, number])[] = [
  ["▁", -2],
  ["▁film", -3],
  ["film", -4],
  ["▁go", -3.5],
  ["od", -5],
  ["▁good", -9],
  ["g", -6.1],
];

const bpe: Pipeline = {
  normalizers: [{ type: "NFC" }],
  preTokenizers: [{ type: "ByteLevel", add_prefix_space: false, use_regex: true }],
  model: {
    type: "BPE",
    merges: MERGES,
    unk: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
  },
  decoders: [{ type: "ByteLevel" }],
  trim: { add_prefix_space: false },
  charsmap: null,
};

const unigram: Pipeline = {
  normalizers: [{ type: "Precompiled" }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }],
  preTokenizers: [{ type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true }],
  model: {
    type: "Unigram",
    scores: [0, 0, 0, 0, 0, ...SCORED.map(([, score]) => score)],
    unk: 3,
    byte_fallback: false,
  },
  decoders: [{ type: "Metaspace", replacement: "▁", prepend_scheme: "always" }],
  trim: null,
  charsmap: EMPTY_TABLE,
};

/** A network with a tokenizer of that model. */
export function pipelineModel(
  type: "BPE" | "Unigram",
  head: Head = { kind: "classification", labels: ["negative", "positive"] },
): Network & { readonly vocabulary: PipelineFiles } {
  const made = MERGES.map(([first, second]) => first + second);
  const pieces = type === "BPE" ? [...BYTE_CHARACTERS, ...made] : SCORED.map(([piece]) => piece);
  const vocab = [...SPECIAL, ...pieces];
  const added = Object.values(IDS)
    .sort((a, b) => a - b)
    .map((id) => ({ id, ...SPECIAL_FLAGS, lstrip: id === IDS.mask }));
  const { pad, unk, cls, sep, mask } = IDS;
  const vocabulary: PipelineFiles = {
    vocab,
    maxLength: TINY_CONFIG.maxPositions,
    rules: { special: { pad, unk, cls, sep, mask }, words: vocab.length, added, ...robertaTemplates(IDS) },
    pipeline: type === "BPE" ? bpe : unigram,
  };
  const config = { ...TINY_CONFIG, vocabSize: vocab.length, padTokenId: pad };
  return { ...initialNetwork(config, head, vocabulary, keyOf(3)), vocabulary };
}
