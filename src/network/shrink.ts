/**
 * Units that really leave a network: heads, neurons and whole modules go with their rows and columns, and what is left is
 * smaller and faster with no mask anywhere.
 *
 *   D hidden   A features of one head   F neurons
 *
 *   a head     A rows of query, key and value and of their biases, A columns of the attention output
 *   a neuron   a row of the intermediate matrix and of its bias, a column of the output matrix
 *   a module   all of its units and its output bias too: x → LayerNorm(x) remains
 *
 * A module that loses every unit one by one keeps its output bias, as the same network with all gates at 0 has it.
 * Promise: what stays is bit for bit what it was, and masks are cut as their tensors are. Only a row in 8 bits that loses its
 * largest weight gets new levels, as it has a new scale. Not here: which units to drop.
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import type { LayerConfig } from "../bert/config.ts";
import { biasOf, type LayerNames, layerNames, weightOf } from "../bert/names.ts";
import type { Network } from "./network.ts";
import { withQuantized } from "./quantized.ts";

/** What stays of a module: all of it, nothing at all, or the units marked true and the output bias. */
export type Kept = "all" | "none" | readonly boolean[];

/** What stays of a layer. */
export interface LayerUnits {
  /** Per head. */
  readonly heads: Kept;
  /** Per neuron. */
  readonly neurons: Kept;
}

/** A layer that loses nothing. */
export const WHOLE: LayerUnits = { heads: "all", neurons: "all" };

/** Numbers of the units that stay, of `count`. */
export function listKept(kept: Kept, count: number): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (kept === "all") return all;
  return kept === "none" ? [] : all.filter((i) => kept[i]);
}

/** The sizes of a layer with its units gone. */
export function shrunkLayer(layer: LayerConfig, { heads, neurons }: LayerUnits): LayerConfig {
  const kept = listKept(heads, layer.heads);
  return {
    ...layer,
    ...(layer.places === undefined
      ? {}
      : { places: kept.map((head) => requireItem(layer.places ?? [], head, "places")) }),
    heads: kept.length,
    ffn: listKept(neurons, layer.ffn).length,
  };
}

/**
 * The network with only the units named, layer by layer.
 *
 * @throws {InputError} `shrink/units` when the units are not those of the network's layers; `shrink/shared` when layers that
 *   share their tensors are to keep different ones
 * @example keepUnits(network, [{ heads: [true, false], neurons: "all" }, { heads: "none", neurons: "all" }]);
 */
export function keepUnits(network: Network, units: readonly LayerUnits[]): Network {
  const { config } = network;
  checkUnits(config.layers, units);
  checkShared(config.layers, units);
  const tensors = new Map(network.tensors);
  const masks = new Map(network.masks ?? []);
  const shared = new Set<number>();
  config.layers.forEach((layer, i) => {
    if (layer.sharing !== undefined && shared.has(layer.sharing)) return; // cut already, with the layer before
    if (layer.sharing !== undefined) shared.add(layer.sharing);
    for (const [name, cut] of cutsOf(layerNames(layer.sharing ?? i), layer, units[i] ?? WHOLE)) {
      const [tensor, mask] = [network.tensors.get(name), network.masks?.get(name)];
      if (tensor) tensors.set(name, cutTensor(tensor, cut));
      if (!mask) continue;
      const smaller = cutMask(mask, cut);
      if (smaller) masks.set(name, smaller);
      else masks.delete(name);
    }
  });
  const layers = config.layers.map((layer, i) => shrunkLayer(layer, units[i] ?? WHOLE));
  const { masks: _, ...rest } = network;
  const shrunk = { ...rest, config: { ...config, layers }, tensors, ...(masks.size > 0 ? { masks } : {}) };
  return config.quantized === undefined ? shrunk : withQuantized(shrunk, config.quantized);
}

