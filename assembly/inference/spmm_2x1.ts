/**
 * Sparse × dense, blocks of 2 outputs × 1 input: Y = W·X + b.
 *
 *   X  panels of 16 tokens, [panel][input][16]      Y  the same with outputs, an even number of them
 *   stream, block row after block row, for each block: u32 byte offset of its input in a panel, 2 × f32
 *   counts[block row]: u32 blocks
 *
 * What is loaded serves two outputs. On a Zen 3 35 GFLOP/s in 128-bit registers and 51 when V8 joins them to 256 bits; with
 * a product and a sum apart 26 and 44, and on a Zen 5 59 and 99 (`npm run bench:kernels`).
 */

import { madd } from "./madd";

export function spmm_2x1(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  counts: usize,
  stream: usize,
  bias: usize,
): void {
  for (let p = 0; p < panels; p++) {
    let s = stream;
    let out = y;
    for (let r = 0; r < rows; r += 2) {
      const at = bias + ((<usize>r) << 2);
      let a0 = v128.load_splat<f32>(at);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = v128.load_splat<f32>(at, 4);
      let b1 = b0;
      let b2 = b0;
      let b3 = b0;
      const end = s + <usize>load<u32>(counts + ((<usize>r) << 1)) * 12;
      while (s < end) {
        const q = x + <usize>load<u32>(s);
        const w = v128.load_splat<f32>(s, 4);
        const u = v128.load_splat<f32>(s, 8);
        let t = v128.load(q);
        a0 = madd(w, t, a0);
        b0 = madd(u, t, b0);
        t = v128.load(q, 16);
        a1 = madd(w, t, a1);
        b1 = madd(u, t, b1);
        t = v128.load(q, 32);
        a2 = madd(w, t, a2);
        b2 = madd(u, t, b2);
        t = v128.load(q, 48);
        a3 = madd(w, t, a3);
        b3 = madd(u, t, b3);
        s += 12;
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out, a2, 32);
      v128.store(out, a3, 48);
      v128.store(out, b0, 64);
      v128.store(out, b1, 80);
      v128.store(out, b2, 96);
      v128.store(out, b3, 112);
      out += 128;
    }
    x += xStride;
    y += yStride;
  }
}

/** Two panels at a time, for 256-bit registers: 54 GFLOP/s on the Zen 3. */
export function spmm_2x1_pair(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  counts: usize,
  stream: usize,
  bias: usize,
): void {
  const pairs = panels >> 1;
  for (let p = 0; p < pairs; p++) {
    const x1 = x + xStride;
    let s = stream;
    let out = y;
    for (let r = 0; r < rows; r += 2) {
      const at = bias + ((<usize>r) << 2);
      let a0 = v128.load_splat<f32>(at);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let a4 = a0;
      let a5 = a0;
      let a6 = a0;
      let a7 = a0;
      let b0 = v128.load_splat<f32>(at, 4);
      let b1 = b0;
      let b2 = b0;
      let b3 = b0;
      let b4 = b0;
      let b5 = b0;
      let b6 = b0;
      let b7 = b0;
      const end = s + <usize>load<u32>(counts + ((<usize>r) << 1)) * 12;
      while (s < end) {
        const offset = <usize>load<u32>(s);
        const w = v128.load_splat<f32>(s, 4);
        const u = v128.load_splat<f32>(s, 8);
        const q = x + offset;
        let t = v128.load(q);
        a0 = madd(w, t, a0);
        b0 = madd(u, t, b0);
        t = v128.load(q, 16);
        a1 = madd(w, t, a1);
        b1 = madd(u, t, b1);
        t = v128.load(q, 32);
        a2 = madd(w, t, a2);
        b2 = madd(u, t, b2);
        t = v128.load(q, 48);
        a3 = madd(w, t, a3);
        b3 = madd(u, t, b3);
        const q1 = x1 + offset;
        t = v128.load(q1);
        a4 = madd(w, t, a4);
        b4 = madd(u, t, b4);
        t = v128.load(q1, 16);
        a5 = madd(w, t, a5);
        b5 = madd(u, t, b5);
        t = v128.load(q1, 32);
        a6 = madd(w, t, a6);
        b6 = madd(u, t, b6);
        t = v128.load(q1, 48);
        a7 = madd(w, t, a7);
        b7 = madd(u, t, b7);
        s += 12;
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out, a2, 32);
      v128.store(out, a3, 48);
      v128.store(out, b0, 64);
      v128.store(out, b1, 80);
      v128.store(out, b2, 96);
      v128.store(out, b3, 112);
      const next = out + yStride;
      v128.store(next, a4);
      v128.store(next, a5, 16);
      v128.store(next, a6, 32);
      v128.store(next, a7, 48);
      v128.store(next, b4, 64);
      v128.store(next, b5, 80);
      v128.store(next, b6, 96);
      v128.store(next, b7, 112);
      out += 128;
    }
    x += xStride << 1;
    y += yStride << 1;
  }
  if (panels & 1) spmm_2x1(x, y, 1, xStride, yStride, rows, counts, stream, bias);
}
