/**
 * A sparse matrix as the files hold it and the kernels begin from: rows of blocks, of each row the blocks that hold a
 * number other than zero.
 *
 *   h, w   rows (outputs) and columns (inputs) that a block spans
 *   R, C   rows and columns of blocks, ⌈rows / h⌉ and ⌈columns / w⌉; what the last ones have too much is zeros
 *   K      blocks in all
 *
 * Promise: what was packed comes back to the bit (negative zeros, which multiply alike, come back as zeros). Browser-safe.
 * Not here: bytes (esp/), the order in which a kernel wants its numbers (kernels).
 */

import { type BlockShape, blockGrid, blockSize, forEachShape, weightsOfBlock } from "../base/blocks.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { WeightSizes } from "../bert/range.ts";
import { padFeatures } from "./panels.ts";

/** Only the blocks that hold a number other than zero. */
export interface PackedMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly block: BlockShape;
  /** [R + 1]: row r of blocks has the blocks `starts[r]` to `starts[r + 1]`. */
  readonly starts: Uint32Array;
  /** [K]: which of the C columns of blocks each lies in, ascending within a row; its first column is w times that. */
  readonly indices: Uint32Array;
  /** [K, h, w]: the numbers of each block, row after row of it. */
  readonly values: Float32Array;
}

/** True for a matrix of blocks. */
export function isPacked(matrix: FloatTensor | PackedMatrix): matrix is PackedMatrix {
  return "indices" in matrix;
}

/** Rows that are looked at together: the tallest block's. */
const STRIPE = 4;

/** Four rows of a matrix, or those that are left at its end. */
interface Stripe {
  readonly top: number;
  /** [columns, padded to a multiple of 4 with 0]: bit i is set where row top + i has a number other than zero. */
  readonly marks: Uint8Array;
  /** Number of row top + i at first + i · columns; what no bit is set for may be anything. */
  readonly numbers: Float32Array;
  readonly first: number;
}

/** Calls `visit` with each stripe from the top; what it is given is overwritten by the next. */
function eachStripe(matrix: FloatTensor | PackedMatrix, visit: (stripe: Stripe) => void): void {
  const [rows = 0, columns = 0] = isPacked(matrix) ? [matrix.rows, matrix.columns] : matrix.shape;
  const marks = new Uint8Array(Math.ceil(columns / 4) * 4);
  const numbers = isPacked(matrix) ? new Float32Array(STRIPE * columns) : matrix.data;
  for (let top = 0; top < rows; top += STRIPE) {
    marks.fill(0);
    if (isPacked(matrix)) fillStripe(matrix, top, marks, numbers);
    else markRows(matrix.data, top * columns, Math.min(STRIPE, rows - top), columns, marks);
    visit({ top, marks, numbers, first: isPacked(matrix) ? 0 : top * columns });
  }
}

function markRows(data: Float32Array, first: number, rows: number, columns: number, marks: Uint8Array): void {
  for (let i = 0; i < rows; i++) {
    const row = first + i * columns;
    for (let c = 0; c < columns; c++) if (data[row + c] !== 0) marks[c] = (marks[c] ?? 0) | (1 << i);
  }
}

/** The stripe of a packed matrix, written into marks and numbers. */
function fillStripe(
  { rows, columns, block, starts, indices, values }: PackedMatrix,
  top: number,
  marks: Uint8Array,
  numbers: Float32Array,
): void {
  const { height, width } = blockSize(block);
  const end = Math.min(rows, top + STRIPE);
  for (let r = top / height, row = 0; r * height < end; r++, row += height) {
    const last = starts[r + 1] ?? 0;
    for (let k = starts[r] ?? 0; k < last; k++) {
      const left = (indices[k] ?? 0) * width;
      for (let i = 0; i < height; i++) {
        const [bit, shift] = [1 << (row + i), (row + i) * columns];
        for (let c = left, n = (k * height + i) * width; c < left + width; c++, n++) {
          const value = values[n] ?? 0;
          if (value === 0) continue;
          marks[c] = (marks[c] ?? 0) | bit;
          numbers[shift + c] = value;
        }
      }
    }
  }
}

/** A matrix [rows, columns], or one in other blocks, as blocks of a shape. */
export function packMatrix(matrix: FloatTensor | PackedMatrix, block: BlockShape): PackedMatrix {
  if (isPacked(matrix) && matrix.block === block) return matrix;
  const [rows = 0, columns = 0] = isPacked(matrix) ? [matrix.rows, matrix.columns] : matrix.shape;
  const { height } = blockSize(block);
  const [down] = blockGrid({ rows, columns, block });
  const count = countBlocks(matrix)[block];
  const packed: PackedMatrix = {
    rows,
    columns,
    block,
    starts: new Uint32Array(down + 1),
    indices: new Uint32Array(count),
    values: new Float32Array(count * weightsOfBlock(block)),
  };
  eachStripe(matrix, (stripe) => {
    const end = Math.min(STRIPE, rows - stripe.top);
    for (let row = 0; row < end; row += height) packRow(stripe, row, packed);
  });
  return packed;
}

/** Packs the row of blocks that begins at a stripe's row, behind those before it. */
function packRow({ top, marks, numbers, first }: Stripe, row: number, packed: PackedMatrix): void {
  const { columns, block, starts, indices, values } = packed;
  const { height, width } = blockSize(block);
  const r = (top + row) / height;
  const wanted = ((1 << height) - 1) << row;
  let k = starts[r] ?? 0;
  for (let left = 0; left < columns; left += width) {
    let found = marks[left] ?? 0;
    for (let c = left + 1; c < left + width; c++) found |= marks[c] ?? 0;
    if ((found & wanted) === 0) continue;
    indices[k] = left / width;
    let n = k * height * width;
    for (let i = row; i < row + height; i++) {
      for (let c = left; c < left + width; c++, n++) {
        if (((marks[c] ?? 0) >> i) & 1) values[n] = numbers[first + i * columns + c] ?? 0;
      }
    }
    k++;
  }
  starts[r + 1] = k;
}

