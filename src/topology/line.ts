/**
 * The straight line between two networks: the loss of (1 - t)·A + t·B, and the barrier on the way.
 *
 *   Entezari, Sedghi, Saukh & Neyshabur, ICLR 2022 · https://arxiv.org/abs/2110.06296   the barrier
 *   Frankle, Dziugaite, Roy & Carbin, ICML 2020 · https://arxiv.org/abs/1912.05671     error on the line, less the mean of its ends
 *   Paul et al., ICLR 2023 · https://arxiv.org/abs/2210.03044                          linear connectivity of two tickets
 *
 *   barrier = max over t of  loss(t) - [(1 - t)·loss(0) + t·loss(1)]
 *
 * Two networks lie in one basin when the barrier is about 0. All tensors move, head, biases and LayerNorm included, and a
 * weight that one of the two has pruned moves to or from 0, so between two masks there is no mask. The line is looked at
 * where it is asked to be; a barrier between two such points is not seen.
 *
 * By chance: the same line to a copy of B with its heads and neurons in another order. It says the same as B of every text,
 * at another place of the space (Entezari et al.), so it tells how high a barrier is when two networks
 * agree in all but the place.
 */

import { InputError } from "../base/errors.ts";
import { mapPairs, requireEntry, requireItem, requireLast } from "../base/present.ts";
import { fold, type Key, permutation } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { factsOf } from "../bert/config.ts";
import { biasOf, layerNames, parameters, weightOf } from "../bert/names.ts";
import type { Network } from "../network/network.ts";

/** What a network does on the examples that the line is judged by. */
export interface Judgement {
  /** Mean over the examples. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface LinePoint extends Judgement {
  /** t, from 0 to 1. */
  readonly at: number;
  /** Above the straight line between the losses of the two ends. */
  readonly excess: number;
}

/** A line and its barrier. */
export interface Line {
  readonly points: readonly LinePoint[];
  /** The largest excess; 0 at least, since the ends have none. */
  readonly barrier: number;
  /** The t of the barrier. */
  readonly barrierAt: number;
}

export interface LineRecord extends Line {
  /** To B with its heads and neurons in another order. */
  readonly byChance: Line;
}

/** What a line is drawn between, and who judges it. */
export interface LineRequest {
  readonly from: Network;
  readonly to: Network;
  /** Points between the ends, evenly spaced; 9 are every tenth. */
  readonly between: number;
  readonly judge: (network: Network) => Promise<Judgement>;
  /** Of the other order. */
  readonly key: Key;
}

/**
 * Judges both lines: 2 + 2·`between` networks.
 * @throws {InputError} `topology/shapes` for networks of two shapes, `topology/heads` for two heads
 */
export async function walkLine({ from, to, between, judge, key }: LineRequest): Promise<LineRecord> {
  checkAlike(from, to);
  const ends = [await judge(from), await judge(to)] as const;
  const lineTo = async (end: Network): Promise<Line> => {
    const inner: (Judgement & { at: number })[] = [];
    for (let i = 1; i <= between; i++) {
      const at = i / (between + 1);
      inner.push({ at, ...(await judge(blend(from, end, at))) });
    }
    return lineOf([{ at: 0, ...ends[0] }, ...inner, { at: 1, ...ends[1] }]);
  };
  return { ...(await lineTo(to)), byChance: await lineTo(reorderUnits(to, key)) };
}

function lineOf(judged: readonly (Judgement & { readonly at: number })[]): Line {
  const [first, last] = [requireItem(judged, 0, "points"), requireLast(judged, "points")];
  const points = judged.map(({ at, loss, metrics }): LinePoint => {
    return { at, loss, metrics, excess: loss - ((1 - at) * first.loss + at * last.loss) };
  });
  const top = points.reduce((most, point) => (point.excess > most.excess ? point : most));
  return { points, barrier: top.excess, barrierAt: top.at };
}

