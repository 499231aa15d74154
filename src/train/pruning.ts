/**
 * Thresholds and pruning beside the buffers, in the engine's worker: nothing of the size of the model travels.
 *
 * Ties at a threshold are broken by position, the earlier element stays, so that exactly as many are kept as were asked
 * for. Not here: which tensors, when and how many (methods/).
 */

import { kthLargest } from "../base/select.ts";
import type { HostMemory, View } from "../engine/protocol.ts";

/** What `Bench.prune` asks, with places for names. */
export interface PruneViews {
  readonly groups: readonly (readonly View[])[];
  readonly keep: readonly number[];
  readonly by: "magnitude" | "value";
  readonly fill?: number;
}

/** The smallest number kept of each group; +∞ where none is kept. With `fill`, all that are not kept become that. */
export function prune(memory: HostMemory, { groups, keep, by, fill }: PruneViews): number[] {
  return groups.map((views, i) => {
    const arrays = views.map((view) => memory.view(view));
    const count = keep[i] ?? 0;
    const threshold = count === 0 ? Number.POSITIVE_INFINITY : kthLargest(arrays, count, by);
    if (fill !== undefined) fillBelow(arrays, threshold, count, { by, fill });
    return threshold;
  });
}

function fillBelow(
  arrays: readonly Float32Array[],
  threshold: number,
  keep: number,
  { by, fill }: { readonly by: PruneViews["by"]; readonly fill: number },
): void {
  const size = by === "magnitude" ? Math.abs : (x: number): number => x;
  let above = 0;
  for (const data of arrays) for (const x of data) if (size(x) > threshold) above++;
  let equal = keep - above;
  for (const data of arrays) {
    for (let i = 0; i < data.length; i++) {
      const x = size(data[i] ?? 0);
      if (x > threshold || (x === threshold && equal-- > 0)) continue;
      data[i] = fill;
    }
  }
}
