/** What a mask made of blocks is, told weight by weight: a reading of its own, beside base/blocks.ts. */

import type { FloatTensor } from "../base/tensor.ts";

/** Blocks of `height` rows and one column that are neither all 0 nor all left. */
export function brokenBlocks({ shape, data }: FloatTensor, height: number): number {
  const [rows = 0, columns = 0] = shape;
  let broken = 0;
  for (let top = 0; top < rows; top += height) {
    for (let column = 0; column < columns; column++) {
      const block = Array.from({ length: Math.min(height, rows - top) }, (_, i) => top + i);
      const zeros = block.filter((row) => data[row * columns + column] === 0).length;
      if (zeros !== 0 && zeros !== block.length) broken++;
    }
  }
  return broken;
}
