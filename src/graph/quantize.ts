/**
 * Rounding to 8 bits and back, in a graph: what layers in 8 bits compute with, and what training for them sees.
 *
 *   a token x     x̂ = s·round(x/s)    s = (max(0, max x) - min(0, min x)) / 126     over the last axis, so 7 bits
 *   a row w       ŵ = s·round(w/s)    s = the scale of base/levels.ts for max |w|    over the last axis, so 8 bits
 *
 * Both are straight-through (Bengio et al. 2013): the gradient is that of x itself, because round has none. Halves go to the
 * even number. In float32 a row becomes bit for bit what `roundToLevels` makes of it.
 */

import { LARGEST_LEVEL, SHORTEN, SMALLEST_SCALE, TOKEN_STEPS } from "../base/levels.ts";
import { abs, add, clip, div, mul, neg, relu, round, scale, sub, surrogate } from "./ops/elementwise.ts";
import { largest, smallest } from "./ops/normal.ts";
import { scalar, type Value } from "./value.ts";

/** Above every scale. */
const LARGEST_SCALE = 2 ** 127;

/** A function that rounds each token of a value [..., features] by itself; of a value that it has seen, the same result. */
export function tokenRounding(): (x: Value) => Value {
  const seen = new Map<Value, Value>();
  return (x) => {
    const rounded = seen.get(x) ?? roundTokens(x);
    seen.set(x, rounded);
    return rounded;
  };
}

function roundTokens(x: Value): Value {
  const span = add(relu(largest(x)), relu(neg(smallest(x))));
  return toSteps(x, div(span, scalar(TOKEN_STEPS, x.dtype)));
}

/** Each row of a matrix [rows, columns] at its levels. */
export function roundRows(w: Value): Value {
  const step = div(largest(abs(w)), scalar(LARGEST_LEVEL, w.dtype));
  const far = scale(step, SHORTEN);
  return toSteps(w, sub(far, sub(far, step)));
}

/** step·round(x/step); a step of 0, of zeros alone, is one that leaves them 0. */
function toSteps(x: Value, step: Value): Value {
  const whole = clip(step, SMALLEST_SCALE, LARGEST_SCALE);
  return surrogate(mul(round(div(x, whole)), whole), x);
}
