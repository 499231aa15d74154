/**
 * Heads and neurons that say the same of every text leave a network; what they say goes into their module's bias.
 *
 *   D hidden   A features of one head   a a feature of a head, or a neuron
 *
 * A feature is dead when its column of the module's last matrix is 0, or when its row of the matrix before is 0: then
 * its level is a constant, for a neuron its activation at its bias, for a head's feature the bias of its value, because
 * attention weights sum to 1. A gated neuron's is a product, and 0 where one factor is. A unit whose features are all dead is gone exactly:
 *
 *   bias[d] += Σ_a output[d, a] · level_a
 *
 * in double precision, rounded once. A module without units left is its bias alone, and costs one addition.
 *
 * Promise: logits within 1e-5 (in layers of 8 bits within what rounding does: a unit's level no longer counts in the range
 * of its token), and bit for bit the same tensors where nothing is dead. Only what is exact is removed:
 * a layer never is, because one with both modules gone still applies its LayerNorm twice, which no smaller layer does.
 * A head has as many features as its neighbours, so dead features of a head that lives stay. Not here: choosing units
 * (methods/), cutting tensors (shrink.ts).
 */

import { erf } from "../base/erf.ts";
import { requireItem, requireValue } from "../base/present.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import type { Activation } from "../bert/facts.ts";
import { biasOf, layerNames, weightOf } from "../bert/names.ts";
import type { Network } from "./network.ts";
import { type Kept, keepUnits, type LayerUnits } from "./shrink.ts";

/** Numbers of what a network is made of. */
export interface UnitCount {
  readonly heads: number;
  readonly neurons: number;
  /** Attention and feed-forward modules with a unit left; two of each layer at most. */
  readonly modules: number;
}

/** One module of a layer: units of `size` features each, between two linear layers. */
interface Module {
  readonly into: string;
  readonly out: string;
  readonly units: number;
  readonly size: number;
  /** The second matrix to gated neurons. */
  readonly gate?: string;
  /** What a feature is when its row is 0. */
  level(bias: number): number;
}

/** What stays of a module, and what the rest says of every text, [D]. */
interface Survey {
  readonly kept: Kept;
  readonly constant: Float64Array;
}

/**
 * The same function without dead heads and neurons; the very same network when there are none.
 *
 * @example withoutDeadUnits(network).config.layers; // each with its own number of heads and neurons
 */
export function withoutDeadUnits(network: Network): Network {
  const { config } = network;
  const [tensors, masks] = [new Map(network.tensors), new Map(network.masks ?? [])];
  const surveyed = new Map<number, LayerUnits>();
  const units = config.layers.map((layer, i): LayerUnits => {
    const known = surveyed.get(layer.sharing ?? i); // layers that share tensors lose the same units, once
    if (known !== undefined) return known;
    const [heads = "all", neurons = "all"] = modulesOf(config, i).map((module): Kept => {
      const { kept, constant } = survey(network, module);
      const name = biasOf(module.out);
      const bias = tensors.get(name);
      if (bias && constant.some((x) => x !== 0)) {
        tensors.set(name, raiseBias(bias, constant));
        masks.delete(name);
      }
      return kept;
    });
    surveyed.set(layer.sharing ?? i, { heads, neurons });
    return { heads, neurons };
  });
  if (units.every(({ heads, neurons }) => heads === "all" && neurons === "all")) return network;
  const { masks: _, ...rest } = network;
  return keepUnits({ ...rest, tensors, ...(masks.size > 0 ? { masks } : {}) }, units);
}

/** Counts the units a configuration has. */
export function countUnits({ layers }: Pick<BertConfig, "layers">): UnitCount {
  const sizes = layers.flatMap(({ heads, ffn }) => [heads, ffn]);
  return {
    heads: layers.reduce((n, { heads }) => n + heads, 0),
    neurons: layers.reduce((n, { ffn }) => n + ffn, 0),
    modules: sizes.filter((size) => size > 0).length,
  };
}

function modulesOf({ layers, activation }: BertConfig, i: number): Module[] {
  const { heads, headSize, ffn, gated, sharing } = requireItem(layers, i, "layers");
  const names = layerNames(sharing ?? i);
  return [
    { into: names.value, out: names.attentionOutput, units: heads, size: headSize, level: (bias) => bias },
    {
      into: names.intermediate,
      out: names.output,
      units: ffn,
      size: 1,
      ...(gated === true ? { gate: names.gate } : {}),
      level: (bias) => activate(activation, bias),
    },
  ];
}

function survey({ config, tensors }: Network, { into, gate, out, units, size, level }: Module): Survey {
  const numbers = (name: string): Float32Array | undefined => tensors.get(name)?.data;
  const [rows, columns] = [numbers(weightOf(into)), numbers(weightOf(out))];
  const constant = new Float64Array(config.hiddenSize);
  if (rows === undefined || columns === undefined) return { kept: "all", constant };
  const width = units * size;
  /** What a feature is in every text; undefined where that depends on the text. */
  const levelOf = (a: number): number | undefined => {
    const own = fixedAt(rows, numbers(biasOf(into)), a, config.hiddenSize);
    const value = own === undefined ? undefined : level(own);
    const gates = gate === undefined ? undefined : numbers(weightOf(gate));
    if (gate === undefined || gates === undefined) return value;
    const factor = fixedAt(gates, numbers(biasOf(gate)), a, config.hiddenSize);
    if (value === 0 || factor === 0) return 0;
    return value === undefined || factor === undefined ? undefined : value * factor;
  };
  // Without a bias there is no place for a constant.
  const isHeld = tensors.has(biasOf(out));
  const isFixed = (a: number): boolean => (isHeld ? levelOf(a) !== undefined : levelOf(a) === 0);
  const isDead = (a: number): boolean => isZeroColumn(columns, a, width) || isFixed(a);
  const kept = Array.from({ length: units }, (_, unit) => {
    const features = Array.from({ length: size }, (_, i) => unit * size + i);
    if (!features.every(isDead)) return true;
    for (const a of features.filter(isFixed)) {
      const value = requireValue(levelOf(a), "level");
      constant.forEach((sum, d) => {
        constant[d] = sum + requireItem(columns, d * width + a, "weights") * value;
      });
    }
    return false;
  });
  return { kept: kept.includes(false) ? kept : "all", constant };
}

/** What a row of zeros gives whatever it reads, its bias or 0; undefined of another row. */
function fixedAt(
  rows: Float32Array,
  biases: Float32Array | undefined,
  a: number,
  width: number,
): number | undefined {
  if (!isZeroRow(rows, a, width)) return undefined;
  return biases === undefined ? 0 : requireItem(biases, a, "biases");
}

function isZeroRow(matrix: Float32Array, row: number, width: number): boolean {
  for (let i = row * width; i < (row + 1) * width; i++) if (matrix[i] !== 0) return false;
  return true;
}

function isZeroColumn(matrix: Float32Array, column: number, width: number): boolean {
  for (let i = column; i < matrix.length; i += width) if (matrix[i] !== 0) return false;
  return true;
}

function raiseBias({ shape, data }: FloatTensor, by: Float64Array): FloatTensor {
  return floatTensor(
    shape,
    data.map((x, d) => x + requireItem(by, d, "constants")),
  );
}

/** What bert/forward.ts computes of one number: x·Φ(x), its tanh form (Hendrycks & Gimpel 2016, §2), or ReLU. */
function activate(activation: Activation, x: number): number {
  if (activation === "relu") return Math.max(0, x);
  if (activation === "gelu") return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
