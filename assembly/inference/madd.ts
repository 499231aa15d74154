/**
 * The step that all kernels are made of: a product added to a sum, four numbers at a time.
 *
 * Compiled with relaxed SIMD it is one instruction with one rounding, where the processor has that; without, a product and
 * a sum with a rounding each. Results differ in the last bit between the two, and so between machines. With it blocks are
 * 36 to 40 % faster in 128-bit registers, the dense kernel 43 %, attention 40 %, GELU 35 % (Zen 3, Node 20,
 * `npm run bench:kernels`); single weights 4 %, because they wait for their inputs.
 */

/** c + a·b */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}

/** c − a·b */
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_nmadd(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));
}
