/**
 * The kernels' rates on this machine, measured when a model is loaded: which kernel multiplies a matrix rests on them.
 *
 * Each multiplies 128 tokens by a matrix of 192 × 768, sparse ones at 95 % zeros: inputs enough to fill the first cache as
 * a model's do. They take turns, and the best of each counts: whatever else the machine does only ever adds. Browser-safe.
 */

import { type BlockShape, blockGrid, weightsOfBlock } from "../base/blocks.ts";
import { floatTensor } from "../base/tensor.ts";
import type { Arena } from "../sparse/arena.ts";
import {
  BYTE_KERNEL_NAMES,
  BYTE_KERNELS,
  type ByteKernel,
  forEachByteKernel,
  placeLevels,
  runLevels,
} from "../sparse/byte-linear.ts";
import { BYTE_TWINS, type CompiledKernels, isTwin, type Kernels } from "../sparse/kernels.ts";
import {
  forEachKernel,
  LINEAR_KERNELS,
  type LinearKernel,
  placeLinear,
  type Rates,
  runLinear,
  USUAL_RATES,
} from "../sparse/linear.ts";
import type { PackedMatrix } from "../sparse/matrix.ts";
import { bytePanelBytes, PANEL, panelBytes } from "../sparse/panels.ts";

const INPUTS = 768;
const OUTPUTS = 192;
const PANELS = 8;
const DENSITY = 0.05;
const TURNS = 4;
/** Milliseconds of a turn at least: a browser's clock is that coarse at most where threads share memory. */
const TURN = 0.5;

/**
 * Measured rates in GFLOP/s (GOP/s in 8 bits) of the arithmetic that a kernel does, zeros inside its blocks included.
 *
 * @param dot  whether kernels of bytes by one instruction may be taken; their rate is 0 otherwise
 */
export function measureRates(kernels: Kernels, arena: Arena, dot: boolean): Rates {
  const strides = { x: panelBytes(INPUTS), y: panelBytes(OUTPUTS) };
  const x = arena.allocate(PANELS * strides.x);
  const y = arena.allocate(PANELS * strides.y);
  const bias = floatTensor([OUTPUTS], new Float32Array(OUTPUTS));
  const inFloats = (kernel: LinearKernel): Contender => {
    const certain = { ...USUAL_RATES, [kernel]: 1e9 };
    const block = LINEAR_KERNELS[kernel];
    const layer = placeLinear(arena, scatterBlocks(block === "dense" ? "1" : block), bias, certain);
    return contender(layer.stored, () => runLinear(kernels, layer, x, y, PANELS, strides));
  };
  const inBytes = (kernel: ByteKernel): Contender => {
    const certain = { ...USUAL_RATES, [kernel]: 1e9 };
    const form = BYTE_KERNELS[kernel];
    const layer = placeLevels(arena, scatterBlocks(form === "dense" ? "4x4" : form), bias, certain);
    const byteStrides = { x: bytePanelBytes(INPUTS), y: strides.y };
    return contender(layer.stored, () => runLevels(kernels, layer, x, y, PANELS, byteStrides));
  };
  const usable = BYTE_KERNEL_NAMES.filter((kernel) => dot || !isTwin(kernel));
  const floats = forEachKernel(inFloats);
  const bytes = new Map(usable.map((kernel) => [kernel, inBytes(kernel)]));
  for (let turn = 0; turn < TURNS; turn++)
    for (const each of [...Object.values(floats), ...bytes.values()]) takeTurn(each);
  const rateOf = ({ stored, best }: Contender): number => (2 * stored * PANELS * PANEL) / best / 1e6;
  const byteRate = (kernel: ByteKernel): number => {
    const measured = bytes.get(kernel);
    return measured ? rateOf(measured) : 0;
  };
  return { ...forEachKernel((kernel) => rateOf(floats[kernel])), ...forEachByteKernel(byteRate) };
}

/** Rates as they may be used with kernels that were compiled: those of another engine may name some that are wrong in this one. */
export function usableRates(rates: Rates, { dot }: Pick<CompiledKernels, "dot">): Rates {
  return dot ? rates : { ...rates, ...Object.fromEntries(BYTE_TWINS.map((twin) => [twin, 0])) };
}

interface Contender {
  /** Numbers that its matrix stores. */
  readonly stored: number;
  readonly run: () => void;
  /** Runs of a turn. */
  runs: number;
  /** Milliseconds of a run, the least so far. */
  best: number;
}

function contender(stored: number, run: () => void): Contender {
  return { stored, run, runs: 1, best: Number.POSITIVE_INFINITY };
}

function takeTurn(contender: Contender): void {
  for (;;) {
    const start = performance.now();
    for (let i = 0; i < contender.runs; i++) contender.run();
    const took = performance.now() - start;
    if (took >= TURN) {
      contender.best = Math.min(contender.best, took / contender.runs);
      return;
    }
    contender.runs *= 2;
  }
}

/** A matrix with blocks in a twentieth of the places, scattered as a pruned one's are. Its numbers do not matter. */
function scatterBlocks(block: BlockShape): PackedMatrix {
  const [rows, across] = blockGrid({ rows: OUTPUTS, columns: INPUTS, block });
  const starts = new Uint32Array(rows + 1);
  const indices = new Uint32Array(rows * across);
  let [state, blocks] = [1, 0];
  for (let r = 0; r < rows; r++) {
    for (let column = 0; column < across; column++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      if (state < DENSITY * 2 ** 32) indices[blocks++] = column;
    }
    starts[r + 1] = blocks;
  }
  const values = new Float32Array(blocks * weightsOfBlock(block)).fill(0.5);
  return { rows: OUTPUTS, columns: INPUTS, block, starts, indices: indices.subarray(0, blocks), values };
}
