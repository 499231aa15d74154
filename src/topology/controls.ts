/**
 * Controls: networks that have one thing of a pruned network and not another. Is it the place of what survives, its
 * weights, or the number alone?
 *
 *   shuffle   the mask in another order within each matrix, over the dense weights
 *             Gao, Colombo & Wang 2021 (2105.03343) Table 3; Frankle et al. 2021 (2009.11094)
 *   invert    the other weights: the dense ones that were pruned, without those that were kept (2009.11094)
 *   redraw    other weights under the same mask, normal and as large in each matrix as those that are there
 *             (2009.11094)
 *   jitter    each weight times N(1, 0.01), 0.01 read as the deviation: 2105.03343 Table 3, "Reinit"
 *
 * Only matrices of which something is pruned are touched: the rest, biases, LayerNorm and the head are those of the pruned
 * network. What is pruned the masks say; of a network without any, a weight that is 0 there and not in the dense one. A
 * weight that was 0 before, as the row of [PAD] in many models, was pruned by nobody. A head was trained for the weights it had; the papers train it anew after a shuffle, and only then is the
 * accuracy that is left a fair one. The dense weights are those of the network that was pruned, as it was before: where
 * survivors were trained on, shuffled ones have not been.
 *
 * A control is the baseline of a pruned network's accuracy; its own is the majority class. Not here: judging it
 * (measure/logits.ts).
 */

import { InputError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { fold, type Key, normals, shuffled } from "../base/random.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import type { Network } from "../network/network.ts";
import { pairMatrices, structureOf } from "./structure.ts";

export const CONTROLS = ["shuffle", "invert", "redraw", "jitter"] as const;
export type Control = (typeof CONTROLS)[number];

/** What a control is made of. */
export interface Controlled {
  readonly pruned: Network;
  /** The network before it was pruned: weights at the places that `pruned` does not have. */
  readonly dense: Network;
  readonly key: Key;
}

/** One matrix of both networks, and which of its weights are kept: 1 or 0. */
interface Part {
  readonly kept: Uint8Array;
  readonly pruned: Float32Array;
  readonly dense: Float32Array;
  readonly key: Key;
}

/** The matrix of each control. */
const MAKE: Readonly<Record<Control, (part: Part) => { kept: Uint8Array; weights: Float32Array }>> = {
  shuffle: ({ kept, dense, key }) => {
    const elsewhere = shuffled(kept, key);
    return { kept: elsewhere, weights: under(elsewhere, dense) };
  },
  invert: ({ kept, dense }) => {
    const others = kept.map((bit) => 1 - bit);
    return { kept: others, weights: under(others, dense) };
  },
  redraw: ({ kept, pruned, key }) => ({
    kept,
    weights: under(kept, normals(key, pruned.length, deviationOf(pruned, kept))),
  }),
  jitter: ({ kept, pruned, key }) => {
    const noise = normals(key, pruned.length, JITTER);
    return { kept, weights: pruned.map((weight, i) => weight * (1 + (noise[i] ?? 0))) };
  },
};

const JITTER = 0.01;

/**
 * Makes a control of a pruned network. The same key gives the same bytes.
 * @throws {InputError} `topology/shapes` for networks of two shapes, `topology/dense` when nothing is pruned
 */
export function controlOf(control: Control, { pruned, dense, key }: Controlled): Network {
  const tensors = new Map<string, FloatTensor>(pruned.tensors);
  const masks = new Map<string, Tensor<"uint8">>(pruned.masks);
  const own = fold(key, control);
  const parts = pairMatrices(structureOf(pruned), structureOf(dense)).flatMap(({ name }) => {
    const kept = keptOf(name, pruned, dense);
    return kept?.includes(0) ? [{ name, kept }] : [];
  });
  if (parts.length === 0) {
    throw new InputError(
      "topology/dense",
      `${control}: expected a network with pruned weights, got a dense one`,
    );
  }
  for (const { name, kept } of parts) {
    const { shape, data } = requireEntry(pruned.tensors, name, "tensor");
    const { data: before } = requireEntry(dense.tensors, name, "tensor");
    const made = MAKE[control]({ kept, pruned: data, dense: before, key: fold(own, name) });
    tensors.set(name, floatTensor(shape, made.weights));
    masks.set(name, { dtype: "uint8", shape, data: made.kept });
  }
  return { ...pruned, tensors, masks };
}

/** 1 for each weight of a matrix that is kept, 0 for what was pruned; undefined for one that has no mask beside others. */
function keptOf(name: string, { tensors, masks }: Network, dense: Network): Uint8Array | undefined {
  if (masks !== undefined && masks.size > 0) {
    return masks.get(name)?.data.map((entry) => Number(entry !== 0));
  }
  const { data } = requireEntry(tensors, name, "tensor");
  const { data: before } = requireEntry(dense.tensors, name, "tensor");
  return Uint8Array.from(data, (weight, i) => Number(weight !== 0 || before[i] === 0));
}

/** The weights where the mask has 1, and 0 elsewhere. */
function under(kept: Uint8Array, weights: Float32Array): Float32Array {
  return weights.map((weight, i) => (kept[i] === 0 ? 0 : weight));
}

/** The deviation from 0 of the weights that are kept. */
function deviationOf(weights: Float32Array, kept: Uint8Array): number {
  let [sum, n] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    if (kept[i] === 0) continue;
    sum += (weights[i] ?? 0) ** 2;
    n++;
  }
  return n === 0 ? 0 : Math.sqrt(sum / n);
}
