/**
 * Linear models over rows of features: logistic regression for classes, ridge regression for values.
 *
 *   min over w, b of   C · Σ loss(w·x + b) + ½ |w|²
 *
 *   two classes, or several labels   log-loss of a sigmoid, for each output by itself
 *   more classes                     cross-entropy of a softmax
 *   values                           ½ (z - y)²
 *
 * b is not penalised. This is scikit-learn's LogisticRegression with its C, and Ridge with alpha = 1 / C, solved further than
 * their defaults do. C is 1, their default too: to choose it on held-out rows would cost several times the seconds that a floor
 * may take, and moves it by a point to four, in both directions (results/floor.md).
 */

import { requireCount } from "../base/present.ts";
import { minimise, type Objective } from "./lbfgs.ts";
import type { Rows } from "./rows.ts";

/** The strength C; see the header. */
const STRENGTH = 1;

/** Largest entry of the mean loss's gradient at which a fit has ended: a hundredth of scikit-learn's own. */
const TOLERANCE = 1e-6;
const ITERATIONS = 1000;
/** Milliseconds of work after which others have their turn. */
const TURN = 50;

/** What is learnt: `outputs` scores of a row of `weight.length / outputs` features. */
export interface LinearModel {
  readonly outputs: number;
  /** [D, outputs]. */
  readonly weight: Float32Array;
  /** [outputs]. */
  readonly bias: Float32Array;
}

/** What a model is fitted to. */
export interface Loss {
  /** The loss of a row's scores, which are replaced by its derivatives. */
  readonly of: (scores: Float64Array, row: number) => number;
  /** The largest second derivative by a score. */
  readonly curvature: number;
}

/** Of outputs that are each right or wrong. @param isTrue  whether an output is, of a row */
export function logisticLoss(isTrue: (row: number, output: number) => boolean): Loss {
  const of: Loss["of"] = (scores, row) => {
    let sum = 0;
    for (let k = 0; k < scores.length; k++) {
      const z = scores[k] ?? 0;
      const sign = isTrue(row, k) ? 1 : -1;
      // ln(1 + e^-sz), without an overflow on either side.
      sum += Math.max(0, -sign * z) + Math.log1p(Math.exp(-Math.abs(z)));
      scores[k] = -sign / (1 + Math.exp(sign * z));
    }
    return sum;
  };
  return { of, curvature: 1 / 4 };
}

/** Of classes of which one is right. */
export function softmaxLoss(classes: ArrayLike<number>): Loss {
  const of: Loss["of"] = (scores, row) => {
    const right = classes[row] ?? Number.NaN;
    const own = scores[right] ?? Number.NaN;
    let top = Number.NEGATIVE_INFINITY;
    for (const z of scores) top = Math.max(top, z);
    let sum = 0;
    for (const z of scores) sum += Math.exp(z - top);
    for (let k = 0; k < scores.length; k++) {
      scores[k] = Math.exp((scores[k] ?? 0) - top) / sum - Number(k === right);
    }
    return top + Math.log(sum) - own;
  };
  return { of, curvature: 1 / 4 };
}

/** Of values. */
export function squaredLoss(values: ArrayLike<number>): Loss {
  const of: Loss["of"] = (scores, row) => {
    const off = (scores[0] ?? 0) - (values[row] ?? Number.NaN);
    scores[0] = off;
    return off ** 2 / 2;
  };
  return { of, curvature: 1 };
}

/**
 * Fits a model.
 * @throws the reason of the signal, between two steps
 */
export async function fitLinear(
  rows: Rows,
  outputs: number,
  loss: Loss,
  signal?: AbortSignal,
): Promise<LinearModel> {
  const size = (rows.columns + 1) * outputs;
  let turn = performance.now();
  const found = await minimise(objectiveOf(rows, outputs, loss), size, {
    curvature: curvatureOf(rows, outputs, loss),
    tolerance: TOLERANCE,
    iterations: ITERATIONS,
    breathe: async () => {
      if (performance.now() - turn < TURN) return;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      turn = performance.now();
    },
  });
  const border = rows.columns * outputs;
  return {
    outputs,
    weight: Float32Array.from(found.subarray(0, border)),
    bias: Float32Array.from(found.subarray(border)),
  };
}

/** The header's function, over C · n: the mean loss and its share of the penalty. A point is [D, outputs] and [outputs]. */
function objectiveOf(rows: Rows, outputs: number, loss: Loss): Objective {
  const { count, columns, offsets, places, values } = rows;
  const border = columns * outputs;
  const share = 1 / (STRENGTH * count);
  const scores = new Float64Array(outputs);
  return (at, gradient) => {
    let sum = 0;
    for (let j = 0; j < border; j++) {
      const w = at[j] ?? 0;
      sum += w * w;
      gradient[j] = share * w;
    }
    sum *= share / 2;
    gradient.fill(0, border);
    for (let row = 0; row < count; row++) {
      const [begin, end] = [offsets[row] ?? 0, offsets[row + 1] ?? 0];
      scoreRow(scores, at, border, places, values, begin, end);
      sum += loss.of(scores, row) / count;
      for (let i = begin; i < end; i++) {
        const [to, x] = [(places[i] ?? 0) * outputs, (values[i] ?? 0) / count];
        for (let k = 0; k < outputs; k++) gradient[to + k] = (gradient[to + k] ?? 0) + x * (scores[k] ?? 0);
      }
      for (let k = 0; k < outputs; k++) {
        gradient[border + k] = (gradient[border + k] ?? 0) + (scores[k] ?? 0) / count;
      }
    }
    return sum;
  };
}

/** What the second derivative by each number of a point is at most. */
function curvatureOf(
  { count, columns, places, values }: Rows,
  outputs: number,
  { curvature }: Loss,
): Float64Array {
  const all = new Float64Array((columns + 1) * outputs).fill(1 / (STRENGTH * count), 0, columns * outputs);
  all.fill(curvature, columns * outputs);
  for (let i = 0; i < places.length; i++) {
    const from = (places[i] ?? 0) * outputs;
    const added = ((values[i] ?? 0) ** 2 / count) * curvature;
    for (let k = 0; k < outputs; k++) all[from + k] = (all[from + k] ?? 0) + added;
  }
  return all;
}

/** w·x + b of the entries `begin` to `end`. */
function scoreRow(
  scores: Float64Array,
  at: Float64Array,
  border: number,
  places: Int32Array,
  values: Float64Array,
  begin: number,
  end: number,
): void {
  const outputs = scores.length;
  for (let k = 0; k < outputs; k++) scores[k] = at[border + k] ?? 0;
  for (let i = begin; i < end; i++) {
    const [from, x] = [(places[i] ?? 0) * outputs, values[i] ?? 0];
    for (let k = 0; k < outputs; k++) scores[k] = (scores[k] ?? 0) + x * (at[from + k] ?? 0);
  }
}

/** The scores of rows, [N, outputs]. */
export function scoreRows({ outputs, weight, bias }: LinearModel, rows: Rows): Float64Array {
  requireCount(weight, rows.columns * outputs, "weights");
  const at = new Float64Array(weight.length + outputs);
  at.set(weight);
  at.set(bias, weight.length);
  const all = new Float64Array(rows.count * outputs);
  const scores = new Float64Array(outputs);
  for (let row = 0; row < rows.count; row++) {
    const [begin, end] = [rows.offsets[row] ?? 0, rows.offsets[row + 1] ?? 0];
    scoreRow(scores, at, weight.length, rows.places, rows.values, begin, end);
    all.set(scores, row * outputs);
  }
  return all;
}
