/**
 * Sparse × dense, blocks of 4 outputs × 1 input: Y = W·X + b.
 *
 *   X  panels of 16 tokens, [panel][input][16]      Y  the same with outputs, a multiple of 4 of them
 *   stream, block row after block row, for each block: u32 byte offset of its input in a panel, 4 × f32
 *   counts[block row]: u32 blocks
 *
 * A panel is done in two halves of 8 tokens: eight sums, two inputs and a broadcast are what 16 registers hold (all 16
 * tokens at once: 22 GFLOP/s). On a Zen 3 39 GFLOP/s in 128-bit registers; with a product and a sum apart 28, and on a
 * Zen 5 59 (`npm run bench:kernels`).
 */

import { madd } from "./madd";

export function spmm_4x1(
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
    let begin = stream;
    let out = y;
    for (let r = 0; r < rows; r += 4) {
      const at = bias + ((<usize>r) << 2);
      const end = begin + <usize>load<u32>(counts + <usize>r) * 20;
      for (let half: usize = 0; half < 64; half += 32) {
        const from = x + half;
        let s = begin;
        let a0 = v128.load_splat<f32>(at);
        let a1 = a0;
        let b0 = v128.load_splat<f32>(at, 4);
        let b1 = b0;
        let c0 = v128.load_splat<f32>(at, 8);
        let c1 = c0;
        let d0 = v128.load_splat<f32>(at, 12);
        let d1 = d0;
        while (s < end) {
          const q = from + <usize>load<u32>(s);
          const t = v128.load(q);
          const u = v128.load(q, 16);
          let w = v128.load_splat<f32>(s, 4);
          a0 = madd(w, t, a0);
          a1 = madd(w, u, a1);
          w = v128.load_splat<f32>(s, 8);
          b0 = madd(w, t, b0);
          b1 = madd(w, u, b1);
          w = v128.load_splat<f32>(s, 12);
          c0 = madd(w, t, c0);
          c1 = madd(w, u, c1);
          w = v128.load_splat<f32>(s, 16);
          d0 = madd(w, t, d0);
          d1 = madd(w, u, d1);
          s += 20;
        }
        const o = out + half;
        v128.store(o, a0);
        v128.store(o, a1, 16);
        v128.store(o, b0, 64);
        v128.store(o, b1, 80);
        v128.store(o, c0, 128);
        v128.store(o, c1, 144);
        v128.store(o, d0, 192);
        v128.store(o, d1, 208);
      }
      begin = end;
      out += 256;
    }
    x += xStride;
    y += yStride;
  }
}

/**
 * All 16 tokens at once, for 256-bit registers, of which sixteen sums take eight: as many as keep two multiply-adds a cycle
 * busy, which wait four cycles for one another. 74 GFLOP/s on the Zen 3, where halves reach 50.
 */
export function spmm_4x1_wide(
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
    let begin = stream;
    let out = y;
    for (let r = 0; r < rows; r += 4) {
      const at = bias + ((<usize>r) << 2);
      const end = begin + <usize>load<u32>(counts + <usize>r) * 20;
      let s = begin;
      let a0 = v128.load_splat<f32>(at);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = v128.load_splat<f32>(at, 4);
      let b1 = b0;
      let b2 = b0;
      let b3 = b0;
      let c0 = v128.load_splat<f32>(at, 8);
      let c1 = c0;
      let c2 = c0;
      let c3 = c0;
      let d0 = v128.load_splat<f32>(at, 12);
      let d1 = d0;
      let d2 = d0;
      let d3 = d0;
      while (s < end) {
        const q = x + <usize>load<u32>(s);
        const t0 = v128.load(q);
        const t1 = v128.load(q, 16);
        const t2 = v128.load(q, 32);
        const t3 = v128.load(q, 48);
        let w = v128.load_splat<f32>(s, 4);
        a0 = madd(w, t0, a0);
        a1 = madd(w, t1, a1);
        a2 = madd(w, t2, a2);
        a3 = madd(w, t3, a3);
        w = v128.load_splat<f32>(s, 8);
        b0 = madd(w, t0, b0);
        b1 = madd(w, t1, b1);
        b2 = madd(w, t2, b2);
        b3 = madd(w, t3, b3);
        w = v128.load_splat<f32>(s, 12);
        c0 = madd(w, t0, c0);
        c1 = madd(w, t1, c1);
        c2 = madd(w, t2, c2);
        c3 = madd(w, t3, c3);
        w = v128.load_splat<f32>(s, 16);
        d0 = madd(w, t0, d0);
        d1 = madd(w, t1, d1);
        d2 = madd(w, t2, d2);
        d3 = madd(w, t3, d3);
        s += 20;
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out, a2, 32);
      v128.store(out, a3, 48);
      v128.store(out, b0, 64);
      v128.store(out, b1, 80);
      v128.store(out, b2, 96);
      v128.store(out, b3, 112);
      v128.store(out, c0, 128);
      v128.store(out, c1, 144);
      v128.store(out, c2, 160);
      v128.store(out, c3, 176);
      v128.store(out, d0, 192);
      v128.store(out, d1, 208);
      v128.store(out, d2, 224);
      v128.store(out, d3, 240);
      begin = end;
      out += 256;
    }
    x += xStride;
    y += yStride;
  }
}
