/**
 * A sparse matrix as the files hold it and the kernels begin from: block rows of 1, 2 or 4 outputs, column by column.
 *
 *   h   height: rows (outputs) that a block spans; a block is one column (input) wide
 *   R   block rows, ⌈rows / h⌉; the last is padded with zeros
 *   K   blocks in all
 *
 * Promise: what was packed comes back to the bit (negative zeros, which multiply alike, come back as zeros). Browser-safe.
 * Not here: bytes (esp/), the order in which a kernel wants its numbers (kernels).
 */

import { type FloatTensor, floatTensor } from "../base/tensor.ts";

/** Rows that one block spans. */
export type BlockHeight = 1 | 2 | 4;

/** The heights there are, from the finest. */
export const BLOCK_HEIGHTS: readonly BlockHeight[] = [1, 2, 4];

/** Only the blocks that hold a number other than zero. */
export interface PackedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly height: BlockHeight;
  /** [R + 1]: block row r has the blocks `starts[r]` to `starts[r + 1]`. */
  readonly starts: Uint32Array;
  /** [K]: the column of each block, ascending within a block row. */
  readonly indices: Uint32Array;
  /** [K, h]: the numbers of each block, from its first row down. */
  readonly values: Float32Array;
}

/** Block rows of a matrix. */
export function blockRows({ rows, height }: Pick<PackedMatrix, "rows" | "height">): number {
  return Math.ceil(rows / height);
}

/** Share of the entries that lie in a block, in [0, 1]; an empty matrix has none. */
export function blockDensity({ rows, columns, values }: PackedMatrix): number {
  return rows * columns === 0 ? 0 : values.length / (rows * columns);
}

/** Packs a matrix [rows, columns] into blocks of `height` rows. */
export function packMatrix({ shape, data }: FloatTensor, height: BlockHeight): PackedMatrix {
  const [rows = 0, columns = 0] = shape;
  const count = Math.ceil(rows / height);
  const starts = new Uint32Array(count + 1);
  const indices: number[] = [];
  const values: number[] = [];
  for (let r = 0; r < count; r++) {
    for (let column = 0; column < columns; column++) {
      const block = Array.from({ length: height }, (_, i) => data[(r * height + i) * columns + column] ?? 0);
      if (block.every((value) => value === 0)) continue;
      indices.push(column);
      for (const value of block) values.push(value === 0 ? 0 : value);
    }
    starts[r + 1] = indices.length;
  }
  return {
    rows,
    columns,
    height,
    starts,
    indices: Uint32Array.from(indices),
    values: Float32Array.from(values),
  };
}

/** The matrix [rows, columns] with its zeros. */
export function unpackMatrix({ rows, columns, height, starts, indices, values }: PackedMatrix): FloatTensor {
  const data = new Float32Array(rows * columns);
  for (let r = 0; r + 1 < starts.length; r++) {
    for (let k = starts[r] ?? 0; k < (starts[r + 1] ?? 0); k++) {
      const column = indices[k] ?? 0;
      const present = Math.min(height, rows - r * height);
      for (let i = 0; i < present; i++)
        data[(r * height + i) * columns + column] = values[k * height + i] ?? 0;
    }
  }
  return floatTensor([rows, columns], data);
}

/** The tallest block whose density stays within `slack` of the finest's: masks made of blocks are recognised, others are not bent. */
export function naturalHeight(matrix: FloatTensor, slack = 1.1): BlockHeight {
  const finest = packMatrix(matrix, 1).values.length;
  const fits = (height: BlockHeight): boolean => packMatrix(matrix, height).values.length <= slack * finest;
  return [...BLOCK_HEIGHTS].reverse().find(fits) ?? 1;
}
