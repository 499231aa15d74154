/**
 * The pieces of a vocabulary that a corpus needs, so that the rest can leave.
 *
 * Kept are the pieces that the tokenizer's rules name, every piece of one character (as a word's beginning and as its continuation, so that
 * unseen words still have pieces) and every piece the corpus is cut into; of BPE and Unigram also what these are made of
 * and compared with (pipeline/keep.ts). WordPiece takes the longest piece that fits,
 * and a piece that was the longest still is when others leave: words keep their pieces. A word without pieces could gain
 * some, when the long piece that led it astray leaves; the pieces it holds are then kept too, until none does.
 *
 * Promise: under the kept pieces alone every text of the corpus has the same pieces; where only pieces that occur so
 * often are asked for, every text of which all pieces do. Not here: what leaves a network with them
 * (network/vocabulary.ts).
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
 * @param times  how often a piece has to occur in the texts; 1 keeps all that they are cut into
 * @example usedPieces(network.vocabulary, ["a film to remember", "a film to forget"]);
 */
export function usedPieces(vocabulary: TokenizerFiles, texts: Iterable<string>, times = 1): number[] {
  return vocabulary.pipeline === undefined
    ? usedWordPieces(vocabulary, texts, times)
    : usedPipelinePieces(vocabulary, texts, times);
}

/** Adds what occurs often enough. @param counted  texts, and how often each occurs */
function keepFrequent(
  kept: Set<number>,
  counted: Iterable<readonly [text: string, count: number]>,
  piecesOf: (text: string) => readonly number[],
  times: number,
): void {
  const counts = new Map<number, number>();
  for (const [text, count] of counted) {
    for (const id of piecesOf(text)) {
      const found = (counts.get(id) ?? 0) + count;
      counts.set(id, found);
      if (found >= times) kept.add(id);
    }
  }
}

function usedPipelinePieces(files: PipelineFiles, texts: Iterable<string>, times: number): number[] {
  const { vocab, rules, pipeline } = files;
  const { pieces } = createTokenizer(files);
  const kept = ruledPieces(files);
  vocab.forEach((piece, id) => {
    if ([...piece].length === 1) kept.add(id);
  });
  keepFrequent(kept, countOf(texts), pieces, times);
  const needed = neededPieces(pipeline.model, kept, vocab.slice(0, rules.words));
  return ascending(new Set([...kept, ...needed]));
}

function usedWordPieces(vocabulary: WordPieceFiles, texts: Iterable<string>, times: number): number[] {
  const { vocab } = vocabulary;
  const { prefix } = rulesOf(vocabulary);
  const whole = createTokenizer(vocabulary);
  const kept = ruledPieces(vocabulary);
  vocab.forEach((piece, id) => {
    if ([...plain(piece, prefix)].length === 1) kept.add(id);
  });
  const unknown = new Set<string>();
  const piecesOf = (word: string): readonly number[] => {
    const ids = whole.pieces(word);
    if (ids.includes(whole.special.unk)) unknown.add(word);
    return ids;
  };
  const words = splitsAtSpaces(vocabulary) ? wordsOf(texts) : texts;
  keepFrequent(kept, countOf(words), piecesOf, times);
  for (;;) {
    const gained = findGainedWords(vocabulary, kept, [...unknown], whole.pieces);
    const before = kept.size;
    vocab.forEach((piece, id) => {
      if (gained.some((word) => word.includes(plain(piece, prefix)))) kept.add(id);
    });
    // Of a word with an unknown part, nothing may be left to add.
    if (kept.size === before) return ascending(kept);
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

/** Words between white space: no piece reaches across it. */
function* wordsOf(texts: Iterable<string>): Generator<string> {
  for (const text of texts) for (const word of text.split(/[ \t\r\n]/)) if (word !== "") yield word;
}

/** Each text once, so that none is cut twice, and how often it occurs. */
function countOf(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** A piece's text, whether it begins a word or goes on with one. */
function plain(piece: string, prefix: string): string {
  const isLonger = piece.length > prefix.length && piece.startsWith(prefix);
  return isLonger ? piece.slice(prefix.length) : piece;
}

function ascending(ids: ReadonlySet<number>): number[] {
  return [...ids].sort((a, b) => a - b);
}
