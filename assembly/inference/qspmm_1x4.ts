/**
 * Sparse × dense in 8 bits, blocks of 1 output × 4 inputs: Y = W·X + b.
 *
 *   X        panels in 8 bits (quantize.ts)      Y  panels of 16 tokens, [panel][output][16] × f32
 *   outputs  for each: i32 sum of its weights, f32 scale, f32 bias, u32 its place in a panel in bytes
 *   stream, output after output, for each block: u32 byte offset of its inputs in a panel, 4 × i8
 *   counts[output]: u32 blocks
 *
 * Each block is one broadcast for all 16 tokens. Outputs come in the order of their number of blocks, so that the end of
 * most is foreseen: at 95 % zeros an output has ten blocks, twenty cycles, as many as one wrong guess costs.
 */

import { dot, ones, scaled } from "./dot";

export function qspmm_1x4(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  counts: usize,
  stream: usize,
  outputs: usize,
): void {
  multiply<i16>(x, y, panels, xStride, yStride, rows, counts, stream, outputs);
}

/** The same by one instruction for each four products (dot.ts). */
export function qspmm_1x4_dot(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  counts: usize,
  stream: usize,
  outputs: usize,
): void {
  multiply<i32>(x, y, panels, xStride, yStride, rows, counts, stream, outputs);
}

function multiply<T>(
  x: usize,
  y: usize,
  panels: i32,
  xStride: usize,
  yStride: usize,
  rows: i32,
  counts: usize,
  stream: usize,
  outputs: usize,
): void {
  const one = ones();
  for (let p = 0; p < panels; p++) {
    const z0 = v128.load(x, 64);
    const z1 = v128.load(x, 80);
    const z2 = v128.load(x, 96);
    const z3 = v128.load(x, 112);
    const inputs = x + 128;
    let s = stream;
    let row = outputs;
    for (let r = 0; r < rows; r++) {
      const end = s + <usize>load<u32>(counts + ((<usize>r) << 2)) * 8;
      let w = v128.load_splat<i32>(row);
      let a0 = i32x4.mul(w, z0);
      let a1 = i32x4.mul(w, z1);
      let a2 = i32x4.mul(w, z2);
      let a3 = i32x4.mul(w, z3);
      while (s < end) {
        const q = inputs + <usize>load<u32>(s);
        w = v128.load_splat<i32>(s, 4);
        a0 = dot<T>(w, v128.load(q), a0, one);
        a1 = dot<T>(w, v128.load(q, 16), a1, one);
        a2 = dot<T>(w, v128.load(q, 32), a2, one);
        a3 = dot<T>(w, v128.load(q, 48), a3, one);
        s += 8;
      }
      const k0 = v128.load(x);
      const k1 = v128.load(x, 16);
      const k2 = v128.load(x, 32);
      const k3 = v128.load(x, 48);
      const scale = v128.load_splat<f32>(row, 4);
      const bias = v128.load_splat<f32>(row, 8);
      const out = y + <usize>load<u32>(row, 12);
      v128.store(out, scaled(a0, k0, scale, bias));
      v128.store(out, scaled(a1, k1, scale, bias), 16);
      v128.store(out, scaled(a2, k2, scale, bias), 32);
      v128.store(out, scaled(a3, k3, scale, bias), 48);
      row += 16;
    }
    x += xStride;
    y += yStride;
  }
}
