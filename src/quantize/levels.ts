/**
 * Levels for the rows of a matrix that lose least: a row may be cut off below its largest weight, so that the others get finer
 * steps.
 *
 * For each row the largest level that is tried is some share of its largest weight, from all of it down; that one is taken
 * whose change of the layer's sums is least, Σ_j (w_j - ŵ_j)² · E[x_j²], as if features were independent. Zeros stay zero, and
 * the largest level is 127 at any cut, so that the levels can be found again from the weights (base/levels.ts).
 */

import { levelsOf, roundToLevels } from "../base/levels.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";

/** Shares of a row's largest weight where it may be cut off. */
const CUTS = [1, 0.98, 0.96, 0.94, 0.92, 0.9, 0.87, 0.84, 0.81, 0.78, 0.75, 0.7, 0.65, 0.6];

/**
 * A matrix [rows, columns] on levels.
 * @param weights  of the columns: mean squares of what they are multiplied with
 */
export function fitLevels({ shape, data }: FloatTensor, weights: Float64Array): FloatTensor {
  const [rows = 0, columns = 0] = shape;
  const fitted = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const numbers = data.subarray(row * columns, (row + 1) * columns);
    fitted.set(fitRow(numbers, weights), row * columns);
  }
  // Idempotent, so this only makes sure that what is given is on levels.
  return roundToLevels(floatTensor(shape, fitted));
}

function fitRow(numbers: Float32Array, weights: Float64Array): Float32Array {
  const most = numbers.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  let best = { row: numbers, error: Number.POSITIVE_INFINITY };
  for (const share of CUTS) {
    const end = share * most;
    const cut = floatTensor(
      [1, numbers.length],
      numbers.map((x) => Math.max(-end, Math.min(end, x))),
    );
    const { levels, scales } = levelsOf(cut);
    const scale = scales[0] ?? 0;
    const row = Float32Array.from(levels, (level) => level * scale);
    let error = 0;
    for (let i = 0; i < row.length; i++)
      error += ((numbers[i] ?? 0) - (row[i] ?? 0)) ** 2 * (weights[i] ?? 0);
    if (error < best.error) best = { row, error };
  }
  return best.row;
}
