/**
 * The kernels of the inference runtime, compiled to dist/sparse/kernels.wasm and, for memory that threads share, to
 * kernels-shared.wasm. Called from src/sparse/kernels.ts; defined by src/sparse/reference.ts, with which each must agree.
 *
 * Activations lie in panels of 16 tokens, [panel][feature][16]: strides are short, a layer's output is the next one's
 * input, and nothing is ever transposed. All addresses and strides are in bytes.
 *
 * File names are specifications: what, block height × width.
 */

export { gelu_erf, gelu_tanh, relu, tanh } from "./activations";
export { attention } from "./attention";
export { gather, lane } from "./gather";
export { gemm_4x1 } from "./gemm_4x1";
export { layer_norm } from "./layer_norm";
export { roof_12, roof_24 } from "./roof";
export { spmm_1x1, spmm_1x1_pair } from "./spmm_1x1";
export { spmm_2x1 } from "./spmm_2x1";
export { spmm_4x1 } from "./spmm_4x1";
