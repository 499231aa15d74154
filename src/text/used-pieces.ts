/**
 * The pieces of a vocabulary that a corpus needs, so that the rest can leave.
 *
 * Kept are the five special pieces, every piece of one character (as a word's beginning and as its continuation, so that
 * unseen words still have pieces) and every piece the corpus is cut into. WordPiece takes the longest piece that fits,
 * and a piece that was the longest still is when others leave: words keep their pieces. A word without pieces could gain
 * some, when the long piece that led it astray leaves; the pieces it holds are then kept too, until none does.
 *
 * Promise: under the kept pieces alone every text of the corpus has the same pieces. Not here: what leaves a network
 * with them (network/vocabulary.ts).
 */

import { createTokenizer, SPECIAL_PIECES, type TokenizerFiles } from "./tokenizer.ts";

/** What a piece that goes on with a word begins with. */
const CONTINUED = /^##(?=.)/u;

/**
 * Numbers of the pieces to keep, in ascending order.
 *
 * @example usedPieces(network.vocabulary, ["a film to remember", "a film to forget"]);
 */
export function usedPieces(vocabulary: TokenizerFiles, texts: Iterable<string>): number[] {
  const { vocab } = vocabulary;
  const whole = createTokenizer(vocabulary);
  const special: readonly string[] = Object.values(SPECIAL_PIECES);
  const isBasic = (piece: string): boolean => special.includes(piece) || lengthOf(piece) === 1;
  const kept = new Set([...vocab.keys()].filter((id) => isBasic(vocab[id] ?? "")));
  const unknown = new Set<string>();
  for (const word of wordsOf(texts)) {
    const ids = whole.pieces(word);
    for (const id of ids) kept.add(id);
    if (ids.includes(whole.special.unk)) unknown.add(word);
  }
  for (;;) {
    const gained = gainedWords(vocabulary, kept, [...unknown], whole.pieces);
    if (gained.length === 0) return ascending(kept);
    vocab.forEach((piece, id) => {
      if (gained.some((word) => word.includes(plain(piece)))) kept.add(id);
    });
  }
}

/** The words that have other pieces under `kept` than under the whole vocabulary, as their pieces spell them. */
function gainedWords(
  vocabulary: TokenizerFiles,
  kept: ReadonlySet<number>,
  words: readonly string[],
  piecesOf: (word: string) => readonly number[],
): string[] {
  if (words.length === 0) return [];
  const ids = ascending(kept);
  const vocab = ids.map((id) => vocabulary.vocab[id] ?? "");
  const small = createTokenizer({ ...vocabulary, vocab });
  return words.flatMap((word) => {
    const pieces = small.pieces(word);
    if (pieces.map((id) => ids[id]).join() === piecesOf(word).join()) return [];
    return [pieces.map((id) => plain(vocab[id] ?? "")).join("")];
  });
}

/** Different words between white space: no piece reaches across it. */
function wordsOf(texts: Iterable<string>): Set<string> {
  const words = new Set<string>();
  for (const text of texts) for (const word of text.split(/[ \t\r\n]/)) if (word !== "") words.add(word);
  return words;
}

/** A piece's text, whether it begins a word or goes on with one. */
function plain(piece: string): string {
  return piece.replace(CONTINUED, "");
}

/** Characters of a piece. */
function lengthOf(piece: string): number {
  return [...plain(piece)].length;
}

function ascending(ids: ReadonlySet<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}
