/**
 * Where a compression method may touch the forward pass. Every answer is optional and a missing one is the identity,
 * so plain fine-tuning is the method without answers. The forward pass announces sites and knows no method.
 */

import type { Value } from "../graph/value.ts";

/** A unit that can be scaled or switched off: one value of the gate per unit. */
export type GateSite =
  /** Heads of layer `layer`: the context is [B, H, T, A] and a gate broadcasts over it. */
  | { readonly kind: "heads"; readonly layer: number }
  /** Feed-forward neurons of a layer, after the activation: [N, F]. */
  | { readonly kind: "neurons"; readonly layer: number }
  /** The output of a whole module, before it is added to the skip path: [N, D]. */
  | ModuleSite;

/** One residual module: x → LayerNorm(x + F(x)). */
export interface ModuleSite {
  readonly kind: "attention" | "ffn";
  readonly layer: number;
}

/** One encoder layer as a function of hidden states [N, D], N = B·T. */
export type LayerFn = (x: Value) => Value;

export interface Sites {
  /** A parameter as it enters the arithmetic: masks, scores, spectral normalisation. */
  readonly weight?: (name: string, w: Value) => Value;
  readonly gate?: (site: GateSite, x: Value) => Value;
  /** F(x) before it is added to x: penalties and norms of whole modules. */
  readonly residual?: (site: ModuleSite, branch: Value) => Value;
  /** Replaces or skips layer `i`. */
  readonly layer?: (i: number, run: LayerFn) => LayerFn;
}
