/**
 * How sparsity grows over a run, and how many weights it leaves.
 *
 *   s(t) = s_f + (s_0 − s_f)·(1 − u)³, u from 0 to 1      Zhu & Gupta 2017, eq. 1
 */

import { ConfigError } from "../base/errors.ts";

/** Sparsity grows from 0 to `final` between the shares `from` and `until` of the run. */
export interface Ramp {
  readonly final: number;
  readonly from: number;
  readonly until: number;
}

/** s(t) of Zhu & Gupta 2017, eq. 1, with s_0 = 0: steep first, flat at the end. `share` of the run is done. */
export function cubicSparsity({ final, from, until }: Ramp, share: number): number {
  if (share >= until) return final;
  const u = Math.max(0, (share - from) / (until - from));
  return final * (1 - (1 - u) ** 3);
}

/** Weights kept of `n` at a sparsity: the nearest whole number. */
export function countKept(n: number, sparsity: number): number {
  return n - Math.round(n * sparsity);
}

/** @throws {ConfigError} `ID/ramp` unless 0 ≤ from < until ≤ 1 */
export function checkRamp(id: string, { from, until }: Pick<Ramp, "from" | "until">): void {
  if (from >= 0 && from < until && until <= 1) return;
  throw new ConfigError(
    `${id}/ramp`,
    `${id}: expected 0 ≤ from < until ≤ 1, got from=${from}, until=${until}`,
  );
}
