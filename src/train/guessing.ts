/**
 * What answers that do not read the text cost under the loss that is trained with, so that a loss that stayed there is told
 * from one that moved.
 *
 *   s_c   share of class c among the labels      T_c = (1 − ε)·s_c + ε/C      w_c its weight
 *   φ(p)  what a class of probability p costs: −log p, −(1 − p)^γ·log p, or a mixture of them (bert/objective.ts)
 *
 *   classes                       Σ_c w_c·T_c·φ(p_c) / Σ_c w_c·s_c, p a distribution
 *   labels that hold or do not    w·T·φ(p) + (1 − T)·φ(1 − p) with ε/2, each for itself, averaged
 *   values                        the mean loss of one value for all
 *
 * The least is that of the best p, or value. All of these are convex, so it is where the slopes meet, found by halving. The
 * most is that of equal probabilities, or of the value 0. Not here: a loss to which a method adds its own (train/step.ts).
 */

import { requireItem } from "../base/present.ts";
import { mean } from "../base/statistics.ts";
import { FOCAL_GAMMA, type LossName, type Objective } from "../bert/objective.ts";
import type { TaskKind } from "../data/dataset.ts";

/** Losses of guessing. */
export interface Guessing {
  readonly least: number;
  readonly most: number;
}

/** @param classes  numbers of one answer */
export function guessingLoss(
  task: TaskKind,
  labels: readonly number[],
  classes: number,
  objective: Objective = {},
): Guessing {
  if (task === "regression") return ofValues(labels, objective);
  const { weights = [], smoothing = 0 } = objective;
  const costs = costsOf(objective);
  if (task === "multi-label") {
    const each = Array.from({ length: classes }, (_, c) => {
      const share = mean(labels.filter((_label, i) => i % classes === c));
      const target = (1 - smoothing) * share + smoothing / 2;
      return ofClasses([(weights[c] ?? 1) * target, 1 - target], costs);
    });
    return { least: mean(each.map(({ least }) => least)), most: mean(each.map(({ most }) => most)) };
  }
  const shares = Array.from({ length: classes }, (_, c) => mean(labels.map((label) => Number(label === c))));
  const whole = shares.reduce((sum, share, c) => sum + (weights[c] ?? 1) * share, 0);
  const counts = shares.map(
    (share, c) => ((weights[c] ?? 1) * ((1 - smoothing) * share + smoothing / classes)) / whole,
  );
  return ofClasses(counts, costs);
}

/** φ and its slope, which grows with p. */
interface Costs {
  readonly of: (p: number) => number;
  readonly slope: (p: number) => number;
}

function costsOf({ mix = [{ loss: "cross-entropy", share: 1 }], gamma = FOCAL_GAMMA }: Objective): Costs {
  const sum = (of: (power: number) => number): number =>
    mix.reduce((total, { loss, share }) => total + share * of(loss === "focal" ? gamma : 0), 0);
  return {
    of: (p) => sum((power) => -((1 - p) ** power) * Math.log(p)),
    slope: (p) =>
      sum((power) => {
        const own = -((1 - p) ** power) / p;
        return power === 0 ? own : own + power * (1 - p) ** (power - 1) * Math.log(p);
      }),
  };
}

/** Σ_c counts_c·φ(p_c). */
function ofClasses(counts: readonly number[], { of, slope }: Costs): Guessing {
  const there = counts.filter((count) => count > 0);
  const cost = (chances: readonly number[]): number =>
    there.reduce((sum, count, i) => sum + count * of(requireItem(chances, i, "chances")), 0);
  // Where each slope is −rise: the chances shrink as it grows, and sum to 1 at the best of them.
  const chancesAt = (rise: number): number[] =>
    there.map((count) => halve(0, 1, (p) => count * slope(p) + rise > 0));
  const equal = 1 / counts.length;
  const steepest = Math.max(...there.map((count) => -count * slope(1 / there.length)));
  const best = halve(0, steepest, (rise) => chancesAt(rise).reduce((sum, p) => sum + p, 0) < 1);
  const least = there.length === 1 ? 0 : cost(chancesAt(best));
  return { least, most: cost(there.map(() => equal)) };
}

/** Where `isBeyond` begins to be true between two numbers. */
function halve(from: number, to: number, isBeyond: (x: number) => boolean): number {
  let [low, high] = [from, to];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (isBeyond(middle)) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

const HALVINGS = 48;

/** What a value that is off by `apart` costs more where it grows: the slope of each loss. */
const VALUE_SLOPES: Readonly<Partial<Record<LossName, (apart: number) => number>>> = {
  squared: (apart) => 2 * apart,
  absolute: Math.sign,
  huber: (apart) => Math.max(-1, Math.min(1, apart)),
};

const VALUE_COSTS: Readonly<Partial<Record<LossName, (apart: number) => number>>> = {
  squared: (apart) => apart * apart,
  absolute: Math.abs,
  huber: (apart) => (Math.abs(apart) < 1 ? (apart * apart) / 2 : Math.abs(apart) - 0.5),
};

function ofValues(labels: readonly number[], { mix = [{ loss: "squared", share: 1 }] }: Objective): Guessing {
  const sum = (table: typeof VALUE_COSTS, value: number): number =>
    mix.reduce((total, { loss, share }) => {
      const of = table[loss];
      return of === undefined ? total : total + share * mean(labels.map((label) => of(value - label)));
    }, 0);
  const [first, last] = labels.reduce(
    ([low, high], label) => [Math.min(low, label), Math.max(high, label)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  const best = halve(first, last, (value) => sum(VALUE_SLOPES, value) > 0);
  return { least: sum(VALUE_COSTS, best), most: sum(VALUE_COSTS, 0) };
}
