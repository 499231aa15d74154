/**
 * Which weights a method prunes, by the checkpoint's names. Papers differ in this, and so in what a sparsity is a share
 * of: a sparsity is never told without its scope.
 */

import { requireEntry } from "../base/present.ts";
import type { FloatTensor } from "../base/tensor.ts";
import { POOLER, weightOf } from "../bert/names.ts";

/**
 * encoder: the six matrices of each layer. encoder+pooler: Chen et al. 2020. all: the embedding tables too, as in
 * Adapting by Pruning. Biases, LayerNorm and the head are in none of them.
 */
export const SCOPES = ["encoder", "encoder+pooler", "all"] as const;
export type Scope = (typeof SCOPES)[number];

const ENCODER =
  /^bert\.encoder\.layer\.\d+\.(attention\.self\.(query|key|value)|attention\.output\.dense|intermediate\.(dense|gate)|output\.dense)\.weight$/;
const TABLE = /^bert\.embeddings\.\w+_embeddings\.weight$/;

/** Names of the matrices of a scope, in the network's order. */
export function matricesIn(tensors: ReadonlyMap<string, FloatTensor>, scope: Scope): string[] {
  return [...tensors.keys()].filter(
    (name) =>
      ENCODER.test(name) ||
      (scope === "encoder+pooler" && name === weightOf(POOLER)) ||
      (scope === "all" && TABLE.test(name)),
  );
}

/** Number of weights in tensors. */
export function weightsIn(tensors: ReadonlyMap<string, FloatTensor>, names: readonly string[]): number {
  return names.reduce((n, name) => n + requireEntry(tensors, name, "tensor").data.length, 0);
}

/** Whether a tensor is an embedding table: movement pruning and what was compared with it leave those as they are. */
export function isTable(name: string): boolean {
  return TABLE.test(name);
}
