/** What a mask made of blocks is, told weight by weight: a reading of its own, beside base/blocks.ts. */

import type { FloatTensor } from "../base/tensor.ts";

/** Blocks of `height` rows and one column that are neither all 0 nor all left. */
export function brokenBlocks(tensor: FloatTensor | undefined, height: number): number {
  const { shape = [0, 0], data = new Float32Array(0) } = tensor ?? {};
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
