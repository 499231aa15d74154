/**
 * The pieces of a vocabulary that a corpus needs, so that the rest can leave.
 *
 * Kept are the pieces that the tokenizer's rules name, every piece of one character (as a word's beginning and as its continuation, so that
 * unseen words still have pieces) and every piece the corpus is cut into; of BPE and Unigram also what these are made of
 * and compared with (pipeline/keep.ts). WordPiece takes the longest piece that fits,
 * and a piece that was the longest still is when others leave: words keep their pieces. A word without pieces could gain
 * some, when the long piece that led it astray leaves; the pieces it holds are then kept too, until none does.
 *
 * Promise: under the kept pieces alone every text of the corpus has the same pieces. Not here: what leaves a network
 * with them (network/vocabulary.ts).
 */

import { neededPieces } from "./pipeline/keep.ts";
import { keepOnly, pieceOf, ruledPieces, rulesOf, splitsAtSpaces } from "./rules.ts";
import {
  createTokenizer,
  type PipelineFiles,
  type TokenizerFiles,
  type WordPieceFiles,
} from "./tokenizer.ts";

/**
 * Numbers of the pieces to keep, in ascending order.
 *
 * @example usedPieces(network.vocabulary, ["a film to remember", "a film to forget"]);
 */
export function usedPieces(vocabulary: TokenizerFiles, texts: Iterable<string>): number[] {
  return vocabulary.pipeline === undefined
    ? usedWordPieces(vocabulary, texts)
    : usedPipelinePieces(vocabulary, texts);
}

function usedPipelinePieces(files: PipelineFiles, texts: Iterable<string>): number[] {
  const { vocab, rules, pipeline } = files;
  const { pieces } = createTokenizer(files);
  const kept = ruledPieces(files);
  vocab.forEach((piece, id) => {
    if ([...piece].length === 1) kept.add(id);
  });
  for (const text of texts) for (const id of pieces(text)) kept.add(id);
  const needed = neededPieces(pipeline.model, kept, vocab.slice(0, rules.words));
  return ascending(new Set([...kept, ...needed]));
}

function usedWordPieces(vocabulary: WordPieceFiles, texts: Iterable<string>): number[] {
  const { vocab } = vocabulary;
  const { prefix } = rulesOf(vocabulary);
  const whole = createTokenizer(vocabulary);
  const kept = ruledPieces(vocabulary);
  vocab.forEach((piece, id) => {
    if ([...plain(piece, prefix)].length === 1) kept.add(id);
  });
  const unknown = new Set<string>();
  for (const word of splitsAtSpaces(vocabulary) ? wordsOf(texts) : new Set(texts)) {
    const ids = whole.pieces(word);
    for (const id of ids) kept.add(id);
    if (ids.includes(whole.special.unk)) unknown.add(word);
  }
  for (;;) {
    const gained = findGainedWords(vocabulary, kept, [...unknown], whole.pieces);
    if (gained.length === 0) return ascending(kept);
    vocab.forEach((piece, id) => {
      if (gained.some((word) => word.includes(plain(piece, prefix)))) kept.add(id);
    });
  }
}

/** The words that have other pieces under `kept` than under the whole vocabulary, as their pieces spell them. */
function findGainedWords(
  vocabulary: WordPieceFiles,
  kept: ReadonlySet<number>,
  words: readonly string[],
  piecesOf: (word: string) => readonly number[],
): string[] {
  if (words.length === 0) return [];
  const ids = ascending(kept);
  const { prefix } = rulesOf(vocabulary);
  const fewer = keepOnly(vocabulary, ids);
  const small = createTokenizer(fewer);
  return words.flatMap((word) => {
    const pieces = small.pieces(word);
    if (pieces.map((id) => ids[id]).join() === piecesOf(word).join()) return [];
    return [pieces.map((id) => plain(pieceOf(fewer, id), prefix)).join("")];
  });
}

/** Different words between white space: no piece reaches across it. */
function wordsOf(texts: Iterable<string>): Set<string> {
  const words = new Set<string>();
  for (const text of texts) for (const word of text.split(/[ \t\r\n]/)) if (word !== "") words.add(word);
  return words;
}

/** A piece's text, whether it begins a word or goes on with one. */
function plain(piece: string, prefix: string): string {
  const isLonger = piece.length > prefix.length && piece.startsWith(prefix);
  return isLonger ? piece.slice(prefix.length) : piece;
}

function ascending(ids: ReadonlySet<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}
