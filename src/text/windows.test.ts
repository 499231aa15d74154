import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { createTokenizer } from "./tokenizer.ts";

const tokenizer = createTokenizer(tinyModel().vocabulary);
const TEXT = "a very good film not bad plot dull bright the";

function windows(text: string, pair: string | undefined, length: number, stride: number): number[][] {
  return tokenizer.encodeWindows(text, pair, length, stride).windows.map(({ ids }) => [...ids]);
}

// By tokenizers 0.23.3, with enable_truncation(length, stride, strategy="longest_first" or "only_second").
test("windows are those of Hugging Face's tokenizers, of a text and of the longer of two", () => {
  expect(windows(TEXT, undefined, 6, 2)).toEqual([
    [2, 13, 9, 5, 7, 3],
    [2, 5, 7, 10, 6, 3],
    [2, 10, 6, 8, 11, 3],
    [2, 8, 11, 12, 14, 3],
  ]);
  expect(windows(TEXT, undefined, 6, 0)).toEqual([
    [2, 13, 9, 5, 7, 3],
    [2, 10, 6, 8, 11, 3],
    [2, 12, 14, 3],
  ]);
  expect(windows("good bad film plot very not", undefined, 6, 2)).toHaveLength(2);
  const { windows: pairs, tokens } = tokenizer.encodeWindows("a film", TEXT, 9, 1);
  expect(pairs.map(({ ids }) => [...ids])).toEqual([
    [2, 13, 7, 3, 13, 9, 5, 7, 3],
    [2, 13, 7, 3, 7, 10, 6, 8, 3],
    [2, 13, 7, 3, 8, 11, 12, 14, 3],
  ]);
  expect([...(pairs[2]?.types ?? [])]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1]);
  expect(tokens).toBe(15);
});

test("a text that fits is one window, and a window needs more room than it shares (tokenizer/stride)", () => {
  expect(windows("a film", undefined, 6, 3)).toEqual([[...tokenizer.encode("a film", undefined, 6).ids]]);
  expect(() => windows(TEXT, undefined, 6, 4)).toThrow(
    "stride: expected less than the 4 tokens of a window, got 4",
  );
  expect(() => windows("a good film", TEXT, 8, 3)).toThrow(
    "stride: expected less than the 2 tokens of a window beside the 3 of the other text, got 3",
  );
});
