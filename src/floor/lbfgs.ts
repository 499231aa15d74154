/**
 * The least point of a smooth convex function of many numbers.
 *
 *   Book     Nocedal & Wright, Numerical Optimization, 2nd edition, 2006
 *
 *   book     here
 *   x_k      at                 the point
 *   s, y     step, change       differences of two points and of their gradients; the last m are kept
 *   H_0      scale / curvature  diagonal: features that few texts have are as far from their place as others, after one step
 *   Alg 7.4  setDirection       the two loops over the pairs
 *   Alg 3.1  follow             backtracking with the Armijo condition
 *
 * Departures: H_0 is γ D⁻¹ in place of Eq. 7.20's γ I, which takes a sixth of the steps on SST-2; and no Wolfe condition, which
 * only keeps s·y above 0: convexity does. Everything is summed in one order, so the same function gives the same point.
 */

import { addScaled, dot } from "../base/linear-algebra.ts";
import { requireItem } from "../base/present.ts";

/** A function's value at a point; the gradient is written to `gradient`. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number;

/** How to minimise. */
export interface Minimising {
  /** About the second derivative by each number, above 0. */
  readonly curvature: Float64Array;
  /** Largest entry of the gradient at which the point is taken. */
  readonly tolerance: number;
  readonly iterations: number;
  /** Called between steps; the work takes seconds, and others have their turn. */
  readonly breathe: () => Promise<void>;
}

/** m: more of them take fewer steps, each of which is longer. */
const PAIRS = 10;
/** c of Eq. 3.4. */
const ARMIJO = 1e-4;
/** Halvings of a step until float64 can tell no lower point in its direction. */
const HALVINGS = 40;

/** A place of the function. */
interface Place {
  readonly at: Float64Array;
  readonly gradient: Float64Array;
  value: number;
}

/** A step and what the gradient changed by. */
interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / s·y. */
  rho: number;
}

/** Minimises from 0. @param size  numbers of a point */
export async function minimise(
  objective: Objective,
  size: number,
  { curvature, tolerance, iterations, breathe }: Minimising,
): Promise<Float64Array> {
  const zeros = (): Float64Array => new Float64Array(size);
  let here: Place = { at: zeros(), gradient: zeros(), value: 0 };
  let there: Place = { at: zeros(), gradient: zeros(), value: 0 };
  const direction = zeros();
  const pairs: Pair[] = [];
  here.value = objective(here.at, here.gradient);
  for (let k = 0; k < iterations && largest(here.gradient) > tolerance; k++) {
    setDirection(direction, here.gradient, pairs, curvature);
    if (!follow(objective, direction, here, there)) break;
    const oldest = pairs.length === PAIRS ? pairs.shift() : undefined;
    const pair: Pair = oldest ?? { step: zeros(), change: zeros(), rho: 0 };
    subtract(pair.step, there.at, here.at);
    subtract(pair.change, there.gradient, here.gradient);
    pair.rho = 1 / dot(pair.step, pair.change);
    // Of a step so short that rounding has made it flat nothing can be learnt.
    if (pair.rho > 0 && pair.rho < Number.POSITIVE_INFINITY) pairs.push(pair);
    [here, there] = [there, here];
    await breathe();
  }
  return here.at;
}

/** Alg. 7.4, downwards: minus the inverse Hessian, as the pairs have it, times the gradient. */
function setDirection(
  q: Float64Array,
  gradient: Float64Array,
  pairs: readonly Pair[],
  curvature: Float64Array,
): void {
  for (let j = 0; j < q.length; j++) q[j] = -(gradient[j] ?? 0);
  const alphas = pairs.map(() => 0);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, rho } = requireItem(pairs, i, "pairs");
    const alpha = rho * dot(step, q);
    alphas[i] = alpha;
    addScaled(q, change, -alpha);
  }
  const last = pairs.at(-1);
  const scale = last === undefined ? 1 : 1 / (last.rho * weighted(last.change, curvature));
  for (let j = 0; j < q.length; j++) q[j] = (scale * (q[j] ?? 0)) / (curvature[j] ?? 1);
  pairs.forEach(({ step, change, rho }, i) => {
    addScaled(q, step, requireItem(alphas, i, "pairs") - rho * dot(change, q));
  });
}

/** y·D⁻¹y: by it H_0 has the size that the last pair saw. */
function weighted(y: Float64Array, curvature: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < y.length; j++) {
    const each = y[j] ?? 0;
    sum += (each * each) / (curvature[j] ?? 1);
  }
  return sum;
}

/** Alg. 3.1: the first place on the way, from the whole step on by halves, that is low enough; false where none is. */
function follow(objective: Objective, direction: Float64Array, from: Place, to: Place): boolean {
  const slope = dot(from.gradient, direction);
  let length = 1;
  for (let halvings = 0; halvings < HALVINGS; halvings++) {
    to.at.set(from.at);
    addScaled(to.at, direction, length);
    to.value = objective(to.at, to.gradient);
    if (to.value <= from.value + ARMIJO * length * slope) return true;
    length /= 2;
  }
  return false;
}

function subtract(to: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = (a[i] ?? 0) - (b[i] ?? 0);
}

function largest(x: Float64Array): number {
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i] ?? 0));
  return most;
}
