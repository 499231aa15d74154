/**
 * What chance gives: how many weights a part of a matrix keeps when those that are kept lie anywhere in it.
 *
 * The null model of every analysis here is the mask shuffled inside its matrix: of N weights K stay, each choice of K as
 * likely as any other. Of n weights that one looks at (a row, a column, a head) X stay, which is hypergeometric:
 *
 *   P(X = k) = C(K, k) · C(N − K, n − k) / C(N, n)        mean n·K/N        variance n·p·(1 − p)·(N − n)/(N − 1)
 *
 * For n far below N it is the binomial of n draws at density p = K/N. (Johnson, Kemp & Kotz, Univariate Discrete
 * Distributions, 3rd ed., §6.2.) Shuffling is also the control of Adapting by Pruning's Table 3 (2105.03343).
 */

/** A part of a matrix: N, K and n of the header. */
export interface Part {
  /** Weights of the matrix. */
  readonly all: number;
  /** Those of them that are kept. */
  readonly kept: number;
  /** Weights of the part. */
  readonly size: number;
}

/** A number that was found, and what chance gives on average. */
export interface Counted {
  readonly found: number;
  readonly chance: number;
}

/** a / b, and null where b is 0: nothing is no share of nothing. */
export function shareOf(a: number, b: number): number | null {
  return b === 0 ? null : a / b;
}

/** a − b where both are numbers. */
export function excessOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

/** Chance of at least one of independent events. */
export function chanceOfAny(chances: readonly number[]): number {
  return 1 - chances.reduce((none, chance) => none * (1 - chance), 1);
}

/** Mean and standard deviation of what the part keeps. */
export function momentsOf({ all, kept, size }: Part): { readonly mean: number; readonly deviation: number } {
  if (all === 0) return { mean: 0, deviation: 0 };
  const p = kept / all;
  const rest = all === 1 ? 0 : (all - size) / (all - 1);
  return { mean: (size * kept) / all, deviation: Math.sqrt(size * p * (1 - p) * rest) };
}

/** Chance that the part keeps nothing. */
export function chanceOfNone({ all, kept, size }: Part): number {
  return all - kept < size ? 0 : Math.exp(logOfFallingRatio(all - kept, all, size));
}

/** Chance that the part keeps everything. */
export function chanceOfAll({ all, kept, size }: Part): number {
  return kept < size ? 0 : Math.exp(logOfFallingRatio(kept, all, size));
}

/** Chance that the part keeps at most as many as each limit says. @param limits  ascending */
export function chancesOfAtMost(limits: readonly number[], part: Part): number[] {
  const { all, kept, size } = part;
  const least = Math.max(0, size + kept - all); // with fewer places than weights some must fall into the part
  const most = Math.min(size, kept);
  let log = logOfLeast(part);
  let [k, sum] = [least, 0];
  return limits.map((limit) => {
    if (limit >= most) return 1;
    for (; k <= limit; k++) {
      sum += Math.exp(log);
      log += Math.log(((size - k) * (kept - k)) / ((k + 1) * (all - kept - size + k + 1)));
    }
    return Math.min(1, sum);
  });
}

/** Chance that the part keeps at most `limit`. */
export function chanceOfAtMost(limit: number, part: Part): number {
  const [chance = 1] = chancesOfAtMost([limit], part);
  return chance;
}

/** log P of the fewest that can be kept, from the fewest factors. */
function logOfLeast({ all, kept, size }: Part): number {
  const [missing, others] = [all - kept, all - size];
  if (size <= missing) {
    return size < kept ? logOfFallingRatio(missing, all, size) : logOfFallingRatio(others, all, kept);
  }
  return missing < others ? logOfFallingRatio(size, all, missing) : logOfFallingRatio(kept, all, others);
}

/** log Π (a − i) / (b − i) over i < n, for a ≥ n: a logarithm only where the product would become too small. */
function logOfFallingRatio(a: number, b: number, n: number): number {
  let [log, product] = [0, 1];
  for (let i = 0; i < n; i++) {
    product *= (a - i) / (b - i);
    if (product < 1e-280) {
      log += Math.log(product);
      product = 1;
    }
  }
  return log + Math.log(product);
}
