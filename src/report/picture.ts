/** The picture of one matrix: which share of the weights is left in each of its fields, at most so many each way. */

import { requireItem } from "../base/present.ts";
import { type BitMatrix, countBits, forEachKept } from "../topology/bits.ts";

/** Fields of a picture each way, at most. */
export const FIELDS = 24;

/** A matrix as fields. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  /** Share kept in each field, [rows, columns]. */
  readonly shares: Float32Array;
}

/** Counts what is left in each field. */
export function pictureOf(matrix: BitMatrix, fields = FIELDS): Picture {
  const rows = Math.min(fields, matrix.rows);
  const columns = Math.min(fields, matrix.columns);
  const counts = new Float32Array(rows * columns);
  const rowOf = (r: number): number => Math.floor((r * rows) / matrix.rows);
  if (matrix.stride % columns === 0 && matrix.columns % (32 * columns) === 0)
    countWords(matrix, counts, columns, rowOf);
  else {
    forEachKept(matrix, (r, c) => {
      const field = rowOf(r) * columns + Math.floor((c * columns) / matrix.columns);
      counts[field] = (counts[field] ?? 0) + 1;
    });
  }
  const sizes = [sizesOf(matrix.rows, rows), sizesOf(matrix.columns, columns)];
  const shares = counts.map((count, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns];
    return count / (requireItem(sizes[0] ?? [1], r, "rows") * requireItem(sizes[1] ?? [1], c, "columns"));
  });
  return { rows, columns, shares };
}

/** Where fields end at words, 32 weights are counted at a time. */
function countWords(
  matrix: BitMatrix,
  counts: Float32Array,
  columns: number,
  rowOf: (r: number) => number,
): void {
  const wide = matrix.stride / columns;
  for (let r = 0; r < matrix.rows; r++) {
    const base = rowOf(r) * columns;
    for (let w = 0; w < matrix.stride; w++) {
      const field = base + Math.floor(w / wide);
      const kept = countBits(matrix.words[r * matrix.stride + w] ?? 0);
      counts[field] = (counts[field] ?? 0) + kept;
    }
  }
}

/** How many of `n` fall into each of `fields`. */
function sizesOf(n: number, fields: number): number[] {
  const sizes = new Array<number>(fields).fill(0);
  for (let i = 0; i < n; i++) {
    const field = Math.floor((i * fields) / n);
    sizes[field] = (sizes[field] ?? 0) + 1;
  }
  return sizes;
}
