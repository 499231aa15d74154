import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sharedPath } from "../../test/support/shared.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
import { parseVocab } from "./vocab-text.ts";
import { isStopWord, placeWords, replaceableWords, replaceWords } from "./words.ts";

const UNCASED = { lowercase: true, stripAccents: null };
const CASED = { lowercase: false, stripAccents: null };

const FILES: TokenizerFiles = {
  vocab: [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "film",
    "good",
    "##s",
    ".",
    "-",
    "a",
    "b",
    "##c",
    "cafe",
  ],
  ...UNCASED,
  tokenizeChineseChars: true,
  maxLength: 64,
};

function textsOf(text: string, rules = UNCASED): string[] {
  return replaceableWords(text, rules).map((word) => word.text);
}

test("words are runs of letters between white space and punctuation, as the tokenizer sees them", () => {
  expect(textsOf("A Café-owner's film, $good; x^y")).toEqual(["cafe", "owner", "film", "good", "x"]);
  expect(textsOf("Good Film", CASED)).toEqual(["Good", "Film"]);
  expect(replaceableWords(" Good.film", UNCASED)).toEqual([
    { start: 1, end: 5, text: "good" },
    { start: 6, end: 10, text: "film" },
  ]);
});

test("numbers, other scripts, hidden characters and stop words are no words to replace", () => {
  expect(textsOf("3rd 1999 фильм 电影 good\u200dfilm café中 the not She")).toEqual([]);
  expect(textsOf("café", CASED)).toEqual([]);
  expect(["The", "don", "wouldn", "himself"].map(isStopWord)).toEqual([true, true, true, true]);
  expect(["film", "good", ""].map(isStopWord)).toEqual([false, false, false]);
});

test("pieces of the text are found for every word", () => {
  const tokenizer = createTokenizer(FILES);
  const text = "films. good-Films bc the";
  const words = replaceableWords(text, FILES);
  const { pieces, places } = placeWords(text, words, tokenizer.pieces);
  expect(pieces).toEqual([...tokenizer.pieces(text)]);
  expect(words.map((word, i) => [word.text, places[i]?.first, places[i]?.count])).toEqual([
    ["films", 0, 2],
    ["good", 3, 1],
    ["films", 5, 2],
    ["bc", 7, 2],
  ]);
  expect(placeWords("", [], tokenizer.pieces)).toEqual({ pieces: [], places: [] });
});

test("replaced words leave everything else where it was", () => {
  const text = "  A good  film.";
  const words = replaceableWords(text, UNCASED);
  expect(replaceWords(text, words, [undefined, "plot"])).toBe("  A good  plot.");
  expect(replaceWords(text, words, [undefined, undefined])).toBe(text);
  expect(replaceWords(text, words, ["x", "yz"])).toBe("  A x  yz.");
});

const vocab = sharedPath("data", "bert-base-uncased-vocab.txt");
const glue = sharedPath("data", "glue");
const skipped = vocab && glue ? "" : " (skipped: no shared files)";

test.skipIf(skipped !== "")(
  `the runs' pieces are the text's, over every line of MRPC, CoLA and RTE${skipped}`,
  () => {
    const files = { ...FILES, vocab: parseVocab(readFileSync(vocab ?? "", "utf8"), "vocab.txt") };
    const tokenizer = createTokenizer(files);
    let words = 0;
    for (const task of ["MRPC", "CoLA", "RTE"]) {
      for (const line of readFileSync(join(glue ?? "", task, "train.tsv"), "utf8").split("\n")) {
        const found = replaceableWords(line, files);
        words += found.length;
        const { pieces } = placeWords(line, found, tokenizer.pieces);
        expect(pieces.join()).toBe(tokenizer.pieces(line).join());
      }
    }
    expect(words).toBeGreaterThan(100_000);
  },
);
