/**
 * Watching the mask of a method that learns one: at every evaluation, how many connections have come back.
 *
 * The mask is read off the weights that the method's product would have, so no method has to say what its mask is. Weights
 * that are computed of themselves alone, as rounded ones are, have none, though some of them may be 0. A
 * method that prunes by zeros cannot bring any back and is not looked at, nor is a matrix of which the product has a part
 * alone: whole heads or neurons of it are gone. A matrix that leaves during the run is followed no further.
 */

import { requireEntry, requireItem, requireLast } from "../base/present.ts";
import { sizeOf } from "../base/tensor.ts";
import { parameters } from "../bert/names.ts";
import { bitsOf } from "../topology/bits.ts";
import { followMask, type MaskTrail, recoveryOf } from "../topology/recovery.ts";
import { type Matrix, placesOf, readerOf, type Structure } from "../topology/structure.ts";
import type { Trainer } from "./trainer.ts";

/** A mask, beside those that were looked at before. */
export interface MaskLook {
  /** Looks so far, this one included. */
  readonly masks: number;
  /** Of so many weights under the mask. */
  readonly size: number;
  readonly kept: number;
  /** Since the look before: gone, and come back. */
  readonly pruned: number;
  readonly returned: number;
  /** Of `kept`, those that an earlier mask had pruned; and how many of masks that are drawn anew each time. */
  readonly recovered: number;
  readonly recoveredByChance: number;
}

/** Each call looks at the mask as it stands; what it has found from the second look on, when something is masked. */
export function watchMask(trainer: Trainer): () => Promise<MaskLook | undefined> {
  let trail: MaskTrail | undefined;
  return async () => {
    const mask = await maskOf(trainer);
    trail = followMask(trail && within(trail, mask), trail ? sharedBy(mask, trail.last) : mask);
    if (trail.masks < 2 || trail.last.matrices.length === 0) return undefined;
    const { masks, changes, total } = recoveryOf(trail);
    const { pruned, returned } = requireLast(changes, "changes of a mask");
    const size = trail.last.matrices.reduce((n, { bits }) => n + bits.rows * bits.columns, 0);
    // Of weights that are computed and of which none is taken away there is nothing to tell.
    const isWhole = total.kept === size && pruned + returned + total.recovered === 0;
    return isWhole ? undefined : { masks, size, ...total, pruned, returned };
  };
}

/** The matrices of a structure that another has too. */
function sharedBy(structure: Structure, other: Structure): Structure {
  const names = new Set(other.matrices.map(({ name }) => name));
  return { ...structure, matrices: structure.matrices.filter(({ name }) => names.has(name)) };
}

/** The trail of the matrices that are still there. */
function within(trail: MaskTrail, mask: Structure): MaskTrail {
  const names = new Set(mask.matrices.map(({ name }) => name));
  const isThere = trail.last.matrices.map(({ name }) => names.has(name));
  return {
    ...trail,
    last: sharedBy(trail.last, mask),
    earlier: trail.earlier.filter((_, i) => isThere[i]),
  };
}

/** The matrices that the product computes. */
async function maskOf(trainer: Trainer): Promise<Structure> {
  const weights = await trainer.computedWeights();
  const { config, head } = trainer.network;
  const shapes = parameters(config, head);
  const matrices = placesOf(config).flatMap((place): Matrix[] => {
    const data = weights.get(place.name);
    const shape = requireEntry(shapes, place.name, "shape");
    if (data === undefined || data.length !== sizeOf(shape)) return [];
    const bits = bitsOf(data, requireItem(shape, 0, place.name), requireItem(shape, 1, place.name));
    return [{ ...place, bits }];
  });
  return { config, reader: readerOf(head), matrices };
}
