/**
 * What is left of a network, as the analyses see it: the matrices of the encoder and its embedding tables, each as bits.
 *
 * An entry is there when the network's mask keeps it, or, without a mask, when its weight is not 0. The head is no part of
 * the study: it belongs to the task. Analyses of two networks pair their matrices here, and find sums over components
 * and layers here. Not here: any analysis.
 */

import { InputError } from "../base/errors.ts";
import { requireEntry, requireItem, requireValue } from "../base/present.ts";
import type { BertConfig, Head } from "../bert/config.ts";
import type { Reader } from "../bert/facts.ts";
import { EMBEDDINGS, layerNames, parameters, weightOf } from "../bert/names.ts";
import type { Network } from "../network/network.ts";
import { type BitMatrix, bitsOf } from "./bits.ts";

/** The kinds of matrices, in the order of the forward pass. Gated feed-forward modules have one more, `gate`. */
export const COMPONENTS = [
  "embeddings",
  "query",
  "key",
  "value",
  "attention output",
  "intermediate",
  "output",
] as const;
export type Component = (typeof COMPONENTS)[number] | "gate";

/** In few characters, for the columns of a table. */
export const SHORT_NAMES: Readonly<Record<Component, string>> = {
  embeddings: "embeddings",
  query: "query",
  key: "key",
  value: "value",
  "attention output": "att. out",
  intermediate: "interm.",
  gate: "gate",
  output: "output",
};

/** The kinds that a network may have, in their order. */
export function componentsOf(places: readonly Pick<Place, "component">[]): Component[] {
  const found = new Set(places.map(({ component }) => component));
  return COMPONENTS.flatMap((each): Component[] =>
    each === "output" && found.has("gate") ? ["gate", each] : [each],
  );
}

/** Which matrix of a network it is. */
export interface Place {
  readonly name: string;
  readonly component: Component;
  /** From 0; null for embeddings. */
  readonly layer: number | null;
}

/** One matrix: its row o has the inputs of output o. Of a table a row is a word piece, and its columns are hidden units. */
export interface Matrix extends Place {
  readonly bits: BitMatrix;
}

/** The matrices of a network. Two are comparable when their configurations are. */
export interface Structure {
  readonly config: BertConfig;
  /** What the task's head reads: the last layer alone, or every layer. */
  readonly reader: Reader;
  readonly matrices: readonly Matrix[];
}

/** Looks at every matrix once. */
export function structureOf({ config, head, tensors, masks }: Network): Structure {
  const matrices = placesOf(config).map(({ name, component, layer }): Matrix => {
    const { shape, data } = requireEntry(tensors, name, "tensor");
    const [rows, columns] = [requireItem(shape, 0, name), requireItem(shape, 1, name)];
    return { name, component, layer, bits: bitsOf(masks?.get(name)?.data ?? data, rows, columns) };
  });
  return { config, reader: readerOf(head), matrices };
}

/** What masks leave of a network whose weights are gone: a matrix without a mask is whole. */
export function structureOfMasks({
  config,
  head,
  masks,
}: Pick<Network, "config" | "head" | "masks">): Structure {
  const shapes = parameters(config, { kind: "none" });
  const matrices = placesOf(config).map((place): Matrix => {
    const shape = requireEntry(shapes, place.name, "shape");
    const [rows, columns] = [requireItem(shape, 0, place.name), requireItem(shape, 1, place.name)];
    const mask = masks?.get(place.name);
    return { ...place, bits: bitsOf(mask ? mask.data : whole(rows * columns), rows, columns) };
  });
  return { config, reader: readerOf(head), matrices };
}

/** What a head reads; one without a pooler reads the last layer too. */
export function readerOf(head: Head): Reader {
  return ("reader" in head ? head.reader : undefined) ?? "pooler";
}

function whole(size: number): Uint8Array {
  return new Uint8Array(size).fill(1);
}

/**
 * The matrices of a configuration by name, embeddings first, then layer by layer. Those that several layers share are
 * there once, in the first of them.
 */
