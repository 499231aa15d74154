/**
 * A network with other layers than it had: fewer of its own, or some that a method has trained beside them.
 *
 * Promise: what is kept is shared, not copied; a head that reads a mixture of the layers still gives each state the
 * share it had. Not here: which layers to take (methods/), layers made smaller.
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import { type BertConfig, factsOf, type LayerConfig } from "../bert/config.ts";
import { mixtureOf, optionalParameters, parameters, weightOf } from "../bert/names.ts";
import { linearModules, type QuantizedLayer } from "../bert/quantized.ts";
import type { Network } from "./network.ts";
import { configWith } from "./quantized.ts";

/** Where a layer of the new network comes from. */
export interface LayerSource {
  readonly layer: LayerConfig;
  /** What the names of its tensors begin with, such as `bert.encoder.layer.3`. */
  readonly stem: string;
  /** How many layers of the old network it stands for. All of them together are the old network's. */
  readonly spans: number;
}

/** The number in a tensor's name. */
const LAYER = /^bert\.encoder\.layer\.(\d+)(?=\.)/;

/**
 * The network whose layers are `sources`, from bottom to top, under the checkpoint's names.
 *
 * @throws {InputError} `layers/shared` for an encoder whose layers share their tensors otherwise than all of them
 * @param tensors  the sources' tensors, and new values of any other; what is not there stays as it is. A mask stays where
 *   its tensor is the very same.
 */
export function withLayers(
  network: Network,
  sources: readonly LayerSource[],
  tensors: ReadonlyMap<string, FloatTensor> = network.tensors,
): Network {
  const { head, vocabulary, tensors: old } = network;
  const isShared = checkShared(network.config, sources);
  const config = configOf(network, sources, tensors);
  const [taken, masks] = [new Map<string, FloatTensor>(), new Map<string, Tensor<"uint8">>()];
  for (const name of [...parameters(config, head).keys(), ...optionalParameters(config, head).keys()]) {
    const source = isShared ? name : name.replace(LAYER, (stem, i) => sources[Number(i)]?.stem ?? stem);
    const tensor = tensors.get(source) ?? old.get(source);
    if (tensor === undefined) continue;
    taken.set(name, mixtureOf(name) !== undefined ? mergeShares(tensor, sources) : tensor);
    const mask = network.masks?.get(source);
    if (mask !== undefined && taken.get(name) === old.get(source)) masks.set(name, mask);
  }
  return { config, head, tensors: taken, vocabulary, ...(masks.size > 0 ? { masks } : {}) };
}

/**
 * Whether layers share their tensors. Fewer that all share one layer's are fewer runs of it.
 * @throws {InputError} `layers/shared` for others, and for layers of a method's own
 */
function checkShared(config: BertConfig, sources: readonly LayerSource[]): boolean {
  const groups = new Set(config.layers.map(({ sharing }) => sharing));
  if (groups.has(undefined)) return false;
  const isOwn = sources.every(({ layer, stem }) => groups.has(layer.sharing) && LAYER.test(`${stem}.`));
  if (groups.size === 1 && isOwn) return true;
  throw new InputError(
    "layers/shared",
    `network: expected layers that all share one layer's tensors, or layers of their own, got others of ${factsOf(config).type}`,
  );
}

/** The configuration of these layers. A module stays in 8 bits where its weights are the very same. */
function configOf(
  { config, tensors: old }: Network,
  sources: readonly LayerSource[],
  tensors: ReadonlyMap<string, FloatTensor>,
): BertConfig {
  const layers = sources.map(({ layer }) => layer);
  const quantized = linearModules(layers).flatMap((module): [string, QuantizedLayer][] => {
    const source = module.replace(LAYER, (stem, i) => sources[Number(i)]?.stem ?? stem);
    const layer = config.quantized?.get(source);
    const name = weightOf(source);
    return layer !== undefined && (tensors.get(name) ?? old.get(name)) === old.get(name)
      ? [[module, layer]]
      : [];
  });
  return configWith({ ...config, layers }, new Map(quantized));
}

/** A mixture's weights for fewer layers: log Σ exp over those that became one, so that softmax adds up their shares. */
function mergeShares({ data }: FloatTensor, sources: readonly LayerSource[]): FloatTensor {
  let start = 0;
  const merged = sources.map(({ spans }) => {
    const group = data.subarray(start, start + spans);
    start += spans;
    return spans === 1
      ? requireItem(group, 0, "weights of the mixture")
      : Math.log(group.reduce((sum, w) => sum + Math.exp(w), 0));
  });
  return floatTensor([sources.length], Float32Array.from(merged));
}
