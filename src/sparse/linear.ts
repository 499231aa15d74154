/**
 * Linear layers in memory: which kernel multiplies a matrix, and the matrix in that kernel's own order.
 *
 * A matrix can be stored as single weights, as blocks of 2 or 4 rows, or whole, however it came. Taller blocks hold more
 * zeros and run faster; which way is fastest follows from how many numbers each one stores and from the kernels'
 * measured rates.
 * Browser-safe. Not here: measuring the rates (runtime/).
 */

import { blockSize } from "../base/blocks.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { Arena } from "./arena.ts";
import { type ByteRates, USUAL_BYTE_RATES } from "./byte-linear.ts";
import type { Kernels } from "./kernels.ts";
import {
  isPacked,
  type PackedMatrix,
  packMatrix,
  type Stored,
  storedNumbers,
  unpackMatrix,
} from "./matrix.ts";
import { PANEL, padFeatures } from "./panels.ts";

/** The kernels, with the blocks that each reads; the dense ones store every number. */
export const LINEAR_KERNELS = {
  spmm_1x1: "1",
  spmm_1x1_pair: "1",
  spmm_2x1: "2x1",
  spmm_2x1_pair: "2x1",
  spmm_4x1: "4x1",
  spmm_4x1_wide: "4x1",
  gemm_4x1: "dense",
  gemm_4x1_wide: "dense",
} as const satisfies Readonly<Record<string, "1" | "2x1" | "4x1" | "dense">>;

/** How a matrix is multiplied. */
export type LinearKernel = keyof typeof LINEAR_KERNELS;

/** Something for each kernel. */
export function forEachKernel<T>(make: (kernel: LinearKernel) => T): Record<LinearKernel, T> {
  const names = Object.keys(LINEAR_KERNELS) as LinearKernel[]; // the table's own keys
  return Object.fromEntries(names.map((kernel) => [kernel, make(kernel)])) as Record<LinearKernel, T>; // one for each
}

/**
 * Stored numbers a kernel multiplies per second and panel, in 10⁹, times 32: GFLOP/s of its own arithmetic, GOP/s of those
 * in 8 bits. 0 for a kernel that must not be taken.
 */
export type Rates = Readonly<Record<LinearKernel, number>> & ByteRates;

/** Measured on one core of an AMD EPYC (Zen 3) under Node 20 (`npm run bench:kernels`); replaced by a machine's own. */
export const USUAL_RATES: Rates = {
  spmm_1x1: 19,
  spmm_1x1_pair: 17,
  spmm_2x1: 35,
  spmm_2x1_pair: 16,
  spmm_4x1: 39,
  spmm_4x1_wide: 22,
  gemm_4x1: 50,
  gemm_4x1_wide: 24,
  ...USUAL_BYTE_RATES,
};

/** A linear layer in an arena; addresses are bytes. Plain numbers, so that it can be sent to another thread. */
export interface PlacedLinear {
  readonly kernel: LinearKernel;
  /** Outputs, padded to a multiple of 4. */
  readonly rows: number;
  readonly columns: number;
  /** Numbers stored, zeros inside blocks included. */
  readonly stored: number;
  /** Blocks of each block row; 0 for the dense kernel. */
  readonly counts: number;
  /** Columns of single weights; 0 for blocks, which carry theirs, and for the dense kernel. */
  readonly indices: number;
  readonly weights: number;
  readonly bias: number;
}

/** The kernel that multiplies a matrix soonest at these rates. */
export function fastestKernel(stored: Stored, rates: Rates): LinearKernel {
  const times = forEachKernel((kernel) => stored[LINEAR_KERNELS[kernel]] / rates[kernel]);
  let best: LinearKernel = "gemm_4x1";
  forEachKernel((kernel) => {
    if (times[kernel] < times[best]) best = kernel;
  });
  return best;
}

