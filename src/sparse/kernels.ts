/**
 * The kernels of assembly/inference, bound to a memory. Addresses and strides are bytes; see there for what each computes.
 *
 * Compiled four times from the same source, because a module says whether its memory is shared by threads and whether it
 * needs relaxed SIMD. Browser-safe: the bytes come from elsewhere (runtime/module.ts).
 */

import { FormatError } from "../base/errors.ts";
import type { WasmMemory, WasmModule } from "../base/wasm.ts";

/** A reach of attention that no text has: all tokens see all. */
export const ALL_TOKENS = 2 ** 29;

/** Multiplies panels by a sparse matrix of single weights. */
export type SingleKernel = (
  x: number,
  y: number,
  panels: number,
  xStride: number,
  yStride: number,
  rows: number,
  counts: number,
  columns: number,
  weights: number,
  bias: number,
) => void;

/** Multiplies panels by a sparse matrix of blocks: `rows` outputs, padded to whole blocks. */
export type BlockKernel = (
  x: number,
  y: number,
  panels: number,
  xStride: number,
  yStride: number,
  rows: number,
  counts: number,
  stream: number,
  bias: number,
) => void;

/** Multiplies panels by a whole matrix: `rows` outputs, padded to a multiple of 4. */
export type DenseKernel = (
  x: number,
  y: number,
  panels: number,
  xStride: number,
  yStride: number,
  rows: number,
  columns: number,
  weights: number,
  bias: number,
) => void;

/** Multiplies panels in 8 bits by a sparse matrix of blocks; `outputs` has a sum, a scale and a bias for each. */
export type ByteBlockKernel = (
  x: number,
  y: number,
  panels: number,
  xStride: number,
  yStride: number,
  rows: number,
  counts: number,
  stream: number,
  outputs: number,
) => void;

/** Multiplies panels in 8 bits by a whole matrix. */
export type ByteDenseKernel = (
  x: number,
  y: number,
  panels: number,
  xStride: number,
  yStride: number,
  rows: number,
  columns: number,
  weights: number,
  outputs: number,
) => void;

/** Panels in float32 to panels in 8 bits, or back. */
export type ByteConversion = (
  from: number,
  to: number,
  panels: number,
  fromStride: number,
  toStride: number,
  features: number,
) => void;

/** Kernels in 8 bits whose products are one instruction (assembly/inference/dot.ts): each is the twin of one without `_dot`. */
export const BYTE_TWINS = ["qspmm_1x4_dot", "qspmm_4x4_dot", "qgemm_4x4_dot"] as const;

/** A kernel that need not be right, since its twin does the same. */
export type ByteTwin = (typeof BYTE_TWINS)[number];

/** Whether a kernel is one of them. */
export function isTwin(kernel: string): kernel is ByteTwin {
  return BYTE_TWINS.some((twin) => twin === kernel);
}

/** Compiled kernels, and how. Plain values and a module, so that they can be sent to another thread. */
export interface CompiledKernels {
  readonly module: WasmModule;
  /** Whether products are added in one instruction (relaxed SIMD). */
  readonly fused: boolean;
  /** Whether vectors are joined to 256 bits; null where that cannot be asked for. */
  readonly wide: boolean | null;
  /** Whether kernels of bytes may multiply by one instruction: it is there, and right. Their twins do without. */
  readonly dot: boolean;
}

/** Every kernel, by its name in assembly/inference. */
export interface Kernels {
  readonly spmm_1x1: SingleKernel;
  readonly spmm_1x1_pair: SingleKernel;
  readonly spmm_2x1: BlockKernel;
  readonly spmm_2x1_pair: BlockKernel;
  readonly spmm_4x1: BlockKernel;
  readonly spmm_4x1_wide: BlockKernel;
  readonly gemm_4x1: DenseKernel;
  readonly gemm_4x1_wide: DenseKernel;
  readonly qspmm_1x4: ByteBlockKernel;
  readonly qspmm_1x4_dot: ByteBlockKernel;
  readonly qspmm_4x4: ByteBlockKernel;
  readonly qspmm_4x4_dot: ByteBlockKernel;
  readonly qgemm_4x4: ByteDenseKernel;
  readonly qgemm_4x4_dot: ByteDenseKernel;
  readonly quantize: ByteConversion;
  readonly dequantize: ByteConversion;
  /** The one for these vectors: with 256 bits it is attention_wide. */
  readonly attention: (
    q: number,
    k: number,
    v: number,
    out: number,
    stride: number,
    outStride: number,
    queries: number,
    keys: number,
    heads: number,
    size: number,
    scratch: number,
    place: number,
    reach: number,
    terms: number,
    termsRow: number,
  ) => void;
  /** x becomes x + residual, y its norm; they may be one. */
  readonly layer_norm: (
    x: number,
    residual: number,
    y: number,
    panels: number,
    stride: number,
    features: number,
    gamma: number,
    beta: number,
    epsilon: number,
  ) => void;
  readonly gather: (
    x: number,
    stride: number,
    first: number,
    end: number,
    tokens: number,
    ids: number,
    types: number,
    features: number,
    words: number,
    positions: number,
    row: number,
    segments: number,
    pad: number,
  ) => void;
  readonly rotate: (
    x: number,
    stride: number,
    panels: number,
    heads: number,
    size: number,
    table: number,
  ) => void;
  readonly multiply: (x: number, y: number, n: number) => void;
  readonly lane: (from: number, to: number, features: number) => void;
  readonly gelu_erf: (x: number, n: number) => void;
  readonly gelu_tanh: (x: number, n: number) => void;
  readonly relu: (x: number, n: number) => void;
  readonly tanh: (x: number, n: number) => void;
}

const NAMES: { readonly [K in keyof Kernels]: true } = {
  spmm_1x1: true,
  spmm_1x1_pair: true,
  spmm_2x1: true,
  spmm_2x1_pair: true,
  spmm_4x1: true,
  spmm_4x1_wide: true,
  gemm_4x1: true,
  gemm_4x1_wide: true,
  qspmm_1x4: true,
  qspmm_1x4_dot: true,
  qspmm_4x4: true,
  qspmm_4x4_dot: true,
  qgemm_4x4: true,
  qgemm_4x4_dot: true,
  quantize: true,
  dequantize: true,
  attention: true,
  layer_norm: true,
  gather: true,
  rotate: true,
  multiply: true,
  lane: true,
  gelu_erf: true,
  gelu_tanh: true,
  relu: true,
  tanh: true,
};

function missingIn(exports: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(NAMES).filter((name) => typeof exports[name] !== "function");
}

/** Every name is looked up; arguments are numbers alone. */
function isKernels(
  exports: Readonly<Record<string, unknown>>,
): exports is Readonly<Record<string, unknown>> & Kernels {
  return missingIn(exports).length === 0;
}

/**
 * The kernels of a compiled module on one memory.
 * @throws {FormatError} `kernels/module` for a module of something else
 */
export function kernelsOf(
  { module, wide }: Pick<CompiledKernels, "module" | "wide">,
  memory: WasmMemory,
): Kernels {
  const { attention_wide, ...all } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const exports: Readonly<Record<string, unknown>> =
    wide === true ? { ...all, attention: attention_wide } : all;
  if (isKernels(exports)) return exports;
  const missing = missingIn(exports);
  throw new FormatError(
    "kernels/module",
    `kernels: expected ${missing.join(", ")}, got a module without them`,
  );
}
