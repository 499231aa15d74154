/**
 * Sparsity: how it grows, how many weights it leaves, and whether a product has reached it.
 *
 *   s(t) = s_f + (s_0 − s_f)·(1 − u)³, u from 0 to 1      Zhu & Gupta 2017, eq. 1
 */

import { ConfigError, RunError } from "../../base/errors.ts";
import { kthLargest } from "../../base/select.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../../base/tensor.ts";
import { weightsIn } from "./matrices.ts";

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
export function kept(n: number, sparsity: number): number {
  return n - Math.round(n * sparsity);
}

/** @throws {ConfigError} `ID/sparsity` outside [0, 1) */
export function checkSparsity(id: string, sparsity: number): void {
  if (sparsity >= 0 && sparsity < 1) return;
  throw new ConfigError(`${id}/sparsity`, `${id}: expected a sparsity in [0, 1), got ${sparsity}`);
}

/** @throws {ConfigError} `ID/ramp` unless 0 ≤ from < until ≤ 1 */
export function checkRamp(id: string, { from, until }: Pick<Ramp, "from" | "until">): void {
  if (from >= 0 && from < until && until <= 1) return;
  throw new ConfigError(
    `${id}/ramp`,
    `${id}: expected 0 ≤ from < until ≤ 1, got from=${from}, until=${until}`,
  );
}

/** A setting that was typed can be any text. @throws {ConfigError} `ID/NAME` */
export function checkChoice(id: string, name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new ConfigError(
    `${id}/${name}`,
    `${id}: expected ${name} to be ${choices.join(" or ")}, got "${value}"`,
  );
}

/** Weights that are exactly 0. */
export function zerosIn(tensors: ReadonlyMap<string, FloatTensor>, names: readonly string[]): number {
  let zeros = 0;
  for (const name of names) for (const w of tensors.get(name)?.data ?? []) if (w === 0) zeros++;
  return zeros;
}

/**
 * Refuses a product that is not as sparse as was asked, to the weight of a matrix.
 *
 * @throws {RunError} `method/unreached`
 */
export function checkReached(
  id: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  names: readonly string[],
  sparsity: number,
): void {
  const total = names.reduce((n, name) => n + (tensors.get(name)?.data.length ?? 0), 0);
  const missing = sparsity * total - zerosIn(tensors, names);
  // A weight that is 0 by itself may add to what was pruned; rounding takes less than one from each matrix.
  if (Math.abs(missing) <= names.length) return;
  throw unreached(id, sparsity, 1 - (total - zerosIn(tensors, names)) / total);
}

/** The error of a product that is less or more sparse than asked. */
export function unreached(id: string, asked: number, reached: number): RunError {
  return new RunError(
    "method/unreached",
    `${id}: expected sparsity ${asked}, got ${reached.toFixed(4)} at the end of the run. More steps, or an earlier end of the ramp, may reach it.`,
  );
}

/** Masks of a network whose pruned weights are zeros. */
export function masksOf(
  tensors: ReadonlyMap<string, FloatTensor>,
  names: readonly string[],
): Map<string, Tensor<"uint8">> {
  const masks = new Map<string, Tensor<"uint8">>();
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    const data = Uint8Array.from(tensor.data, (w) => (w === 0 ? 0 : 1));
    masks.set(name, { dtype: "uint8", shape: tensor.shape, data });
  }
  return masks;
}

/**
 * The tensors with all but the largest scores' weights set to 0, `keep` in each group; earlier weights win a tie.
 *
 * @param scoreOf  the scores of a tensor; default the weights themselves, by magnitude
 */
export function pruneTensors(
  tensors: ReadonlyMap<string, FloatTensor>,
  groups: readonly (readonly string[])[],
  keep: readonly number[],
  scoreOf: (name: string, weights: Float32Array) => Float32Array = (_, weights) => weights.map(Math.abs),
): Map<string, FloatTensor> {
  const pruned = new Map(tensors);
  groups.forEach((names, i) => {
    const weights = names.map((name) => tensors.get(name)?.data ?? new Float32Array(0));
    const scores = names.map((name, k) => scoreOf(name, weights[k] ?? new Float32Array(0)));
    const count = keep[i] ?? 0;
    const threshold = count === 0 ? Number.POSITIVE_INFINITY : kthLargest(scores, count, "value");
    let ties = count - scores.reduce((n, data) => n + data.filter((x) => x > threshold).length, 0);
    names.forEach((name, k) => {
      const score = scores[k];
      const data = weights[k]?.map((w, j) => {
        const x = score?.[j] ?? 0;
        return x > threshold || (x === threshold && ties-- > 0) ? w : 0;
      });
      if (data) pruned.set(name, floatTensor(tensors.get(name)?.shape ?? [], data));
    });
  });
  return pruned;
}

/** The tensors pruned to a sparsity at once, each group for itself, as `pruneTensors` does it. */
export function pruneAtOnce(
  tensors: ReadonlyMap<string, FloatTensor>,
  groups: readonly (readonly string[])[],
  sparsity: number,
  scoreOf?: (name: string, weights: Float32Array) => Float32Array,
): Map<string, FloatTensor> {
  const keep = groups.map((names) => kept(weightsIn(tensors, names), sparsity));
  return pruneTensors(tensors, groups, keep, scoreOf);
}

/** Groups that share a threshold: all matrices together, or each for itself. */
export function groupsOf(names: readonly string[], ranking: "global" | "matrix"): string[][] {
  return ranking === "global" ? [[...names]] : names.map((name) => [name]);
}
