import { expect, test } from "vitest";
import { createSplitter, type Pattern } from "./added-tokens.ts";

const PLAIN = { singleWord: false, lstrip: false, rstrip: false, normalized: false, special: false };

/** Texts and, in brackets, what was found, by splitting at these tokens. */
function split(text: string, ...patterns: (Partial<Pattern> & { text: string })[]): string[] {
  const parts = [...createSplitter(patterns.map((pattern, id) => ({ ...PLAIN, ...pattern, id })))(text)];
  return parts.map(({ start, end, id }) =>
    id === undefined ? text.slice(start, end) : `<${patterns[id]?.text}>${text.slice(start, end)}`,
  );
}

test("without tokens a text is one part, and an empty one none", () => {
  expect([split("a b"), split("")]).toEqual([["a b"], []]);
  expect(split("", { text: "a" })).toEqual([]);
});

test("at each place the longest token is taken, from the left", () => {
  expect(split("abcab", { text: "a" }, { text: "abc" }, { text: "bcab" })).toEqual(["<abc>abc", "<a>a", "b"]);
});

test("a word of its own does not touch letters, digits, marks, underscores or joiners", () => {
  const tree = { text: "tree", singleWord: true };
  for (const text of ["trees", "1tree", "tree_", "tree\u0301", "tree\u200d", "𝔸tree", "tree𝔸"]) {
    expect(split(text, tree)).toEqual([text]);
  }
  expect(split("tree-tree 😀tree中", tree)).toEqual(["<tree>tree", "-", "<tree>tree", " 😀tree中"]);
  expect(split("😀tree😀", tree)).toEqual(["😀", "<tree>tree", "😀"]);
});

test("where a token that must be a word is refused, no other is looked for", () => {
  expect(split("treetop", { text: "tree", singleWord: true }, { text: "ree" })).toEqual(["treetop"]);
});

test("white space is taken on the sides that a token takes it on, once", () => {
  const [left, right] = [
    { text: "L", lstrip: true },
    { text: "R", rstrip: true },
  ];
  expect(split("a \u3000L b", left)).toEqual(["a", "<L> \u3000L", " b"]);
  expect(split("R\t\u0085a", right)).toEqual(["<R>R\t\u0085", "a"]);
  expect(split("R  L", left, right)).toEqual(["<R>R  ", "<L>L"]);
  expect(split("a\ufeffL", left)).toEqual(["a\ufeff", "<L>L"]);
});
