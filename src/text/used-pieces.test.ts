import { expect, test } from "vitest";
import { ADDED, ruledModel } from "../../test/support/ruled-model.ts";
import { keepOnly, SPECIAL_PIECES } from "./rules.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
import { usedPieces } from "./used-pieces.ts";

const SPECIAL = Object.values(SPECIAL_PIECES);

function files(...pieces: string[]): TokenizerFiles {
  const vocab = [...SPECIAL, ...pieces];
  return { vocab, lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: 16 };
}

function keptOf(vocabulary: TokenizerFiles, texts: readonly string[]): TokenizerFiles & { ids: number[] } {
  const ids = usedPieces(vocabulary, texts);
  return { ...vocabulary, vocab: ids.map((id) => vocabulary.vocab[id] ?? ""), ids };
}

/** Pieces of a text under the kept vocabulary, by their numbers in the whole one. */
function remapped(
  { ids, ...small }: TokenizerFiles & { ids: number[] },
  text: string,
): (number | undefined)[] {
  return createTokenizer(small)
    .pieces(text)
    .map((id) => ids[id]);
}

test("special pieces, single characters in both forms, and the texts' pieces stay, in their order", () => {
  const vocabulary = files(
    "[unused1]",
    "film",
    "##s",
    "films",
    "a",
    "##a",
    "plot",
    "é",
    "##é",
    "##ed",
    "#",
    "##",
    "😀",
  );
  const { vocab } = keptOf(vocabulary, ["A film", "Films, plotted"]);
  expect(vocab).toEqual([...SPECIAL, "film", "##s", "films", "a", "##a", "é", "##é", "#", "😀"]);
});

test("every text of the corpus keeps its pieces; an unseen word is cut into single characters", () => {
  const vocabulary = files("film", "##s", "plot", "p", "##l", "##o", "##t", "##ted", "the");
  const corpus = ["Film films", "the FILM?", "x"];
  const small = keptOf(vocabulary, corpus);
  expect(small.vocab).not.toContain("plot");
  for (const text of corpus) expect(remapped(small, text)).toEqual(createTokenizer(vocabulary).pieces(text));
  const { ids: _, ...kept } = small;
  const plots = createTokenizer(kept).pieces("plot");
  expect(plots.map((id) => kept.vocab[id])).toEqual(["p", "##l", "##o", "##t"]);
});

test("a word without pieces gains none when the long piece that led it astray is used by no text", () => {
  // "abc": the longest beginning is "ab", after which nothing fits; without "ab" it would be "a" and "##bc".
  const vocabulary = files("a", "ab", "##bc", "x");
  expect(createTokenizer(vocabulary).pieces("abc")).toEqual([1]);
  const corpus = ["xbc", "Ábc, a"];
  const small = keptOf(vocabulary, corpus);
  for (const text of corpus) expect(remapped(small, text)).toEqual(createTokenizer(vocabulary).pieces(text));
  expect(small.vocab).toContain("ab");
  expect(keptOf(vocabulary, ["xbc"]).vocab).not.toContain("ab");
});

test("pieces that occur often enough stay, over all texts; a rarer word is cut into what stays", () => {
  const vocabulary = files("film", "##s", "plot", "p", "##l", "##o", "##t", "the", "##ing");
  const corpus = ["film film the", "films plot", "The films"];
  const ids = usedPieces(vocabulary, corpus, 2);
  const small = keepOnly(vocabulary, ids);
  expect(small.vocab).toEqual([...SPECIAL, "film", "##s", "p", "##l", "##o", "##t", "the"]);
  const pieces = createTokenizer(small).pieces("the plot");
  expect(pieces.map((id) => small.vocab[id])).toEqual(["the", "p", "##l", "##o", "##t"]);
  expect(usedPieces(vocabulary, corpus, 1)).toEqual(usedPieces(vocabulary, corpus));
});

test("no text keeps what stays in any case", () => {
  expect(usedPieces(files("film", "a"), [])).toEqual([0, 1, 2, 3, 4, 6]);
});

test("added tokens stay, and texts with tokens that reach across spaces keep their pieces", () => {
  const { vocabulary } = ruledModel();
  const corpus = ["very  good very good", "covfefe film [E1]", "covfefes  <s> very goods"];
  const ids = usedPieces(vocabulary, corpus);
  const small = keepOnly(vocabulary, ids);
  expect(small.vocab).toEqual([...SPECIAL, "good", "film", "very", "a", ...ADDED]);
  for (const text of corpus) {
    const pieces = createTokenizer(small).pieces(text);
    expect(pieces.map((id) => ids[id])).toEqual(createTokenizer(vocabulary).pieces(text));
  }
});

test("a rare piece that no single characters spell, beside an unknown one, ends the search", () => {
  const files: TokenizerFiles = {
    vocab: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "-", "n", "##a", "##v", "##e", "naïve"],
    ...{ lowercase: false, stripAccents: null, tokenizeChineseChars: true, maxLength: 128 },
  };
  expect(usedPieces(files, ["☃-naïve"], 2)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
