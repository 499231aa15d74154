/**
 * Multi-head attention of one text: softmax(Qᵀ·K)·V for each head, queries as lanes.
 *
 *   q, k, v, out   panels of 16 tokens, [panel][head · A + feature][16]; the 1/√A is in q already
 *   scratch        [keys rounded up to 4, and one more][16] × f32
 *
 * Both products are blocks of 2 × 16, as in spmm_2x1; a key's or value's numbers are read as they lie, one broadcast each,
 * so nothing is transposed. The softmax runs down the keys of all 16 queries at once; its division is done on the
 * mixture, A numbers instead of one for each key. Keys beyond the text take no part, so no padding mask is needed.
 *
 * What a distance adds to a score lies in a row of numbers, one for each distance, so that what 16 queries get for one key
 * lies side by side. A window is such a row too, of 0 and −10⁴; keys that none of the 16 can reach are left out.
 */

import { constant, exp8 } from "./exponential";
import { madd } from "./madd";

/** Tokens of a panel. */
export const PANEL = 16;

/**
 * @param stride      bytes from one panel of q, k, v to the next
 * @param outStride   the same of out
 * @param queries     panels of queries, from q and out on
 * @param keys        tokens of the text, from the first panel of k and v on
 * @param place       of the first query in the text; may be negative, when only a later lane is of interest
 * @param reach       how many tokens on each side a query may see
 * @param terms       f32, of the first head: what is added where a query is at the key's place, beside it what is added
 *                    where it is one after it, and so on; before it the places before. 0: nothing is added
 * @param termsRow    bytes from one head's to the next's; 0 where all have the same
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

/** scratch[key][16] += terms[query − key]; `at` is that of the first query and the first key. */
export function addTerms(scratch: usize, keys: i32, at: usize): void {
  const end = scratch + ((<usize>keys) << 6);
  for (; scratch < end; scratch += 64, at -= 4) {
    const a = f32x4.add(v128.load(scratch), v128.load(at));
    const b = f32x4.add(v128.load(scratch, 16), v128.load(at, 16));
    const c = f32x4.add(v128.load(scratch, 32), v128.load(at, 32));
    const d = f32x4.add(v128.load(scratch, 48), v128.load(at, 48));
    v128.store(scratch, a);
    v128.store(scratch, b, 16);
    v128.store(scratch, c, 32);
    v128.store(scratch, d, 48);
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
