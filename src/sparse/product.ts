/**
 * y = W·x + b in either arithmetic: a linear layer in float32 or in 8 bits, over a few panels that a thread has before it.
 *
 * What layers in 8 bits read is quantized once for all of them. Browser-safe. Not here: how matrices are placed
 * (linear.ts, byte-linear.ts), which layers there are (forward.ts).
 */

import { type PlacedLevels, runLevels } from "./byte-linear.ts";
import type { Kernels } from "./kernels.ts";
import { type PlacedLinear, runLinear } from "./linear.ts";
import { bytePanelBytes, panelBytes } from "./panels.ts";

/** A linear layer in an arena. */
export type PlacedProduct = PlacedLinear | PlacedLevels;

/** Panels that linear layers read. */
export interface ProductInput {
  /** Address of the first panel in float32. */
  readonly floats: number;
  /** The same in 8 bits, where it was asked for. */
  readonly bytes: number;
  readonly panels: number;
}

/** Whether a layer computes in 8 bits. */
export function isInBytes(layer: PlacedProduct): layer is PlacedLevels {
  return "outputs" in layer;
}

/**
 * Panels as the layers want them that will read them.
 *
 * @param floats  address of the first panel
 * @param bytes   room for them in 8 bits
 */
export function prepareInput(
  kernels: Kernels,
  layers: readonly PlacedProduct[],
  floats: number,
  bytes: number,
  panels: number,
): ProductInput {
  const reader = layers.find(isInBytes);
  if (reader) {
    const { columns } = reader;
    kernels.quantize(floats, bytes, panels, panelBytes(columns), bytePanelBytes(columns), columns);
  }
  return { floats, bytes, panels };
}

/** y = W·x + b into panels of the layer's own size. */
export function runProduct(
  kernels: Kernels,
  layer: PlacedProduct,
  { floats, bytes, panels }: ProductInput,
  y: number,
): void {
  const stride = panelBytes(layer.rows);
  if (isInBytes(layer)) {
    runLevels(kernels, layer, bytes, y, panels, { x: bytePanelBytes(layer.columns), y: stride });
  } else {
    runLinear(kernels, layer, floats, y, panels, { x: panelBytes(layer.columns), y: stride });
  }
}
