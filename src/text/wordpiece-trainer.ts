/**
 * Training a WordPiece vocabulary for an uncased (or cased) BERT from word counts.
 *
 *   Method   byte-pair merges over characters (Sennrich, Haddow & Birch, ACL 2016, §3.2, Alg. 1) with BERT's "##"
 *            mark on every symbol that does not open its word; the most frequent adjacent pair is merged next
 *   Promise  a function of the counts alone: equal counts are ordered by text, the order of the map plays no part
 *
 * Merging is incremental: every pair keeps the places where it was seen, and a merge touches those alone. The queue
 * is lazy: counts of old pairs only fall (except where two merges spell the same piece), so an entry is checked when
 * it reaches the top and goes back with its present count if that has changed.
 *
 * Departure from the usual trainers: a word with a character outside the alphabet is left out whole, since the
 * tokenizer will read it as [UNK] and the pieces it would vote for could never be used on it.
 *
 * Not here: splitting words into pieces (tokenizer.ts), reading a corpus (data/corpus.ts).
 */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { ConfigError, InputError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { SPECIAL_PIECES } from "./rules.ts";
import type { WordPieceFiles } from "./tokenizer.ts";
import { tokenizerJson } from "./tokenizer-files.ts";
import { prepare } from "./wordpiece/library.ts";

/** The tokenizer reads longer words as [UNK] (BERT's max_input_chars_per_word), so they train nothing. */
const LONGEST_WORD = 100;

/** How text becomes words: the flags the tokenizer is made with. */
export type WordFlags = Pick<WordPieceFiles, "lowercase" | "stripAccents" | "tokenizeChineseChars">;

/** What vocabulary to train. */
export interface VocabularyOptions {
  /** Pieces in all, special ones included. Fewer come back when the pairs run out. */
  readonly size: number;
  /** A pair seen fewer times is not merged, a character seen fewer times is not kept; default 2. */
  readonly minFrequency?: number;
  /** Distinct characters kept, the most frequent first; default 256. */
  readonly alphabet?: number;
}

/** The words the tokenizer would look for pieces in: BERT's normaliser and splitter, as a function of text. */
export function wordSplitter(flags: WordFlags): (text: string) => string[] {
  const files = { ...flags, vocab: Object.values(SPECIAL_PIECES), maxLength: LONGEST_WORD };
  const { normalizer, pre_tokenizer: splitter } = new LibraryTokenizer(tokenizerJson(files), {});
  return (text) => splitter.pre_tokenize_text(normalizer.normalize(prepare(text, flags)));
}

/**
 * How often each word occurs in `lines`.
 *
 * Text between two spaces is split once and its count multiplied: no rule of the normaliser looks across a space.
 */
export async function countWords(
  lines: Iterable<string> | AsyncIterable<string>,
  flags: WordFlags,
): Promise<Map<string, number>> {
  const spans = new Map<string, number>();
  for await (const line of lines) {
    for (const span of line.split(" ")) spans.set(span, (spans.get(span) ?? 0) + 1);
  }
  const split = wordSplitter(flags);
  const words = new Map<string, number>();
  for (const [span, count] of spans) {
    for (const word of split(span)) words.set(word, (words.get(word) ?? 0) + count);
  }
  return words;
}

/**
 * A vocabulary of at most `size` pieces: special pieces, single characters and their ## forms by frequency, merges
 * in the order they were made.
 *
 * @throws {InputError} `wordpiece/no-words` when no word is left to train on
 * @throws {ConfigError} `wordpiece/size` when the special pieces and characters alone exceed `size`
 */
export function trainWordPiece(
  wordCounts: ReadonlyMap<string, number>,
  options: VocabularyOptions,
): string[] {
  const { size, minFrequency = 2, alphabet = 256 } = options;
  const words = spellable(wordCounts, chooseCharacters(wordCounts, alphabet, minFrequency));
  if (words.length === 0) {
    throw new InputError(
      "wordpiece/no-words",
      `wordpiece: expected words of characters seen at least ${minFrequency} times, got none (of ${wordCounts.size})`,
    );
  }
  const pieces = [...Object.values(SPECIAL_PIECES), ...byFrequency(formCounts(words))];
  if (pieces.length > size) {
    throw new ConfigError(
      "wordpiece/size",
      `wordpiece: expected a size of at least ${pieces.length} (special pieces and characters), got ${size}`,
    );
  }
  mergePairs(pieces, words, size, minFrequency);
  return pieces;
}

/** One word as its single-character pieces ("##" from the second on), and how often it occurs. */
interface SpelledWord {
  readonly forms: readonly string[];
  readonly count: number;
}

function byFrequency(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([text]) => text);
}

