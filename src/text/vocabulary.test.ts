import { expect, test } from "vitest";
import { EspalierError } from "../base/errors.ts";
import { CLASS_NAMES } from "./classes.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
import { parseSentenceLength } from "./tokenizer-config.ts";
import { tokenizerConfigJson, tokenizerJson } from "./tokenizer-files.ts";
import { checkPieces, parseVocab } from "./vocab-text.ts";
import { readTokenizer } from "./vocabulary.ts";

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const files: TokenizerFiles = {
  vocab: [...special, "tree", "##s", "42", "__proto__"],
  lowercase: false,
  stripAccents: true,
  tokenizeChineseChars: false,
  maxLength: 77,
};

const words = { text: `${files.vocab.join("\n")}\n`, where: "v" };

/** The tokenizer of vocab.txt and this tokenizer_config.json. */
function withConfig(json: unknown): TokenizerFiles {
  return readTokenizer({ vocab: words, config: { json, where: "c" } }, "here");
}

/** The tokenizer of this tokenizer.json, of the class that reads it alone. */
function withJson(json: unknown): TokenizerFiles {
  const config = {
    json: { ...tokenizerConfigJson(files), tokenizer_class: "PreTrainedTokenizerFast" },
    where: "c",
  };
  return readTokenizer({ tokenizer: { json, where: "t" }, config }, "here");
}

/** Code and message of what `act` throws. */
function failure(act: () => unknown): [string, string] {
  try {
    act();
  } catch (error) {
    if (error instanceof EspalierError) return [error.code, error.message];
    throw error;
  }
  return ["none", ""];
}

test("vocab.txt may end its lines with CRLF and end in blank lines", () => {
  expect(parseVocab(`\uFEFF${special.join("\r\n")}\r\ntree\r\n\r\n`, "vocab.txt")).toEqual([
    ...special,
    "tree",
  ]);
});

test("blank lines at the end of vocab.txt are refused where added tokens follow, since they take numbers", () => {
  const [text, where] = [`${[...special, "tree"].join("\n")}\n\n`, "v"];
  expect(readTokenizer({ vocab: { text, where } }, "here").vocab).toHaveLength(6);
  const config = { json: { additional_special_tokens: ["<e>"] }, where: "c" };
  expect(failure(() => readTokenizer({ vocab: { text, where }, config }, "here"))).toEqual([
    "tokenizer/kind",
    "v: added tokens: expected no blank line before them, got blank lines",
  ]);
  expect(readTokenizer({ vocab: { text: text.trimEnd(), where }, config }, "here").vocab).toHaveLength(7);
});

test("a piece may hold any character but a line's end, separators included", () => {
  const odd = ["\u2028", "\u0085", "\u3000", "a\tb"];
  expect(parseVocab([...special, ...odd].join("\n"), "vocab.txt")).toEqual([...special, ...odd]);
});

test("a duplicate piece is named with both lines", () => {
  const [code, message] = failure(() => parseVocab([...special, "a", "b", "a"].join("\n"), "vocab.txt"));
  expect([code, message]).toEqual([
    "vocab/duplicate",
    'vocab.txt:8: expected a new piece, got "a" again (first in line 6)',
  ]);
});

test("a blank line inside the vocabulary is refused with its line", () => {
  const [code, message] = failure(() => parseVocab([...special, "", "b"].join("\n"), "vocab.txt"));
  expect([code, message]).toEqual(["vocab/blank", "vocab.txt:6: expected a piece, got a blank line"]);
});

test("a piece of two lines, which vocab.txt cannot hold, is refused", () => {
  const [code, message] = failure(() => checkPieces([...special, "a\rb"], "tokenizer.json"));
  expect([code, message]).toEqual([
    "vocab/line",
    'tokenizer.json:6: expected a piece of one line, got "a\\rb"',
  ]);
});

test("an empty vocabulary lacks its special pieces", () => {
  const vocab = { text: "", where: "vocab.txt" };
  expect(failure(() => readTokenizer({ vocab }, "here"))).toEqual([
    "tokenizer/config",
    "tokenizer_config.json: unk_token: expected a piece of vocab.txt, got [UNK]",
  ]);
});

test("tokenizer.json and tokenizer_config.json read back as they were written", () => {
  const json: unknown = JSON.parse(JSON.stringify(tokenizerJson(files)));
  const config: unknown = JSON.parse(JSON.stringify(tokenizerConfigJson(files)));
  expect(withJson(json)).toEqual(files);
  expect(withConfig(config)).toEqual(files);
});

test("a piece called __proto__ is an ordinary piece", () => {
  const id = files.vocab.indexOf("__proto__");
  const tokenizer = createTokenizer({ ...files, vocab: [...special, "_", "proto", "__proto__"] });
  expect(tokenizer.decode([id - 1])).toBe("__proto__");
  expect(tokenizer.pieces("__proto__")).toEqual([5, 5, 6, 5, 5]);
});

test("max_len is the name that old files have for model_max_length", () => {
  expect(withConfig({ max_len: 64 }).maxLength).toBe(64);
  expect(withConfig({ max_len: 64, model_max_length: 32 }).maxLength).toBe(32);
});

test("an empty tokenizer_config.json has the defaults of BERT uncased", () => {
  const defaults = { lowercase: true, stripAccents: null, tokenizeChineseChars: true };
  const maxLength = Number.POSITIVE_INFINITY;
  expect(withConfig({})).toEqual({ ...defaults, maxLength, vocab: files.vocab });
});

