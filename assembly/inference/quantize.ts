/**
 * Panels in 8 bits, each token by itself: u = round(x / s) + z with s = (largest − least) / 126, 0 counted among both.
 *
 *   from   panels of 16 tokens, [panel][feature][16] × f32
 *   to     [panel], each: 16 × f32 scale s, 16 × i32 −z, then [feature / 4][16][4] × u8
 *
 * Four features of a token lie side by side, so that a block of four weights is one broadcast. 0 becomes z, a whole
 * number, so that what is 0 adds nothing to a sum. With 126 steps and z = ⌊−least / s + 3/4⌋ every u lies in 0…127 whatever
 * the rounding. No product is fused with a sum: every machine gives the same bytes for the same numbers.
 */

import { constant } from "./exponential";

/** Places in exponential.ts's table: see there. */
const ROUNDING: usize = 30;
const STEPS: usize = 31;
const LARGEST: usize = 32;
const THREE_QUARTERS: usize = 33;

/** What four rounded numbers have in their bits beside u, when the second, third and fourth are moved up by one to three bytes. */
const SURPLUS: i32 = 0x8b400000;

/**
 * @param features  of each token; those that pad `to` to a multiple of 4 are read from `from` and may be anything finite
 */
export function quantize(
  from: usize,
  to: usize,
  panels: i32,
  fromStride: usize,
  toStride: usize,
  features: i32,
): void {
  for (let p = 0; p < panels; p++) {
    for (let half: usize = 0; half < 64; half += 32) eightTokens(from + half, to + half, features);
    from += fromStride;
    to += toStride;
  }
}

function eightTokens(from: usize, to: usize, features: i32): void {
  let least = constant(0);
  let least1 = least;
  let most = least;
  let most1 = least;
  const end = from + ((<usize>features) << 6);
  for (let i = from; i < end; i += 64) {
    const x = v128.load(i);
    const x1 = v128.load(i, 16);
    least = f32x4.pmin(least, x);
    least1 = f32x4.pmin(least1, x1);
    most = f32x4.pmax(most, x);
    most1 = f32x4.pmax(most1, x1);
  }
  const steps = constant(STEPS);
  const range = f32x4.sub(most, least);
  const range1 = f32x4.sub(most1, least1);
  v128.store(to, f32x4.div(range, steps));
  v128.store(to, f32x4.div(range1, steps), 16);
  // Where a range is 0 or almost, the largest number in place of an infinite one: its product with 0 is 0.
  const finite = constant(LARGEST);
  const factor = f32x4.pmin(f32x4.div(steps, range), finite);
  const factor1 = f32x4.pmin(f32x4.div(steps, range1), finite);
  const part = constant(THREE_QUARTERS);
  const zero = f32x4.floor(f32x4.sub(part, f32x4.mul(least, factor)));
  const zero1 = f32x4.floor(f32x4.sub(part, f32x4.mul(least1, factor1)));
  v128.store(to, i32x4.neg(i32x4.trunc_sat_f32x4_s(zero)), 64);
  v128.store(to, i32x4.neg(i32x4.trunc_sat_f32x4_s(zero1)), 80);
  // Adding 1.5·2²³ rounds to the nearest whole number, halves to the even one, and leaves it in the lowest byte.
  const rounding = constant(ROUNDING);
  const shift = f32x4.add(rounding, zero);
  const shift1 = f32x4.add(rounding, zero1);
  const surplus = i32x4.splat(SURPLUS);
  let out = to + 128;
  for (let i = from; i < end; i += 256, out += 64) {
    let a = f32x4.add(f32x4.mul(v128.load(i), factor), shift);
    let b = f32x4.add(f32x4.mul(v128.load(i, 16), factor1), shift1);
    let c = f32x4.add(f32x4.mul(v128.load(i, 64), factor), shift);
    let d = f32x4.add(f32x4.mul(v128.load(i, 80), factor1), shift1);
    a = i32x4.add(a, i32x4.shl(c, 8));
    b = i32x4.add(b, i32x4.shl(d, 8));
    c = f32x4.add(f32x4.mul(v128.load(i, 128), factor), shift);
    d = f32x4.add(f32x4.mul(v128.load(i, 144), factor1), shift1);
    a = i32x4.add(a, i32x4.shl(c, 16));
    b = i32x4.add(b, i32x4.shl(d, 16));
    c = f32x4.add(f32x4.mul(v128.load(i, 192), factor), shift);
    d = f32x4.add(f32x4.mul(v128.load(i, 208), factor1), shift1);
    a = i32x4.add(a, i32x4.shl(c, 24));
    b = i32x4.add(b, i32x4.shl(d, 24));
    v128.store(out, i32x4.sub(a, surplus));
    v128.store(out, i32x4.sub(b, surplus), 16);
  }
}

/** Panels in 8 bits as numbers again, s · (u − z): what a kernel of float32 reads of a layer that computes in 8 bits. */
export function dequantize(
  from: usize,
  to: usize,
  panels: i32,
  fromStride: usize,
  toStride: usize,
  features: i32,
): void {
  const bytes = ((<usize>features + 3) >> 2) << 6;
  const byte = i32x4.splat(255);
  for (let p = 0; p < panels; p++) {
    for (let half: usize = 0; half < 64; half += 32) {
      const head = from + half;
      const scale = v128.load(head);
      const scale1 = v128.load(head, 16);
      const zero = v128.load(head, 64);
      const zero1 = v128.load(head, 80);
      let out = to + half;
      const end = head + 128 + bytes;
      for (let i = head + 128; i < end; i += 64, out += 256) {
        const x = v128.load(i);
        const y = v128.load(i, 16);
        const a = i32x4.add(v128.and(x, byte), zero);
        const b = i32x4.add(v128.and(y, byte), zero1);
        const c = i32x4.add(v128.and(i32x4.shr_u(x, 8), byte), zero);
        const d = i32x4.add(v128.and(i32x4.shr_u(y, 8), byte), zero1);
        const e = i32x4.add(v128.and(i32x4.shr_u(x, 16), byte), zero);
        const f = i32x4.add(v128.and(i32x4.shr_u(y, 16), byte), zero1);
        const g = i32x4.add(i32x4.shr_u(x, 24), zero);
        const h = i32x4.add(i32x4.shr_u(y, 24), zero1);
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(a), scale));
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(b), scale1), 16);
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(c), scale), 64);
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(d), scale1), 80);
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(e), scale), 128);
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(f), scale1), 144);
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(g), scale), 192);
        v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(h), scale1), 208);
      }
    }
    from += fromStride;
    to += toStride;
  }
}
