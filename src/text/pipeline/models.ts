/**
 * Models: the pieces of a word, and how much of the word each of them stands for.
 *
 *   BPE       R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units", ACL 2016.
 *             Pairs are joined in pairs.ts; characters without a piece are spelt here
 *   Unigram   T. Kudo, "Subword Regularization", ACL 2018, §3.2: the best way is found by Viterbi's algorithm
 *
 * `@huggingface/tokenizers` has both. Its Unigram keeps a tree of maps, 1.5 s and 177 MB for 250,000 pieces, and knows no
 * bytes behind; its BPE takes several times as long for a word of a page; neither says where a piece stands.
 *
 * Equal to Hugging Face's Rust `tokenizers`, which of equally good ways takes the one whose last piece begins first.
 */

import { createJoiner } from "./pairs.ts";
import type { BpeModel, Pipeline, UnigramModel } from "./pipeline.ts";
import { widthAt } from "./stretch.ts";

/** A word's pieces: numbers, and for each the place in the word, in UTF-16 units, from which to before which it stands. */
export interface SpeltWord {
  readonly ids: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Spells a word. */
export type SpellWord = (word: string) => SpeltWord;

/** What models need of a tokenizer. */
export interface Spelt {
  readonly vocab: readonly string[];
  /** How many of them words are spelt with, the first ones. */
  readonly words: number;
  readonly pipeline: Pick<Pipeline, "model">;
}

/** Spells words with the pieces of a tokenizer. */
export function createModel({ vocab, words, pipeline: { model } }: Spelt): SpellWord {
  const numbers = new Map(vocab.slice(0, words).map((piece, id) => [piece, id]));
  return model.type === "BPE" ? createBpe(numbers, model) : createUnigram(numbers, model);
}

/** Pieces on their way into a word. */
interface Spelling {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
  /** The last piece stands for unknown characters, and may stand for more of them. */
  isOpen: boolean;
}

function add(spelling: Spelling, id: number, start: number, end: number): void {
  spelling.ids.push(id);
  spelling.starts.push(start);
  spelling.ends.push(end);
  spelling.isOpen = false;
}

/** Adds what stands for unknown characters: their bytes where all are pieces, or the unknown piece, or nothing. */
function addUnknown(
  spelling: Spelling,
  unknown: { readonly text: string; readonly start: number },
  { unk, bytes, isFused }: { unk: number | null; bytes: readonly number[] | null; isFused: boolean },
): void {
  const { text, start } = unknown;
  const end = start + text.length;
  if (bytes !== null) {
    for (const byte of new TextEncoder().encode(text)) add(spelling, bytes[byte] ?? 0, start, end);
    return;
  }
  if (unk === null) return;
  if (spelling.isOpen && isFused) spelling.ends[spelling.ends.length - 1] = end;
  else add(spelling, unk, start, end);
  spelling.isOpen = true;
}

/** The pieces of the 256 bytes; null where they are not wanted or not all there. */
function bytePieces(numbers: ReadonlyMap<string, number>, isWanted: boolean): readonly number[] | null {
  if (!isWanted) return null;
  const ids = Array.from({ length: 256 }, (_, byte) =>
    numbers.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
  const found = ids.filter((id) => id !== undefined);
  return found.length === ids.length ? found : null;
}

function createBpe(numbers: ReadonlyMap<string, number>, model: BpeModel): SpellWord {
  const joinPairs = createJoiner(model.merges);
  const unknown = {
    unk: model.unk,
    bytes: bytePieces(numbers, model.byte_fallback),
    isFused: model.fuse_unk,
  };
  return (word) => {
    const spelling: Spelling = { ids: [], starts: [], ends: [], isOpen: false };
    const whole = model.ignore_merges ? numbers.get(word) : undefined;
    if (whole !== undefined) add(spelling, whole, 0, word.length);
    else {
      let start = 0;
      for (const end of joinPairs(word)) {
        const text = word.slice(start, end);
        const id = numbers.get(text);
        if (id === undefined) addUnknown(spelling, { text, start }, unknown);
        else add(spelling, id, start, end);
        start = end;
      }
    }
    return spelling;
  };
}

/** How much worse than the worst piece an unknown character is, as SentencePiece has it. */
const UNKNOWN_PENALTY = 10;

function createUnigram(numbers: ReadonlyMap<string, number>, model: UnigramModel): SpellWord {
  const { scores, unk, byte_fallback: hasBytes } = model;
  const unknown = { unk, bytes: bytePieces(numbers, hasBytes), isFused: true };
  const worst = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const longest = longestByFirst(numbers);
  return (word) => {
    const size = word.length;
    // The best way to each place: its sum, where its last piece begins, and which piece that is.
    const sums = new Float64Array(size + 1).fill(Number.NEGATIVE_INFINITY);
    const [from, last] = [new Int32Array(size + 1), new Int32Array(size + 1)];
    sums[0] = 0;
    const offer = (start: number, end: number, id: number, score: number): void => {
      const sum = (sums[start] ?? 0) + score;
      if (sum <= (sums[end] ?? 0)) return;
      sums[end] = sum;
      from[end] = start;
      last[end] = id;
    };
    for (let start = 0; start < size; ) {
      const next = start + widthAt(word, start);
      const end = Math.min(size, start + (longest.get(word.charCodeAt(start)) ?? 0));
      let isKnown = false;
      for (let to = next; to <= end; to++) {
        const id = numbers.get(word.slice(start, to));
        if (id === undefined) continue;
        offer(start, to, id, scores[id] ?? 0);
        isKnown ||= to === next;
      }
      if (!isKnown) offer(start, next, unk, worst);
      start = next;
    }
    return readBack(word, from, last, numbers, unknown);
  };
}

/** Of pieces that begin with a UTF-16 unit, the length of the longest. */
function longestByFirst(numbers: ReadonlyMap<string, number>): Map<number, number> {
  const longest = new Map<number, number>();
  for (const piece of numbers.keys()) {
    const first = piece.charCodeAt(0);
    longest.set(first, Math.max(longest.get(first) ?? 0, piece.length));
  }
  return longest;
}

/** The pieces of the best way, from its end; unknown ones side by side are one. */
function readBack(
  word: string,
  from: Int32Array,
  last: Int32Array,
  numbers: ReadonlyMap<string, number>,
  unknown: { readonly unk: number; readonly bytes: readonly number[] | null; readonly isFused: boolean },
): SpeltWord {
  const spans: { start: number; end: number; id: number }[] = [];
  for (let end = word.length; end > 0; end = from[end] ?? 0) {
    const [start, id] = [from[end] ?? 0, last[end] ?? 0];
    const after = spans.at(-1);
    if (id === unknown.unk && after?.id === unknown.unk) after.start = start;
    else spans.push({ start, end, id });
  }
  const spelling: Spelling = { ids: [], starts: [], ends: [], isOpen: false };
  for (const { start, end } of spans.reverse()) {
    const text = word.slice(start, end);
    const id = numbers.get(text);
    if (id === undefined) addUnknown(spelling, { text, start }, unknown);
    else add(spelling, id, start, end);
  }
  return spelling;
}
