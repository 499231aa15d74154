/**
 * Numbers in 8 bits, row by row: level · scale, with whole levels from -127 to 127 and one scale for each row of a matrix.
 *
 * A scale is the float32 with a zero lower half that is nearest to largest / 127, so that level · scale is exact in float32.
 * It is off by at most 2^-9 of itself, a quarter of a step at level 127: the largest level of a row is 127, and rounding
 * what was rounded changes nothing. A row's scale can so be found again from its numbers alone. All arithmetic is that of
 * float32, so that a graph which rounds a row finds the same numbers.
 */

import { type FloatTensor, floatTensor } from "./tensor.ts";

/** The level of a row's largest number. */
export const LARGEST_LEVEL = 127;
/** The smallest normal float32: below it one whose lower half is zero has fewer than 8 digits. */
export const SMALLEST_SCALE = 2 ** -126;

/**
 * Whole steps between the least and the largest number that a layer in 8 bits reads of one token: one less than 7 bits hold,
 * as both ends are rounded.
 */
export const TOKEN_STEPS = 126;

/** x - (x·SHORTEN - (x·SHORTEN - x)) in float32 is what x has beyond its first 8 digits (Veltkamp 1968; Dekker 1971, §5). */
export const SHORTEN = 2 ** 16 + 1;

/** The float32 with lower half zero that is nearest, by the same arithmetic as in a graph (graph/quantize.ts). */
function shortenFloat(value: number): number {
  if (value > 2 ** 100) return shortenFloat(value * 2 ** -64) * 2 ** 64; // the product must not overflow
  const float = Math.fround(value);
  const far = Math.fround(float * SHORTEN);
  return Math.fround(far - Math.fround(far - float));
}

/** The scale of a row whose largest number has this size; 0 for a row whose numbers all become 0. */
export function levelScale(largest: number): number {
  const scale = Math.max(SMALLEST_SCALE, shortenFloat(largest / LARGEST_LEVEL));
  return Math.round(largest / scale) === 0 ? 0 : scale;
}

/** The nearest whole number, halves to the even one: adding and taking away 1.5 · 2^52 leaves a double no other digits. */
export function roundToEven(x: number): number {
  return x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;
}

/** A matrix as levels: number ≈ level · scale of its row. */
export interface LevelMatrix {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns], −127…127 */
  readonly levels: Int8Array;
  /** [rows] */
  readonly scales: Float32Array;
}

/** The nearest level of each number of a matrix [rows, columns]. */
export function levelsOf({ shape, data }: FloatTensor): LevelMatrix {
  const [rows = 0, columns = 0] = shape;
  const [levels, scales] = [new Int8Array(data.length), new Float32Array(rows)];
  for (let row = 0; row < rows; row++) {
    const numbers = data.subarray(row * columns, (row + 1) * columns);
    const scale = levelScale(largestOf(numbers));
    if (scale === 0) continue;
    scales[row] = scale;
    for (let i = 0; i < columns; i++)
      levels[row * columns + i] = roundToEven(Math.fround((numbers[i] ?? 0) / scale));
  }
  return { rows, columns, levels, scales };
}

/** The numbers of a matrix [rows, columns], each at the nearest level of its row. */
export function roundToLevels(matrix: FloatTensor): FloatTensor {
  const [, columns = 1] = matrix.shape;
  const { levels, scales } = levelsOf(matrix);
  const rounded = new Float32Array(levels.length);
  for (let i = 0; i < rounded.length; i++)
    rounded[i] = (levels[i] ?? 0) * (scales[Math.floor(i / columns)] ?? 0);
  return floatTensor(matrix.shape, rounded);
}

/** The first row with a number between two levels; -1 when there is none. */
export function findOffLevel(matrix: FloatTensor): number {
  const { data } = roundToLevels(matrix);
  const place = matrix.data.findIndex((x, i) => x !== data[i]);
  return place < 0 ? -1 : Math.floor(place / (matrix.shape[1] ?? 1));
}

function largestOf(numbers: Float32Array): number {
  let most = 0;
  for (let i = 0; i < numbers.length; i++) most = Math.max(most, Math.abs(numbers[i] ?? 0));
  return most;
}
