/**
 * y = W·x + b in either arithmetic: a linear layer in float32 or in 8 bits, over a few panels that a thread has before it.
 *
 * A layer in 8 bits whose zeros lie as no kernel of bytes wants them (2 × 1, 4 × 1) is multiplied in float32, by the same
 * levels and the same rounded inputs: one arithmetic, two ways. Inputs are rounded once for all layers that read them.
 * Browser-safe. Not here: how matrices lie in memory (linear.ts, byte-linear.ts), which layers there are (forward.ts).
 */

import type { FloatTensor } from "../base/tensor.ts";
import type { Arena } from "./arena.ts";
import { BYTE_KERNELS, fastestByteKernel, type PlacedLevels, placeLevels, runLevels } from "./byte-linear.ts";
import type { Kernels } from "./kernels.ts";
import {
  fastestKernel,
  LINEAR_KERNELS,
  type PlacedLinear,
  placeLinear,
  type Rates,
  runLinear,
} from "./linear.ts";
import { type PackedMatrix, storedNumbers } from "./matrix.ts";
import { bytePanelBytes, panelBytes } from "./panels.ts";

/** What a linear layer reads: numbers as they are, bytes, or numbers rounded to what bytes hold. */
export type Reads = "floats" | "bytes" | "rounded";

/** A linear layer in an arena. */
export type PlacedProduct =
  | (PlacedLinear & { readonly reads: "floats" | "rounded" })
  | (PlacedLevels & { readonly reads: "bytes" });

/** Places a layer that computes in float32. */
export function placeFloats(...given: Parameters<typeof placeLinear>): PlacedProduct {
  return { ...placeLinear(...given), reads: "floats" };
}

/**
 * Places a layer that computes in 8 bits, by the way that is fastest at these rates.
 *
 * @param matrix  [rows, columns], rounded by `roundToLevels`; `scale` multiplies weights and bias
 */
export function placeBytes(
  arena: Arena,
  matrix: PackedMatrix | FloatTensor,
  bias: FloatTensor,
  rates: Rates,
  scale = 1,
): PlacedProduct {
  const stored = storedNumbers(matrix);
  const [float, byte] = [fastestKernel(stored, rates), fastestByteKernel(stored, rates)];
  const isFloatFaster =
    stored[LINEAR_KERNELS[float]] / rates[float] < stored[BYTE_KERNELS[byte]] / rates[byte];
  return isFloatFaster
    ? { ...placeLinear(arena, matrix, bias, rates, scale, stored), reads: "rounded" }
    : { ...placeLevels(arena, matrix, bias, rates, scale, stored), reads: "bytes" };
}

/** Addresses of what linear layers read: the first panel as floats, and room for it in the other two forms. */
export type ProductInput = Readonly<Record<Reads, number>> & { readonly panels: number };

/** Fills the forms that layers read. */
export function prepareInput(kernels: Kernels, layers: readonly PlacedProduct[], input: ProductInput): void {
  const { floats, bytes, rounded, panels } = input;
  const inBytes = layers.find(({ reads }) => reads !== "floats");
  if (!inBytes) return;
  const { columns } = inBytes;
  const strides = [panelBytes(columns), bytePanelBytes(columns)] as const;
  kernels.quantize(floats, bytes, panels, ...strides, columns);
  if (layers.some(({ reads }) => reads === "rounded"))
    kernels.dequantize(bytes, rounded, panels, strides[1], strides[0], columns);
}

/** y = W·x + b into panels of the layer's own size. */
export function runProduct(kernels: Kernels, layer: PlacedProduct, input: ProductInput, y: number): void {
  const { reads, rows, columns } = layer;
  const x = input[reads];
  if (reads === "bytes") {
    runLevels(kernels, layer, x, y, input.panels, { x: bytePanelBytes(columns), y: panelBytes(rows) });
  } else {
    runLinear(kernels, layer, x, y, input.panels, { x: panelBytes(columns), y: panelBytes(rows) });
  }
}
