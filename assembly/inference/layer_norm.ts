/**
 * LayerNorm over the features of each token, of a sum: y = γ·(h − mean) / √(var + ε) + β with h = x + r.
 *
 * Tokens are the lanes, so sums run down a panel and nothing crosses a register. The variance is summed from
 * differences to the mean, in a second pass: float32 throughout loses 1e-6 of 768 features.
 */

import { constant } from "./exponential";
import { madd } from "./madd";

/**
 * Over panels [panel][feature][16]. The sum is left in `x`, unless `y` lies there.
 *
 * @param r         what is added first, of the same layout and stride; 0 for nothing
 * @param y         where the result goes
 * @param features  D; gamma and beta have as many
 */
export function layer_norm(
  x: usize,
  r: usize,
  y: usize,
  panels: i32,
  stride: usize,
  features: i32,
  gamma: usize,
  beta: usize,
  epsilon: f32,
): void {
  const bytes = (<usize>features) << 6;
  for (let p = 0; p < panels; p++) {
    for (let lanes: usize = 0; lanes < 64; lanes += 32) {
      norm_lanes(x + lanes, r ? r + lanes : 0, y + lanes, bytes, features, gamma, beta, epsilon);
    }
    x += stride;
    y += stride;
    if (r) r += stride;
  }
}

/** Eight tokens of one panel. */
function norm_lanes(
  x: usize,
  r: usize,
  y: usize,
  bytes: usize,
  features: i32,
  gamma: usize,
  beta: usize,
  epsilon: f32,
): void {
  const share = f32x4.splat(1 / <f32>features);
  let sum = constant(0);
  let sum1 = sum;
  const end = x + bytes;
  if (r) {
    for (let i = x; i < end; i += 64, r += 64) {
      const h = f32x4.add(v128.load(i), v128.load(r));
      const h1 = f32x4.add(v128.load(i, 16), v128.load(r, 16));
      v128.store(i, h);
      v128.store(i, h1, 16);
      sum = f32x4.add(sum, h);
      sum1 = f32x4.add(sum1, h1);
    }
  } else {
    for (let i = x; i < end; i += 64) {
      sum = f32x4.add(sum, v128.load(i));
      sum1 = f32x4.add(sum1, v128.load(i, 16));
    }
  }
  const mean = f32x4.mul(sum, share);
  const mean1 = f32x4.mul(sum1, share);
  let squares = constant(0);
  let squares1 = squares;
  for (let i = x; i < end; i += 64) {
    const d = f32x4.sub(v128.load(i), mean);
    const d1 = f32x4.sub(v128.load(i, 16), mean1);
    squares = madd(d, d, squares);
    squares1 = madd(d1, d1, squares1);
  }
  const e = f32x4.splat(epsilon);
  const one = constant(1);
  const scale = f32x4.div(one, f32x4.sqrt(madd(squares, share, e)));
  const scale1 = f32x4.div(one, f32x4.sqrt(madd(squares1, share, e)));
  for (let i = x; i < end; i += 64, y += 64, gamma += 4, beta += 4) {
    const g = v128.load_splat<f32>(gamma);
    const b = v128.load_splat<f32>(beta);
    const unit = f32x4.mul(f32x4.sub(v128.load(i), mean), scale);
    const unit1 = f32x4.mul(f32x4.sub(v128.load(i, 16), mean1), scale1);
    v128.store(y, madd(unit, g, b));
    v128.store(y, madd(unit1, g, b), 16);
  }
}
