/** What transformers.js makes of written BPE tokenizers that lack characters or have bytes behind. */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { expect, test } from "vitest";
import { pipelineModel } from "../../test/support/pipeline-model.ts";
import { BYTE_PIECES } from "./pipeline/models.ts";
import type { BpeModel, Merge, Pipeline } from "./pipeline/pipeline.ts";
import { BYTE_CHARACTERS } from "./pipeline/words.ts";
import { createTokenizer, type PipelineFiles } from "./tokenizer.ts";
import { requireBrowserTokenizer, tokenizerTexts } from "./tokenizer-files.ts";

const { vocabulary: base } = pipelineModel("BPE");
const MERGES: readonly Merge[] = [["a", "b"]];

const CUT = {
  bytes: [{ type: "ByteLevel", add_prefix_space: false, use_regex: true }],
  words: [{ type: "WhitespaceSplit" }],
  marks: [{ type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true }],
  none: [],
} satisfies Record<string, Pipeline["preTokenizers"]>;

/** A tokenizer of those pieces, and of what they are joined to. */
function filesOf(pieces: readonly string[], cut: keyof typeof CUT, model: Partial<BpeModel>): PipelineFiles {
  const { merges = MERGES } = model;
  const made = merges.map(([first, second]) => first + second);
  const vocab = [...base.vocab.slice(0, 5), ...new Set([...pieces, ...made])];
  const { unk } = base.rules.special;
  const bpe: BpeModel = { ...base.pipeline.model, type: "BPE", merges, unk, ...OFF, ...model };
  const pipeline = { ...base.pipeline, normalizers: [], preTokenizers: CUT[cut], model: bpe };
  return { ...base, vocab, rules: { ...base.rules, words: vocab.length }, pipeline };
}

const OFF = { fuse_unk: false, byte_fallback: false, ignore_merges: false };
const SOME = ["a", "b", "▁", "<0xC3>", "<0xB1>"];
const ALL = ["a", "b", "▁", ...BYTE_PIECES];
const BYTES = { byte_fallback: true };

/** Whether both read a text alike. */
function isAlike(files: PipelineFiles, text: string): boolean {
  const texts = tokenizerTexts(files);
  const parsed = (name: string): Record<string, unknown> => JSON.parse(texts.get(name) ?? "{}");
  const library = new LibraryTokenizer(parsed("tokenizer.json"), parsed("tokenizer_config.json"));
  const { ids } = library.encode(text, { add_special_tokens: false });
  return ids.join() === createTokenizer(files).pieces(text).join();
}

test.each([
  ["unk_token", "axb", filesOf(["a", "b"], "none", { unk: null })],
  ["unk_token", "axb", filesOf(["a", "b"], "bytes", { unk: null })],
  ["byte_fallback", "yñab", filesOf(SOME, "none", BYTES)],
  ["byte_fallback", "ayb", filesOf(SOME, "marks", { ...BYTES, unk: null })],
  ["merges", "ñ", filesOf(ALL, "none", { ...BYTES, merges: [["<0xC3>", "<0xB1>"]] })],
  ["fuse_unk", "ab x y ab", filesOf(["a", "b"], "words", { fuse_unk: true })],
  ["fuse_unk", "x y", filesOf(["a", "b"], "marks", { fuse_unk: true })],
])("%s: of %s transformers.js would read others, so an ONNX folder is refused", (key, text, files) => {
  const message = expect.stringContaining(`tokenizer: ${key}: expected`);
  const failure = expect.objectContaining({ code: "export/tokenizer", message });
  expect(() => requireBrowserTokenizer(files)).toThrow(failure);
  expect(isAlike(files, text)).toBe(false);
});

test.each([
  ["all characters of bytes, without an unknown piece", filesOf(BYTE_CHARACTERS, "bytes", { unk: null })],
  ["all bytes, fused", filesOf(ALL, "words", { ...BYTES, fuse_unk: true })],
  ["bytes behind of which there are none", filesOf(["a", "b"], "words", BYTES)],
  ["fused behind marks of space", filesOf(["a", "b", "▁"], "marks", { fuse_unk: true })],
])("%s: transformers.js reads the same pieces", (_, files) => {
  expect(() => requireBrowserTokenizer(files)).not.toThrow();
  const texts = ["ab x y ab", "yñab", "axb", "ñ ñy xñ", "日ab日日"];
  expect(texts.filter((text) => !isAlike(files, text))).toEqual([]);
});
