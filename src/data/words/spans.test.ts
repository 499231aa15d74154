import { expect, test } from "vitest";
import { InputError } from "../../base/errors.ts";
import { wordsOfSpans } from "./spans.ts";

/** Words as `word/label`, without those outside. */
function read(text: string, ...spans: readonly object[]): string {
  const { words, labels } = wordsOfSpans(spans, { text, column: "spans", where: "a.jsonl:1" });
  return words.flatMap((word, i) => (labels[i] === "O" ? [] : [`${word}/${labels[i]}`])).join(" ");
}

/** A span of what stands in a text, in UTF-16 units or in code points. */
function spanOf(unit: "units" | "points", text: string, own: string, label: string) {
  const at = text.indexOf(own);
  const lengthOf = (part: string): number => (unit === "units" ? part.length : [...part].length);
  return { start: lengthOf(text.slice(0, at)), end: lengthOf(text.slice(0, at + own.length)), label };
}

test("spans become labels of words, split at white space and punctuation", () => {
  const text = "Anna-Lena (of  New York) ran.";
  const spans = [
    { start: 15, end: 23, label: "LOC" },
    { start: 0, end: 9, label: "PER" },
  ];
  expect(wordsOfSpans(spans, { text, column: "spans", where: "a" })).toEqual({
    words: ["Anna", "-", "Lena", "(", "of", "New", "York", ")", "ran", "."],
    labels: ["B-PER", "I-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O", "O", "O"],
    where: "a",
  });
});

test.each(["units", "points"] as const)(
  "characters beyond U+FFFF: spans in %s, which fit in it alone",
  (unit) => {
    const text = "😀😀 I saw Bo Li. Al ran 𝒙 far";
    const spans = [spanOf(unit, text, "Bo Li", "PER"), spanOf(unit, text, "Al", "PER")];
    expect(read(text, ...spans)).toBe("Bo/B-PER Li/I-PER Al/B-PER");
  },
);

test("characters beyond U+FFFF behind the last span make no difference", () => {
  expect(read("Bo ran 😀", { start: 0, end: 2, label: "PER" })).toBe("Bo/B-PER");
});

const UNCLEAR = "😀😀😀 in US UK";

test.each([
  ["text", "US", "US/B-LOC"],
  ["text", "UK", "UK/B-LOC"],
  ["word", "u s", "US/B-LOC"],
])("of both units the one counts in which a span's %s %j stands there", (key, own, found) => {
  expect(read(UNCLEAR, { start: 10, end: 12, label: "LOC", [key]: own })).toBe(found);
});

test("spans that fit in both units are refused, unless their words have the same labels", () => {
  const unclear = (): string => read(UNCLEAR, { start: 10, end: 12, label: "LOC" });
  expect(unclear).toThrow(InputError);
  expect(unclear).toThrow(
    'a.jsonl:1: expected spans in spans on whole words in one unit alone, got LOC 10 to 12, which is "US" in UTF-16 units and "UK" in code points; give each span its "text"',
  );
  expect(read("😀 a  b", { start: 2, end: 4, label: "X" })).toBe("a/B-X");
});

test("half a character, or one behind the text, is in the other unit a place that fits", () => {
  expect(read("a 😀", { start: 2, end: 3, label: "X" })).toBe("😀/B-X");
  expect(read("😀😀 US", { start: 5, end: 7, label: "LOC" })).toBe("US/B-LOC");
});

test.each([
  [
    "that ends inside a word in both units",
    "😀 Anna ran",
    { start: 3, end: 5 },
    'A "An" (3 to 5), inside "Anna"',
  ],
  [
    "of white space alone",
    "Anna ran",
    { start: 4, end: 5 },
    'expected a span that covers a word in spans, got A " " (4 to 5)',
  ],
])("a span %s is refused", (_, text, ends, message) => {
  const attempt = (): string => read(text, { ...ends, label: "A" });
  expect(attempt).toThrow(InputError);
  expect(attempt).toThrow(message);
});
