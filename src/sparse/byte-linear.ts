/**
 * Linear layers in 8 bits in memory: the matrix as levels, and which kernel multiplies them.
 *
 *   level   a weight divided by the scale of its row (base/levels.ts)
 *
 * Any matrix can be stored as blocks of 1 × 4 or 4 × 4 or whole, however it came; zeros inside a block are multiplied too.
 * Sums are whole numbers and come out the same by every kernel, so which one is taken never changes an answer.
 * Browser-safe. Not here: weights in float32 (linear.ts), which layers are in 8 bits (bert/quantized.ts).
 */

import { levelsOf } from "../base/levels.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { Arena } from "./arena.ts";
import type { Kernels } from "./kernels.ts";
import { isPacked, type PackedMatrix, storedNumbers, unpackMatrix } from "./matrix.ts";
import { PANEL, padFeatures } from "./panels.ts";

/** The kernels, by what they store. */
export const BYTE_KERNELS = {
  qspmm_1x4: "1x4",
  qspmm_1x4_dot: "1x4",
  qspmm_4x4: "4x4",
  qspmm_4x4_dot: "4x4",
  qgemm_4x4: "dense",
  qgemm_4x4_dot: "dense",
} as const satisfies Readonly<Record<string, ByteForm>>;

/** What a kernel stores. */
export type ByteForm = "1x4" | "4x4" | "dense";

/** How a matrix of levels is multiplied. */
export type ByteKernel = keyof typeof BYTE_KERNELS;

/** The table's own keys. */
export const BYTE_KERNEL_NAMES = Object.keys(BYTE_KERNELS) as ByteKernel[];

/** Something for each kernel. */
export function forEachByteKernel<T>(make: (kernel: ByteKernel) => T): Record<ByteKernel, T> {
  return Object.fromEntries(BYTE_KERNEL_NAMES.map((kernel) => [kernel, make(kernel)])) as Record<
    ByteKernel,
    T
  >; // one for each
}

/** As `Rates` of linear.ts. */
export type ByteRates = Readonly<Record<ByteKernel, number>>;

/** Measured on one core of an AMD EPYC (Zen 3) under Node 20 (`npm run bench:kernels`); replaced by a machine's own. */
export const USUAL_BYTE_RATES: ByteRates = {
  qspmm_1x4: 75,
  qspmm_1x4_dot: 45,
  qspmm_4x4: 76,
  qspmm_4x4_dot: 60,
  qgemm_4x4: 80,
  qgemm_4x4_dot: 68,
};

/** A linear layer in 8 bits in an arena; addresses are bytes. Plain numbers, so that it can be sent to another thread. */
export interface PlacedLevels {
  readonly kernel: ByteKernel;
  /** Outputs, padded to a multiple of 4. */
  readonly rows: number;
  readonly columns: number;
  /** Levels stored, zeros inside blocks included. */
  readonly stored: number;
  /** Blocks of each block row; 0 for the dense kernel. */
  readonly counts: number;
  readonly weights: number;
  /** For each output the sum of its levels, its scale and its bias. */
  readonly outputs: number;
}

/** Levels padded with zeros to multiples of 4 both ways. */
interface Padded {
  readonly rows: number;
  readonly columns: number;
  readonly levels: Int8Array;
  /** The same, four levels of a row in one word. */
  readonly words: Int32Array;
}

function padLevels(levels: Int8Array, outputs: number, inputs: number): Padded {
  const [rows, columns] = [padFeatures(outputs), padFeatures(inputs)];
  const padded = new Int8Array(rows * columns);
  for (let row = 0; row < outputs; row++)
    padded.set(levels.subarray(row * inputs, (row + 1) * inputs), row * columns);
  return { rows, columns, levels: padded, words: new Int32Array(padded.buffer) };
}

/** The kernel that multiplies a matrix soonest at these rates, by how many levels it stores in each form. */
export function fastestByteKernel(stored: Readonly<Record<ByteForm, number>>, rates: ByteRates): ByteKernel {
  const time = (kernel: ByteKernel): number => stored[BYTE_KERNELS[kernel]] / rates[kernel];
  return BYTE_KERNEL_NAMES.reduce((best, kernel) => (time(kernel) < time(best) ? kernel : best), "qgemm_4x4");
}

/**
 * Places a layer whose weights lie on a grid of levels; `scale` multiplies weights and bias, for the 1/√A of queries.
 *
 * @param matrix  [rows, columns], rounded by `roundToLevels`
 */
