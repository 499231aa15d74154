/**
 * Rotary positions: pairs of features turned by the angle of a token's place, queries or keys in place.
 *
 *   x       panels of 16 tokens, [panel][head · A + feature][16]
 *   table   [panel of places][A / 2][cos × 16, sin × 16], shared by all heads
 *
 * Feature i and feature A/2 + i of a head are one pair.
 */

import { madd, nmadd } from "./madd";

/**
 * @param stride   bytes from one panel of x to the next
 * @param heads    heads of `size` features, which is even
 * @param table    of the first panel's places
 */
export function rotate(x: usize, stride: usize, panels: i32, heads: i32, size: i32, table: usize): void {
  const half = (<usize>size) << 5;
  for (let p = 0; p < panels; p++) {
    let at = x;
    for (let h = 0; h < heads; h++, at += half) {
      let t = table;
      for (const end = at + half; at < end; at += 64, t += 128) {
        for (let lanes: usize = 0; lanes < 64; lanes += 16) {
          const a = v128.load(at + lanes);
          const b = v128.load(at + half + lanes);
          const c = v128.load(t + lanes);
          const s = v128.load(t + lanes, 64);
          v128.store(at + lanes, nmadd(b, s, f32x4.mul(a, c)));
          v128.store(at + half + lanes, madd(a, s, f32x4.mul(b, c)));
        }
      }
    }
    x += stride;
    table += (<usize>size) << 6;
  }
}
