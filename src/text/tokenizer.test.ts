import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sharedPath } from "../../test/support/shared.ts";
import { FormatError, InputError } from "../base/errors.ts";
import { rulesOf } from "./rules.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
import { tokenizerConfigJson } from "./tokenizer-files.ts";
import { parseVocab, vocabText } from "./vocab-text.ts";

interface Golden {
  readonly strings: readonly string[];
  readonly vocab: readonly string[];
  readonly flags: Record<
    string,
    { lowercase: boolean; strip_accents?: boolean; handle_chinese_chars?: boolean }
  >;
  readonly small: Record<string, readonly number[][]>;
  readonly full: readonly number[][];
  readonly decoded: readonly string[];
  readonly pairs: readonly { text: string; pair: string; max: number; ids: number[]; types: number[] }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/tokenizer.json", import.meta.url), "utf8"),
);
const plain: TokenizerFiles = {
  vocab: golden.vocab,
  lowercase: true,
  stripAccents: null,
  tokenizeChineseChars: true,
  maxLength: 512,
};
const sharedVocab = sharedPath("data", "bert-base-uncased-vocab.txt");

test.each(Object.entries(golden.flags))(
  "%s: %j gives the pieces of Hugging Face's Rust tokenizer",
  (name, flags) => {
    const tokenizer = createTokenizer({
      ...plain,
      lowercase: flags.lowercase,
      stripAccents: flags.strip_accents ?? null,
      tokenizeChineseChars: flags.handle_chinese_chars ?? true,
    });
    const got = golden.strings.map((text) => [text, Array.from(tokenizer.encode(text, undefined, 512).ids)]);
    expect(got).toEqual(golden.strings.map((text, i) => [text, golden.small[name]?.[i]]));
  },
);

test.skipIf(!sharedVocab)("the same under the whole vocabulary (needs ESPALIER_SHARED)", () => {
  const vocab = parseVocab(readFileSync(sharedVocab ?? "", "utf8"), "vocab.txt");
  const tokenizer = createTokenizer({ ...plain, vocab });
  expect(tokenizer.vocabSize).toBe(30_522);
  expect(tokenizer.special).toEqual({ pad: 0, unk: 100, cls: 101, sep: 102, mask: 103 });
  const got = golden.strings.map((text) => [text, Array.from(tokenizer.encode(text, undefined, 512).ids)]);
  expect(got).toEqual(golden.strings.map((text, i) => [text, golden.full[i]]));
});

test("pairs are cut longest first and typed as Hugging Face does, at every length from 3", () => {
  const tokenizer = createTokenizer(plain);
  for (const { text, pair, max, ids, types } of golden.pairs) {
    const got = tokenizer.encode(text, pair, max);
    expect([text, pair, max, Array.from(got.ids), Array.from(got.types)]).toEqual([
      text,
      pair,
      max,
      ids,
      types,
    ]);
  }
});

test("of texts far beyond the length the same is kept as of their whole pieces, in pairs too", () => {
  const tokenizer = createTokenizer(plain);
  const texts = [3, 61, 62, 4200, 4201, 9000, 9001].map((n) => "hello world ".repeat(n).slice(0, -6));
  const few = (ids: readonly number[], budget: number): number => Math.min(ids.length, budget + 4096);
  for (const [text, pair] of texts.flatMap((text) => texts.map((pair) => [text, pair] as const))) {
    for (const max of [64, 65]) {
      const [a, b] = [tokenizer.pieces(text), tokenizer.pieces(pair)];
      const budget = max - 3;
      // All here are longer than half, but for the first; of two that are, the longer one has the odd piece.
      const short = Math.min(a.length, b.length, Math.floor(budget / 2));
      const isWhole = a.length + b.length <= budget;
      const first = isWhole ? a.length : a.length > b.length ? budget - short : short;
      const second = isWhole ? b.length : budget - first;
      const { cls, sep } = tokenizer.special;
      const got = tokenizer.encode(text, pair, max);
      expect([...got.ids]).toEqual([cls, ...a.slice(0, first), sep, ...b.slice(0, second), sep]);
      expect(got.cut).toBe(few(a, budget) + few(b, budget) - first - second);
    }
  }
});