function chooseCharacters(wordCounts: ReadonlyMap<string, number>, most: number, least: number): Set<string> {
  const counts = new Map<string, number>();
  for (const [word, n] of wordCounts) for (const c of word) counts.set(c, (counts.get(c) ?? 0) + n);
  return new Set(
    byFrequency(counts)
      .slice(0, most)
      .filter((c) => requireEntry(counts, c, "count of") >= least),
  );
}

function spellable(wordCounts: ReadonlyMap<string, number>, kept: ReadonlySet<string>): SpelledWord[] {
  const words: SpelledWord[] = [];
  for (const [word, count] of wordCounts) {
    const characters = [...word];
    if (characters.length > LONGEST_WORD || !characters.every((c) => kept.has(c))) continue;
    words.push({ forms: characters.map((c, i) => (i === 0 ? c : `##${c}`)), count });
  }
  return words;
}

function formCounts(words: readonly SpelledWord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { forms, count } of words) {
    for (const form of forms) counts.set(form, (counts.get(form) ?? 0) + count);
  }
  return counts;
}

/** All words end to end as linked lists of piece ids; a merged symbol lives on at its left half's place. */
interface Symbols {
  readonly piece: Int32Array;
  /** Neighbouring places in the same word, -1 at its ends. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** How often the word of this place occurs. */
  readonly weight: Int32Array;
}

/** One pair of adjacent pieces. `places` may hold some where the pair no longer stands; they are checked when used. */
interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  readonly places: number[];
}

function linkWords(words: readonly SpelledWord[], ids: ReadonlyMap<string, number>): Symbols {
  const total = words.reduce((n, word) => n + word.forms.length, 0);
  const symbols: Symbols = {
    piece: new Int32Array(total),
    before: new Int32Array(total),
    after: new Int32Array(total),
    weight: new Int32Array(total),
  };
  let at = 0;
  for (const { forms, count } of words) {
    for (const [i, form] of forms.entries()) {
      symbols.piece[at] = requireEntry(ids, form, "number of");
      symbols.before[at] = i === 0 ? -1 : at - 1;
      symbols.after[at] = i === forms.length - 1 ? -1 : at + 1;
      symbols.weight[at] = count;
      at++;
    }
  }
  return symbols;
}

/** Appends merges to `pieces`, the most frequent pair first, until there are `size` or no pair is frequent enough. */
function mergePairs(
  pieces: string[],
  words: readonly SpelledWord[],
  size: number,
  minFrequency: number,
): void {
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const symbols = linkWords(words, ids);
  const pairs = new Map<number, Pair>();
  for (let at = 0; at < symbols.piece.length; at++) changePair(pairs, symbols, size, at, 1);
  const queue = pairQueue(pieces);
  for (const pair of pairs.values()) queue.push(pair);
  while (pieces.length < size) {
    const pair = queue.pop();
    if (pair === undefined || pair.count < minFrequency) return;
    const text = `${pieces[pair.left]}${pieces[pair.right]?.slice(2)}`;
    const known = ids.get(text);
    const merged = known ?? pieces.push(text) - 1;
    ids.set(text, merged);
    for (const grown of mergePair(pairs, symbols, size, pair, merged)) queue.push(grown);
  }
}

