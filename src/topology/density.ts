/**
 * Density: which share of the weights is left, by component, by layer and by both.
 *
 *   Paper    Gao, Colombo & Wang, Adapting by Pruning, §5 and Figure 3 · https://arxiv.org/abs/2105.03343
 *   Formula  share = kept / weights        pruned = 1 − share, which is what the figure draws
 *   Baseline the global density: what every group has when the mask does not care where it prunes; `excess` is the
 *            difference to it
 *
 * Departures: the figure draws five components (embeddings, query, key, value, output); here attention output,
 * intermediate and output are three. Layers are in the figure's order, embeddings before the first.
 */

import { countKept } from "./bits.ts";
import { excessOf, shareOf } from "./chance.ts";
import { type Grouped, groupMatrices, type Place, type Structure } from "./structure.ts";

/** What is left of a group of weights. A network may have layers without heads: shares of nothing are null. */
export interface Share {
  readonly weights: number;
  readonly kept: number;
  readonly share: number | null;
  readonly pruned: number | null;
  /** `share` minus the share of all weights together. */
  readonly excess: number | null;
}

/** The result. `total.share` is the baseline. */
export interface Density extends Grouped<Share> {
  /** In the order of the forward pass. */
  readonly matrices: readonly (Place & Share)[];
}

/** Share of the weights from which on a model counts as dense: a few zeros are a padding row. */
const DENSE = 0.999;

/** Whether nothing is pruned that is worth a word. */
export function isDense({ total: { share } }: Pick<Density, "total">): boolean {
  return share === null || share >= DENSE;
}

/** Measures what is left, and where. */
export function measureDensity({ matrices }: Structure): Density {
  const counted = matrices.map(({ name, component, layer, bits }) => {
    return { name, component, layer, weights: bits.rows * bits.columns, kept: countKept(bits) };
  });
  const sum = (group: readonly { readonly weights: number; readonly kept: number }[]) => ({
    weights: group.reduce((n, { weights }) => n + weights, 0),
    kept: group.reduce((n, { kept }) => n + kept, 0),
  });
  const all = sum(counted);
  const find = (group: Parameters<typeof sum>[0]): Share => {
    const { weights, kept } = sum(group);
    const share = shareOf(kept, weights);
    const excess = excessOf(share, shareOf(all.kept, all.weights));
    return { weights, kept, share, pruned: shareOf(weights - kept, weights), excess };
  };
  const perMatrix = counted.map(({ name, component, layer, weights, kept }) => {
    return { name, component, layer, ...find([{ weights, kept }]) };
  });
  return { ...groupMatrices(counted, find), matrices: perMatrix };
}
