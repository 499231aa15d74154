import { expect, test } from "vitest";
import { requireItem } from "../../base/present.ts";
import { keyOf, randint } from "../../base/random.ts";
import type { WordPieceFiles } from "../tokenizer.ts";
import { spellingOf } from "./library.ts";
import { createSpeller, type Spelling } from "./spelling.ts";

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const LETTERS = [..."abei=!?.<好豈𠀀\u302e\u0301é"];
const VOCAB = [...SPECIAL, ...LETTERS, ...LETTERS.map((letter) => `##${letter}`)];

const FLAGS = [
  { lowercase: true, stripAccents: null, tokenizeChineseChars: true },
  { lowercase: false, stripAccents: null, tokenizeChineseChars: true },
  { lowercase: false, stripAccents: true, tokenizeChineseChars: false },
  { lowercase: true, stripAccents: false, tokenizeChineseChars: false },
] as const;

/** Letters, accents, marks that stay and marks that do not, barriers between them, controls, separators of all kinds. */
const CHARACTERS = [
  ..."abeABEiéİΣΑΣ=≠≮<!?.。·;`΅豈好𠀀😍가각 \u00a0\u2003\u3000",
  ..."\u0301\u0327\u0345\u034f\u0344\u302e\u302f\u0903\u093a\u20dd\u{1d165}\u{1d16d}",
  ..."\u0000\u200b\u200d\u00ad\ufeff\ufffd\u0085\u2028",
  "\ud83d",
  "\ude0d",
];

function files(flags: (typeof FLAGS)[number]): WordPieceFiles {
  return { ...flags, vocab: VOCAB, maxLength: 512 };
}

function spelt(spelling: Spelling, text: string): number[] {
  return [...createSpeller(spelling).spell(text)].flat();
}

/** Runs of a few characters each, so that words of every length and of every kind come out. */
function randomText(seed: number): string {
  const key = keyOf(seed);
  const parts = Array.from({ length: 60 }, (_, i) => {
    const char = requireItem(CHARACTERS, randint(key, CHARACTERS.length, 3 * i), "characters");
    const many = randint(key, 12, 3 * i + 1) === 0 ? 90 : 4;
    return char.repeat(1 + randint(key, many, 3 * i + 2));
  });
  return parts.join("");
}

test.each(FLAGS)(
  "%j: 200 random texts have the pieces and the normal form that they have as a whole",
  (flags) => {
    const spelling = spellingOf(files(flags));
    const speller = createSpeller(spelling);
    for (let seed = 0; seed < 200; seed++) {
      const text = randomText(seed);
      expect([seed, [...speller.spell(text)].flat()]).toEqual([seed, spelling.encode(text)]);
      expect([seed, speller.normalise(text)]).toEqual([seed, spelling.normalise(text)]);
    }
  },
);

test.each(FLAGS)("%j: a character in which words end begins and ends with what they end at", (flags) => {
  const { normalise } = spellingOf(files(flags));
  const inside: string[] = [];
  for (let code = 0; code < 0x30000; code++) {
    const normal = normalise(String.fromCodePoint(code));
    const parts = normal.split(/[\s\p{P}!-/:-@[-`{-~]/u);
    // An ideograph stands between two spaces.
    if (parts.length > 1 && (parts[0] !== "" || parts.at(-1) !== "")) inside.push(code.toString(16));
  }
  expect(inside).toEqual([]);
});

test("a word is unknown from one character more than its most, counted after normalising", () => {
  const spelling = spellingOf(files(FLAGS[0]));
  for (const word of ["e", "é", "É\u200b", "e\u0301\u0301\u0327"]) {
    expect(spelt(spelling, word.repeat(100))).toHaveLength(100);
    expect(spelt(spelling, word.repeat(101))).toEqual([1]);
  }
  expect(spelt(spelling, "가".repeat(51))).toEqual([1]);
});

test.each([
  ["emoji", "😍", 500_000, [1]],
  ["a letter", "a", 1_000_000, [1]],
  ["an accented letter and marks that stay and go", "e\u0301\u302e", 300_000, [1]],
  ["marks in the wrong order", "\u0301\u0327", 500_000, undefined],
  ["controls", "\u200b", 1_000_000, undefined],
  ["Chinese", "好", 1_000_000, [VOCAB.indexOf("好")]],
  ["punctuation", "!", 1_000_000, [VOCAB.indexOf("!")]],
])("the first piece of a megabyte of %s is there within half a second", (_, char, times, pieces) => {
  const text = char.repeat(times);
  const speller = createSpeller(spellingOf(files(FLAGS[0])));
  const started = performance.now();
  expect(speller.spell(text)[Symbol.iterator]().next().value).toEqual(pieces);
  expect(performance.now() - started).toBeLessThan(500);
});

test("a megabyte of marks in the wrong order is normalised within two seconds, not in minutes", () => {
  const { normalise } = createSpeller(spellingOf(files(FLAGS[0])));
  const started = performance.now();
  expect(normalise(`e${"\u0301\u0327".repeat(250_000)} a`)).toBe("e a");
  expect(performance.now() - started).toBeLessThan(2000);
});
