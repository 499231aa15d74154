/**
 * The kernels of the inference runtime, compiled four times (asconfig.json): for a memory of their own or one that threads
 * share, and with or without relaxed SIMD (madd.ts). Called from src/sparse/kernels.ts; defined by src/sparse/reference.ts, with which each must agree.
 *
 * Activations lie in panels of 16 tokens, [panel][feature][16]: strides are short, a layer's output is the next one's
 * input, and nothing is ever transposed. All addresses and strides are in bytes.
 *
 * File names are specifications: what, block height × width; q for 8 bits.
 */

export { gelu_erf, gelu_tanh, multiply, relu, tanh } from "./activations";
export { attention } from "./attention";
export { attention_wide } from "./attention_wide";
export { gather, lane } from "./gather";
export { gemm_4x1, gemm_4x1_wide } from "./gemm_4x1";
export { layer_norm } from "./layer_norm";
export { qgemm_4x4, qgemm_4x4_dot } from "./qgemm_4x4";
export { qspmm_1x4, qspmm_1x4_dot } from "./qspmm_1x4";
export { qspmm_4x4, qspmm_4x4_dot } from "./qspmm_4x4";
export { dequantize, quantize } from "./quantize";
export { roof_12, roof_24 } from "./roof";
export { rotate } from "./rotate";
export { spmm_1x1, spmm_1x1_pair } from "./spmm_1x1";
export { spmm_2x1, spmm_2x1_pair } from "./spmm_2x1";
export { spmm_4x1, spmm_4x1_wide } from "./spmm_4x1";
