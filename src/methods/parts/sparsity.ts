/**
 * Sparsity: how it grows, how many weights it leaves, and whether a product has reached it.
 *
 *   s(t) = s_f + (s_0 − s_f)·(1 − u)³, u from 0 to 1      Zhu & Gupta 2017, eq. 1
 */

import {
  BLOCK_HEIGHTS,
  type BlockHeight,
  fillBelow,
  matrixOf,
  type RankedBlocks,
  rankedBlocks,
} from "../../base/blocks.ts";
import { ConfigError, RunError } from "../../base/errors.ts";
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

/** What the setting `block` of a method says of itself. */
export const BLOCK_HELP =
  "rows of a matrix that stay or go together, 1, 2 or 4: what sparse kernels read at once";

/** The height of a method's blocks. @throws {ConfigError} `ID/block` for one that no kernel reads */
export function checkBlock(id: string, block: number): BlockHeight {
  const height = BLOCK_HEIGHTS.find((known) => known === block);
  if (height) return height;
  throw new ConfigError(
    `${id}/block`,
    `${id}: expected block to be ${BLOCK_HEIGHTS.join(" or ")}, got ${block}`,
  );
}

/** Weights that are exactly 0. */
export function zerosIn(tensors: ReadonlyMap<string, FloatTensor>, names: readonly string[]): number {
  let zeros = 0;
  for (const name of names) for (const w of tensors.get(name)?.data ?? []) if (w === 0) zeros++;
  return zeros;
}

/**
 * Refuses a product that is not as sparse as was asked, to one block of each matrix.
 *
 * @throws {RunError} `method/unreached`
 */
export function checkReached(
  id: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  names: readonly string[],
  sparsity: number,
  block: BlockHeight = 1,
): void {
  const total = names.reduce((n, name) => n + (tensors.get(name)?.data.length ?? 0), 0);
  const missing = sparsity * total - zerosIn(tensors, names);
  // A weight that is 0 by itself may add to what was pruned; rounding takes less than a block from each matrix.
  if (Math.abs(missing) <= names.length * block) return;
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

/** How weights are chosen: a number for each block of a tensor, and how many rows a block has. */
export interface Choice {
  readonly block?: BlockHeight;
  /** [⌈rows / block⌉, columns]; default the sum of the weights' sizes. */
  readonly scoreOf?: (name: string) => Float32Array;
}

/**
 * The tensors with all but the largest blocks' weights set to 0, `keep` in each group, to the nearest whole block;
 * earlier blocks win a tie.
 */
export function pruneTensors(
  tensors: ReadonlyMap<string, FloatTensor>,
  groups: readonly (readonly string[])[],
  keep: readonly number[],
  { block = 1, scoreOf }: Choice = {},
): Map<string, FloatTensor> {
  const pruned = new Map(tensors);
  const by = scoreOf ? "value" : "magnitude";
  groups.forEach((names, i) => {
    const given = names.map((name) => tensors.get(name) ?? floatTensor([0], new Float32Array(0)));
    const ranked = names.map((name, k): RankedBlocks => {
      const { shape = [], data = new Float32Array(0) } = given[k] ?? {};
      if (scoreOf) return { ...matrixOf(shape), height: block, ranks: scoreOf(name) };
      return rankedBlocks(shape, data, block, by);
    });
    const copies = given.map(({ data }) => data.slice());
    fillBelow(ranked, copies, keep[i] ?? 0, { by, fill: 0 });
    names.forEach((name, k) => {
      const data = copies[k];
      if (data) pruned.set(name, floatTensor(tensors.get(name)?.shape ?? [0], data));
    });
  });
  return pruned;
}

/** The tensors pruned to a sparsity at once, each group for itself, as `pruneTensors` does it. */
export function pruneAtOnce(
  tensors: ReadonlyMap<string, FloatTensor>,
  groups: readonly (readonly string[])[],
  sparsity: number,
  choice?: Choice,
): Map<string, FloatTensor> {
  const keep = groups.map((names) => kept(weightsIn(tensors, names), sparsity));
  return pruneTensors(tensors, groups, keep, choice);
}

/** Groups that share a threshold: all matrices together, or each for itself. */
export function groupsOf(names: readonly string[], ranking: "global" | "matrix"): string[][] {
  return ranking === "global" ? [[...names]] : names.map((name) => [name]);
}
