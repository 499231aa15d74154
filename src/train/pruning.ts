/**
 * Thresholds and pruning beside the buffers, in the engine's worker: nothing of the size of the model travels.
 *
 * Ties at a threshold are broken by position, the earlier block stays, so that exactly as many are kept as were asked
 * for, to the nearest whole block. Not here: which tensors, when and how many (methods/).
 */

import {
  type BlockShape,
  blockThreshold,
  fillBelow,
  matrixOf,
  type RankedBlocks,
  type Ranking,
  rankedBlocks,
} from "../base/blocks.ts";
import { requireItem } from "../base/present.ts";
import type { HostMemory, View } from "../engine/protocol.ts";

/** What `Bench.prune` asks, with places for names. */
export interface PruneViews {
  readonly groups: readonly (readonly View[])[];
  readonly keep: readonly number[];
  readonly by: Ranking;
  readonly block?: BlockShape;
  readonly of?: readonly (readonly View[])[];
  readonly fill?: number;
}

/** The rank at which each group's `keep` is reached; +∞ where none is kept. With `fill`, all that are not kept become that. */
export function prune(memory: HostMemory, request: PruneViews): number[] {
  const { groups, of, keep, by, fill, block = "1" } = request;
  return groups.map((views, i) => {
    const arrays = views.map((view) => memory.view(view));
    const ranked = arrays.map((data, k): RankedBlocks => {
      const matrix = of?.[i]?.[k];
      if (matrix) return { ...matrixOf(matrix.shape), block, ranks: data };
      return rankedBlocks(requireItem(views, k, "views").shape, data, block, by);
    });
    const left = requireItem(keep, i, "weights to keep");
    const threshold = blockThreshold(ranked, left, by);
    if (fill !== undefined) fillBelow(ranked, arrays, left, { by, fill });
    return threshold;
  });
}
