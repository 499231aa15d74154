/** Rows of the embedding tables into panels: X[d][token] = word[id][d] + position[place][d] + type[t][d]. */

/**
 * Fills the panels of one text, from its first token on; lanes beyond its end become 0.
 *
 * @param x         the text's first panel, [feature][16]
 * @param first     the first token to place, a multiple of 16
 * @param end       one past the last panel's last lane that is to be filled, a multiple of 16
 * @param tokens    tokens of the text
 * @param ids       u32 word pieces; `types` u32, of the whole text
 * @param row       bytes from one position to the next; 0 where all are one
 * @param pad       the piece from which places are counted, or -1: the n-th token that is another, from 1 on, has place
 *                  pad + n, and the piece itself place pad
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
  row: usize,
  segments: usize,
  pad: i32,
): void {
  const bytes = (<usize>features) << 2;
  let counted = pad;
  if (pad >= 0) for (let i = 0; i < first; i++) if (load<i32>(ids + ((<usize>i) << 2)) - pad) counted++;
  for (let i = first; i < end; i++) {
    let to = x + <usize>(i >> 4) * stride + ((<usize>(i & 15)) << 2);
    const last = to + ((<usize>features) << 6);
    if (i >= tokens) {
      for (; to < last; to += 64) store<f32>(to, 0);
      continue;
    }
    const id = load<i32>(ids + ((<usize>i) << 2));
    let place = i;
    if (pad >= 0) place = id - pad ? ++counted : pad;
    let w = words + <usize>id * bytes;
    let p = positions + <usize>place * row;
    let t = segments + <usize>load<u32>(types + ((<usize>i) << 2)) * bytes;
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
