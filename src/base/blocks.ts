/**
 * Blocks of a matrix: `height` rows (outputs) of one column (input), aligned at multiples of the height, the last block
 * of a column with the rows that are left. Weights that a sparse kernel reads together are pruned together.
 *
 * A block is ranked by the sum of its weights' sizes (Mao et al. 2017, https://arxiv.org/abs/1705.08922), the last one
 * too: with fewer rows it holds less, and costs a kernel as much. Sums of squares would choose much the same: of a
 * fine-tuned encoder's 4 × 1 blocks, 80 % of the tenth that one keeps the other keeps as well (benchmarks/models/blocks.mjs).
 * Not here: which matrices, when and how many (methods/).
 */

import { requireItem } from "./present.ts";
import { kthLargest } from "./select.ts";

/** Rows that one block spans. */
export type BlockHeight = 1 | 2 | 4;

/** The heights there are, from the finest. */
export const BLOCK_HEIGHTS: readonly BlockHeight[] = [1, 2, 4];

/** Ranked by size or by value. */
export type Ranking = "magnitude" | "value";

/** A matrix [rows, columns] with a number for each of its blocks, [⌈rows / height⌉, columns]. */
export interface RankedBlocks {
  readonly rows: number;
  readonly columns: number;
  readonly height: BlockHeight;
  readonly ranks: Float32Array;
}

/** Rows and columns of a shape; what is no matrix is read as one, row by row. */
export function matrixOf(shape: readonly number[]): Pick<RankedBlocks, "rows" | "columns"> {
  const [rows = 1, ...rest] = shape;
  return { rows, columns: rest.reduce((n, d) => n * d, 1) };
}

/** Blocks in a matrix of a shape. */
export function blocksIn(shape: readonly number[], height: BlockHeight): number {
  const { rows, columns } = matrixOf(shape);
  return Math.ceil(rows / height) * columns;
}

/** Place in [⌈rows / height⌉, columns] of the block of weight `i`. */
export function blockAt({ columns, height }: Pick<RankedBlocks, "columns" | "height">, i: number): number {
  return height === 1 ? i : Math.floor(i / columns / height) * columns + (i % columns);
}

/** A matrix whose blocks are ranked by the sum of their weights' sizes or values; at height 1 by the weights as they are. */
export function rankedBlocks(
  shape: readonly number[],
  data: Float32Array,
  height: BlockHeight,
  by: Ranking,
): RankedBlocks {
  const { rows, columns } = matrixOf(shape);
  if (height === 1) return { rows, columns, height, ranks: data };
  const ranks = new Float32Array(blocksIn(shape, height));
  const size = sizeBy(by);
  for (let block = 0, top = 0; top < rows; top += height) {
    const end = Math.min(rows, top + height) * columns;
    for (let column = 0; column < columns; column++, block++) {
      let sum = 0;
      for (let i = top * columns + column; i < end; i += columns) sum += size(data[i] ?? 0);
      ranks[block] = sum;
    }
  }
  return { rows, columns, height, ranks };
}

/** The rank of the block that holds the `keep`-th weight, the highest blocks first; +∞ when none is kept. */
export function blockThreshold(matrices: readonly RankedBlocks[], keep: number, by: Ranking): number {
  if (keep === 0) return Number.POSITIVE_INFINITY;
  const parts = matrices.flatMap(evenParts);
  return kthLargest(
    parts.map(({ ranks }) => ranks),
    keep,
    by,
    parts.map(({ weights }) => weights),
  );
}

/**
 * Gives a value, in place, to every weight that is not among the `keep` of the highest blocks, to the nearest whole
 * block; of blocks that tie at the threshold the earlier stay.
 *
 * @param into  the weights of each matrix
 */
export function fillBelow(
  matrices: readonly RankedBlocks[],
  into: readonly Float32Array[],
  keep: number,
  { by, fill }: { readonly by: Ranking; readonly fill: number },
): void {
  const threshold = blockThreshold(matrices, keep, by);
  const size = sizeBy(by);
  let left = keep;
  for (const { ranks, weights } of matrices.flatMap(evenParts)) {
    for (const rank of ranks) if (size(rank) > threshold) left -= weights;
  }
  for (const [i, { rows, columns, height, ranks }] of matrices.entries()) {
    const data = requireItem(into, i, "arrays to fill");
    for (let block = 0, top = 0; top < rows; top += height) {
      const weights = Math.min(height, rows - top);
      const end = (top + weights) * columns;
      for (let first = top * columns; first < (top + 1) * columns; first++, block++) {
        const rank = size(ranks[block] ?? 0);
        if (rank > threshold) continue;
        if (rank === threshold && 2 * left >= weights) left -= weights;
        else for (let w = first; w < end; w += columns) data[w] = fill;
      }
    }
  }
}

/** The ranks of the blocks that are whole and of those that are not, with the weights that each of them has. */
function evenParts({ rows, columns, height, ranks }: RankedBlocks): {
  readonly ranks: Float32Array;
  readonly weights: number;
}[] {
  const whole = Math.floor(rows / height) * columns;
  return [
    { ranks: ranks.subarray(0, whole), weights: height },
    { ranks: ranks.subarray(whole), weights: rows % height },
  ];
}

function sizeBy(by: Ranking): (x: number) => number {
  return by === "magnitude" ? Math.abs : (x) => x;
}