test.each([
  ["no limit but the positions", {}, Number.POSITIVE_INFINITY],
  ["null is none", { model_max_length: null }, Number.POSITIVE_INFINITY],
  ["null is none whatever max_len says", { model_max_length: null, max_len: 9 }, Number.POSITIVE_INFINITY],
  ["a number that stands for none", { model_max_length: 1e30 }, 1e30],
  ["a limit", { model_max_length: 128 }, 128],
])("model_max_length: %s", (_, config, length) => {
  expect(withConfig(config).maxLength).toBe(length);
});

test("a sentence encoder's own length is read, null and a missing file are none, other values are refused", () => {
  expect(parseSentenceLength({ max_seq_length: 256, do_lower_case: false }, "s")).toBe(256);
  for (const none of [undefined, {}, { max_seq_length: null }])
    expect(parseSentenceLength(none, "s")).toBe(Number.POSITIVE_INFINITY);
  expect(() => parseSentenceLength({ max_seq_length: "256" }, "s")).toThrow(
    "s: max_seq_length: expected a number of 3 or more, got 256",
  );
});

test("special pieces may be given as objects", () => {
  expect(withConfig({ mask_token: { content: "[MASK]", lstrip: false, special: true } }).rules).toBe(
    undefined,
  );
  expect(withConfig({ mask_token: { content: "[MASK]", lstrip: true } }).rules?.added.at(-1)).toMatchObject({
    id: 4,
    lstrip: true,
    special: true,
  });
});

const configs: [unknown, string][] = [
  [{ do_lower_case: "yes" }, "c: do_lower_case: expected true or false, got yes"],
  [{ do_basic_tokenize: false }, "c: do_basic_tokenize: expected true, got false"],
  [{ mask_token: 7 }, "c: mask_token: expected a text or an object with content, got 7"],
  [{ unk_token: "<unk>" }, "c: unk_token: expected a piece of vocab.txt, got <unk>"],
  [{ tokenizer_class: "T5Tokenizer" }, `c: tokenizer_class: expected ${CLASS_NAMES}, got T5Tokenizer`],
  [{ model_max_length: -1 }, "c: model_max_length: expected a number of 3 or more, got -1"],
  [[], "c: expected a JSON object, got []"],
  [null, "c: expected a JSON object, got null"],
];
test.each(configs)("tokenizer_config.json %j is refused", (json, message) => {
  expect(failure(() => withConfig(json))[1]).toBe(message);
});

const WORD_PIECE = { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##" };
const attacks: [string, Record<string, unknown>, string][] = [
  [
    "a pattern of the user's",
    { pre_tokenizer: { type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated" } },
    "t: pre_tokenizer: expected BertPreTokenizer, got Split",
  ],
  [
    "a sequence of normalisers",
    { normalizer: { type: "Sequence", normalizers: [{ type: "Replace", pattern: { Regex: "." } }] } },
    "t: normalizer: expected BertNormalizer, got Replace",
  ],
  ["no normaliser", { normalizer: null }, "t: normalizer: expected BertNormalizer, got null"],
  [
    "another model",
    { model: { type: "WordLevel", vocab: {} } },
    "t: model: type: expected WordPiece, BPE or Unigram, got WordLevel",
  ],
  ["another decoder", { decoder: { type: "ByteLevel" } }, "t: decoder: expected WordPiece, got ByteLevel"],
  [
    "another post-processor",
    { post_processor: { type: "PairProcessing" } },
    "t: post_processor: expected TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel, got PairProcessing",
  ],
  [
    "uncleaned text",
    { normalizer: { type: "BertNormalizer", clean_text: false } },
    "t: normalizer: clean_text: expected true, got false",
  ],
  [
    "a prefix that is no text",
    { model: { ...WORD_PIECE, continuing_subword_prefix: 2, vocab: { "[UNK]": 0 } } },
    "t: model: continuing_subword_prefix: expected a text, got 2",
  ],
  [
    "a hole in the numbers",
    { model: { ...WORD_PIECE, vocab: { "[PAD]": 0, "[UNK]": 2 } } },
    't: model: number of "[UNK]": expected a whole number from 0 to 1, got 2',
  ],
  [
    "two pieces under one number",
    { model: { ...WORD_PIECE, vocab: { "[PAD]": 0, "[UNK]": 0 } } },
    't: model: number 0: expected one piece, got "[PAD]" and "[UNK]"',
  ],
  [
    "a vocabulary that is a list",
    { model: { ...WORD_PIECE, vocab: ["[PAD]"] } },
    't: model.vocab: expected a JSON object, got ["[PAD]"]',
  ],
  [
    "an added token elsewhere than in the vocabulary",
    { added_tokens: [{ id: 7, content: "[MASK]" }] },
    "c: number of [MASK]: expected 4, got 7",
  ],
  [
    "an added token without a number",
    { added_tokens: [{ content: "[MASK]" }] },
    "t: number of [MASK]: expected a whole number from 0 to 2147483648, got nothing",
  ],
  [
    "an added token without a text",
    { added_tokens: [{ id: 4, content: "" }] },
    "t: added_tokens: added token: expected a text, got ",
  ],
  ["added tokens that are no list", { added_tokens: 7 }, "t: added_tokens: expected a list, got 7"],
];
test.each(attacks)("tokenizer.json with %s is refused by name", (_, change, message) => {
  const json = { ...tokenizerJson(files), ...change };
  expect(failure(() => withJson(json))[1]).toBe(message);
});

test("the older form without the model's type, decoder and added tokens is read", () => {
  const { version: _, decoder: __, added_tokens: ___, ...rest } = tokenizerJson(files);
  const vocab = Object.fromEntries(files.vocab.map((piece, id) => [piece, id]));
  expect(withJson({ ...rest, model: { vocab } })).toEqual(files);
});