/** The matrix [rows, columns] with its zeros. */
export function unpackMatrix({ rows, columns, block, starts, indices, values }: PackedMatrix): FloatTensor {
  const { height, width } = blockSize(block);
  const data = new Float32Array(rows * columns);
  for (let r = 0; r + 1 < starts.length; r++) {
    const present = Math.min(height, rows - r * height);
    for (let k = starts[r] ?? 0; k < (starts[r + 1] ?? 0); k++) {
      const left = (indices[k] ?? 0) * width;
      const end = Math.min(columns, left + width);
      for (let i = 0; i < present; i++) {
        const row = (r * height + i) * columns;
        for (let c = left, n = (k * height + i) * width; c < end; c++, n++) data[row + c] = values[n] ?? 0;
      }
    }
  }
  return floatTensor([rows, columns], data);
}

/** As `weightSizes`, of a matrix as it is packed. */
export function packedSizes(matrix: PackedMatrix): WeightSizes {
  const { block, starts, values } = matrix;
  const { height, width } = blockSize(block);
  let [largest, rowSum] = [0, 0];
  for (let r = 0; r + 1 < starts.length; r++) {
    const end = (starts[r + 1] ?? 0) * height * width;
    for (let i = 0; i < height; i++) {
      let sum = 0;
      for (let first = ((starts[r] ?? 0) * height + i) * width; first < end; first += height * width) {
        for (let n = first; n < first + width; n++) {
          const size = Math.abs(values[n] ?? 0);
          if (size > largest) largest = size;
          sum += size;
        }
      }
      if (Number.isNaN(sum)) return { largest: sum, rowSum: sum };
      if (sum > rowSum) rowSum = sum;
    }
  }
  return { largest, rowSum };
}

/** The lowest bit of each of four bytes. */
const LOWEST = 0x01010101;

/** Sum of four bytes that is below 256. */
function sumBytes(bytes: number): number {
  return Math.imul(bytes, LOWEST) >>> 24;
}

/** Blocks of each shape that hold a number other than zero: what a matrix, packed in whichever way, needs of them. */
export function countBlocks(matrix: FloatTensor | PackedMatrix): Readonly<Record<BlockShape, number>> {
  const counts = { "1": 0, "2x1": 0, "4x1": 0, "1x4": 0, "4x4": 0 };
  eachStripe(matrix, ({ marks }) => addBlocks(new Uint32Array(marks.buffer), counts));
  return counts;
}

/** Adds a stripe's blocks; `squares` are its marks, four columns each, a byte of four rows' bits for every one. */
function addBlocks(squares: Uint32Array, counts: Record<BlockShape, number>): void {
  let [single, tall2, tall4, wide4, square4] = [0, 0, 0, 0, 0];
  for (let i = 0; i < squares.length; i++) {
    const square = squares[i] ?? 0;
    if (square === 0) continue;
    const pairs = square | (square >>> 1);
    const halves = square | (square >>> 16);
    const rows = (halves | (halves >>> 8)) & 15;
    single += sumBytes((square & LOWEST) + ((square >>> 1) & LOWEST));
    single += sumBytes(((square >>> 2) & LOWEST) + ((square >>> 3) & LOWEST));
    tall2 += sumBytes((pairs & LOWEST) + ((pairs >>> 2) & LOWEST));
    tall4 += sumBytes((pairs | (pairs >>> 2)) & LOWEST);
    wide4 += (rows & 1) + ((rows >> 1) & 1) + ((rows >> 2) & 1) + (rows >> 3);
    square4++;
  }
  counts["1"] += single;
  counts["2x1"] += tall2;
  counts["4x1"] += tall4;
  counts["1x4"] += wide4;
  counts["4x4"] += square4;
}

/** How many numbers a kernel stores of a matrix, zeros included: in blocks of each shape, and whole in rows by fours. */
export type Stored = Readonly<Record<BlockShape | "dense", number>>;

/** The kernels of blocks read columns as 16-bit numbers. */
const MOST_COLUMNS = 1 << 16;

/** Counts them; what no kernel can read is endless. */
export function storedNumbers(matrix: FloatTensor | PackedMatrix): Stored {
  const [rows = 0, columns = 0] = isPacked(matrix) ? [matrix.rows, matrix.columns] : matrix.shape;
  const blocks = countBlocks(matrix);
  const inBlocks = forEachShape((shape) =>
    columns > MOST_COLUMNS ? Number.POSITIVE_INFINITY : weightsOfBlock(shape) * blocks[shape],
  );
  return { ...inBlocks, dense: padFeatures(rows) * columns };
}

/** Shapes by preference: the larger block, and of two as large that of one column, which the float kernels multiply. */
const LARGEST_FIRST: readonly BlockShape[] = ["4x4", "4x1", "1x4", "2x1"];

/**
 * The first of 4x4, 4x1, 1x4 and 2x1 that stores at most `slack` times what single weights would: masks made of blocks are
 * recognised, others are not bent. Every shape fits a matrix of zeros; it has 4x1, which every reader of files knows.
 */
export function naturalBlock(matrix: FloatTensor, slack = 1.1): BlockShape {
  const blocks = countBlocks(matrix);
  if (blocks["1"] === 0) return "4x1";
  return LARGEST_FIRST.find((shape) => weightsOfBlock(shape) * blocks[shape] <= slack * blocks["1"]) ?? "1";
}