function checkUnits(layers: readonly LayerConfig[], units: readonly LayerUnits[]): void {
  const fits = (kept: Kept | undefined, count: number): boolean =>
    typeof kept === "string" || kept?.length === count;
  const wrong = layers.findIndex(
    ({ heads, ffn }, i) => !fits(units[i]?.heads, heads) || !fits(units[i]?.neurons, ffn),
  );
  if (units.length === layers.length && wrong < 0) return;
  const expected = layers.map(({ heads, ffn }) => `${heads} heads and ${ffn} neurons`).join("; ");
  const told = (kept: Kept): number | string => (typeof kept === "string" ? kept : kept.length);
  const got = units.map(({ heads, neurons }) => `${told(heads)} and ${told(neurons)}`).join("; ");
  throw new InputError("shrink/units", `units: expected ${expected}, got ${got}`);
}

/** @throws {InputError} `shrink/shared` */
function checkShared(layers: readonly LayerConfig[], units: readonly LayerUnits[]): void {
  const first = new Map<number, string>();
  layers.forEach(({ sharing }, i) => {
    if (sharing === undefined) return;
    const own = JSON.stringify(units[i]);
    if ((first.get(sharing) ?? own) === own) first.set(sharing, own);
    else
      throw new InputError(
        "shrink/shared",
        `layer ${i}: expected the heads and neurons of the layer whose tensors it shares, got others`,
      );
  });
}

/** What becomes of one tensor: rows or columns that stay, or zeros. */
type Cut = { readonly axis: "rows" | "columns"; readonly kept: readonly number[] } | "zeros";

/** The tensors of a layer that change, with their cuts. */
function cutsOf(names: LayerNames, layer: LayerConfig, { heads, neurons }: LayerUnits): Map<string, Cut> {
  const { headSize } = layer;
  const features = listKept(heads, layer.heads).flatMap((head) =>
    Array.from({ length: headSize }, (_, a) => head * headSize + a),
  );
  return new Map([
    ...moduleCuts([names.query, names.key, names.value], names.attentionOutput, heads, features),
    ...moduleCuts([names.intermediate, names.gate], names.output, neurons, listKept(neurons, layer.ffn)),
  ]);
}

/** A module's: rows of what goes in, columns of what comes out. */
function moduleCuts(
  ins: readonly string[],
  out: string,
  units: Kept,
  kept: readonly number[],
): [string, Cut][] {
  if (units === "all") return [];
  const rows = ins.flatMap((module): [string, Cut][] => [
    [weightOf(module), { axis: "rows", kept }],
    [biasOf(module), { axis: "rows", kept }],
  ]);
  const bias: [string, Cut][] = units === "none" ? [[biasOf(out), "zeros"]] : [];
  return [...rows, [weightOf(out), { axis: "columns", kept }], ...bias];
}

function cutTensor({ shape, data }: FloatTensor, cut: Cut): FloatTensor {
  if (cut === "zeros") return floatTensor(shape, new Float32Array(data.length));
  const places = placesOf(shape, cut);
  return floatTensor(
    cutShape(shape, cut),
    Float32Array.from(places, (i) => data[i] ?? 0),
  );
}

/** Undefined where no mask is left: of an empty tensor, or of one that was never pruned weight by weight. */
function cutMask({ shape, data }: Tensor<"uint8">, cut: Cut): Tensor<"uint8"> | undefined {
  if (cut === "zeros" || cut.kept.length === 0) return undefined;
  const places = placesOf(shape, cut);
  return {
    dtype: "uint8",
    shape: cutShape(shape, cut),
    data: Uint8Array.from(places, (i) => data[i] ?? 0),
  };
}

function cutShape(shape: readonly number[], { axis, kept }: Exclude<Cut, string>): number[] {
  return axis === "rows" ? [kept.length, ...shape.slice(1)] : [...shape.slice(0, -1), kept.length];
}

/** Flat positions of what stays, row by row. */
function placesOf(shape: readonly number[], { axis, kept }: Exclude<Cut, string>): Int32Array {
  const [height = 1, width = 1] = shape; // of a vector the numbers are rows
  const rows = axis === "rows" ? kept : Array.from({ length: height }, (_, i) => i);
  const columns = axis === "columns" ? kept : Array.from({ length: width }, (_, i) => i);
  const places = new Int32Array(rows.length * columns.length);
  let next = 0;
  for (const row of rows) for (const column of columns) places[next++] = row * width + column;
  return places;
}
