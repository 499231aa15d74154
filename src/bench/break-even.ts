/** The sparsity from which an engine that skips zeros is the faster one, found from a few timings. */

import type { Latency } from "../measure/result.ts";
import type { BreakEven } from "./answer.ts";
import type { EngineName } from "./engines.ts";

/** One timing of such an engine. */
export interface SparseTiming {
  /** Share of zeros among the weights that it may skip. */
  readonly sparsity: number;
  readonly milliseconds: number;
}

/**
 * Where a straight line through the timings (least squares over density: a fixed part, and one for each weight that is
 * left) meets the time of an engine whose time does not depend on zeros.
 *
 * @returns 0 when it is faster even without zeros, 1 when not even a matrix of zeros is; undefined when the timings have
 *   one sparsity alone, or do not get shorter with it
 */
export function breakEvenSparsity(timings: readonly SparseTiming[], dense: number): number | undefined {
  const n = timings.length;
  const mean = timings.reduce((sum, { sparsity }) => sum + sparsity / n, 0);
  const time = timings.reduce((sum, { milliseconds }) => sum + milliseconds / n, 0);
  const spread = timings.reduce((sum, { sparsity }) => sum + (sparsity - mean) ** 2, 0);
  const slope = timings.reduce(
    (sum, { sparsity, milliseconds }) => sum + ((sparsity - mean) * (milliseconds - time)) / spread,
    0,
  );
  if (!(slope < 0)) return undefined;
  return Math.min(1, Math.max(0, mean + (dense - time) / slope));
}

/** A model's times in the sparse runtime, and its share of zeros. */
export interface SparseLatencies {
  readonly zeros: number;
  readonly latency: readonly Latency[];
}

/** A model's times in an engine that zeros do not matter to. */
export interface DenseLatencies {
  readonly engine: EngineName;
  readonly latency: readonly Latency[];
}

/**
 * The break-even of each case against one dense engine; cases without one are left out.
 *
 * @param sparse  what lies on the line; a model with few zeros is `full`, because kernels for dense matrices are in its time.
 *   Where that is the shorter one already, more zeros only make it shorter: the break-even is 0
 */
export function breakEvens(
  model: string,
  {
    sparse,
    full,
  }: { readonly sparse: readonly SparseLatencies[]; readonly full?: readonly Latency[] | undefined },
  dense: DenseLatencies,
): BreakEven[] {
  return dense.latency.flatMap(({ batchSize, length, p50 }, i) => {
    const timings = sparse.flatMap(({ zeros, latency }) => {
      const at = latency[i];
      return at === undefined ? [] : [{ sparsity: zeros, milliseconds: at.p50 }];
    });
    const isFaster = (full?.[i]?.p50 ?? Number.POSITIVE_INFINITY) < p50;
    const sparsity = isFaster ? 0 : breakEvenSparsity(timings, p50);
    if (sparsity === undefined) return [];
    return [{ model, engine: "sparse", against: dense.engine, batchSize, length, sparsity }];
  });
}
