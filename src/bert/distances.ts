/**
 * Numbers that follow from places alone, in the graph and in the sparse runtime: buckets of distances, rates of angles, and
 * what hides a place. Browser-safe.
 */

/** What is taken from a score that does not count. */
export const HIDDEN_SCORE = 1e4;

/**
 * The bucket of a distance, the seen token's place less the asking one's. Half of the buckets are for tokens behind; of
 * each half one half holds single distances, the rest grow as their logarithm up to `farthest`.
 */
export function bucketOf(distance: number, buckets: number, farthest: number): number {
  const half = buckets / 2;
  const exact = half / 2;
  const far = Math.abs(distance);
  const side = distance > 0 ? half : 0;
  if (far < exact) return side + far;
  const share = Math.fround(Math.log(far / exact)) / Math.log(farthest / exact);
  return side + Math.min(half - 1, exact + Math.floor(Math.fround(Math.fround(share) * (half - exact))));
}

/** base^(−2i/A), by which feature i of half a head is turned at each place: [A / 2] (Su et al. 2021, §3.2). */
export function rotaryRates(base: number, features: number): Float32Array {
  return Float32Array.from({ length: features / 2 }, (_, i) => 1 / Math.fround(base ** ((2 * i) / features)));
}