test("what is cut of a text is counted up to 4096 pieces", () => {
  const tokenizer = createTokenizer(plain);
  const cuts = [60, 63, 4158, 4159, 100_000].map(
    (n) => tokenizer.encode("hello ".repeat(n), undefined, 64).cut,
  );
  expect(cuts).toEqual([0, 1, 4096, 4096, 4096]);
});

test("decoding gives Hugging Face's text", () => {
  const tokenizer = createTokenizer(plain);
  const got = golden.strings.map((text) => tokenizer.decode(tokenizer.encode(text, undefined, 512).ids));
  expect(got).toEqual(golden.decoded);
  expect(tokenizer.decode([])).toBe("");
});

test("a single text is cut to maxLength with its [CLS] and [SEP] kept", () => {
  const tokenizer = createTokenizer(plain);
  const { ids } = tokenizer.encode("hello world hello world", undefined, 4);
  expect(tokenizer.decode(ids)).toBe("hello world");
  expect([ids.length, ids[0], ids[3]]).toEqual([4, tokenizer.special.cls, tokenizer.special.sep]);
});

test("pieces are those of encode without the special ones, and never cut", () => {
  const tokenizer = createTokenizer(plain);
  const text = "hello world ".repeat(300);
  expect(tokenizer.pieces(text)).toHaveLength(600);
  expect(tokenizer.encode(text, undefined, 602).ids.slice(1, -1)).toEqual(
    Int32Array.from(tokenizer.pieces(text)),
  );
});

test("a lone surrogate is dropped like any character that is no text", () => {
  const tokenizer = createTokenizer(plain);
  expect(tokenizer.pieces("hel\ud83dlo")).toEqual(tokenizer.pieces("hello"));
});

test("a length that does not hold the special pieces is refused", () => {
  const tokenizer = createTokenizer(plain);
  expect(() => tokenizer.encode("hello", undefined, 1)).toThrow(InputError);
  expect(() => tokenizer.encode("hello", "world", 2)).toThrow(
    "maxLength: expected 3 or more, for its special pieces alone, got 2",
  );
});

test("a template that adds nothing makes nothing of an empty text: refused (tokenizer/empty)", () => {
  const single = [{ text: "A", type: 0 }] as const;
  const tokenizer = createTokenizer({ ...plain, rules: { ...rulesOf(plain), single } });
  expect(Array.from(tokenizer.encode("hello", undefined, 1).ids)).toEqual(tokenizer.pieces("hello"));
  expect(() => tokenizer.encode(" ", undefined, 8)).toThrow(InputError);
});

test("between the added tokens of a text lies the rest of it", () => {
  const text = "a [MASK][mask]";
  const parts = createTokenizer(plain).between(text);
  expect(parts.map(({ start, end }) => text.slice(start, end))).toEqual(["a ", "[mask]"]);
});

test("a vocabulary without [MASK] is refused by name", () => {
  const vocab = golden.vocab.filter((piece) => piece !== "[MASK]");
  expect(() => createTokenizer({ ...plain, vocab })).toThrow(FormatError);
  expect(() => createTokenizer({ ...plain, vocab })).toThrow(/expected the piece \[MASK\]/);
});

test("vocab.txt is read back as it was written", () => {
  expect(parseVocab(vocabText(plain.vocab), "vocab.txt")).toEqual(golden.vocab);
});

test("tokenizer_config.json names the flags transformers reads", () => {
  const { do_lower_case, model_max_length, tokenizer_class } = tokenizerConfigJson(plain);
  expect([do_lower_case, model_max_length, tokenizer_class]).toEqual([true, 512, "BertTokenizer"]);
});
