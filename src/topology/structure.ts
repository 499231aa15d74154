/**
 * What is left of a network, as the analyses see it: the matrices of the encoder and its embedding tables, each as bits.
 *
 * An entry is there when the network's mask keeps it, or, without a mask, when its weight is not 0. The head is no part of
 * the study: it belongs to the task. Not here: any analysis.
 */

import { requireEntry, requireItem } from "../base/present.ts";
import type { BertConfig } from "../bert/config.ts";
import { EMBEDDINGS, layerNames, weightOf } from "../bert/names.ts";
import type { Network } from "../network/network.ts";
import { type BitMatrix, bitsOf } from "./bits.ts";

/** The kinds of matrices, in the order of the forward pass. */
export const COMPONENTS = [
  "embeddings",
  "query",
  "key",
  "value",
  "attention output",
  "intermediate",
  "output",
] as const;
export type Component = (typeof COMPONENTS)[number];

/** One matrix: its row o has the inputs of output o. Of a table a row is a word piece, and its columns are hidden units. */
export interface Matrix {
  readonly name: string;
  readonly component: Component;
  /** From 0; null for embeddings. */
  readonly layer: number | null;
  readonly bits: BitMatrix;
}

/** The matrices of a network. Two are comparable when their configurations are. */
export interface Structure {
  readonly config: BertConfig;
  readonly matrices: readonly Matrix[];
}

/** Looks at every matrix once. */
export function structureOf({ config, tensors, masks }: Network): Structure {
  const matrices = placesOf(config).map(({ name, component, layer }): Matrix => {
    const { shape, data } = requireEntry(tensors, name, "tensor");
    const [rows, columns] = [requireItem(shape, 0, name), requireItem(shape, 1, name)];
    return { name, component, layer, bits: bitsOf(masks?.get(name)?.data ?? data, rows, columns) };
  });
  return { config, matrices };
}

/** The matrices of a configuration by name, embeddings first, then layer by layer. */
export function placesOf({ layers }: Pick<BertConfig, "layers">): Omit<Matrix, "bits">[] {
  const { words, positions, types } = EMBEDDINGS;
  const tables = [words, positions, types].map((name) => ({
    name,
    component: "embeddings" as const,
    layer: null,
  }));
  return [
    ...tables,
    ...layers.flatMap((_, layer) => {
      const names = layerNames(layer);
      const of = (component: Component, module: string) => ({ name: weightOf(module), component, layer });
      return [
        of("query", names.query),
        of("key", names.key),
        of("value", names.value),
        of("attention output", names.attentionOutput),
        of("intermediate", names.intermediate),
        of("output", names.output),
      ];
    }),
  ];
}
