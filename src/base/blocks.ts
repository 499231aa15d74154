/**
 * Blocks of a matrix: rows (outputs) × columns (inputs) that stay or go together, aligned at multiples of their size;
 * blocks at the lower and right edges have what is left. Weights that a sparse kernel reads together are pruned together.
 *
 * A block is ranked by the sum of its weights' sizes (Mao et al. 2017, https://arxiv.org/abs/1705.08922), one at an edge
 * too: it holds less, and costs a kernel as much. Sums of squares would choose much the same: of a fine-tuned encoder's
 * 4 × 1 blocks, 80 % of the tenth that one keeps the other keeps as well (benchmarks/models/blocks.mjs).
 * Not here: which matrices, when and how many (methods/).
 */

import { requireItem } from "./present.ts";
import { kthLargest } from "./select.ts";

/** A block by name, outputs × inputs; a single weight is `1`. */
export type BlockShape = "1" | "2x1" | "4x1" | "1x4" | "4x4";

/** Rows and columns that one block spans. */
export interface BlockSize {
  readonly height: number;
  readonly width: number;
}

const SIZES: Readonly<Record<BlockShape, BlockSize>> = {
  "1": { height: 1, width: 1 },
  "2x1": { height: 2, width: 1 },
  "4x1": { height: 4, width: 1 },
  "1x4": { height: 1, width: 4 },
  "4x4": { height: 4, width: 4 },
};

/** The shapes there are, from the finest. */
export const BLOCK_SHAPES: readonly BlockShape[] = ["1", "2x1", "4x1", "1x4", "4x4"];

/** Other spellings: once all blocks were of one column, and named by their rows. */
const SPELT = { "1x1": "1", "2": "2x1", "4": "4x1" } as const satisfies Readonly<Record<string, BlockShape>>;

/** A shape in any spelling that is read. */
export type BlockName = BlockShape | keyof typeof SPELT;

/** Something for each shape. */
export function forEachShape<T>(make: (shape: BlockShape) => T): Record<BlockShape, T> {
  return { "1": make("1"), "2x1": make("2x1"), "4x1": make("4x1"), "1x4": make("1x4"), "4x4": make("4x4") };
}

/** Rows and columns of a shape's blocks. */
export function blockSize(shape: BlockShape): BlockSize {
  return SIZES[shape];
}

/** Weights of a whole block. */
export function weightsOfBlock(shape: BlockShape): number {
  return SIZES[shape].height * SIZES[shape].width;
}

/** The shape that a text names, in today's spelling or an old one; undefined when none. */
export function blockNamed(name: string): BlockShape | undefined {
  const [, other] = Object.entries(SPELT).find(([known]) => known === name) ?? [];
  return other ?? BLOCK_SHAPES.find((known) => known === name);
}

/** Ranked by size or by value. */
export type Ranking = "magnitude" | "value";

/** A matrix [rows, columns] with a number for each of its blocks, row after row of blocks: `blockGrid`. */
export interface RankedBlocks {
  readonly rows: number;
  readonly columns: number;
  readonly block: BlockShape;
  readonly ranks: Float32Array;
}

/** Rows and columns of a shape; what is no matrix is read as one, row by row. */
export function matrixOf(shape: readonly number[]): Pick<RankedBlocks, "rows" | "columns"> {
  const [rows = 1, ...rest] = shape;
  return { rows, columns: rest.reduce((n, d) => n * d, 1) };
}

/** How many rows and columns of blocks a matrix has: ⌈rows / height⌉, ⌈columns / width⌉. */
export function blockGrid({
  rows,
  columns,
  block,
}: Pick<RankedBlocks, "rows" | "columns" | "block">): readonly [number, number] {
  const { height, width } = SIZES[block];
  return [Math.ceil(rows / height), Math.ceil(columns / width)];
}

/** Blocks in a matrix of a shape. */
export function blocksIn(shape: readonly number[], block: BlockShape): number {
  const [down, across] = blockGrid({ ...matrixOf(shape), block });
  return down * across;
}

/** Place of the block of weight `i`. */
export function blockAt({ columns, block }: Pick<RankedBlocks, "columns" | "block">, i: number): number {
  const { height, width } = SIZES[block];
  const column = i % columns;
  return (
    Math.floor((i - column) / columns / height) * Math.ceil(columns / width) + Math.floor(column / width)
  );
}

/** A matrix whose blocks are ranked by the sum of their weights' sizes or values; single weights as they are. */
export function rankedBlocks(
  shape: readonly number[],
  data: Float32Array,
  block: BlockShape,
  by: Ranking,
): RankedBlocks {
  const { rows, columns } = matrixOf(shape);
  if (block === "1") return { rows, columns, block, ranks: data };
  const { height, width } = SIZES[block];
  const ranks = new Float32Array(blocksIn(shape, block));
  const size = sizeBy(by);
  for (let place = 0, top = 0; top < rows; top += height) {
    const end = Math.min(rows, top + height) * columns;
    for (let left = 0; left < columns; left += width, place++) {
      const across = Math.min(width, columns - left);
      let sum = 0;
      for (let row = top * columns + left; row < end; row += columns) {
        for (let i = row; i < row + across; i++) sum += size(data[i] ?? 0);
      }
      ranks[place] = sum;
    }
  }
  return { rows, columns, block, ranks };
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
  for (const [i, { rows, columns, block, ranks }] of matrices.entries()) {
    const data = requireItem(into, i, "arrays to fill");
    const { height, width } = SIZES[block];
    for (let place = 0, top = 0; top < rows; top += height) {
      const down = Math.min(height, rows - top);
      const end = (top + down) * columns;
      for (let first = 0; first < columns; first += width, place++) {
        const rank = size(ranks[place] ?? 0);
        if (rank > threshold) continue;
        const across = Math.min(width, columns - first);
        if (rank === threshold && 2 * left >= down * across) {
          left -= down * across;
          continue;
        }
        for (let row = top * columns + first; row < end; row += columns) {
          for (let w = row; w < row + across; w++) data[w] = fill;
        }
      }
    }
  }
}

/** Ranks of blocks that have as many weights as one another. */
interface EvenPart {
  readonly ranks: Float32Array;
  readonly weights: number;
}

/** The ranks of a matrix by the weights that the blocks have: whole ones, those of the two edges, and the corner's. */
function evenParts({ rows, columns, block, ranks }: RankedBlocks): EvenPart[] {
  const { height, width } = SIZES[block];
  const [, across] = blockGrid({ rows, columns, block });
  const whole = Math.floor(rows / height) * across;
  return [
    ...splitEdge(ranks.subarray(0, whole), height, { columns, across, width }),
    ...splitEdge(ranks.subarray(whole), rows % height, { columns, across, width }),
  ];
}

/** Ranks of whole rows of blocks, `height` weights high: without the last of each row where that is narrower, and these. */
function splitEdge(
  ranks: Float32Array,
  height: number,
  { columns, across, width }: { readonly columns: number; readonly across: number; readonly width: number },
): EvenPart[] {
  const narrow = columns % width;
  if (narrow === 0) return [{ ranks, weights: height * width }];
  const isLast = (_: number, i: number): boolean => i % across === across - 1;
  return [
    { ranks: ranks.filter((rank, i) => !isLast(rank, i)), weights: height * width },
    { ranks: ranks.filter(isLast), weights: height * narrow },
  ];
}

function sizeBy(by: Ranking): (x: number) => number {
  return by === "magnitude" ? Math.abs : (x) => x;
}
