/** The sparsity from which an engine that skips zeros is the faster one, found from a few timings. */

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