/** Places a layer; `scale` multiplies weights and bias, for the 1/√A of queries. */
export function placeLinear(
  arena: Arena,
  matrix: PackedMatrix | FloatTensor,
  bias: FloatTensor,
  rates: Rates,
  scale = 1,
  stored = storedNumbers(matrix),
): PlacedLinear {
  const kernel = fastestKernel(stored, rates);
  const [outputs = 0, columns = 0] = isPacked(matrix) ? [matrix.rows, matrix.columns] : matrix.shape;
  const rows = padFeatures(outputs);
  const padded = new Float32Array(rows);
  bias.data.forEach((value, i) => {
    padded[i] = value * scale;
  });
  const shared = { kernel, rows, columns, bias: arena.place(padded) };
  const block = LINEAR_KERNELS[kernel];
  if (block === "dense") {
    const whole = isPacked(matrix) ? unpackMatrix(matrix) : matrix;
    return {
      ...shared,
      stored: rows * columns,
      counts: 0,
      indices: 0,
      weights: placeDense(arena, whole, scale),
    };
  }
  const blocks = packMatrix(matrix, block);
  return { ...shared, stored: blocks.values.length, ...placeSparse(arena, blocks, rows, scale) };
}

/** [rows / 4][columns][4]; what is placed here and below is written where it stays, since new memory costs more than the copy. */
function placeDense(arena: Arena, { shape, data }: FloatTensor, scale: number): number {
  const [rows = 0, columns = 0] = shape;
  const size = padFeatures(rows) * columns;
  const address = arena.allocate(4 * size);
  const grouped = arena.floats(address, size);
  for (let row = 0; row < rows; row += 4) {
    const end = Math.min(4, rows - row);
    for (let column = 0; column < columns; column++) {
      for (let i = 0; i < end; i++)
        grouped[row * columns + 4 * column + i] = (data[(row + i) * columns + column] ?? 0) * scale;
    }
  }
  return address;
}

/** Single weights: columns and numbers apart, 6 bytes for each. */
function placeSingle(
  arena: Arena,
  { indices, values }: PackedMatrix,
  scale: number,
): Pick<PlacedLinear, "indices" | "weights"> {
  const weights = arena.allocate(4 * values.length);
  const scaled = arena.floats(weights, values.length);
  for (let k = 0; k < values.length; k++) scaled[k] = (values[k] ?? 0) * scale;
  return { indices: arena.place(new Uint16Array(indices)), weights };
}

/** Blocks: u32 byte offset of the input in a panel, then the numbers of its rows. Apart, as above, they were a fifth slower. */
function placeBlocks(
  arena: Arena,
  { block, indices, values }: PackedMatrix,
  scale: number,
): Pick<PlacedLinear, "indices" | "weights"> {
  const { height } = blockSize(block);
  const width = 1 + height;
  const weights = arena.allocate(4 * width * indices.length);
  const offsets = arena.integers(weights, width * indices.length);
  const floats = arena.floats(weights, width * indices.length);
  for (let k = 0; k < indices.length; k++) {
    offsets[k * width] = (indices[k] ?? 0) * PANEL * 4;
    for (let i = 0; i < height; i++) floats[k * width + 1 + i] = (values[k * height + i] ?? 0) * scale;
  }
  return { indices: 0, weights };
}

function placeSparse(
  arena: Arena,
  matrix: PackedMatrix,
  rows: number,
  scale: number,
): Pick<PlacedLinear, "counts" | "indices" | "weights"> {
  const { block, starts } = matrix;
  // Rows that are padding have no blocks.
  const counts = new Uint32Array(rows / blockSize(block).height);
  for (let r = 0; r + 1 < starts.length; r++) counts[r] = (starts[r + 1] ?? 0) - (starts[r] ?? 0);
  const numbers = block === "1" ? placeSingle(arena, matrix, scale) : placeBlocks(arena, matrix, scale);
  return { counts: arena.place(counts), ...numbers };
}

/** y = W·x + b over panels. */
export function runLinear(
  kernels: Kernels,
  { kernel, rows, columns, counts, indices, weights, bias }: PlacedLinear,
  x: number,
  y: number,
  panels: number,
  strides: { readonly x: number; readonly y: number },
): void {
  if (kernel === "gemm_4x1" || kernel === "gemm_4x1_wide")
    kernels[kernel](x, y, panels, strides.x, strides.y, rows, columns, weights, bias);
  else if (kernel === "spmm_1x1" || kernel === "spmm_1x1_pair")
    kernels[kernel](x, y, panels, strides.x, strides.y, rows, counts, indices, weights, bias);
  else kernels[kernel](x, y, panels, strides.x, strides.y, rows, counts, weights, bias);
}