export function placeLevels(
  arena: Arena,
  matrix: FloatTensor | PackedMatrix,
  bias: FloatTensor,
  rates: ByteRates,
  scale = 1,
  stored: Readonly<Record<ByteForm, number>> = storedNumbers(matrix),
): PlacedLevels {
  const {
    rows: outputs,
    columns,
    levels,
    scales,
  } = levelsOf(isPacked(matrix) ? unpackMatrix(matrix) : matrix);
  const padded = padLevels(levels, outputs, columns);
  const kernel = fastestByteKernel(stored, rates);
  const form = BYTE_KERNELS[kernel];
  const height = form === "dense" ? padded.rows : form === "1x4" ? 1 : 4;
  const order = form === "dense" ? [{ top: 0, blocks: 0 }] : blockRows(padded, height);
  return {
    kernel,
    rows: padded.rows,
    columns,
    stored: stored[form],
    ...(form === "dense" ? placeWhole(arena, padded) : placeBlocks(arena, padded, order, height)),
    outputs: placeOutputs(arena, padded, { scales, bias: bias.data, scale }, order),
  };
}

/** A block row: its first row, and how many blocks are filled. */
interface BlockRow {
  readonly top: number;
  readonly blocks: number;
}

/** Block rows of `height` rows, those with as many blocks side by side: see qspmm_1x4.ts. */
function blockRows({ rows, columns, words }: Padded, height: number): BlockRow[] {
  const width = columns / 4;
  const found = Array.from({ length: rows / height }, (_, r) => {
    let blocks = 0;
    for (let i = 0; i < width; i++) if (isFilled(words, r * height * width + i, width, height)) blocks++;
    return { top: r * height, blocks };
  });
  return found.sort((a, b) => a.blocks - b.blocks);
}

function isFilled(words: Int32Array, first: number, width: number, height: number): boolean {
  for (let i = first; i < first + height * width; i += width) if (words[i] !== 0) return true;
  return false;
}

/** For each output, in the kernel's order, i32 sum, f32 scale, f32 bias, and u32 its place in a panel. */
function placeOutputs(
  arena: Arena,
  { rows, columns, levels }: Padded,
  {
    scales,
    bias,
    scale,
  }: { readonly scales: Float32Array; readonly bias: Float32Array; readonly scale: number },
  order: readonly BlockRow[],
): number {
  const height = rows / order.length;
  const address = arena.allocate(16 * rows);
  const [sums, floats] = [arena.integers(address, 4 * rows), arena.floats(address, 4 * rows)];
  let at = 0;
  for (const { top } of order) {
    for (let row = top; row < top + height; row++, at += 4) {
      let sum = 0;
      for (let i = row * columns; i < (row + 1) * columns; i++) sum += levels[i] ?? 0;
      sums[at] = sum;
      floats[at + 1] = (scales[row] ?? 0) * scale;
      floats[at + 2] = (bias[row] ?? 0) * scale;
      sums[at + 3] = row * PANEL * 4;
    }
  }
  return address;
}

type Weights = Pick<PlacedLevels, "counts" | "weights">;

/** [rows / 4][columns / 4][4 rows][4 columns] */
function placeWhole(arena: Arena, { rows, columns, words }: Padded): Weights {
  const width = columns / 4;
  const weights = arena.allocate(rows * columns);
  const placed = arena.integers(weights, rows * width);
  let at = 0;
  for (let top = 0; top < rows * width; top += 4 * width) {
    for (let i = top; i < top + width; i++) {
      for (let row = i; row < i + 4 * width; row += width) placed[at++] = words[row] ?? 0;
    }
  }
  return { counts: 0, weights };
}

/** Blocks of `height` rows × 4: u32 byte offset of the inputs in a panel, then four levels of each row. */
function placeBlocks(
  arena: Arena,
  { columns, words }: Padded,
  rows: readonly BlockRow[],
  height: number,
): Weights {
  const width = columns / 4;
  const size = rows.reduce((sum, { blocks }) => sum + blocks, 0) * (1 + height);
  const weights = arena.allocate(4 * size);
  const stream = arena.integers(weights, size);
  let at = 0;
  for (const { top } of rows) {
    for (let i = 0; i < width; i++) {
      const first = top * width + i;
      if (!isFilled(words, first, width, height)) continue;
      stream[at++] = i * 4 * PANEL;
      for (let row = first; row < first + height * width; row += width) stream[at++] = words[row] ?? 0;
    }
  }
  return { counts: arena.place(Uint32Array.from(rows, ({ blocks }) => blocks)), weights };
}

/** y = W·x + b over panels in 8 bits. */
export function runLevels(
  kernels: Kernels,
  { kernel, rows, columns, counts, weights, outputs }: PlacedLevels,
  x: number,
  y: number,
  panels: number,
  strides: { readonly x: number; readonly y: number },
): void {
  if (kernel === "qgemm_4x4" || kernel === "qgemm_4x4_dot")
    kernels[kernel](x, y, panels, strides.x, strides.y, rows, columns, weights, outputs);
  else kernels[kernel](x, y, panels, strides.x, strides.y, rows, counts, weights, outputs);
}
