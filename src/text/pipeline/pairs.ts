/**
 * Byte-pair encoding's joining: the pair of the lowest rank first, of equal ones the leftmost, until none is left.
 *
 *   From   R. Sennrich, B. Haddow, A. Birch, ACL 2016, Algorithm 1, with a heap in place of its loop over all pairs
 *
 * A word may be a page without a space, so the work must grow with its length and not much faster: 1 million letters take
 * about a second, where `@huggingface/tokenizers`, which keeps texts in its queue, takes several.
 */

import { requireItem } from "../../base/present.ts";
import type { Merge } from "./pipeline.ts";

/** Numbers of joined symbols up to here, and places in a word: both fit into one exact number with a rank. */
const PLACES = 2 ** 27;

/** What a pair becomes. */
interface Joined {
  readonly rank: number;
  readonly symbol: number;
}

/** Splits a word into characters and joins pairs: where each part ends. */
export function createJoiner(merges: readonly Merge[]): (word: string) => readonly number[] {
  const symbols = new Map<string, number>();
  const symbolOf = (text: string): number => {
    const symbol = symbols.get(text) ?? symbols.size;
    symbols.set(text, symbol);
    return symbol;
  };
  const pairs = new Map<number, Joined>();
  const keyOf = (first: number, second: number): number => first * PLACES + second;
  merges.forEach(([first, second], rank) => {
    const key = keyOf(symbolOf(first), symbolOf(second));
    pairs.set(key, { rank, symbol: symbolOf(first + second) });
  });
  return (word) => {
    const ends: number[] = [];
    const own: number[] = [];
    let at = 0;
    for (const char of word) {
      at += char.length;
      ends.push(at);
      own.push(symbols.get(char) ?? -1);
    }
    const count = own.length;
    // The part behind each one, and the one before; a part that is joined to another has the symbol -1.
    const next = Int32Array.from({ length: count }, (_, i) => i + 1);
    const before = Int32Array.from({ length: count }, (_, i) => i - 1);
    const joinedAt = (place: number): Joined | undefined => {
      const [first = -1, second = -1] = [own[place], own[next[place] ?? count]];
      return first < 0 || second < 0 ? undefined : pairs.get(keyOf(first, second));
    };
    const heap: number[] = [];
    const offer = (place: number): void => {
      const joined = joinedAt(place);
      if (joined !== undefined) push(heap, joined.rank * PLACES + place);
    };
    for (let place = 0; place + 1 < count; place++) offer(place);
    while (heap.length > 0) {
      const key = pop(heap);
      const place = key % PLACES;
      const joined = joinedAt(place);
      if (joined === undefined || joined.rank * PLACES + place !== key) continue;
      const gone = next[place] ?? count;
      const after = next[gone] ?? count;
      own[place] = joined.symbol;
      own[gone] = -1;
      next[place] = after;
      if (after < count) before[after] = place;
      const previous = before[place] ?? -1;
      if (previous >= 0) offer(previous);
      offer(place);
    }
    // A part ends where the one behind it begins.
    const out: number[] = [];
    for (let place = 0; place < count; place = next[place] ?? count) {
      out.push(requireItem(ends, (next[place] ?? count) - 1, "places"));
    }
    return out;
  };
}

/** Into a heap whose smallest number is the first. */
function push(heap: number[], key: number): void {
  let at = heap.length;
  heap.push(key);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above] ?? key;
    if (parent <= key) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = key;
}

/** The smallest of a heap that is not empty. */
function pop(heap: number[]): number {
  const [least = 0] = heap;
  const last = heap.pop() ?? 0;
  const size = heap.length;
  if (size === 0) return least;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= size) break;
    const right = left + 1;
    const child = right < size && (heap[right] ?? 0) < (heap[left] ?? 0) ? right : left;
    const key = heap[child] ?? 0;
    if (key >= last) break;
    heap[at] = key;
    at = child;
  }
  heap[at] = last;
  return least;
}
