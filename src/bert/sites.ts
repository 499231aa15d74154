/**
 * Where a compression method may touch the forward pass. Every answer is optional and a missing one is the identity,
 * so plain fine-tuning is the method without answers. The forward pass announces sites and knows no method.
 */

import type { Value } from "../graph/value.ts";
import type { LayerConfig } from "./config.ts";
import type { LayerNames } from "./names.ts";

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

/** Which tokens a layer is to give: all of them, [N, D] with N = B·T, or the first of each text alone, [B, D]. */
export type Tokens = "all" | "first";

/**
 * One encoder layer as a function of hidden states [N, D]. A classifier reads the first token alone, so the last layer
 * is asked for no more: its sites then see B rows where the layers below see N.
 */
export type LayerFn = (x: Value, tokens: Tokens) => Value;

/** The layer that is not there. */
export const SKIP: LayerFn = (x) => x;

/** One layer's place: its sizes, its number for sites and dropout, and the names of its tensors. */
export interface LayerPlace {
  readonly layer: LayerConfig;
  /** Layers of the checkpoint count from 0; a method's own layers take numbers after them. */
  readonly index: number;
  readonly names: LayerNames;
}

export interface Sites {
  /** A parameter as it enters the arithmetic: masks, scores, spectral normalisation. */
  readonly weight?: (name: string, w: Value) => Value;
  /**
   * What a linear layer of the encoder reads, by its module's name: activations rounded to 8 bits. Query, key and value read
   * one x, and are asked one by one. A network that is in 8 bits already rounds what this gives.
   */
  readonly input?: (module: string, x: Value) => Value;
  readonly gate?: (site: GateSite, x: Value) => Value;
  /** F(x) before it is added to x: penalties and norms of whole modules. */
  readonly residual?: (site: ModuleSite, branch: Value) => Value;
  /** Replaces or skips layer `i`. `at` gives a layer with other tensors, in the same graph and on the same batch. */
  readonly layer?: (i: number, run: LayerFn, at: (place: LayerPlace) => LayerFn) => LayerFn;
}
