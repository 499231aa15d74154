/** Tiny fine-tuned networks for tests of whole commands, with words a test can write. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyOf } from "../../src/base/random.ts";
import type { BertConfig, Head } from "../../src/bert/config.ts";
import { writeFolder } from "../../src/network/folder.ts";
import { initialNetwork, type Network } from "../../src/network/network.ts";
import { SPECIAL_PIECES } from "../../src/text/rules.ts";
import type { WordPieceFiles } from "../../src/text/tokenizer.ts";
import { configOf } from "./configs.ts";

/** The words of the vocabulary; anything else is [UNK]. */
export const WORDS = ["good", "bad", "film", "plot", "very", "not", "dull", "bright", "a", "the"];

const layer = { heads: 2, headSize: 8, ffn: 24 };

/** Weights are large, so that different texts get clearly different answers. */
export const TINY_CONFIG: BertConfig = configOf({
  vocabSize: Object.keys(SPECIAL_PIECES).length + WORDS.length,
  hiddenSize: 16,
  layers: [layer, layer],
  maxPositions: 24,
  hiddenDropout: 0,
  attentionDropout: 0,
  initializerRange: 0.4,
});

/** A network with random weights. */
export function tinyModel(
  head: Head = { kind: "classification", labels: ["negative", "positive"] },
  config: BertConfig = TINY_CONFIG,
): Network & { readonly vocabulary: WordPieceFiles } {
  const vocabulary = {
    vocab: [...Object.values(SPECIAL_PIECES), ...WORDS],
    lowercase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    maxLength: config.maxPositions,
  };
  return { ...initialNetwork(config, head, vocabulary, keyOf(3)), vocabulary };
}

/** Both layers pruned, differently. */
export const PRUNED_CONFIG: BertConfig = {
  ...TINY_CONFIG,
  layers: [
    { heads: 1, headSize: 8, ffn: 5 },
    { heads: 2, headSize: 8, ffn: 11 },
  ],
};

/** An empty folder that the system cleans up in its own time. */
export function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "espalier-test-"));
}

/** A folder with the network in it. */
export async function written(network: Network): Promise<string> {
  const folder = join(await newFolder(), "tiny");
  await writeFolder(folder, network);
  return folder;
}
