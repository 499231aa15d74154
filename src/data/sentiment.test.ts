import { expect, test } from "vitest";
import { keyOf } from "../base/random.ts";
import type { Dataset } from "./dataset.ts";
import { classOf } from "./dataset.ts";
import { sentimentData } from "./sentiment.ts";
import { ADJECTIVES, DEGREES, DOMAINS, FEELINGS, type Sides, VERBS } from "./sentiment-words.ts";

const { train, dev } = sentimentData(keyOf(1));
const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}-]+/gu) ?? [];

/** Which side each word of the vocabulary is on. */
const SIDE = new Map<string, number>();
const allSides: Sides[] = [ADJECTIVES, VERBS, FEELINGS, ...DOMAINS.flatMap((d) => [d.adjectives, d.nouns])];
for (const { good, bad } of allSides) {
  for (const word of good) SIDE.set(word, 1);
  for (const word of bad) SIDE.set(word, 0);
}

test("4,000 and 1,000 reviews, no text twice, the labels balanced within 3 %", () => {
  expect([train.examples.length, dev.examples.length]).toEqual([4000, 1000]);
  expect(new Set([...train.examples, ...dev.examples].map(({ text }) => text)).size).toBe(5000);
  for (const { examples } of [train, dev]) {
    const share = examples.filter(({ label }) => label === 1).length / examples.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.03);
  }
});

test("the texts follow from the key", () => {
  expect(sentimentData(keyOf(1))).toEqual({ train, dev });
  const other = sentimentData(keyOf(2), { train: 100, dev: 10 });
  expect([other.train.examples.length, other.dev.examples.length]).toEqual([100, 10]);
  expect(other.train.examples[0]?.text).not.toBe(train.examples[0]?.text);
});

test("the vocabulary holds more than 500 words and no word is on both sides", () => {
  const words = new Set(train.examples.flatMap(({ text }) => wordsOf(text)));
  expect(words.size).toBeGreaterThan(500);
  const good = new Set(allSides.flatMap((sides) => sides.good));
  expect(allSides.flatMap((sides) => sides.bad).filter((word) => good.has(word))).toEqual([]);
});

test("a reader who follows the rules gets every review right", () => {
  const wrong = [...train.examples, ...dev.examples].filter(({ text, label }) => read(text) !== label);
  expect(wrong.map(({ text }) => text)).toEqual([]);
});

/** Reads by the rules alone: find the writer's own verdict, then its word, then whether it is denied. */
function read(text: string): number | undefined {
  const sentences = text
    .toLowerCase()
    .replaceAll("anything but", "far from")
    .split(/(?<=\.) /);
  const verdict = sentences.find((sentence) => sides(sentence).length > 0)?.replace(/\.$/, "") ?? "";
  const [, before = "", after] = /^(.*), and that was (right|wrong)$/.exec(verdict) ?? [];
  if (after !== undefined) return agree(sides(before)[0], after === "right");
  if (verdict.endsWith("; so did i")) return agree(sides(verdict)[0], true);
  if (verdict.endsWith("; i did not")) return agree(sides(verdict)[0], false);
  return statement(ownPart(verdict));
}

function ownPart(verdict: string): string {
  const fronted = /^(?:although|despite) [^,]*, (.*)$/.exec(verdict)?.[1];
  if (fronted !== undefined) return fronted;
  const after = / but (.*)$/.exec(verdict)?.[1] ?? / and got (.*)$/.exec(verdict)?.[1];
  if (after !== undefined) return after;
  const parts = verdict.split(/;|,? although | despite /);
  const own = parts.find((part) => /\bi found\b|\bi got\b|\bthis\b.* is /.test(part));
  return own ?? parts[0] ?? "";
}

function statement(part: string): number | undefined {
  const strong = new RegExp(`(?:${DEGREES.strong.join("|")}) ([\\p{L}-]+)`, "u").exec(part)?.[1];
  const side = strong === undefined ? sides(part)[0] : SIDE.get(strong);
  return agree(side, !/\b(not|hardly|far from|never|rarely|no)\b/.test(part));
}

function agree(side: number | undefined, isShared: boolean): number | undefined {
  return side === undefined || isShared ? side : 1 - side;
}

function sides(part: string): number[] {
  return wordsOf(part).flatMap((word) => SIDE.get(word) ?? []);
}

test("logistic regression on word counts stays between 0.6 and 0.75 on dev", () => {
  const found = bagOfWords(train, dev);
  expect(found).toBeGreaterThan(0.6);
  expect(found).toBeLessThan(0.75);
});

/** Dev accuracy of logistic regression over word presence, 30 epochs of stochastic gradient descent with decay. */
function bagOfWords(fit: Dataset, judge: Dataset): number {
  const weights = new Map<string, number>();
  const score = (words: ReadonlySet<string>) =>
    [...words].reduce((sum, word) => sum + (weights.get(word) ?? 0), 0);
  const bags = fit.examples.map((each) => ({ words: new Set(wordsOf(each.text)), label: classOf(each) }));
  for (let epoch = 0; epoch < 30; epoch++) {
    for (const { words, label } of bags) {
      const step = (0.2 / (1 + epoch)) * (label - 1 / (1 + Math.exp(-score(words))));
      for (const word of words) weights.set(word, (weights.get(word) ?? 0) + step);
    }
  }
  const right = judge.examples.filter(
    ({ text, label }) => Number(score(new Set(wordsOf(text))) > 0) === label,
  );
  return right.length / judge.examples.length;
}
