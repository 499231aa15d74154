/**
 * Recovery: connections that were pruned and have come back, over the masks of a run in the order of time.
 *
 *   Gao, Colombo & Wang, "Adapting by Pruning", 2021 · https://arxiv.org/abs/2105.03343, §5.3
 *
 * Of the last mask the share that an earlier one did not have: |m_T ∧ ¬(m_1 ∧ … ∧ m_T-1)| / |m_T|; the paper has 12.3 % for
 * MNLI at .99. What is pruned and comes back between two masks is not seen, so more masks find more, and shares are to be
 * compared between runs with masks at the same steps.
 *
 * By chance: masks of the same densities, matrix by matrix, each drawn anew, of which 1 - d_1·…·d_T-1 of the last would have
 * been pruned before. That is much; a mask which only ever shrinks has 0.
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type BitMatrix, countCommon, countKept } from "./bits.ts";
import { type Grouped, groupMatrices, type Place, pairMatrices, type Structure } from "./structure.ts";

/** Connections of the last mask. */
export interface Recovered {
  readonly kept: number;
  /** Those that an earlier mask did not have. */
  readonly recovered: number;
  /** Expected of masks that are drawn anew each time, with the same densities. */
  readonly recoveredByChance: number;
}

/** From one mask to the next. */
export interface MaskChange {
  readonly kept: number;
  /** Of the mask before, those that this one has no more. */
  readonly pruned: number;
  /** Of this one, those that the mask before did not have. */
  readonly returned: number;
  /** `pruned` and `returned` of a mask that is drawn anew with these densities. */
  readonly prunedByChance: number;
  readonly returnedByChance: number;
}

export interface RecoveryRecord extends Grouped<Recovered> {
  readonly masks: number;
  /** One fewer than there are masks. */
  readonly changes: readonly MaskChange[];
}

/** What is remembered of the masks so far: the last, and what all before it had. */
export interface MaskTrail {
  readonly masks: number;
  readonly last: Structure;
  readonly changes: readonly MaskChange[];
  /** By the places of the matrices; none of the first mask. */
  readonly earlier: readonly Earlier[];
}

/**
 * The trail with one more mask.
 * @throws {InputError} `topology/shapes` where it differs from the one before
 */
export function followMask(trail: MaskTrail | undefined, mask: Structure): MaskTrail {
  if (trail === undefined) return { masks: 1, last: mask, changes: [], earlier: [] };
  const { masks, last, changes, earlier } = trail;
  return {
    masks: masks + 1,
    last: mask,
    changes: [...changes, changeOf(last, mask)],
    earlier: last.matrices.map(({ bits }, i) => addMask(earlier[i], bits)),
  };
}

/** What a trail has found. @throws {InputError} `topology/masks` for fewer than two */
export function recoveryOf(trail: MaskTrail | undefined): RecoveryRecord {
  if (trail === undefined || trail.masks < 2) {
    const got = trail === undefined ? "none" : "1";
    throw new InputError("topology/masks", `recovery: expected at least 2 masks of a run, got ${got}`);
  }
  const { masks, last, changes, earlier } = trail;
  const found = last.matrices.map(({ name, component, layer, bits }, i): Place & Recovered => {
    const { always, density } = requireItem(earlier, i, "masks before");
    const kept = countKept(bits);
    const recovered = kept - countCommon(bits, always);
    return { name, component, layer, kept, recovered, recoveredByChance: kept * (1 - density) };
  });
  return { masks, changes, ...groupMatrices<Place & Recovered, Recovered>(found, addUp) };
}

/** Of one matrix, over the masks before the last: what all of them had, and the product of their densities. */
export interface Earlier {
  readonly always: BitMatrix;
  readonly density: number;
}

function addMask(earlier: Earlier | undefined, bits: BitMatrix): Earlier {
  const density = densityOf(bits);
  if (earlier === undefined) return { always: bits, density };
  const { words } = earlier.always;
  const always = { ...bits, words: bits.words.map((word, i) => word & (words[i] ?? 0)) };
  return { always, density: earlier.density * density };
}

function densityOf(bits: BitMatrix): number {
  const size = bits.rows * bits.columns;
  return size === 0 ? 0 : countKept(bits) / size;
}

function changeOf(before: Structure, after: Structure): MaskChange {
  const change = { kept: 0, pruned: 0, returned: 0, prunedByChance: 0, returnedByChance: 0 };
  for (const { first, second } of pairMatrices(before, after)) {
    const [was, is, both] = [countKept(first), countKept(second), countCommon(first, second)];
    change.kept += is;
    change.pruned += was - both;
    change.returned += is - both;
    change.prunedByChance += was * (1 - densityOf(second));
    change.returnedByChance += is * (1 - densityOf(first));
  }
  return change;
}

function addUp(parts: readonly Recovered[]): Recovered {
  const sum = (of: (part: Recovered) => number): number => parts.reduce((n, part) => n + of(part), 0);
  return {
    kept: sum(({ kept }) => kept),
    recovered: sum(({ recovered }) => recovered),
    recoveredByChance: sum(({ recoveredByChance }) => recoveredByChance),
  };
}
