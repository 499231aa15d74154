/**
 * Models: the pieces of a word, and how much of the word each of them stands for.
 *
 *   BPE       R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units", ACL 2016.
 *             Characters without a piece are spelt here, and then pairs are joined, in pairs.ts
 *   Unigram   T. Kudo, "Subword Regularization", ACL 2018, §3.2: the best way is found by Viterbi's algorithm
 *
 * `@huggingface/tokenizers` has both. Its Unigram keeps a tree of maps, 1.5 s and 177 MB for 250,000 pieces, and knows no
 * bytes behind; its BPE takes several times as long for a word of a page; neither says where a piece stands.
 *
 * Equal to Hugging Face's Rust `tokenizers`, which of equally good ways takes the one whose last piece begins first. Places
 * differ in words of BPE of which a character is dropped, or passed by (`createCharacters`): there Rust counts on as if it had
 * not been, and means other characters; here a piece stands where its own do.
 */

import { requireItem } from "../../base/present.ts";
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
interface Spelling extends SpeltWord {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

function add({ ids, starts, ends }: Spelling, id: number, start: number, end: number): void {
  ids.push(id);
  starts.push(start);
  ends.push(end);
}

/** The pieces that bytes have, where they have one. */
export const BYTE_PIECES: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/** The pieces of a text's bytes; undefined where they are not wanted, or one of these bytes has none. */
type ReadBytes = (text: string) => readonly number[] | undefined;

function createBytes(numbers: ReadonlyMap<string, number>, isWanted: boolean): ReadBytes {
  if (!isWanted) return () => undefined;
  const ids = BYTE_PIECES.map((piece) => numbers.get(piece));
  const encoder = new TextEncoder();
  return (text) => {
    const found = Array.from(encoder.encode(text), (byte) => ids[byte]);
    return found.every((id) => id !== undefined) ? found : undefined;
  };
}

function createBpe(numbers: ReadonlyMap<string, number>, model: BpeModel): SpellWord {
  const spellCharacters = createCharacters(numbers, model);
  const joinPairs = createJoiner(model.merges, numbers);
  return (word) => {
    const whole = model.ignore_merges ? numbers.get(word) : undefined;
    if (whole !== undefined) return { ids: [whole], starts: [0], ends: [word.length] };
    const { ids: own, starts, ends } = spellCharacters(word);
    const { ids, firsts } = joinPairs(own);
    const lasts = firsts.map((_, i) => (firsts[i + 1] ?? own.length) - 1);
    return {
      ids,
      starts: firsts.map((place) => requireItem(starts, place, "pieces")),
      ends: lasts.map((place) => requireItem(ends, place, "pieces")),
    };
  };
}

/**
 * The characters of a word as pieces, before any are joined. One without a piece is its bytes; where one of these has no
 * piece either, it is the unknown piece, or is dropped where there is none, and its neighbours meet.
 *
 * As in Rust, an unknown piece waits, for others to become one with it, until a character has a piece or is unknown too;
 * bytes pass it by.
 */
function createCharacters(
  numbers: ReadonlyMap<string, number>,
  { unk, fuse_unk: isFused, byte_fallback: hasBytes }: BpeModel,
): (word: string) => SpeltWord {
  const bytesOf = createBytes(numbers, hasBytes);
  return (word) => {
    const spelling: Spelling = { ids: [], starts: [], ends: [] };
    let waiting: { readonly id: number; readonly start: number; readonly end: number } | undefined;
    const settle = (): void => {
      if (waiting !== undefined) add(spelling, waiting.id, waiting.start, waiting.end);
      waiting = undefined;
    };
    let start = 0;
    for (const char of word) {
      const end = start + char.length;
      const id = numbers.get(char);
      const bytes = id === undefined ? bytesOf(char) : undefined;
      if (id !== undefined) {
        settle();
        add(spelling, id, start, end);
      } else if (bytes !== undefined) {
        for (const byte of bytes) add(spelling, byte, start, end);
      } else if (unk !== null) {
        if (isFused && waiting !== undefined) waiting = { ...waiting, end };
        else {
          settle();
          waiting = { id: unk, start, end };
        }
      }
      start = end;
    }
    settle();
    return spelling;
  };
}

/** How much worse than the worst piece an unknown character is, as SentencePiece has it. */
const UNKNOWN_PENALTY = 10;

function createUnigram(numbers: ReadonlyMap<string, number>, model: UnigramModel): SpellWord {
  const { scores, unk, byte_fallback: hasBytes } = model;
  const bytesOf = createBytes(numbers, hasBytes);
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
    return readBack(word, { from, last }, numbers, { unk, bytesOf });
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

/** The pieces of the best way, from its end; unknown characters side by side are one piece, or the bytes of all of them. */
function readBack(
  word: string,
  { from, last }: { readonly from: Int32Array; readonly last: Int32Array },
  numbers: ReadonlyMap<string, number>,
  { unk, bytesOf }: { readonly unk: number; readonly bytesOf: ReadBytes },
): SpeltWord {
  const spans: { start: number; end: number; id: number }[] = [];
  for (let end = word.length; end > 0; end = from[end] ?? 0) {
    const [start, id] = [from[end] ?? 0, last[end] ?? 0];
    const after = spans.at(-1);
    if (id === unk && after?.id === unk) after.start = start;
    else spans.push({ start, end, id });
  }
  const spelling: Spelling = { ids: [], starts: [], ends: [] };
  for (const { start, end } of spans.reverse()) {
    const text = word.slice(start, end);
    const id = numbers.get(text);
    for (const piece of id === undefined ? (bytesOf(text) ?? [unk]) : [id]) add(spelling, piece, start, end);
  }
  return spelling;
}
