import { expect, test } from "vitest";
import { createTokenizer } from "./tokenizer.ts";

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const LETTERS = [..."abceinorwz\u0301"];
const VOCAB = [...SPECIAL, ...LETTERS, ...LETTERS.map((letter) => `##${letter}`), "new", "!", "中", "😀"];
const tokenizer = createTokenizer({
  ...{ vocab: VOCAB, lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: 64 },
});

/** Each piece with what stands at its place. */
function placed(text: string, maxLength = 64): (readonly [string, string] | null)[] {
  const { places } = tokenizer.encodePlaced(text, maxLength);
  return places.map((place) => place && [place.piece, text.slice(place.start, place.end)]);
}

test("a piece stands where its characters came from, whatever became of them", () => {
  expect(placed("NEW Br\u00edo 中e\u0301no!")).toEqual([
    null,
    ["new", "NEW"],
    ["b", "B"],
    ["##r", "r"],
    ["##i", "í"],
    ["##o", "o"],
    ["中", "中"],
    ["e", "e"],
    ["##n", "n"],
    ["##o", "o"],
    ["!", "!"],
    null,
  ]);
});

test("ids, types and what is cut are those of encode, of long words, marks and added tokens too", () => {
  const texts = [
    "",
    "new\u200bnew [MASK]new x",
    "é".repeat(101),
    `o${"\u0301".repeat(300)}n`,
    "😀".repeat(90),
  ];
  for (const text of [...texts, texts.join(" ")]) {
    for (const length of [3, 9, 64]) {
      const { places, ...encoding } = tokenizer.encodePlaced(text, length);
      expect(encoding).toEqual(tokenizer.encode(text, undefined, length));
      expect(places.length).toBe(encoding.ids.length);
    }
  }
});

test("of a text that is cut the places are those of its beginning", () => {
  const { places, cut } = tokenizer.encodePlaced("new ".repeat(100_000), 32);
  expect(places.at(-2)).toMatchObject({ start: 116, end: 119 });
  expect(cut).toBeGreaterThan(4000);
});
