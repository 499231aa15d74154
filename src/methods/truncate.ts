/**
 * Truncation: keep the first layers of the pre-trained encoder, drop the others, fine-tune what is left.
 *
 *   From   the baseline "fine-tuning" of Xu et al., EMNLP 2020, experiments · https://arxiv.org/abs/2002.02925; of bottom, top
 *          and interleaved layers they found the bottom ones best, so those are kept
 *
 * Departures: none. Not here: distillation into the truncated encoder.
 */

import { ConfigError } from "../base/errors.ts";
import type { FloatTensor } from "../base/tensor.ts";
import { layerStem } from "../bert/names.ts";
import { SKIP } from "../bert/sites.ts";
import { withLayers } from "../network/layers.ts";
import type { Network } from "../network/network.ts";
import type { Method, MethodState } from "./method.ts";

export interface TruncateConfig {
  readonly layers: number;
}

interface TruncateState extends MethodState {
  readonly layers: number;
}

const LAYER = /^bert\.encoder\.layer\.(\d+)\./;

/** Whether a tensor belongs to what is kept: the first `layers` layers, and everything that is in no layer. */
function isKept(name: string, layers: number): boolean {
  return Number(LAYER.exec(name)?.[1] ?? -1) < layers;
}

/** The first n layers of a network as a network of its own, with the given tensors. */
export function truncated(network: Network, layers: number, tensors = network.tensors): Network {
  const { layers: all } = network.config;
  const top = all.length - layers;
  const kept = all.slice(0, layers).map((layer, i) => ({
    layer,
    stem: layerStem(i),
    spans: i === layers - 1 ? 1 + top : 1, // the dropped ones hand on what the last one gave
  }));
  return withLayers(network, kept, tensors);
}

function init({ config }: Network, { layers }: TruncateConfig): TruncateState {
  const depth = config.layers.length;
  if (!(Number.isInteger(layers) && layers >= 1 && layers <= depth)) {
    throw new ConfigError("truncate/layers", `truncate: expected 1 to ${depth} layers, got ${layers}`);
  }
  return { layers, tensors: new Map<string, FloatTensor>() };
}

export const TRUNCATE: Method<TruncateConfig, TruncateState> = {
  id: "truncate",
  summary: "Keep the first layers of the pre-trained model and fine-tune them.",
  paper: undefined,
  from: "pre-trained",
  config: { layers: { default: 3, help: "layers kept, counted from the bottom" } },
  init,
  trains: ({ layers }, name) => isKept(name, layers),
  sites: ({ layers }) => ({ layer: (i, run) => (i < layers ? run : SKIP) }),
  finish: (network, { layers }, tensors) => truncated(network, layers, tensors),
};
