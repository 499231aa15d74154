import { expect, test } from "vitest";
import { TINY_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { tokenizerOf } from "./encoding.ts";

test("a pair is refused by a model of one token type, naming type_vocab_size; single texts are not", () => {
  const tokenizer = tokenizerOf(tinyModel(undefined, { ...TINY_CONFIG, typeVocab: 1 }));
  expect(() => tokenizer.encode("good film", "bad plot", 20)).toThrow(
    expect.objectContaining({
      code: "encode/types",
      message: "text pair: expected a model with 2 token types, got one with type_vocab_size 1",
    }),
  );
  expect([...tokenizer.encode("good film", undefined, 20).types]).toEqual([0, 0, 0, 0]);
});

test("a model of two token types encodes pairs as its tokenizer does", () => {
  const { ids, types } = tokenizerOf(tinyModel()).encode("good film", "bad plot", 20);
  expect([...ids]).toEqual([2, 5, 7, 3, 6, 8, 3]);
  expect([...types]).toEqual([0, 0, 0, 0, 1, 1, 1]);
});

test("types are 0 where a model has no token types, whatever its tokenizer gives a pair", () => {
  const { types } = tokenizerOf(tinyModel(undefined, { ...TINY_CONFIG, typeVocab: 0 })).encode(
    "good film",
    "bad",
    20,
  );
  expect([...types]).toEqual([0, 0, 0, 0, 0, 0]);
});
