/**
 * Dense × dense: Y = W·X + b, with W in groups of 4 outputs.
 *
 *   X  panels of 16 tokens, [panel][input][16]      Y  the same with outputs, a multiple of 4 of them
 *   weights: [outputs / 4][input][4] × f32
 *
 * The blocks of spmm_4x1 with every input present, so no offsets are read. 60 GFLOP/s in 128-bit registers
 * (`npm run bench:kernels`), more than the sparse kernel of single weights reaches: below three quarters of zeros it wins.
 */

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
          a0 = f32x4.add(a0, f32x4.mul(w, t));
          a1 = f32x4.add(a1, f32x4.mul(w, u));
          w = v128.load_splat<f32>(s, 4);
          b0 = f32x4.add(b0, f32x4.mul(w, t));
          b1 = f32x4.add(b1, f32x4.mul(w, u));
          w = v128.load_splat<f32>(s, 8);
          c0 = f32x4.add(c0, f32x4.mul(w, t));
          c1 = f32x4.add(c1, f32x4.mul(w, u));
          w = v128.load_splat<f32>(s, 12);
          d0 = f32x4.add(d0, f32x4.mul(w, t));
          d1 = f32x4.add(d1, f32x4.mul(w, u));
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
