/**
 * Numbers in 8 bits, row by row: level · scale, with whole levels from -127 to 127 and one scale for each row of a matrix.
 *
 * A scale is the float32 with a zero lower half that is nearest to largest / 127, so that level · scale is exact in float32.
 * It is off by at most 2^-9 of itself, a quarter of a step at level 127: the largest level of a row is 127, and rounding
 * what was rounded changes nothing. A number's scale can so be found again from the numbers alone.
 */

import { type FloatTensor, floatTensor } from "./tensor.ts";

/** The level of a row's largest number. */
export const LARGEST_LEVEL = 127;
/** Below it a float32 whose lower half is zero has fewer than 8 digits. */
export const SMALLEST_SCALE = 2 ** -126;

/** The float32 with lower half zero that is nearest, ties to even. */
function shortenFloat(value: number): number {
  const float = Float32Array.of(value);
  const bits = new Uint32Array(float.buffer);
  const whole = bits[0] ?? 0;
  bits[0] = (whole + 0x7fff + ((whole >>> 16) & 1)) & 0xffff0000;
  return float[0] ?? 0;
}

/** The scale of a row whose largest number has this size; 0 for a row whose numbers all become 0. */
export function levelScale(largest: number): number {
  const scale = Math.max(SMALLEST_SCALE, shortenFloat(largest / LARGEST_LEVEL));
  return Math.round(largest / scale) === 0 ? 0 : scale;
}

/** The numbers of a matrix [rows, columns], each at the nearest level of its row. */
export function roundToLevels({ shape, data }: FloatTensor): FloatTensor {
  const [rows = 0, columns = 0] = shape;
  const rounded = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const numbers = data.subarray(row * columns, (row + 1) * columns);
    const scale = levelScale(largestOf(numbers));
    if (scale === 0) continue;
    for (let i = 0; i < columns; i++) {
      rounded[row * columns + i] = Math.round((numbers[i] ?? 0) / scale) * scale + 0; // never -0
    }
  }
  return floatTensor(shape, rounded);
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
