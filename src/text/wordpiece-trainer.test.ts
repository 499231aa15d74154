import { expect, test } from "vitest";
import { ConfigError, InputError } from "../base/errors.ts";
import { threefry } from "../base/random.ts";
import { createTokenizer } from "./tokenizer.ts";
import { countWords, trainWordPiece, wordSplitter } from "./wordpiece-trainer.ts";

const UNCASED = { lowercase: true, stripAccents: null, tokenizeChineseChars: true };
const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** Merges of `words` by the definition: all pairs counted anew each time; most frequent first, then by text. */
function mergesByRecounting(wordCounts: ReadonlyMap<string, number>, minFrequency: number): string[] {
  const words = [...wordCounts].map(([word, count]) => ({
    count,
    forms: [...word].map((c, i) => (i === 0 ? c : `##${c}`)),
  }));
  const merges = new Set<string>();
  for (;;) {
    const counts = new Map<string, number>();
    for (const { forms, count } of words) {
      for (let i = 0; i + 1 < forms.length; i++) {
        const pair = `${forms[i]} ${forms[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    }
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    if (best === undefined || best[1] < minFrequency) return [...merges];
    const [left = "", right = ""] = best[0].split(" ");
    merges.add(left + right.slice(2));
    for (const word of words) word.forms = mergeOnce(word.forms, left, right);
  }
}

function mergeOnce(forms: readonly string[], left: string, right: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < forms.length; i++) {
    const merges = forms[i] === left && forms[i + 1] === right;
    out.push(merges ? left + right.slice(2) : (forms[i] ?? ""));
    if (merges) i++;
  }
  return out;
}

/** A few hundred words of three letters, so that pairs overlap ("aaa") and many counts are equal. */
function syntheticWords(): Map<string, number> {
  const words = new Map<string, number>();
  for (let i = 0; i < 300; i++) {
    const bits = threefry([11, 7], i, 0)[0];
    const length = 1 + (bits % 9);
    const word = Array.from({ length }, (_, j) => "abc"[(bits >>> (2 * j + 3)) % 3]).join("");
    words.set(word, (words.get(word) ?? 0) + 1 + (bits % 5));
  }
  return words;
}

test("incremental merges equal those of recounting every pair before each merge, in order", () => {
  const words = syntheticWords();
  const pieces = trainWordPiece(words, { size: 10_000, minFrequency: 3 });
  const merges = mergesByRecounting(words, 3);
  expect(merges.length).toBeGreaterThan(100);
  expect(pieces.slice(SPECIAL.length + 6)).toEqual(merges);
});

test("the vocabulary opens with the special pieces, then characters by frequency, then merges", () => {
  const words = new Map([
    ["low", 5],
    ["lower", 2],
    ["newest", 6],
    ["widest", 3],
  ]);
  const pieces = trainWordPiece(words, { size: 24 });
  expect(pieces.slice(0, 5)).toEqual(SPECIAL);
  // ##e: 2 + 6 + 6 + 3; ##s, ##t: 6 + 3; ##w: 5 + 2 + 6.
  expect(pieces.slice(5, 10)).toEqual(["##e", "##w", "##s", "##t", "##o"]);
  // 9, 9, then 7 twice: "##o ##w" comes before "l ##o".
  expect(pieces.slice(16, 20)).toEqual(["##es", "##est", "##ow", "low"]);
  expect(pieces).toHaveLength(24);
});

test("the order of the counts plays no part", () => {
  const words = syntheticWords();
  const turned = new Map([...words].reverse());
  expect(trainWordPiece(turned, { size: 200 })).toEqual(trainWordPiece(words, { size: 200 }));
});

test("characters beyond the alphabet or rarer than minFrequency take their words with them", () => {
  const words = new Map([
    ["aa", 9],
    ["bb", 8],
    ["ab", 5],
    ["cc", 7],
    ["dd", 1],
  ]);
  expect(trainWordPiece(words, { size: 100, alphabet: 2 }).join(" ")).not.toMatch(/[cd]/);
  expect(trainWordPiece(words, { size: 100 }).join(" ")).toMatch(/cc/);
  // "dd" occurs once, but its character twice.
  expect(trainWordPiece(words, { size: 100, minFrequency: 3 })).not.toContain("d");
});

test("words too long for the tokenizer are not trained on", () => {
  const words = new Map([
    ["ab", 5],
    ["c".repeat(101), 50],
  ]);
  expect(trainWordPiece(words, { size: 100 })).not.toContain("c");
});

test("words are counted as the tokenizer splits them: every one of a vocabulary of words is one piece", async () => {
  const lines = [
    "Café-au-lait, ÉTÉ naïve; don't!  $5.00\u00a0(net)…",
    "ΟΔΟΣ Σίσυφος 東京都 \u{20000}x a\u200bb c\u0000d İstanbul ﬁne ½ e\u0301\ttab",
  ];
  const words = await countWords(lines, UNCASED);
  const vocab = [...SPECIAL, ...words.keys()];
  const tokenizer = createTokenizer({ ...UNCASED, vocab, maxLength: 512 });
  const counted = new Map<string, number>();
  for (const id of lines.flatMap((line) => tokenizer.pieces(line))) {
    counted.set(vocab[id] ?? "", (counted.get(vocab[id] ?? "") ?? 0) + 1);
  }
  expect(counted).toEqual(words);
  expect(words.get("-")).toBe(2);
  expect(words.get("cafe")).toBe(1);
});

test("cased flags keep capitals and accents", () => {
  expect(wordSplitter({ ...UNCASED, lowercase: false })("Été, Paris")).toEqual(["Été", ",", "Paris"]);
});

test("no words and a size below the alphabet are refused by name", () => {
  const empty = () => trainWordPiece(new Map(), { size: 100 });
  expect(empty).toThrow(InputError);
  expect(empty).toThrow(/none \(of 0\)/);
  const small = () => trainWordPiece(new Map([["abc", 3]]), { size: 7 });
  expect(small).toThrow(ConfigError);
  expect(small).toThrow(/at least 8 .* got 7/);
});
