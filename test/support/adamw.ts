/**
 * AdamW as its paper writes it (Loshchilov & Hutter 2019, Alg. 2), in float64 and without any of the shortcuts of
 * src/train: what both optimizers there are compared with.
 */

import type { AdamW } from "../../src/train/adamw.ts";

export interface Moments {
  readonly w: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/** Moments of zero for weights. */
export function startOf(weights: Iterable<number>): Moments {
  const w = Float64Array.from(weights);
  return { w, m: new Float64Array(w.length), v: new Float64Array(w.length) };
}

/** Step `t`, from 1, at rate `rate`, with the gradient `clip · g[i]` of weight i; returns new arrays. */
export function plainStep(
  { beta1, beta2, epsilon, decay }: AdamW,
  { w, m, v }: Moments,
  g: ArrayLike<number>,
  { t, rate, clip }: { readonly t: number; readonly rate: number; readonly clip: number },
): Moments {
  const grad = w.map((_, i) => clip * (g[i] ?? 0));
  const mean = m.map((x, i) => beta1 * x + (1 - beta1) * (grad[i] ?? 0));
  const square = v.map((x, i) => beta2 * x + (1 - beta2) * (grad[i] ?? 0) ** 2);
  const next = w.map((x, i) => {
    const first = (mean[i] ?? 0) / (1 - beta1 ** t);
    const second = (square[i] ?? 0) / (1 - beta2 ** t);
    return x - rate * decay * x - (rate * first) / (Math.sqrt(second) + epsilon);
  });
  return { w: next, m: mean, v: square };
}

/** The largest |a − b| / max(|b|, floor). */
export function furthest(a: ArrayLike<number>, b: ArrayLike<number>, floor: number): number {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    const distance = Math.abs(x - y) / Math.max(Math.abs(y), floor);
    most = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(most, distance);
  }
  return most;
}
