/**
 * How deep in a network a tensor lies, and what a run may make of it for any method: parts that are not trained, and
 * rates that fall from layer to layer.
 *
 *   depth 0        embeddings
 *   depth 1 … L    layers, from the one above the embeddings
 *   depth L + 1    what reads the last layer: pooler or mixture, and the classifier
 *
 * Layers that share their weights, as ALBERT's do, have no depth: what asks for one is refused.
 *
 * A rate is times decay^(L + 1 − depth), as BEiT has it (Bao et al., 2022, its code), and Clark et al., 2020 (ELECTRA,
 * §3.1) but for one power: there the last layer has two. What a method adds to a network, its scores and gates,
 * has no depth and moves as the method says.
 *
 * A frozen weight is one that gradients do not move. What a method takes away it takes from frozen parts too, and such a
 * weight is then kept with every checkpoint. Not here: any method.
 */

import { ConfigError } from "../base/errors.ts";
import { counted } from "../base/quantity.ts";
import { isEmbedding, isEncoder, layerStem } from "../bert/names.ts";
import type { Network } from "../network/network.ts";
import type { BoundMethod } from "./method.ts";

/** What a run asks of depth. */
export interface DepthSettings {
  /** The embeddings; the embeddings and so many layers; or all below the head. */
  readonly freeze?: number | "embeddings" | "encoder" | undefined;
  /** Times the rate of a layer is that of the one below. */
  readonly layerDecay?: number | undefined;
}

/** The method as a run trains it. @throws {ConfigError} `freeze/layers`, `freeze/all`, `freeze/shared`, `layer-decay/none`, `layer-decay/shared`, `method/nothing` */
export function withDepth(method: BoundMethod, settings: DepthSettings): BoundMethod {
  const { id, network, tensors } = method;
  if (![...network.tensors.keys(), ...tensors.keys()].some(method.trains)) {
    throw new ConfigError(
      "method/nothing",
      `method: expected one that trains something of this model, got ${id}, which trains a head alone, and there is none`,
    );
  }
  return withDecay(withFrozen(method, settings), settings);
}

/** The depth of a tensor of a network with so many layers. */
export function depthOf(name: string, layers: number): number {
  if (isEmbedding(name)) return 0;
  for (let i = 0; i < layers; i++) if (name.startsWith(`${layerStem(i)}.`)) return i + 1;
  // A LayerNorm behind the last layer.
  return isEncoder(name) ? layers : layers + 1;
}

/** Whether two layers have the same weights, as ALBERT's do: such have no depth. */
function sharesLayers({ config: { layers } }: Network): boolean {
  return new Set(layers.map(({ sharing }, i) => sharing ?? i)).size < layers.length;
}

function withFrozen(method: BoundMethod, { freeze }: DepthSettings): BoundMethod {
  if (freeze === undefined) return method;
  const { network, id } = method;
  const layers = network.config.layers.length;
  const deepest = freeze === "embeddings" ? 0 : freeze === "encoder" ? layers : freeze;
  if (deepest > layers) {
    const has = `which the model that ${id} trains has`;
    throw new ConfigError(
      "freeze/layers",
      `freeze: expected at most ${counted(layers, "layer")}, ${has}, got ${deepest}`,
    );
  }
  if (deepest > 0 && deepest < layers && sharesLayers(network)) {
    throw new ConfigError(
      "freeze/shared",
      `freeze: expected embeddings or encoder for a model whose layers share their weights, got ${deepest}`,
    );
  }
  const isFrozen = (name: string): boolean => network.tensors.has(name) && depthOf(name, layers) <= deepest;
  const trains = (name: string): boolean => method.trains(name) && !isFrozen(name);
  if (![...network.tensors.keys(), ...method.tensors.keys()].some(trains)) {
    throw new ConfigError("freeze/all", `freeze: expected something that ${id} trains above it, got nothing`);
  }
  return {
    ...method,
    trains,
    // Host work may prune them.
    keeps: (name) =>
      method.keeps(name) || (method.host !== undefined && method.trains(name) && isFrozen(name)),
  };
}

function withDecay(method: BoundMethod, { layerDecay = 1 }: DepthSettings): BoundMethod {
  if (layerDecay === 1) return method;
  const { network, id } = method;
  const layers = network.config.layers.length;
  if (sharesLayers(network)) {
    throw new ConfigError(
      "layer-decay/shared",
      `layerDecay: expected 1 for a model whose layers share their weights, which have no depth, got ${layerDecay}`,
    );
  }
  const has = [...network.tensors.keys()].some(
    (name) => depthOf(name, layers) <= layers && method.trains(name),
  );
  if (!has) {
    const message = `layerDecay: expected a method that trains layers of the model, got ${id}, which trains none of them`;
    throw new ConfigError("layer-decay/none", message);
  }
  return {
    ...method,
    rule: (name) => {
      const rule = method.rule(name);
      const below = layers + 1 - depthOf(name, layers);
      if (below === 0 || !network.tensors.has(name)) return rule;
      return { kind: "adamw", ...rule, factor: (rule?.factor ?? 1) * layerDecay ** below };
    },
  };
}
