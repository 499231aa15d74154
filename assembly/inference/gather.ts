/** Rows of the embedding tables into panels: X[d][token] = word[id][d] + position[i][d] + type[t][d]. */

/**
 * Fills the panels of one text, from its first token on; lanes beyond its end become 0.
 *
 * @param x         the text's first panel, [feature][16]
 * @param first     the first token to place, a multiple of 16
 * @param end       one past the last panel's last lane that is to be filled, a multiple of 16
 * @param tokens    tokens of the text
 * @param ids       u32 word pieces; `types` u32, of the whole text
 */
export function gather(
  x: usize,
  stride: usize,
  first: i32,
  end: i32,
  tokens: i32,
  ids: usize,
  types: usize,
  features: i32,
  words: usize,
  positions: usize,
  segments: usize,
): void {
  const row = (<usize>features) << 2;
  for (let i = first; i < end; i++) {
    let to = x + <usize>(i >> 4) * stride + ((<usize>(i & 15)) << 2);
    const last = to + ((<usize>features) << 6);
    if (i >= tokens) {
      for (; to < last; to += 64) store<f32>(to, 0);
      continue;
    }
    let w = words + <usize>load<u32>(ids + ((<usize>i) << 2)) * row;
    let p = positions + <usize>i * row;
    let t = segments + <usize>load<u32>(types + ((<usize>i) << 2)) * row;
    for (; to < last; to += 64) {
      store<f32>(to, load<f32>(w) + load<f32>(t) + load<f32>(p));
      w += 4;
      p += 4;
      t += 4;
    }
  }
}

/** Copies one lane: the first token of a text into the lane of that text. */
export function lane(from: usize, to: usize, features: i32): void {
  const last = from + ((<usize>features) << 6);
  for (; from < last; from += 64, to += 64) store<f32>(to, load<f32>(from));
}
