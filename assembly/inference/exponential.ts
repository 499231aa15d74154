/**
 * eˣ and the error function, eight at a time, for the kernels that need them. Not exported from the module.
 *
 *   constants   in memory, and read from there: V8 builds a vector constant from two 64-bit moves each time it is used,
 *               which took half of GELU's time (0.66 ms for 128 × 3,072 numbers, 0.2 from memory)
 *   pmin, pmax  one instruction each; the ones that care for NaN and -0 are eight
 *   pairs       two registers at a time share what is read, and V8 can join them to 256 bits
 *
 * `@inline` is AssemblyScript, which Biome cannot read: this file, madd.ts and dot.ts alone are not formatted by it.
 */

import { madd, nmadd } from "./madd";

/** Constants, by their place. */
const TABLE: usize = memory.data<f32>([
  0, // 0
  1, // 1
  0.5, // 2
  2, // 3
  // eˣ
  -87, // 4
  88, // 5
  1.44269504, // 6: 1 / ln 2
  0.693359375, // 7: ln 2 in two parts, so that n·ln 2 is exact in the first
  -2.12194440e-4, // 8
  1.98412698e-4, // 9: 1/7!
  1.38888889e-3, // 10: 1/6!
  8.33333333e-3, // 11
  4.16666667e-2, // 12
  1.66666667e-1, // 13
  // erf
  -3.9, // 14
  3.9, // 15
  2.0503955e-6, // 16: P from the highest power
  2.87457309e-4, // 17
  3.8368595e-3, // 18
  5.29668649e-2, // 19
  1.9194056e-1, // 20
  1.12837903, // 21
  3.8230832e-5, // 22: Q from the highest power; its constant is 1
  1.1817313e-3, // 23
  1.51091693e-2, // 24
  1.14758022e-1, // 25
  5.03434671e-1, // 26
  // GELU
  0.70710678, // 27: 1/√2
  0.79788456, // 28: √(2/π)
  0.044715, // 29
  12582912, // 30: 1.5·2²³
  // 8 bits
  126, // 31
  3.4028235e38, // 32
  0.75, // 33
]);

/** A constant in all lanes; `i` as in the table above. */
@inline
export function constant(i: usize): v128 {
  return v128.load_splat<f32>(TABLE + (i << 2));
}

/**
 * eˣ at `x`, eight numbers in place, relative error below 2e-7 for x in [-87, 88]; smaller x give e⁻⁸⁷, larger e⁸⁸.
 *
 * x = n·ln 2 + r with |r| ≤ ln 2 / 2; eʳ by its Taylor polynomial of degree 7, and 2ⁿ put into the exponent.
 */
@inline
export function exp8(x: usize, a: v128, b: v128): void {
  let c = constant(4);
  a = f32x4.pmax(a, c);
  b = f32x4.pmax(b, c);
  c = constant(5);
  a = f32x4.pmin(a, c);
  b = f32x4.pmin(b, c);
  c = constant(6);
  // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the lowest bits.
  const t = constant(30);
  const i = madd(a, c, t);
  const j = madd(b, c, t);
  const n = f32x4.sub(i, t);
  const m = f32x4.sub(j, t);
  c = constant(7);
  a = nmadd(n, c, a);
  b = nmadd(m, c, b);
  c = constant(8);
  a = nmadd(n, c, a);
  b = nmadd(m, c, b);
  let e = constant(9);
  let f = e;
  c = constant(10);
  e = madd(e, a, c);
  f = madd(f, b, c);
  c = constant(11);
  e = madd(e, a, c);
  f = madd(f, b, c);
  c = constant(12);
  e = madd(e, a, c);
  f = madd(f, b, c);
  c = constant(13);
  e = madd(e, a, c);
  f = madd(f, b, c);
  c = constant(2);
  e = madd(e, a, c);
  f = madd(f, b, c);
  c = constant(1);
  e = madd(e, a, c);
  f = madd(f, b, c);
  e = madd(e, a, c);
  f = madd(f, b, c);
  // 2ⁿ·e: n is added to the exponent's bits. e lies in [0.7, 1.5], so no sign is touched.
  e = i32x4.add(e, i32x4.shl(i, 23));
  f = i32x4.add(f, i32x4.shl(j, 23));
  v128.store(x, e);
  v128.store(x, f, 16);
}

/**
 * x/2·(1 + erf(y)) at `x`, eight numbers, from x = a and b and y = ya and yb; erf's absolute error is below 5e-7.
 *
 * erf(y) = y·P(y²)/Q(y²) on [-3.9, 3.9], where |erf| is within 4e-8 of 1, and constant beyond. The coefficients are our
 * own least-squares fit, reweighted until the errors are level: 1.5e-8 before rounding.
 */
@inline
export function gelu8(x: usize, a: v128, b: v128): void {
  let c = constant(27);
  let y = f32x4.mul(a, c);
  let z = f32x4.mul(b, c);
  c = constant(14);
  y = f32x4.pmax(y, c);
  z = f32x4.pmax(z, c);
  c = constant(15);
  y = f32x4.pmin(y, c);
  z = f32x4.pmin(z, c);
  const yy = f32x4.mul(y, y);
  const zz = f32x4.mul(z, z);
  let p = constant(16);
  let q = p;
  c = constant(17);
  p = madd(p, yy, c);
  q = madd(q, zz, c);
  c = constant(18);
  p = madd(p, yy, c);
  q = madd(q, zz, c);
  c = constant(19);
  p = madd(p, yy, c);
  q = madd(q, zz, c);
  c = constant(20);
  p = madd(p, yy, c);
  q = madd(q, zz, c);
  c = constant(21);
  p = f32x4.mul(madd(p, yy, c), y);
  q = f32x4.mul(madd(q, zz, c), z);
  let d = constant(22);
  let e = d;
  c = constant(23);
  d = madd(d, yy, c);
  e = madd(e, zz, c);
  c = constant(24);
  d = madd(d, yy, c);
  e = madd(e, zz, c);
  c = constant(25);
  d = madd(d, yy, c);
  e = madd(e, zz, c);
  c = constant(26);
  d = madd(d, yy, c);
  e = madd(e, zz, c);
  c = constant(1);
  p = f32x4.div(p, madd(d, yy, c));
  q = f32x4.div(q, madd(e, zz, c));
  c = constant(2);
  a = f32x4.mul(a, c);
  b = f32x4.mul(b, c);
  v128.store(x, madd(p, a, a));
  v128.store(x, madd(q, b, b), 16);
}
