/**
 * Shallower networks from a deeper one, by taking some of its layers: where most students start, and what a network
 * trained to do without some of its layers becomes.
 *
 * Promise: tensors are shared, not copied. Not here: which method takes which layers.
 */

import { ConfigError } from "../base/errors.ts";
import { layerStem } from "../bert/names.ts";
import { type LayerSource, withLayers } from "../network/layers.ts";
import type { Network } from "../network/network.ts";

/** How a student's layers are taken from a deeper network: from the bottom, or spread over it. */
export const TAKES = ["first", "even"] as const;
export type Take = (typeof TAKES)[number];

/** What a setting of a number of layers stands at: the network's own number decides. */
export const HALF = 0;

/** What a help text says of `HALF`. */
export const HALF_HELP = "0: half of the model's";

/**
 * Layers of a student: as asked, or half of the network's.
 *
 * @throws {ConfigError} `ID/layers` when the network cannot be cut to as many
 */
export function layersOf(id: string, asked: number, { config }: Network, least = 1): number {
  const depth = config.layers.length;
  if (asked === HALF && depth <= least) {
    throw new ConfigError(
      `${id}/layers`,
      `${id}: expected a model of more than ${least === 1 ? "one layer" : `${least} layers`}, of which some can go, got one of ${depth}`,
    );
  }
  const layers = asked === HALF ? Math.max(least, Math.floor(depth / 2)) : asked;
  if (Number.isInteger(layers) && layers >= least && layers <= depth) return layers;
  const expected = `${least} to ${depth} layers, or 0 for half of them`;
  throw new ConfigError(`${id}/layers`, `${id}: expected ${expected}, got ${asked}`);
}

/** Numbers of the layers taken, from 0: 0 to n − 1, or ⌊i·L/n⌋, which for half of the layers is every other one. */
export function takeLayers(take: Take, layers: number, depth: number): number[] {
  return Array.from({ length: layers }, (_, i) => (take === "first" ? i : Math.floor((i * depth) / layers)));
}

/**
 * A network of `layers` of another's layers.
 *
 * @param tensors  new values of the other's tensors
 */
export function shallower(network: Network, layers: number, take: Take, tensors = network.tensors): Network {
  const all = network.config.layers;
  const taken = takeLayers(take, layers, all.length);
  const sources = taken.flatMap((number, i): LayerSource[] => {
    const layer = all[number];
    // A dropped layer hands on what the last one kept below it gave.
    const spans = (taken[i + 1] ?? all.length) - number;
    return layer ? [{ layer, stem: layerStem(number), spans }] : [];
  });
  return withLayers(network, sources, tensors);
}
