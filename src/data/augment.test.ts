import { expect, test } from "vitest";
import { keyOf } from "../base/random.ts";
import { replaceableWords } from "../text/words.ts";
import { type AugmentRules, augmentExamples, type ReplaceableWords } from "./augment.ts";
import type { Example } from "./dataset.ts";

const RULES: AugmentRules = { copies: 30, rate: 0.4, key: keyOf(0) };
const FIFTEEN = Array.from({ length: 15 }, (_, i) => `c${i}`);

const words: ReplaceableWords = (text) =>
  replaceableWords(text, { lowercase: true, stripAccents: null }).map((word) => ({
    ...word,
    candidates: FIFTEEN,
  }));

const LONG = "one two three four five six seven eight nine ten";
const single: Example = { text: `The ${LONG}.`, label: 1, where: "train.tsv:2" };
const pair: Example = {
  text: LONG,
  pair: "red green blue white black grey brown pink gold teal",
  label: 0,
  where: "train.tsv:3",
};

test("the original comes first, its copies behind it keep label and place", () => {
  const [first, ...copies] = augmentExamples([single], words, RULES);
  expect(first).toBe(single);
  expect(copies).toHaveLength(30);
  for (const copy of copies) {
    expect(copy).toMatchObject({ label: 1, where: "train.tsv:2" });
    expect(copy.text).toMatch(/^The ([a-z\d]+ ){9}[a-z\d]+\.$/);
  }
});

test("of a pair each text is augmented in turn while the other is the original", () => {
  const [first, ...copies] = augmentExamples([pair], words, RULES);
  expect(first).toBe(pair);
  expect(copies).toHaveLength(60);
  for (const copy of copies.slice(0, 30)) {
    expect(copy.pair).toBe(pair.pair);
    expect(copy.text).not.toBe(pair.text);
  }
  for (const copy of copies.slice(30)) {
    expect(copy.text).toBe(pair.text);
    expect(copy.pair).not.toBe(pair.pair);
  }
});

test("no copy comes twice, so few words give few copies", () => {
  const few: ReplaceableWords = () => [{ start: 0, end: 4, candidates: ["film", "plot", "play"] }];
  const texts = [...augmentExamples([{ ...single, text: "film" }], few, RULES)].map(({ text }) => text);
  expect(texts.toSorted()).toEqual(["film", "play", "plot"]);
});

test("a word without candidates stays, and a text without words has no copies", () => {
  const none: ReplaceableWords = (text) => words(text).map((word) => ({ ...word, candidates: [] }));
  expect([...augmentExamples([single, pair], none, RULES)]).toEqual([single, pair]);
  expect([...augmentExamples([single], () => [], RULES)]).toEqual([single]);
});

test("over 3,000 copies of ten words 0.4 ± 0.02 are replaced, each candidate drawn 1/15 ± 0.01", () => {
  const examples = Array.from({ length: 100 }, (_, i): Example => ({ ...single, text: `${LONG} ${i}` }));
  const drawn = [...augmentExamples(examples, words, RULES)].flatMap(({ text }) =>
    text.split(" ").slice(0, 10),
  );
  const replaced = drawn.filter((word) => word.startsWith("c"));
  const copied = drawn.length - 1000; // the originals
  expect(Math.abs(replaced.length / copied - 0.4)).toBeLessThan(0.02);
  for (const candidate of FIFTEEN) {
    const share = replaced.filter((word) => word === candidate).length / replaced.length;
    expect(Math.abs(share - 1 / 15)).toBeLessThan(0.01);
  }
});

test("a copy depends on the key and the example's place alone", () => {
  const all = [...augmentExamples([single, pair], words, RULES)];
  expect([...augmentExamples([single, pair], words, RULES)]).toEqual(all);
  expect([...augmentExamples([single], words, RULES)]).toEqual(all.slice(0, 31));
  expect([...augmentExamples([single], words, { ...RULES, copies: 10 })]).toEqual(all.slice(0, 11));
  expect([...augmentExamples([single], words, { ...RULES, key: keyOf(1) })]).not.toEqual(all.slice(0, 31));
  const [a, b] = [[...augmentExamples([single, single], words, RULES)].slice(1, 31), all.slice(1, 31)];
  expect(a).toEqual(b);
  expect([...augmentExamples([single, single], words, RULES)].slice(32)).not.toEqual(a);
});
