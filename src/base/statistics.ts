/** Several numbers of one thing as one: mean, deviation, quantile, and the first two as they are printed; logits as shares. */

import { fixed } from "./quantity.ts";

/** The arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The mean of the numbers that are there; null of none. */
export function meanOfKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : mean(known);
}

/** The sample's standard deviation, with n - 1 in the denominator; undefined for fewer than two values. */
export function deviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** By linear interpolation between the two nearest of the sorted values, as NumPy does; NaN of nothing. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const high = sorted[Math.ceil(place)] ?? Number.NaN;
  return low + (high - low) * (place - Math.floor(place));
}

/** `82.3 ± 0.4`, the mean alone for one value, and `–` for none; a negative zero loses its sign. */
export function spread(values: readonly number[], decimals = 1): string {
  if (values.length === 0) return "–";
  const deviated = deviation(values);
  const centre = fixed(mean(values), decimals);
  return deviated === undefined ? centre : `${centre} ± ${fixed(deviated, decimals)}`;
}

/** Shares by e^x, which sum to 1, in double precision: of logits the probabilities. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const top = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = values.map((x) => Math.exp(x - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / total);
}
