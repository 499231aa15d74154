/**
 * Sparse × dense, single weights: Y = W·X + b where a stored weight is one number anywhere in its row.
 *
 *   X  panels of 16 tokens, [panel][input][16]      Y  the same with outputs
 *   columns, weights   u16 input and f32 of each weight, row after row
 *   counts[row]        u32 weights of the row
 *
 * Columns and weights lie apart, 6 bytes for a weight instead of 8: an encoder streams through the caches once a pass, and
 * is 2 to 7 % faster so.
 *
 * Time goes with the number of weights, whatever the density. A weight costs one broadcast and four loads for four
 * products, and the processor loads two vectors in a cycle: loads are the limit, from the second cache where 48 kB of a
 * panel of 768 features are more than the first one holds. On a Zen 3 (32 kB) 20 GFLOP/s in 128-bit registers and 28 when
 * V8 joins them to 256 bits, on a Zen 5 (48 kB) 43 and 71 (`npm run bench:kernels`). Adding products in one instruction
 * changes these by 4 % at most.
 */

import { madd } from "./madd";

/** One panel at a time. */
export function spmm_1x1(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  counts: usize,
  columns: usize,
  weights: usize,
  bias: usize,
): void {
  for (let p = 0; p < panels; p++) {
    let c = columns;
    let s = weights;
    let out = y;
    for (let r = 0; r < rows; r++) {
      const at = (<usize>r) << 2;
      let a0 = v128.load_splat<f32>(bias + at);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      const end = s + ((<usize>load<u32>(counts + at)) << 2);
      while (s < end) {
        const q = x + ((<usize>load<u16>(c)) << 6);
        const w = v128.load_splat<f32>(s);
        a0 = madd(w, v128.load(q), a0);
        a1 = madd(w, v128.load(q, 16), a1);
        a2 = madd(w, v128.load(q, 32), a2);
        a3 = madd(w, v128.load(q, 48), a3);
        c += 2;
        s += 4;
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out, a2, 32);
      v128.store(out, a3, 48);
      out += 64;
    }
    x += xStride;
    y += yStride;
  }
}

/**
 * Two panels at a time: the weight's broadcast serves 32 tokens. 32 GFLOP/s with 256-bit registers on the Zen 3, 82 on the
 * Zen 5; in 128 bits it wants more registers than there are, and which of the two is faster is measured when a model is
 * loaded.
 */
export function spmm_1x1_pair(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  counts: usize,
  columns: usize,
  weights: usize,
  bias: usize,
): void {
  const pairs = panels >> 1;
  for (let p = 0; p < pairs; p++) {
    const x1 = x + xStride;
    let c = columns;
    let s = weights;
    let out = y;
    for (let r = 0; r < rows; r++) {
      const at = (<usize>r) << 2;
      let a0 = v128.load_splat<f32>(bias + at);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = a0;
      let b1 = a0;
      let b2 = a0;
      let b3 = a0;
      const end = s + ((<usize>load<u32>(counts + at)) << 2);
      while (s < end) {
        const offset = (<usize>load<u16>(c)) << 6;
        const w = v128.load_splat<f32>(s);
        const q = x + offset;
        a0 = madd(w, v128.load(q), a0);
        a1 = madd(w, v128.load(q, 16), a1);
        a2 = madd(w, v128.load(q, 32), a2);
        a3 = madd(w, v128.load(q, 48), a3);
        c += 2;
        s += 4;
        // Never taken: it keeps V8 from moving all eight loads up, for which there are not enough registers.
        if (end === 5) break;
        const u = x1 + offset;
        b0 = madd(w, v128.load(u), b0);
        b1 = madd(w, v128.load(u, 16), b1);
        b2 = madd(w, v128.load(u, 32), b2);
        b3 = madd(w, v128.load(u, 48), b3);
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out, a2, 32);
      v128.store(out, a3, 48);
      const next = out + yStride;
      v128.store(next, b0);
      v128.store(next, b1, 16);
      v128.store(next, b2, 32);
      v128.store(next, b3, 48);
      out += 64;
    }
    x += xStride << 1;
    y += yStride << 1;
  }
  if (panels & 1) spmm_1x1(x, y, 1, xStride, yStride, rows, counts, columns, weights, bias);
}
