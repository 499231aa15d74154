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

import { BLOCK_HEIGHTS, type BlockHeight } from "../base/blocks.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { WeightSizes } from "../bert/range.ts";

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

/** Marks in `marks` [columns] each column in which block row r has a number other than zero; returns how many. */
function markBlocks({ shape, data }: FloatTensor, height: number, r: number, marks: Uint8Array): number {
  const columns = marks.length;
  const end = Math.min(shape[0] ?? 0, (r + 1) * height) * columns;
  let found = 0;
  marks.fill(0);
  for (let row = r * height * columns; row < end; row += columns) {
    for (let column = 0; column < columns; column++) {
      if (data[row + column] === 0 || marks[column] === 1) continue;
      marks[column] = 1;
      found++;
    }
  }
  return found;
}

/** Where each block row begins, [R + 1]; the last entry is K. */
function blockStarts(matrix: FloatTensor, height: BlockHeight): Uint32Array {
  const [rows = 0, columns = 0] = matrix.shape;
  const starts = new Uint32Array(Math.ceil(rows / height) + 1);
  const marks = new Uint8Array(columns);
  for (let r = 0; r + 1 < starts.length; r++) {
    starts[r + 1] = (starts[r] ?? 0) + markBlocks(matrix, height, r, marks);
  }
  return starts;
}

/** Packs a matrix [rows, columns] into blocks of `height` rows. */
export function packMatrix(matrix: FloatTensor, height: BlockHeight): PackedMatrix {
  const [rows = 0, columns = 0] = matrix.shape;
  const { data } = matrix;
  const starts = blockStarts(matrix, height);
  const indices = new Uint32Array(starts.at(-1) ?? 0);
  const values = new Float32Array(indices.length * height);
  const marks = new Uint8Array(columns);
  for (let r = 0; r + 1 < starts.length; r++) {
    markBlocks(matrix, height, r, marks);
    let k = starts[r] ?? 0;
    const present = Math.min(height, rows - r * height);
    for (let column = 0; column < columns; column++) {
      if (marks[column] === 0) continue;
      indices[k] = column;
      // Adding 0 turns a negative zero into a zero.
      for (let i = 0; i < present; i++)
        values[k * height + i] = (data[(r * height + i) * columns + column] ?? 0) + 0;
      k++;
    }
  }
  return { rows, columns, height, starts, indices, values };
}

/** The matrix [rows, columns] with its zeros. */
export function unpackMatrix({ rows, columns, height, starts, indices, values }: PackedMatrix): FloatTensor {
  const data = new Float32Array(rows * columns);
  for (let r = 0; r + 1 < starts.length; r++) {
    const present = Math.min(height, rows - r * height);
    for (let k = starts[r] ?? 0; k < (starts[r + 1] ?? 0); k++) {
      const column = indices[k] ?? 0;
      for (let i = 0; i < present; i++)
        data[(r * height + i) * columns + column] = values[k * height + i] ?? 0;
    }
  }
  return floatTensor([rows, columns], data);
}

/** As `weightSizes`, of a matrix as it is packed. */
export function packedSizes(matrix: PackedMatrix): WeightSizes {
  const { height, starts, values } = matrix;
  let [largest, rowSum] = [0, 0];
  for (let r = 0; r + 1 < starts.length; r++) {
    const end = (starts[r + 1] ?? 0) * height;
    for (let i = 0; i < height; i++) {
      let sum = 0;
      for (let n = (starts[r] ?? 0) * height + i; n < end; n += height) {
        const size = Math.abs(values[n] ?? 0);
        if (size > largest) largest = size;
        sum += size;
      }
      if (Number.isNaN(sum)) return { largest: sum, rowSum: sum };
      if (sum > rowSum) rowSum = sum;
    }
  }
  return { largest, rowSum };
}

/** Blocks of each height that hold a number other than zero. */
export function countBlocks({ shape, data }: FloatTensor): Readonly<Record<BlockHeight, number>> {
  const [rows = 0, columns = 0] = shape;
  const blocks = { 1: 0, 2: 0, 4: 0 };
  for (let row = 0; row < rows; row += 4) {
    const first = row * columns;
    for (let i = first; i < first + columns; i++) {
      const a = data[i] === 0 ? 0 : 1;
      const b = row + 1 >= rows || data[i + columns] === 0 ? 0 : 1;
      const c = row + 2 >= rows || data[i + 2 * columns] === 0 ? 0 : 1;
      const d = row + 3 >= rows || data[i + 3 * columns] === 0 ? 0 : 1;
      blocks[1] += a + b + c + d;
      blocks[2] += (a | b) + (c | d);
      blocks[4] += a | b | c | d;
    }
  }
  return blocks;
}

/** The tallest block whose density stays within `slack` of the finest's: masks made of blocks are recognised, others are not bent. */
export function naturalHeight(matrix: FloatTensor, slack = 1.1): BlockHeight {
  const blocks = countBlocks(matrix);
  return [...BLOCK_HEIGHTS].reverse().find((height) => height * blocks[height] <= slack * blocks[1]) ?? 1;
}
