/**
 * Sparse × dense, blocks of 2 outputs × 1 input: Y = W·X + b.
 *
 *   X  panels of 16 tokens, [panel][input][16]      Y  the same with outputs, an even number of them
 *   stream, block row after block row, for each block: u32 byte offset of its input in a panel, 2 × f32
 *   counts[block row]: u32 blocks
 *
 * What is loaded serves two outputs, so arithmetic is the limit and not the loads: 59 GFLOP/s in 128-bit registers,
 * 99 when V8 joins them to 256 bits (`npm run bench:kernels`).
 */

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
        a0 = f32x4.add(a0, f32x4.mul(w, t));
        b0 = f32x4.add(b0, f32x4.mul(u, t));
        t = v128.load(q, 16);
        a1 = f32x4.add(a1, f32x4.mul(w, t));
        b1 = f32x4.add(b1, f32x4.mul(u, t));
        t = v128.load(q, 32);
        a2 = f32x4.add(a2, f32x4.mul(w, t));
        b2 = f32x4.add(b2, f32x4.mul(u, t));
        t = v128.load(q, 48);
        a3 = f32x4.add(a3, f32x4.mul(w, t));
        b3 = f32x4.add(b3, f32x4.mul(u, t));
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
