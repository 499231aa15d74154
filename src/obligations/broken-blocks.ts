/** What a mask made of blocks is, told weight by weight: a reading of its own, beside base/blocks.ts. */

import type { BlockSize } from "../base/blocks.ts";
import type { FloatTensor } from "../base/tensor.ts";

/** Blocks that are neither all 0 nor all left. */
export function brokenBlocks({ shape, data }: FloatTensor, { height, width }: BlockSize): number {
  const [rows = 0, columns = 0] = shape;
  let broken = 0;
  for (let top = 0; top < rows; top += height) {
    for (let left = 0; left < columns; left += width) {
      const down = Array.from({ length: Math.min(height, rows - top) }, (_, i) => top + i);
      const across = Array.from({ length: Math.min(width, columns - left) }, (_, i) => left + i);
      const block = down.flatMap((row) => across.map((column) => data[row * columns + column]));
      const zeros = block.filter((w) => w === 0).length;
      if (zeros !== 0 && zeros !== block.length) broken++;
    }
  }
  return broken;
}
