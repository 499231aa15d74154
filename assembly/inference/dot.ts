/**
 * The step that the kernels of 8 bits are made of: in each lane of 32 bits four products of bytes added to a sum.
 *
 *   w   signed, −128…127: the weights of one block, in every lane
 *   x   0…127: four inputs of one token in each lane
 *
 * T says where products are summed first. i32: `i32x4.relaxed_dot_i8x16_i7x16_add_s`, one instruction with VNNI (x64) or
 * dot products (ARM), five without, for V8 then builds its constant anew each time. i16: two products in 16 bits, which
 * 2 · 127 · 128 does not overflow, then two of these in 32, three instructions with the constant kept in a register; V8
 * keeps it only when it comes from memory. On a Zen 3 with 256 bits: dense 150 GOP/s by i32, 188 by i16 (`npm run
 * bench:kernels`). Without relaxed SIMD both are the same six instructions of plain SIMD. Sums are whole numbers, so all
 * ways give the same bits.
 */

/** Two ones of 16 bits, by which neighbours are added. */
const ONES: usize = memory.data<i16>([1, 1]);

/** For `dot`. */
@inline
export function ones(): v128 {
  return v128.load_splat<i16>(ONES);
}

/** sum + Σ w·x over the four bytes of each lane. */
@inline
export function dot<T>(w: v128, x: v128, sum: v128, one: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (sizeof<T>() == 4) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
    return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), one));
  }
  const low = i32x4.extadd_pairwise_i16x8_s(i16x8.extmul_low_i8x16_s(w, x));
  const high = i32x4.extadd_pairwise_i16x8_s(i16x8.extmul_high_i8x16_s(w, x));
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  const odd = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  return i32x4.add(sum, i32x4.add(even, odd));
}

/** Scale of a token · scale of an output · sum + bias. */
@inline
export function scaled(sum: v128, token: v128, output: v128, bias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(sum), token), output), bias);
}
