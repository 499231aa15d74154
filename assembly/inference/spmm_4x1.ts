/**
 * Sparse × dense, blocks of 4 outputs × 1 input: Y = W·X + b.
 *
 *   X  panels of 16 tokens, [panel][input][16]      Y  the same with outputs, a multiple of 4 of them
 *   stream, block row after block row, for each block: u32 byte offset of its input in a panel, 4 × f32
 *   counts[block row]: u32 blocks
 *
 * A panel is done in two halves of 8 tokens: eight sums, two inputs and a broadcast are what 16 registers hold (all 16
 * tokens at once: 36 GFLOP/s). 59 GFLOP/s in 128-bit registers, 90 when V8 joins them (`npm run bench:kernels`).
 */

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
          a0 = f32x4.add(a0, f32x4.mul(w, t));
          a1 = f32x4.add(a1, f32x4.mul(w, u));
          w = v128.load_splat<f32>(s, 8);
          b0 = f32x4.add(b0, f32x4.mul(w, t));
          b1 = f32x4.add(b1, f32x4.mul(w, u));
          w = v128.load_splat<f32>(s, 12);
          c0 = f32x4.add(c0, f32x4.mul(w, t));
          c1 = f32x4.add(c1, f32x4.mul(w, u));
          w = v128.load_splat<f32>(s, 16);
          d0 = f32x4.add(d0, f32x4.mul(w, t));
          d1 = f32x4.add(d1, f32x4.mul(w, u));
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
