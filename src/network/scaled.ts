/**
 * Logits divided by one number and shifted by class, as another classifier: exact in any format, since only W and b of
 * the last linear layer change.
 *
 *   z' = z / T + s   ⇔   W' = W / T,  b' = b / T + s
 */

import { requireEntry, requireItem } from "../base/present.ts";
import { floatTensor } from "../base/tensor.ts";
import { biasOf, CLASSIFIER, weightOf } from "../bert/names.ts";
import type { Network } from "./network.ts";

/** What becomes of logits. */
export interface Scaling {
  /** T, above 0. */
  readonly temperature: number;
  /** s, by class; absent for none. */
  readonly shift?: readonly number[];
}

/** The network whose logits are these of the given one. A weight that a mask removed stays removed. */
export function withScaling(network: Network, { temperature, shift }: Scaling): Network {
  const [weight, bias] = [weightOf(CLASSIFIER), biasOf(CLASSIFIER)];
  const tensors = new Map(network.tensors);
  const scaled = (name: string, by: (x: number, i: number) => number): void => {
    const { shape, data } = requireEntry(network.tensors, name, "tensor");
    tensors.set(name, floatTensor(shape, data.map(by)));
  };
  scaled(weight, (x) => x / temperature);
  scaled(bias, (x, i) => x / temperature + (shift === undefined ? 0 : requireItem(shift, i, "shift")));
  const { masks, ...rest } = network;
  const kept = masks && new Map([...masks].filter(([name]) => name !== bias));
  return { ...rest, tensors, ...(kept ? { masks: kept } : {}) };
}
