import { expect, test } from "vitest";
import { ADDED, ownTemplates, ruledModel } from "../../test/support/ruled-model.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { FormatError } from "../base/errors.ts";
import {
  hasBertTemplates,
  keepOnly,
  ownRules,
  ruledPieces,
  rulesOf,
  SPECIAL_FLAGS,
  specialIds,
  splitsAtSpaces,
} from "./rules.ts";
import { checkRules } from "./rules-json.ts";
import { createTokenizer } from "./tokenizer.ts";

const { vocabulary: plain } = tinyModel();
const { vocabulary: ruled } = ruledModel(ownTemplates);

test("rules that are BERT's are not carried, others are", () => {
  expect(ownRules(plain.vocab, rulesOf(plain))).toEqual({});
  expect(ownRules(ruled.vocab, rulesOf(ruled))).toEqual({ rules: ruled.rules });
  expect(hasBertTemplates(plain) && hasBertTemplates(ruledModel().vocabulary)).toBe(true);
  expect(hasBertTemplates(ruled)).toBe(false);
});

test("special pieces are found by BERT's names, or by the rules", () => {
  expect(specialIds(plain)).toEqual({ pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
  const special = { pad: 4, unk: 3, cls: 2, sep: 1, mask: 0 };
  expect(specialIds(ruledModel(() => ({ special })).vocabulary)).toEqual(special);
  expect(() => specialIds({ vocab: ["a"] })).toThrow(/expected the piece \[PAD\], got 1 pieces/);
});

test("white space parts pieces unless a token has some in it, is normalised or must be a word", () => {
  expect(splitsAtSpaces(plain)).toBe(true);
  expect(splitsAtSpaces(ruled)).toBe(false);
  expect(splitsAtSpaces(ruledModel(({ added }) => ({ added: added.slice(0, 6) })).vocabulary)).toBe(true);
});

test("when pieces leave, rules follow the numbers of those that stay", () => {
  const pieces = [...ruledPieces(ruled)].sort((a, b) => a - b);
  const small = keepOnly(ruled, [...pieces.slice(0, 5), 5, ...pieces.slice(5)]);
  expect(small.vocab.slice(5)).toEqual(["good", ...ADDED]);
  expect(small.rules?.words).toBe(6);
  const text = "the [E1] covfefe <s> very good GOOD";
  const spelt = ({ ids }: { ids: Int32Array }, vocab: readonly string[]) => [...ids].map((id) => vocab[id]);
  const [before, after] = [ruled, small].map((files) =>
    spelt(createTokenizer(files).encode(text, "good", 64), files.vocab),
  );
  expect(after).toEqual(before?.map((piece) => (piece === "the" ? "[UNK]" : piece)));
  expect(keepOnly(plain, [0, 1, 2, 3, 4]).rules).toBe(undefined);
});

test("60,000 added tokens are checked in the time of one look at each", () => {
  const words = plain.vocab.length;
  const vocab = [...plain.vocab, ...Array.from({ length: 60_000 }, (_, i) => `<${i}>`)];
  const added = vocab.slice(words).map((_, i) => ({ id: words + i, ...SPECIAL_FLAGS }));
  const rules = { ...rulesOf(plain), words, added };
  const start = performance.now();
  checkRules({ vocab, rules }, "f");
  expect(performance.now() - start).toBeLessThan(2000);
  expect(() => checkRules({ vocab, rules: { ...rules, added: added.slice(0, -1) } }, "f")).toThrow(
    /expected the piece <59999>/,
  );
});

test("a number that no piece has is no piece (vocab/piece)", () => {
  expect(() => keepOnly(plain, [0, 99])).toThrow(/piece 99: expected a number below 15/);
});

test("a piece that the rules name cannot leave", () => {
  expect(() => keepOnly(ruled, [0, 1, 2, 3, 4])).toThrow(FormatError);
});
