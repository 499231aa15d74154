/**
 * How much of a model's weight matrices a compression removed, under each denominator that papers use.
 *
 * A weight counts as removed when it is exactly zero, or when its whole matrix, layer, head or neuron is gone. Biases
 * and LayerNorm are in no denominator: nobody prunes them. Neither are pooler and classifier.
 */

import { EMBEDDINGS, parameters } from "../bert/names.ts";
import { anAmount, type JsonShape, record } from "../formats/json-shape.ts";
import type { Network } from "../network/network.ts";

/** Removed shares, from 0 to 1. */
export interface Removed {
  /** Of the weight matrices of all layers: the denominator of SparseBERT, movement pruning and most others. */
  readonly encoder: number;
  /** Of those and the embedding tables: the denominator of Adapting by Pruning. */
  readonly all: number;
}

/** Shape of `Removed`, for the file beside a job's result. */
export const REMOVED: JsonShape<Removed> = record<Removed>({ encoder: anAmount, all: anAmount });

/** What `product` lacks of `original`, which it was made from. */
export function countRemoved(
  original: Pick<Network, "config" | "head">,
  product: Pick<Network, "config" | "head" | "tensors">,
): Removed {
  const [full, left] = [
    { layers: 0, tables: 0 },
    { layers: 0, tables: 0 },
  ];
  for (const [name, shape] of parameters(original.config, original.head)) {
    const part = partOf(name, shape);
    if (part !== undefined) full[part] += shape.reduce((a, b) => a * b, 1);
  }
  for (const [name, shape] of parameters(product.config, product.head)) {
    const part = partOf(name, shape);
    if (part !== undefined) left[part] += nonzero(product.tensors.get(name)?.data);
  }
  const share = (kept: number, of: number) => (of === 0 ? 0 : 1 - kept / of);
  return {
    encoder: share(left.layers, full.layers),
    all: share(left.layers + left.tables, full.layers + full.tables),
  };
}

const TABLES: readonly string[] = [EMBEDDINGS.words, EMBEDDINGS.positions, EMBEDDINGS.types];

function partOf(name: string, shape: readonly number[]): "layers" | "tables" | undefined {
  if (TABLES.includes(name)) return "tables";
  return name.startsWith("bert.encoder.layer.") && shape.length === 2 ? "layers" : undefined;
}

function nonzero(data: Float32Array | undefined): number {
  return data?.reduce((count, value) => count + Number(value !== 0), 0) ?? 0;
}
