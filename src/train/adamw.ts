/**
 * AdamW (Loshchilov & Hutter 2019, Alg. 2) with bias correction, as PyTorch computes it.
 *
 *   m ← β₁m + (1 − β₁)·g      v ← β₂v + (1 − β₂)·g²
 *   w ← (1 − ηλ)·w − η·(m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)
 *
 * The dense step is a graph like any other, run in place over pieces of one flat buffer: a piece of 256 k weights
 * with its temporaries stays in the cache, and the engine's threads share it. Rows of a table that is only ever
 * looked up have a step of their own in row-adamw.ts.
 */

import { add, div, mul, sqrt, sub } from "../graph/ops/elementwise.ts";
import { type Program, program } from "../graph/program.ts";
import { input, scalar, type Value } from "../graph/value.ts";

export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** λ: decoupled decay, applied to matrices and tables only. */
  readonly decay: number;
}

export const ADAMW: AdamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 };

/** The factors of one step. They absorb clipping and bias corrections, so that the graph has one pass fewer for each. */
export interface StepFactors {
  /** (1 − β₁)·clip */
  readonly gradient: number;
  /** √(1 − β₂)·clip */
  readonly root: number;
  /** 1 − ηλ */
  readonly keep: number;
  /** η·√(1 − β₂ᵗ)/(1 − β₁ᵗ) */
  readonly rate: number;
  /** ε·√(1 − β₂ᵗ) */
  readonly epsilon: number;
}

/**
 * @param rate  η of this step
 * @param t  steps done, this one included
 * @param clip  factor of the gradient: min(1, limit/norm)
 */
export function stepFactors(
  { beta1, beta2, epsilon, decay }: AdamW,
  rate: number,
  t: number,
  clip: number,
): StepFactors {
  const root = Math.sqrt(1 - beta2 ** t);
  return {
    gradient: (1 - beta1) * clip,
    root: Math.sqrt(1 - beta2) * clip,
    keep: 1 - rate * decay,
    rate: (rate * root) / (1 - beta1 ** t),
    epsilon: epsilon * root,
  };
}

/** One in-place step over `n` weights: reads w, m, v, g and writes w', m', v'. */
export function adamwProgram({ beta1, beta2 }: AdamW): Program {
  const vector = (name: string): Value => input(name, "float32", ["n"]);
  const factor = (name: keyof StepFactors): Value => input(name, "float32", []);
  const [w, m, v, g] = [vector("w"), vector("m"), vector("v"), vector("g")];
  const scaled = mul(g, factor("root"));
  const mean = add(mul(m, scalar(beta1)), mul(g, factor("gradient")));
  const square = add(mul(v, scalar(beta2)), mul(scaled, scaled));
  const step = mul(div(mean, add(sqrt(square), factor("epsilon"))), factor("rate"));
  return program({ "m'": mean, "v'": square, "w'": sub(mul(w, factor("keep")), step) });
}
