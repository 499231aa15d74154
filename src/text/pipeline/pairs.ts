/**
 * Byte-pair encoding's joining: the pair of the lowest rank first, of equal ones the leftmost, until none is left.
 *
 *   From   R. Sennrich, B. Haddow, A. Birch, ACL 2016, Algorithm 1, with a heap in place of its loop over all pairs
 *
 * A word may be a page without a space, so the work must grow with its length and not much faster: 1 million letters take
 * about a second, where `@huggingface/tokenizers`, which keeps texts in its queue, takes several.
 */

import { requireEntry } from "../../base/present.ts";
import type { Merge } from "./pipeline.ts";

/** Numbers of pieces up to here, and places in a word: both fit into one exact number with a rank. */
const PLACES = 2 ** 27;

/** What a pair becomes. */
interface Joined {
  readonly rank: number;
  readonly id: number;
}

/** What is left of a word's pieces, and at which place among those it was made of each begins. */
export interface JoinedPieces {
  readonly ids: readonly number[];
  readonly firsts: readonly number[];
}

/** Joins pairs of a word's pieces; the merges are of pieces with numbers. */
export function createJoiner(
  merges: readonly Merge[],
  numbers: ReadonlyMap<string, number>,
): (ids: readonly number[]) => JoinedPieces {
  const numberOf = (piece: string): number => requireEntry(numbers, piece, "piece");
  const pairs = new Map<number, Joined>();
  const keyOf = (first: number, second: number): number => first * PLACES + second;
  merges.forEach(([first, second], rank) => {
    const key = keyOf(numberOf(first), numberOf(second));
    pairs.set(key, { rank, id: numberOf(first + second) });
  });
  return (ids) => {
    const own = [...ids];
    const count = own.length;
    // The part behind each one, and the one before; a part that is joined to another has the number -1.
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
      own[place] = joined.id;
      own[gone] = -1;
      next[place] = after;
      if (after < count) before[after] = place;
      const previous = before[place] ?? -1;
      if (previous >= 0) offer(previous);
      offer(place);
    }
    const firsts: number[] = [];
    for (let place = 0; place < count; place = next[place] ?? count) firsts.push(place);
    return { ids: own.filter((id) => id >= 0), firsts };
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
