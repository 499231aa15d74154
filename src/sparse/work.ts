/**
 * What one thread does with panels, whatever they hold: norms and linear layers over a range of them, in parts that stay
 * in the cache. Browser-safe. Not here: which come when (forward.ts, heads.ts).
 */

import { requireItem } from "../base/present.ts";
import type { WasmMemory } from "../base/wasm.ts";
import type { Kernels } from "./kernels.ts";
import { panelBytes } from "./panels.ts";
import { CHUNK, type PlacedModel, type PlacedNorm } from "./placed.ts";
import { type PlacedProduct, prepareInput, runProduct } from "./product.ts";

/** What one thread works with. */
export interface Worker {
  readonly kernels: Kernels;
  readonly memory: WasmMemory;
  readonly model: PlacedModel;
  /** This thread's number, from 0, of `threads`. */
  readonly thread: number;
  readonly threads: number;
  /** Returns when all threads have called it. */
  readonly meet: () => void;
}

/** A range of panels. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Parts of a range small enough that what is made of them stays in the second cache: 128 tokens. */
export function* chunksOf({ from, to }: Range): Generator<Range> {
  for (let at = from; at < to; at += CHUNK) yield { from: at, to: Math.min(at + CHUNK, to) };
}

/** Addresses of panels: the sum of two is left in `x`, its norm in `y`, which may be one. */
export interface NormPlace {
  readonly x: number;
  /** 0: nothing is added. */
  readonly added: number;
  readonly y: number;
  /** Default D. */
  readonly features?: number;
}

/** LayerNorm over a range. */
export function runNorm(
  { kernels, model }: Worker,
  { x, added, y, features = model.config.hiddenSize }: NormPlace,
  { from, to }: Range,
  { gamma, beta }: PlacedNorm,
): void {
  const stride = panelBytes(features);
  const at = (base: number): number => (base === 0 ? 0 : base + from * stride);
  const { layerNormEps } = model.config;
  kernels.layer_norm(at(x), at(added), at(y), to - from, stride, features, gamma, beta, layerNormEps);
}

/** y = W·x + b for at most CHUNK panels, by several layers that read the same x; strides follow from the layers' sizes. */
export function runProducts(
  { kernels, model, thread }: Worker,
  targets: readonly (readonly [layer: PlacedProduct, y: number])[],
  x: number,
  { from, to }: Range,
): void {
  const layers = targets.map(([layer]) => layer);
  const { columns } = requireItem(layers, 0, "layers");
  const { bytes, rounded } = requireItem(model.room.threads, thread, "threads");
  const input = { floats: x + from * panelBytes(columns), bytes, rounded, panels: to - from };
  prepareInput(kernels, layers, input);
  for (const [layer, y] of targets) runProduct(kernels, layer, input, y + from * panelBytes(layer.rows));
}
