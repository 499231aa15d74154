/**
 * Ranks of float32 numbers: equal ones share the mean of theirs (midranks).
 *
 * A rank here is doubled and counted from 0, so that a mean of two is whole: of n numbers the least has 0, the largest
 * 2(n − 1), all of them the mean n − 1. Two ways:
 *
 *   exact    sorts one array by three passes of counting over the 32 bits of its numbers
 *   rounded  counts the numbers of many arrays by their first 24 bits (sign, exponent, 15 bits of the fraction), so that
 *            numbers within 2^-15 of one another may count as equal. No array is copied, and a table of 64 MB is all that
 *            is kept
 *
 * −0 is 0. Infinities are numbers; what is none has no rank, and is asked for first (`placeOfNan`).
 */

import { toOrdered } from "../base/select.ts";

/** The place of the first NaN; −1 where there is none. */
export function placeOfNan(scores: Float32Array): number {
  for (let i = 0; i < scores.length; i++) if (Number.isNaN(scores[i])) return i;
  return -1;
}

const MINUS_ZERO = 0x80000000;

function keyOfBits(bits: number): number {
  return toOrdered(bits === MINUS_ZERO ? 0 : bits);
}

function bitsOf(scores: Float32Array): Uint32Array {
  return new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
}

/** Doubled ranks, each in the place of its number. */
export function exactRanks(scores: Float32Array): Uint32Array {
  const n = scores.length;
  let keys = bitsOf(scores).map(keyOfBits);
  let order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  let [spareKeys, spareOrder] = [new Uint32Array(n), new Uint32Array(n)];
  for (const shift of [0, 11, 22]) {
    moveByDigit(keys, order, shift, spareKeys, spareOrder);
    [keys, spareKeys, order, spareOrder] = [spareKeys, keys, spareOrder, order];
  }
  const ranks = spareOrder;
  for (let first = 0, end = 0; first < n; first = end) {
    const key = keys[first];
    while (end < n && keys[end] === key) end++;
    for (let i = first; i < end; i++) ranks[order[i] ?? 0] = first + end - 1;
  }
  return ranks;
}

/** One pass of the sort: into the order of 11 bits of the keys, and of equal ones in the order that was. */
function moveByDigit(
  keys: Uint32Array,
  order: Uint32Array,
  shift: number,
  toKeys: Uint32Array,
  toOrder: Uint32Array,
): void {
  const next = new Uint32Array(2048);
  for (let i = 0; i < keys.length; i++) {
    const digit = ((keys[i] ?? 0) >>> shift) & 2047;
    next[digit] = (next[digit] ?? 0) + 1;
  }
  for (let digit = 0, sum = 0; digit < 2048; digit++) {
    const count = next[digit] ?? 0;
    next[digit] = sum;
    sum += count;
  }
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? 0;
    const place = next[(key >>> shift) & 2047] ?? 0;
    next[(key >>> shift) & 2047] = place + 1;
    toKeys[place] = key;
    toOrder[place] = order[i] ?? 0;
  }
}

/** Doubled ranks by the first 24 bits of a number, for `ranksIn`. */
export function roundedRanks(arrays: readonly Float32Array[]): Uint32Array {
  const table = new Uint32Array(2 ** 24);
  for (const bits of arrays.map(bitsOf)) {
    for (let i = 0; i < bits.length; i++) {
      const bin = keyOfBits(bits[i] ?? 0) >>> 8;
      table[bin] = (table[bin] ?? 0) + 1;
    }
  }
  for (let bin = 0, first = 0; bin < table.length; bin++) {
    const end = first + (table[bin] ?? 0);
    table[bin] = first + end - 1; // of an empty bin nobody asks
    first = end;
  }
  return table;
}

/** The ranks of an array's numbers in such a table. */
export function ranksIn(table: Uint32Array, scores: Float32Array): Uint32Array {
  return bitsOf(scores).map((bits) => table[keyOfBits(bits) >>> 8] ?? 0);
}
