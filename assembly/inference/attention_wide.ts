/**
 * Multi-head attention as in attention.ts, in blocks of 4 × 16 for 256-bit registers, where blocks of 2 × 16 are too few
 * products to wait for one another's sums: 72 GFLOP/s on a Zen 3 instead of 46 (`npm run bench:kernels`).
 */

import { addTerms, feature, PANEL, weights } from "./attention";
import { constant } from "./exponential";
import { madd } from "./madd";

/** Arguments as `attention`'s. */
export function attention_wide(
  q: usize,
  k: usize,
  v: usize,
  out: usize,
  stride: usize,
  outStride: usize,
  queries: i32,
  keys: i32,
  heads: i32,
  size: i32,
  scratch: usize,
  place: i32,
  reach: i32,
  terms: usize,
  termsRow: usize,
): void {
  const bytes = (<usize>size) << 6;
  for (let p = 0; p < queries; p++) {
    const from = max(0, place - reach) & ~15;
    const near = min(keys, place + PANEL + reach) - from;
    const skipped = <usize>(from >> 4) * stride;
    for (let h = 0; h < heads; h++) {
      const at = <usize>h * bytes;
      scores(q + at, k + skipped + at, stride, near, bytes, scratch);
      if (terms) addTerms(scratch, near, terms + <usize>h * termsRow + ((<isize>(place - from)) << 2));
      weights(scratch, near);
      mixture(scratch, v + skipped + at, out + at, stride, near, size);
    }
    q += stride;
    out += outStride;
    place += PANEL;
  }
}

/** scratch[key][16] = Σ_a k[a][key]·q[a][16], 4 keys × 16 queries at a time. */
function scores(q: usize, k: usize, stride: usize, keys: i32, bytes: usize, scratch: usize): void {
  for (let j = 0; j < keys; j += 4) {
    let s = k + <usize>(j >> 4) * stride + ((<usize>(j & 15)) << 2);
    const end = s + bytes;
    let from = q;
    let a0 = constant(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let c0 = a0;
    let c1 = a0;
    let c2 = a0;
    let c3 = a0;
    let d0 = a0;
    let d1 = a0;
    let d2 = a0;
    let d3 = a0;
    while (s < end) {
      const t0 = v128.load(from);
      const t1 = v128.load(from, 16);
      const t2 = v128.load(from, 32);
      const t3 = v128.load(from, 48);
      let w = v128.load_splat<f32>(s);
      a0 = madd(w, t0, a0);
      a1 = madd(w, t1, a1);
      a2 = madd(w, t2, a2);
      a3 = madd(w, t3, a3);
      w = v128.load_splat<f32>(s, 4);
      b0 = madd(w, t0, b0);
      b1 = madd(w, t1, b1);
      b2 = madd(w, t2, b2);
      b3 = madd(w, t3, b3);
      w = v128.load_splat<f32>(s, 8);
      c0 = madd(w, t0, c0);
      c1 = madd(w, t1, c1);
      c2 = madd(w, t2, c2);
      c3 = madd(w, t3, c3);
      w = v128.load_splat<f32>(s, 12);
      d0 = madd(w, t0, d0);
      d1 = madd(w, t1, d1);
      d2 = madd(w, t2, d2);
      d3 = madd(w, t3, d3);
      s += 64;
      from += 64;
    }
    const o = scratch + ((<usize>j) << 6);
    v128.store(o, a0);
    v128.store(o, a1, 16);
    v128.store(o, a2, 32);
    v128.store(o, a3, 48);
    v128.store(o, b0, 64);
    v128.store(o, b1, 80);
    v128.store(o, b2, 96);
    v128.store(o, b3, 112);
    v128.store(o, c0, 128);
    v128.store(o, c1, 144);
    v128.store(o, c2, 160);
    v128.store(o, c3, 176);
    v128.store(o, d0, 192);
    v128.store(o, d1, 208);
    v128.store(o, d2, 224);
    v128.store(o, d3, 240);
  }
}

/** out[a][16] = Σ_key v[a][key]·scratch[key][16] / sum, 4 features × 16 queries at a time. */
function mixture(scratch: usize, v: usize, out: usize, stride: usize, keys: i32, size: i32): void {
  const sums = scratch + ((<usize>keys) << 6);
  let a = 0;
  for (; a + 4 <= size; a += 4) {
    const row = (<usize>a) << 6;
    let a0 = constant(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let c0 = a0;
    let c1 = a0;
    let c2 = a0;
    let c3 = a0;
    let d0 = a0;
    let d1 = a0;
    let d2 = a0;
    let d3 = a0;
    let from = scratch;
    let panel = v + row;
    for (let left = keys; left > 0; left -= 16) {
      let s = panel;
      const end = panel + ((<usize>min(left, 16)) << 2);
      while (s < end) {
        const t0 = v128.load(from);
        const t1 = v128.load(from, 16);
        const t2 = v128.load(from, 32);
        const t3 = v128.load(from, 48);
        let w = v128.load_splat<f32>(s);
        a0 = madd(w, t0, a0);
        a1 = madd(w, t1, a1);
        a2 = madd(w, t2, a2);
        a3 = madd(w, t3, a3);
        w = v128.load_splat<f32>(s, 64);
        b0 = madd(w, t0, b0);
        b1 = madd(w, t1, b1);
        b2 = madd(w, t2, b2);
        b3 = madd(w, t3, b3);
        w = v128.load_splat<f32>(s, 128);
        c0 = madd(w, t0, c0);
        c1 = madd(w, t1, c1);
        c2 = madd(w, t2, c2);
        c3 = madd(w, t3, c3);
        w = v128.load_splat<f32>(s, 192);
        d0 = madd(w, t0, d0);
        d1 = madd(w, t1, d1);
        d2 = madd(w, t2, d2);
        d3 = madd(w, t3, d3);
        s += 4;
        from += 64;
      }
      panel += stride;
    }
    const n0 = v128.load(sums);
    const n1 = v128.load(sums, 16);
    const n2 = v128.load(sums, 32);
    const n3 = v128.load(sums, 48);
    const o = out + row;
    v128.store(o, f32x4.mul(a0, n0));
    v128.store(o, f32x4.mul(a1, n1), 16);
    v128.store(o, f32x4.mul(a2, n2), 32);
    v128.store(o, f32x4.mul(a3, n3), 48);
    v128.store(o, f32x4.mul(b0, n0), 64);
    v128.store(o, f32x4.mul(b1, n1), 80);
    v128.store(o, f32x4.mul(b2, n2), 96);
    v128.store(o, f32x4.mul(b3, n3), 112);
    v128.store(o, f32x4.mul(c0, n0), 128);
    v128.store(o, f32x4.mul(c1, n1), 144);
    v128.store(o, f32x4.mul(c2, n2), 160);
    v128.store(o, f32x4.mul(c3, n3), 176);
    v128.store(o, f32x4.mul(d0, n0), 192);
    v128.store(o, f32x4.mul(d1, n1), 208);
    v128.store(o, f32x4.mul(d2, n2), 224);
    v128.store(o, f32x4.mul(d3, n3), 240);
  }
  for (; a < size; a++) {
    const row = (<usize>a) << 6;
    feature(scratch, sums, v + row, out + row, stride, keys);
  }
}
