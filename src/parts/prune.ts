/** Pruning tensors: which weights stay, by size or by a score, and what is left as a mask. */

import { type BlockShape, fillBelow, matrixOf, type RankedBlocks, rankedBlocks } from "../base/blocks.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { countNonzero, type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import { weightsIn } from "./matrices.ts";
import { countKept } from "./ramp.ts";

/** Weights that are exactly 0. */
export function zerosIn(tensors: ReadonlyMap<string, FloatTensor>, names: readonly string[]): number {
  return names.reduce((n, name) => {
    const { data } = requireEntry(tensors, name, "tensor");
    return n + data.length - countNonzero(data);
  }, 0);
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

/** How weights are chosen: a number for each block of a tensor, and the shape of a block. */
export interface Choice {
  readonly block?: BlockShape;
  /** One for each block, row after row of blocks; default the sum of the weights' sizes. */
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
  { block = "1", scoreOf }: Choice = {},
): Map<string, FloatTensor> {
  const pruned = new Map(tensors);
  const by = scoreOf ? "value" : "magnitude";
  groups.forEach((names, i) => {
    const given = names.map((name) => ({ name, ...requireEntry(tensors, name, "tensor") }));
    const ranked = given.map(({ name, shape, data }): RankedBlocks => {
      if (scoreOf) return { ...matrixOf(shape), block, ranks: scoreOf(name) };
      return rankedBlocks(shape, data, block, by);
    });
    const copies = given.map(({ name, shape, data }) => ({ name, shape, data: data.slice() }));
    const into = copies.map(({ data }) => data);
    fillBelow(ranked, into, requireItem(keep, i, "weights to keep"), { by, fill: 0 });
    for (const { name, shape, data } of copies) pruned.set(name, floatTensor(shape, data));
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
  const keep = groups.map((names) => countKept(weightsIn(tensors, names), sparsity));
  return pruneTensors(tensors, groups, keep, choice);
}

/** Groups that share a threshold: all matrices together, or each for itself. */
export function groupsOf(names: readonly string[], ranking: "global" | "matrix"): string[][] {
  return ranking === "global" ? [[...names]] : names.map((name) => [name]);
}
