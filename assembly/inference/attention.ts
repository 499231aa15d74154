/**
 * Multi-head attention of one text: softmax(Qᵀ·K)·V for each head, queries as lanes.
 *
 *   q, k, v, out   panels of 16 tokens, [panel][head · A + feature][16]; the 1/√A is in q already
 *   scratch        [keys rounded up to 4, and one more][16] × f32
 *
 * Both products are blocks of 2 × 16, as in spmm_2x1; a key's or value's numbers are read as they lie, one broadcast each,
 * so nothing is transposed. The softmax runs down the keys of all 16 queries at once; its division is done on the
 * mixture, A numbers instead of one for each key. Keys beyond the text take no part, so no padding mask is needed.
 */

import { constant, exp8 } from "./exponential";
import { madd } from "./madd";

/**
 * @param stride      bytes from one panel of q, k, v to the next
 * @param outStride   the same of out
 * @param queries     panels of queries, from q and out on
 * @param keys        tokens of the text, from the first panel of k and v on
 */
export function attention(
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
): void {
  const bytes = (<usize>size) << 6;
  for (let p = 0; p < queries; p++) {
    for (let h = 0; h < heads; h++) {
      const at = <usize>h * bytes;
      scores(q + at, k + at, stride, keys, bytes, scratch);
      weights(scratch, keys);
      mixture(scratch, v + at, out + at, stride, keys, size);
    }
    q += stride;
    out += outStride;
  }
}

/** scratch[key][16] = Σ_a k[a][key]·q[a][16], 2 keys × 16 queries at a time. */
function scores(q: usize, k: usize, stride: usize, keys: i32, bytes: usize, scratch: usize): void {
  for (let j = 0; j < keys; j += 2) {
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
    while (s < end) {
      const w = v128.load_splat<f32>(s);
      const u = v128.load_splat<f32>(s, 4);
      let t = v128.load(from);
      a0 = madd(w, t, a0);
      b0 = madd(u, t, b0);
      t = v128.load(from, 16);
      a1 = madd(w, t, a1);
      b1 = madd(u, t, b1);
      t = v128.load(from, 32);
      a2 = madd(w, t, a2);
      b2 = madd(u, t, b2);
      t = v128.load(from, 48);
      a3 = madd(w, t, a3);
      b3 = madd(u, t, b3);
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
  }
}

/** scratch[key][16] becomes e^(score − largest); row `keys` becomes 1 / their sum. Eight queries at a time. */
export function weights(scratch: usize, keys: i32): void {
  const bytes = (<usize>keys) << 6;
  for (let half: usize = 0; half < 64; half += 32) {
    const from = scratch + half;
    const end = from + bytes;
    let top = v128.load(from);
    let top1 = v128.load(from, 16);
    for (let i = from; i < end; i += 64) {
      top = f32x4.pmax(top, v128.load(i));
      top1 = f32x4.pmax(top1, v128.load(i, 16));
    }
    let sum = constant(0);
    let sum1 = sum;
    for (let i = from; i < end; i += 64) {
      exp8(i, f32x4.sub(v128.load(i), top), f32x4.sub(v128.load(i, 16), top1));
      sum = f32x4.add(sum, v128.load(i));
      sum1 = f32x4.add(sum1, v128.load(i, 16));
    }
    const one = constant(1);
    v128.store(end, f32x4.div(one, sum));
    v128.store(end, f32x4.div(one, sum1), 16);
  }
}

/** out[a][16] = Σ_key v[a][key]·scratch[key][16] / sum, 2 features × 16 queries at a time. */
function mixture(scratch: usize, v: usize, out: usize, stride: usize, keys: i32, size: i32): void {
  const sums = scratch + ((<usize>keys) << 6);
  let a = 0;
  for (; a + 2 <= size; a += 2) {
    const row = (<usize>a) << 6;
    let a0 = constant(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let from = scratch;
    let panel = v + row;
    for (let left = keys; left > 0; left -= 16) {
      let s = panel;
      const end = panel + ((<usize>min(left, 16)) << 2);
      while (s < end) {
        const w = v128.load_splat<f32>(s);
        const u = v128.load_splat<f32>(s, 64);
        let t = v128.load(from);
        a0 = madd(w, t, a0);
        b0 = madd(u, t, b0);
        t = v128.load(from, 16);
        a1 = madd(w, t, a1);
        b1 = madd(u, t, b1);
        t = v128.load(from, 32);
        a2 = madd(w, t, a2);
        b2 = madd(u, t, b2);
        t = v128.load(from, 48);
        a3 = madd(w, t, a3);
        b3 = madd(u, t, b3);
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
  }
  // Heads of an odd size: the feature left over.
  if (a < size) feature(scratch, sums, v + ((<usize>a) << 6), out + ((<usize>a) << 6), stride, keys);
}

/** The same for one feature. */
export function feature(scratch: usize, sums: usize, v: usize, out: usize, stride: usize, keys: i32): void {
  for (let lanes: usize = 0; lanes < 64; lanes += 16) {
    let sum = constant(0);
    for (let j = 0; j < keys; j++) {
      const w = v128.load_splat<f32>(v + <usize>(j >> 4) * stride + ((<usize>(j & 15)) << 2));
      sum = madd(w, v128.load(scratch + ((<usize>j) << 6) + lanes), sum);
    }
    v128.store(out + lanes, f32x4.mul(sum, v128.load(sums + lanes)));
  }
}
