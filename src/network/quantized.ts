/**
 * A network some of whose layers compute in 8 bits (bert/quantized.ts), kept true to what it says of itself.
 *
 * Promise: the weights of such a layer are on the levels of their rows (base/levels.ts), or the network is refused. Not
 * here: choosing layers and levels.
 */

import { FormatError } from "../base/errors.ts";
import { findOffLevel, roundToLevels } from "../base/levels.ts";
import { requireEntry } from "../base/present.ts";
import type { BertConfig } from "../bert/config.ts";
import { weightOf } from "../bert/names.ts";
import { linearModules, type QuantizedLayers } from "../bert/quantized.ts";
import type { Network } from "./network.ts";

/** The configuration with these layers in 8 bits; those that it has no weights for are left out. */
export function configWith(config: BertConfig, quantized: QuantizedLayers): BertConfig {
  const { quantized: _, ...rest } = config;
  const there = linearModules(config.layers).flatMap((name) => {
    const layer = quantized.get(name);
    return layer === undefined ? [] : [[name, layer] as const];
  });
  return there.length === 0 ? rest : { ...rest, quantized: new Map(there) };
}

/** The network with these layers in 8 bits, their weights rounded; the others compute in float32. */
export function withQuantized(network: Network, quantized: QuantizedLayers): Network {
  const config = configWith(network.config, quantized);
  const tensors = new Map(network.tensors);
  for (const module of config.quantized?.keys() ?? []) {
    const name = weightOf(module);
    tensors.set(name, roundToLevels(requireEntry(network.tensors, name, "tensor")));
  }
  return { ...network, config, tensors };
}

/** The same numbers, with every layer in float32; the very same network where that is so already. */
export function inFloat(network: Network): Network {
  if (network.config.quantized === undefined) return network;
  return { ...network, config: configWith(network.config, new Map()) };
}

/** @throws {FormatError} `folder/quantized` for a layer in 8 bits whose weights are not on levels */
export function checkLevels({ config, tensors }: Pick<Network, "config" | "tensors">, where: string): void {
  for (const module of config.quantized?.keys() ?? []) {
    const name = weightOf(module);
    const row = findOffLevel(requireEntry(tensors, name, "tensor"));
    if (row < 0) continue;
    const expected = "levels of 8 bits, as espalier.quantized says";
    throw new FormatError(
      "folder/quantized",
      `tensor ${name}: expected ${expected}, got others in row ${row} (${where})`,
    );
  }
}
