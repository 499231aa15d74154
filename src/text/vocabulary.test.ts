import { expect, test } from "vitest";
import { EspalierError } from "../base/errors.ts";
import { createTokenizer, type TokenizerFiles, tokenizerConfigJson, tokenizerJson } from "./tokenizer.ts";
import { parseTokenizerConfig, parseTokenizerJson, parseVocab } from "./vocabulary.ts";

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const files: TokenizerFiles = {
  vocab: [...special, "tree", "##s", "42", "__proto__"],
  lowercase: false,
  stripAccents: true,
  tokenizeChineseChars: false,
  maxLength: 77,
};

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

test("a piece may hold any character but a line feed, separators included", () => {
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

test("an empty vocabulary lacks its special pieces", () => {
  expect(failure(() => parseVocab("", "vocab.txt"))[0]).toBe("vocab/special");
});

test("tokenizer.json and tokenizer_config.json read back as they were written", () => {
  const json: unknown = JSON.parse(JSON.stringify(tokenizerJson(files)));
  const config: unknown = JSON.parse(JSON.stringify(tokenizerConfigJson(files)));
  const flags = parseTokenizerConfig(config, "tokenizer_config.json");
  expect(parseTokenizerJson(json, flags.maxLength, "tokenizer.json")).toEqual(files);
  expect({ ...flags, vocab: files.vocab }).toEqual(files);
});

test("a piece called __proto__ is an ordinary piece", () => {
  const id = files.vocab.indexOf("__proto__");
  const tokenizer = createTokenizer({ ...files, vocab: [...special, "_", "proto", "__proto__"] });
  expect(tokenizer.decode([id - 1])).toBe("__proto__");
  expect(tokenizer.pieces("__proto__")).toEqual([5, 5, 6, 5, 5]);
});

test("an empty tokenizer_config.json has the defaults of BERT uncased", () => {
  const defaults = { lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: 512 };
  expect(parseTokenizerConfig({}, "c")).toEqual(defaults);
  expect(parseTokenizerConfig({ model_max_length: 1e30 }, "c")).toEqual(defaults);
});

test("special pieces may be given as objects", () => {
  expect(parseTokenizerConfig({ mask_token: { content: "[MASK]", lstrip: false } }, "c").maxLength).toBe(512);
});

const configs: [unknown, string][] = [
  [{ do_lower_case: "yes" }, "c: do_lower_case: expected true or false, got yes"],
  [{ do_basic_tokenize: false }, "c: do_basic_tokenize: expected true, got false"],
  [{ mask_token: "<mask>" }, "c: mask_token: expected [MASK], got <mask>"],
  [{ model_max_length: -1 }, "c: model_max_length: expected 3 or more, got -1"],
  [[], "c: expected a JSON object, got []"],
  [null, "c: expected a JSON object, got null"],
];
test.each(configs)("tokenizer_config.json %j is refused", (json, message) => {
  expect(failure(() => parseTokenizerConfig(json, "c"))[1]).toBe(message);
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
    "t: normalizer: expected BertNormalizer, got Sequence",
  ],
  ["no normaliser", { normalizer: null }, "t: normalizer: expected BertNormalizer, got null"],
  [
    "another model",
    { model: { type: "BPE", vocab: {}, merges: [] } },
    "t: model: type: expected WordPiece, got BPE",
  ],
  ["another decoder", { decoder: { type: "ByteLevel" } }, "t: decoder: expected WordPiece, got ByteLevel"],
  [
    "another post-processor",
    { post_processor: { type: "RobertaProcessing" } },
    "t: post_processor: expected TemplateProcessing or BertProcessing, got RobertaProcessing",
  ],
  [
    "uncleaned text",
    { normalizer: { type: "BertNormalizer", clean_text: false } },
    "t: normalizer: clean_text: expected true, got false",
  ],
  [
    "a prefix that is not ##",
    { model: { ...WORD_PIECE, continuing_subword_prefix: "@@", vocab: {} } },
    "t: model: continuing_subword_prefix: expected ##, got @@",
  ],
  [
    "a hole in the numbers",
    { model: { ...WORD_PIECE, vocab: { "[PAD]": 0, "[UNK]": 2 } } },
    't: number of "[UNK]": expected an integer from 0 to 1, got 2',
  ],
  [
    "two pieces under one number",
    { model: { ...WORD_PIECE, vocab: { "[PAD]": 0, "[UNK]": 0 } } },
    't: number 0: expected one piece, got "[PAD]" and "[UNK]"',
  ],
  [
    "a vocabulary that is a list",
    { model: { ...WORD_PIECE, vocab: ["[PAD]"] } },
    't: model.vocab: expected a JSON object, got ["[PAD]"]',
  ],
  [
    "an added token that is not BERT's",
    { added_tokens: [{ id: 5, content: "tree" }] },
    "t: added token: expected [PAD] [UNK] [CLS] [SEP] [MASK], got tree",
  ],
  [
    "an added token elsewhere than in the vocabulary",
    { added_tokens: [{ id: 7, content: "[MASK]" }] },
    "t: number of [MASK]: expected 4, got 7",
  ],
  [
    "an added token that eats spaces",
    { added_tokens: [{ id: 4, content: "[MASK]", lstrip: true }] },
    "t: [MASK]: lstrip: expected false, got true",
  ],
  ["added tokens that are no list", { added_tokens: 7 }, "t: added_tokens: expected a list, got 7"],
];
test.each(attacks)("tokenizer.json with %s is refused by name", (_, change, message) => {
  const json = { ...tokenizerJson(files), ...change };
  expect(failure(() => parseTokenizerJson(json, 512, "t"))[1]).toBe(message);
});

test("the older form without the model's type, decoder and added tokens is read", () => {
  const { version: _, decoder: __, added_tokens: ___, ...rest } = tokenizerJson(files);
  const vocab = Object.fromEntries(files.vocab.map((piece, id) => [piece, id]));
  expect(parseTokenizerJson({ ...rest, model: { vocab } }, 77, "t")).toEqual(files);
});
