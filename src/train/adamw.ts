/**
 * AdamW (Loshchilov & Hutter 2019, Alg. 2) with bias correction, as PyTorch computes it.
 *
 *   m ← β₁m + (1 − β₁)·g      v ← β₂v + (1 − β₂)·g²
 *   w ← (1 − ηλ)·w − η·(m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)
 *
 * The pass over the weights is a WebAssembly kernel (assembly/optimizer.ts); here are the numbers it is given.
 */

export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** λ: decoupled decay, applied to matrices and tables only. */
  readonly decay: number;
}

export const ADAMW: AdamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 };

/** The factors of one step. They absorb clipping and bias corrections. */
export interface StepFactors {
  readonly beta1: number;
  readonly beta2: number;
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
 * @param t  steps since the moments began, this one included
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
    beta1,
    beta2,
    gradient: (1 - beta1) * clip,
    root: Math.sqrt(1 - beta2) * clip,
    keep: 1 - rate * decay,
    rate: (rate * root) / (1 - beta1 ** t),
    epsilon: epsilon * root,
  };
}
