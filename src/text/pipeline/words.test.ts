/** Cutting into words; what comes out is held to Rust's in kinds.test.ts. */

import { expect, test } from "vitest";
import type { PreTokenizer } from "./pipeline.ts";
import { stretchOf } from "./stretch.ts";
import { createCutter } from "./words.ts";

const STEPS: readonly PreTokenizer[] = [
  { type: "ByteLevel", add_prefix_space: false, use_regex: true },
  { type: "BertPreTokenizer" },
  { type: "Whitespace" },
  { type: "WhitespaceSplit" },
  { type: "Punctuation", behavior: "MergedWithPrevious" },
  { type: "Digits", individual_digits: false },
];

test.each(STEPS)("the first word of a long text is there before the others are cut: $type", (step) => {
  const text = "a, 1 ".repeat(40_000);
  const cut = createCutter([
    step,
    { type: "Split", pattern: { String: " " }, behavior: "Isolated", invert: false },
  ]);
  const start = performance.now();
  for (const word of cut(stretchOf(text, 0, text.length, false))) {
    expect(word.text).toMatch(/^a/);
    break;
  }
  const first = performance.now() - start;
  const all = [...cut(stretchOf(text, 0, text.length, false))];
  expect(all.length).toBeGreaterThan(40_000);
  expect(first).toBeLessThan((performance.now() - start - first) / 4);
});