/** Replaces every occurrence of `pair` by `merged`; gives back the pairs that became more frequent. */
function mergePair(
  pairs: Map<number, Pair>,
  symbols: Symbols,
  size: number,
  pair: Pair,
  merged: number,
): Set<Pair> {
  const { piece, before, after } = symbols;
  const grown = new Set<Pair>();
  // In "aaa" the left pair is merged and the right one disappears, so places have to come in order.
  if (pair.left === pair.right) pair.places.sort((a, b) => a - b);
  for (const at of pair.places) {
    const next = after[at] ?? -1;
    if (next < 0 || piece[at] !== pair.left || piece[next] !== pair.right) continue;
    const previous = before[at] ?? -1;
    if (previous >= 0) changePair(pairs, symbols, size, previous, -1);
    changePair(pairs, symbols, size, next, -1);
    const far = after[next] ?? -1;
    piece[at] = merged;
    piece[next] = -1; // no pair stands here any more
    after[at] = far;
    after[next] = -1;
    if (far >= 0) before[far] = at;
    const opened = previous >= 0 ? changePair(pairs, symbols, size, previous, 1) : undefined;
    const closed = changePair(pairs, symbols, size, at, 1);
    if (opened !== undefined) grown.add(opened);
    if (closed !== undefined) grown.add(closed);
  }
  pairs.delete(pair.left * size + pair.right);
  pair.count = 0;
  grown.delete(pair);
  return grown;
}

/** Counts the pair that opens at place `at` up (`sign` 1, noting the place) or down (-1); undefined at a word's end. */
function changePair(
  pairs: Map<number, Pair>,
  { piece, after, weight }: Symbols,
  size: number,
  at: number,
  sign: 1 | -1,
): Pair | undefined {
  const next = after[at] ?? -1;
  if (next < 0) return undefined;
  const left = piece[at] ?? 0;
  const right = piece[next] ?? 0;
  const key = left * size + right;
  let pair = pairs.get(key);
  if (pair === undefined) {
    pair = { left, right, count: 0, places: [] };
    pairs.set(key, pair);
  }
  pair.count += sign * (weight[at] ?? 0);
  if (sign > 0) pair.places.push(at);
  return pair;
}

/** The count a pair had when it was queued. */
interface Queued {
  readonly pair: Pair;
  readonly count: number;
}

/** A binary max-heap of pairs: more frequent first, then by text. `pop` gives only pairs whose count is current. */
function pairQueue(pieces: readonly string[]): { push(pair: Pair): void; pop(): Pair | undefined } {
  const heap: Queued[] = [];
  const text = (id: number): string => pieces[id] ?? "";
  const precedes = (a: Queued, b: Queued): boolean => {
    if (a.count !== b.count) return a.count > b.count;
    if (a.pair.left !== b.pair.left) return text(a.pair.left) < text(b.pair.left);
    return text(a.pair.right) < text(b.pair.right);
  };
  const push = (pair: Pair): void => {
    siftUp(heap, { pair, count: pair.count }, precedes);
  };
  const pop = (): Pair | undefined => {
    for (;;) {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) siftDown(heap, last, precedes);
      if (first.count === first.pair.count) return first.pair;
      if (first.pair.count > 0) push(first.pair);
    }
  };
  return { push, pop };
}

function siftUp<T>(heap: T[], item: T, precedes: (a: T, b: T) => boolean): void {
  let at = heap.length;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !precedes(item, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = item;
}

/** Puts `item` where the first element was and restores the order below. */
function siftDown<T>(heap: T[], item: T, precedes: (a: T, b: T) => boolean): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    let below = heap[child];
    if (below === undefined) break;
    const right = heap[child + 1];
    if (right !== undefined && precedes(right, below)) {
      below = right;
      child++;
    }
    if (!precedes(below, item)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = item;
}
