/**
 * Dense × dense: Y = W·X + b, with W in groups of 4 outputs.
 *
 *   X  panels of 16 tokens, [panel][input][16]      Y  the same with outputs, a multiple of 4 of them
 *   weights: [outputs / 4][input][4] × f32
 *
 * The blocks of spmm_4x1 with every input present, so no offsets are read. On a Zen 3 50 GFLOP/s in 128-bit
 * registers, 97 % of what it can do (`npm run bench:kernels`), and more than the sparse kernel of single weights reaches:
 * below three fifths of zeros it wins.
 */

import { madd } from "./madd";

export function gemm_4x1(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  columns: i32,
  weights: usize,
  bias: usize,
): void {
  for (let p = 0; p < panels; p++) {
    let begin = weights;
    let out = y;
    const bytes = (<usize>columns) << 4;
    for (let r = 0; r < rows; r += 4) {
      const at = bias + ((<usize>r) << 2);
      const end = begin + bytes;
      for (let half: usize = 0; half < 64; half += 32) {
        let q = x + half;
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
          const t = v128.load(q);
          const u = v128.load(q, 16);
          let w = v128.load_splat<f32>(s);
          a0 = madd(w, t, a0);
          a1 = madd(w, u, a1);
          w = v128.load_splat<f32>(s, 4);
          b0 = madd(w, t, b0);
          b1 = madd(w, u, b1);
          w = v128.load_splat<f32>(s, 8);
          c0 = madd(w, t, c0);
          c1 = madd(w, u, c1);
          w = v128.load_splat<f32>(s, 12);
          d0 = madd(w, t, d0);
          d1 = madd(w, u, d1);
          s += 16;
          q += 64;
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

/** All 16 tokens at once, for 256-bit registers, as in spmm_4x1_wide: 100 GFLOP/s where halves reach 51. */
export function gemm_4x1_wide(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  columns: i32,
  weights: usize,
  bias: usize,
): void {
  for (let p = 0; p < panels; p++) {
    let begin = weights;
    let out = y;
    const bytes = (<usize>columns) << 4;
    for (let r = 0; r < rows; r += 4) {
      const at = bias + ((<usize>r) << 2);
      const end = begin + bytes;
      let q = x;
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
        const t0 = v128.load(q);
        const t1 = v128.load(q, 16);
        const t2 = v128.load(q, 32);
        const t3 = v128.load(q, 48);
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
        s += 16;
        q += 64;
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