/** (1 - at)·from + at·to, tensor by tensor. @throws as `walkLine` does */
export function blend(from: Network, to: Network, at: number): Network {
  checkAlike(from, to);
  const tensors = new Map<string, FloatTensor>();
  for (const name of parameters(from.config, from.head).keys()) {
    const { shape, data } = requireEntry(from.tensors, name, "tensor");
    const { data: end } = requireEntry(to.tensors, name, "tensor");
    tensors.set(
      name,
      floatTensor(
        shape,
        mapPairs(data, end, name, (x, y) => (1 - at) * x + at * y),
      ),
    );
  }
  const { config, head, vocabulary } = from;
  return { config, head, vocabulary, tensors };
}

/**
 * The same function with the heads and the neurons of every layer in another order. Without masks. Heads stay where
 * distances have a column for each (MPNet): the table is one for all layers.
 */
export function reorderUnits(network: Network, key: Key): Network {
  const { masks: _, ...rest } = network;
  const { config } = network;
  const tensors = new Map<string, FloatTensor>(network.tensors);
  const put: Put = (name, units, axis) => {
    const tensor = tensors.get(name);
    // Biases are not there in every architecture, nor is a gate.
    if (tensor !== undefined) tensors.set(name, reordered(tensor, units, axis));
  };
  const { relative } = factsOf(config);
  const done = new Set<number>();
  config.layers.forEach(({ heads, headSize, ffn, sharing }, i) => {
    const own = sharing ?? i;
    if (done.has(own)) return; // layers that share tensors have them in one order
    done.add(own);
    const names = layerNames(own);
    const layerKey = fold(key, own);
    const neurons = permutation(fold(layerKey, "neurons"), ffn);
    if (relative === undefined) {
      const headOrder = permutation(fold(layerKey, "heads"), heads);
      const features = Int32Array.from({ length: heads * headSize }, (_, f) => {
        return requireItem(headOrder, Math.floor(f / headSize), "heads") * headSize + (f % headSize);
      });
      for (const module of [names.query, names.key, names.value]) putRows(put, module, features);
      put(weightOf(names.attentionOutput), features, "columns");
    }
    for (const module of [names.intermediate, names.gate]) putRows(put, module, neurons);
    put(weightOf(names.output), neurons, "columns");
  });
  return { ...rest, tensors };
}

type Put = (name: string, units: Int32Array, axis: "rows" | "columns") => void;

/** The outputs of a module in another order. */
function putRows(put: Put, module: string, units: Int32Array): void {
  put(weightOf(module), units, "rows");
  put(biasOf(module), units, "rows");
}

/** Row or column i is what `units[i]` was before. */
function reordered({ shape, data }: FloatTensor, units: Int32Array, axis: "rows" | "columns"): FloatTensor {
  const columns = axis === "columns" ? units.length : (shape[1] ?? 1);
  const out = new Float32Array(data.length);
  for (let i = 0, row = 0; i < out.length; row++) {
    const start = (axis === "rows" ? (units[row] ?? 0) : row) * columns;
    for (let c = 0; c < columns; c++, i++) {
      out[i] = data[start + (axis === "columns" ? (units[c] ?? 0) : c)] ?? 0;
    }
  }
  return floatTensor(shape, out);
}

/** @throws {InputError} `topology/shapes`, `topology/heads` */
function checkAlike(from: Network, to: Network): void {
  const [one, other] = [parameters(from.config, { kind: "none" }), parameters(to.config, { kind: "none" })];
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [one.get(name), other.get(name)].map((shape) =>
      shape ? `[${shape.join(", ")}]` : "none",
    );
    if (a === b) continue;
    throw new InputError(
      "topology/shapes",
      `two networks: expected ${a} in both, got ${b} in the second (${name})`,
    );
  }
  const [head, second] = [from.head, to.head].map((each) => JSON.stringify(each));
  if (head !== second) {
    throw new InputError("topology/heads", `two networks: expected one head, got ${head} and ${second}`);
  }
}
