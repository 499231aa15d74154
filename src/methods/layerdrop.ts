/**
 * LayerDrop: train with layers left out at random, so that the network can do without some of them afterwards.
 *
 *   Paper    Fan, Grave & Joulin, ICLR 2020 · https://arxiv.org/abs/1909.11556
 *   From     the pre-trained encoder of L layers
 *   To       a dense encoder of n of them, evenly spaced ("every other" for n = L/2, §3.2.2)
 *   Learns   all weights
 *
 *   paper       here
 *   p           rate       chance that a layer is left out in a step (§3.2)
 *   p*          ratio      1 − n/L, what is left out of the product
 *
 * A layer that is left out is the identity: out = x + r·(layer(x) − x), with r = 0 or 1 fed for each layer and step. So
 * one graph serves all 2^L choices, where a graph for each would have to be compiled again and again; the price is that
 * a layer that is left out is computed all the same.
 *
 * Departures: the paper also trains with LayerDrop while pre-training; here it begins with fine-tuning. A layer left
 * out has a gradient of 0 in that step, and the optimizer's moments decay as for any gradient. A draw is a function of
 * (key, step), one for all texts of a step. Evaluation is of the product, without the layers it will not have.
 */

import { fold, type Key, uniform } from "../base/random.ts";
import { type LayerFn, type Sites, SKIP } from "../bert/sites.ts";
import type { Method, MethodState, Tools } from "../contract/method.ts";
import { reshape } from "../graph/ops/broadcast.ts";
import { add, mul, sub } from "../graph/ops/elementwise.ts";
import { take } from "../graph/ops/select.ts";
import { at } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { checkRange } from "../parts/checks.ts";
import { HALF, HALF_HELP, layersOf, shallower, takeLayers } from "../parts/students.ts";

export interface LayerDropConfig {
  readonly layers: number;
  readonly rate: number;
}

interface LayerDropState extends MethodState {
  readonly config: LayerDropConfig;
  /** L. */
  readonly depth: number;
  readonly key: Key;
}

/** §3.2: each layer runs with probability 1 − p, drawn for itself. */
export function drawLayers(depth: number, rate: number, key: Key): boolean[] {
  return Array.from({ length: depth }, (_, i) => uniform(fold(key, i)) >= rate);
}

/** Name of the number that says whether a layer runs. */
function runs(layer: number): string {
  return `layer.${layer}`;
}

/** x + r·(layer(x) − x), for the tokens that are asked for. */
function gateLayer(run: LayerFn, r: Value): LayerFn {
  return (x, tokens) => {
    // A batch is [B, T] by these names; its rows here are [N, D].
    const asked = tokens === "first" ? take(reshape(x, ["B", "T", at(x.shape, 1)]), 1, 0) : x;
    return add(asked, mul(sub(run(x, tokens), asked), r));
  };
}

function sites({ config, depth }: LayerDropState, structure: string, { scalar }: Tools): Sites {
  if (structure === "all") return { layer: (i, run) => gateLayer(run, scalar(runs(i))) };
  const kept = takeLayers("even", config.layers, depth);
  return { layer: (i, run) => (kept.includes(i) ? run : SKIP) };
}

export const LAYERDROP: Method<LayerDropConfig, LayerDropState> = {
  id: "layerdrop",
  summary: "Fine-tune with layers left out at random, then keep evenly spaced ones.",
  paper: {
    title: "Reducing Transformer Depth on Demand with Structured Dropout",
    authors: "Angela Fan, Edouard Grave, Armand Joulin",
    venue: "ICLR 2020",
    url: "https://arxiv.org/abs/1909.11556",
  },
  from: "pre-trained",
  config: {
    layers: { default: HALF, help: `layers of the product, evenly spaced (§3.3; ${HALF_HELP})` },
    rate: { default: 0.2, help: "p: chance that a layer is left out in a step, below 1 (§4)" },
  },
  init: (network, config, { key }) => {
    const layers = layersOf("layerdrop", config.layers, network);
    checkRange("layerdrop", "rate", config.rate, { from: 0, below: 1 });
    return { tensors: new Map(), config: { ...config, layers }, depth: network.config.layers.length, key };
  },
  trains: () => true,
  scalars: ({ depth, config, key }, step) => {
    const drawn = drawLayers(depth, config.rate, fold(fold(key, "layers"), step));
    return Object.fromEntries(drawn.map((run, i) => [runs(i), run ? 1 : 0]));
  },
  structure: () => "all",
  product: () => "kept",
  sites,
  finish: (network, { config }, tensors) => shallower(network, config.layers, "even", tensors),
};