export function placesOf(config: BertConfig): Place[] {
  const { words, positions, types } = EMBEDDINGS;
  const shapes = parameters(config, { kind: "none" });
  const tables = [words, positions, types]
    .filter((name) => shapes.has(name))
    .map((name) => ({ name, component: "embeddings" as const, layer: null }));
  const seen = new Set<number>();
  return [
    ...tables,
    ...config.layers.flatMap(({ sharing, gated }, layer) => {
      const own = sharing ?? layer;
      if (seen.has(own)) return [];
      seen.add(own);
      const names = layerNames(own);
      const of = (component: Component, module: string) => ({ name: weightOf(module), component, layer });
      return [
        of("query", names.query),
        of("key", names.key),
        of("value", names.value),
        of("attention output", names.attentionOutput),
        of("intermediate", names.intermediate),
        ...(gated === true ? [of("gate", names.gate)] : []),
        of("output", names.output),
      ];
    }),
  ];
}

/** The only matrix of a component that a layer computes with, be it shared with other layers or its own. */
export function matrixOf({ config, matrices }: Structure, component: Component, layer: number): BitMatrix {
  const first = requireItem(usersOf(config, layer), 0, "layers");
  const found = matrices.find((matrix) => matrix.component === component && matrix.layer === first);
  return requireValue(found, `${component} of layer ${layer}`).bits;
}

/** The layers that compute with the matrices of a layer: itself, and those that share them. */
export function usersOf({ layers }: BertConfig, layer: number): number[] {
  const own = requireItem(layers, layer, "layers").sharing ?? layer;
  return layers.flatMap(({ sharing }, i) => ((sharing ?? i) === own ? [i] : []));
}

/** The same matrix of two networks. */
export interface Pair extends Place {
  readonly first: BitMatrix;
  readonly second: BitMatrix;
}

/**
 * The matrices of two structures side by side: every comparison begins here.
 * @throws {InputError} `topology/shapes` when a matrix of one is not in the other, or has another shape there
 */
export function pairMatrices(first: Structure, second: Structure): Pair[] {
  const [one, other] = [first.config.layers.length, second.config.layers.length];
  if (one !== other) throw differ(`${one} layers in both`, `${other} in the second`);
  // Layers that share their matrices are as many layers, with fewer matrices.
  const [count, counted] = [first.matrices.length, second.matrices.length];
  if (count !== counted) throw differ(`${count} matrices in both`, `${counted} in the second`);
  return first.matrices.map(({ name, component, layer, bits }, i): Pair => {
    const { name: found, bits: against } = requireItem(second.matrices, i, "matrices");
    if (name !== found) throw differ(`${name} in both`, `${found} in the second`);
    if (bits.rows !== against.rows || bits.columns !== against.columns) {
      const expected = `[${bits.rows}, ${bits.columns}] in both`;
      throw differ(expected, `[${against.rows}, ${against.columns}] in the second (${name})`);
    }
    return { name, component, layer, first: bits, second: against };
  });
}

/** Whether two structures can be compared. */
export function isSameShape(first: Structure, second: Structure): boolean {
  return (
    first.matrices.length === second.matrices.length &&
    first.matrices.every(({ name, bits }, i) => {
      const other = second.matrices[i];
      return other?.name === name && other.bits.rows === bits.rows && other.bits.columns === bits.columns;
    })
  );
}

/** What every comparison of things of different shapes is refused with. */
export function differ(expected: string, got: string): InputError {
  return new InputError("topology/shapes", `two networks: expected ${expected}, got ${got}`);
}

/** What was found of all matrices, and of those of each component, each layer, and each component in a layer. */
export interface Grouped<T> {
  readonly total: T;
  readonly components: readonly (T & { readonly component: Component })[];
  /** Embeddings first, as layer null. */
  readonly layers: readonly (T & { readonly layer: number | null })[];
  /** Each component of each layer: the cells of a heat map. */
  readonly cells: readonly (T & { readonly component: Component; readonly layer: number | null })[];
}

/** Finds the same of every group of matrices. A group without matrices is left out. */
export function groupMatrices<M extends Place, T>(
  matrices: readonly M[],
  find: (group: readonly M[]) => T,
): Grouped<T> {
  const group = <K extends object>(keyOf: (matrix: M) => K): (T & K)[] => {
    const groups = new Map<string, { readonly key: K; readonly own: M[] }>();
    for (const matrix of matrices) {
      const key = keyOf(matrix);
      const known = groups.get(JSON.stringify(key));
      if (known) known.own.push(matrix);
      else groups.set(JSON.stringify(key), { key, own: [matrix] });
    }
    return [...groups.values()].map(({ key, own }) => ({ ...key, ...find(own) }));
  };
  return {
    total: find(matrices),
    components: group(({ component }) => ({ component })),
    layers: group(({ layer }) => ({ layer })),
    cells: group(({ component, layer }) => ({ component, layer })),
  };
}
