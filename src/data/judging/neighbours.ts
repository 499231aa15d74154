/** How alike two sets of vectors of the same texts are: angles, and whether a text has the same neighbours in both. */

type Numbers = ArrayLike<number>;

/** Neighbours that are looked at. */
const NEIGHBOURS = 10;
/** Texts among which they are looked for: the first ones. The time grows with their square, half a second for these. */
const AMONG = 1000;

/** The cosine of the vectors of `width` numbers at `i` of `a` and at `j` of `b`; of two that are 0 it is 1, of one 0. */
export function cosine(a: Numbers, i: number, b: Numbers, j: number, width: number): number {
  let [dot, squareA, squareB] = [0, 0, 0];
  for (let k = 0; k < width; k++) {
    const [x, y] = [a[i + k] ?? 0, b[j + k] ?? 0];
    dot += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  if (squareA === 0 || squareB === 0) return squareA === squareB ? 1 : 0;
  return dot / Math.sqrt(squareA * squareB);
}

/** The cosine of each row with the row of the other in its place. */
export function rowCosines(a: Numbers, b: Numbers, width: number): Float64Array {
  return Float64Array.from({ length: a.length / width }, (_, i) => cosine(a, i * width, b, i * width, width));
}

/**
 * The share of a text's nearest texts by one encoder that are among its nearest by the other: the mean over the texts.
 *
 * @param width  numbers of a vector
 */
export function neighbourAgreement(a: Numbers, b: Numbers, width: number): number {
  const texts = Math.min(AMONG, a.length / width);
  const count = Math.min(NEIGHBOURS, texts - 1);
  if (count <= 0) return 1;
  const [one, other] = [unitRows(a, texts, width), unitRows(b, texts, width)];
  let shared = 0;
  for (let i = 0; i < texts; i++) {
    const near = new Set(nearest(one, i, texts, width, count));
    for (const text of nearest(other, i, texts, width, count)) shared += Number(near.has(text));
  }
  return shared / (texts * count);
}

function unitRows(rows: Numbers, count: number, width: number): Float32Array {
  const out = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    let square = 0;
    for (let k = 0; k < width; k++) square += (rows[i * width + k] ?? 0) ** 2;
    const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
    for (let k = 0; k < width; k++) out[i * width + k] = (rows[i * width + k] ?? 0) * scale;
  }
  return out;
}

/** The texts nearest to text `i`, itself left out; of equally near ones those that come first. */
function nearest(rows: Float32Array, i: number, texts: number, width: number, count: number): number[] {
  const near: { text: number; dot: number }[] = [];
  for (let j = 0; j < texts; j++) {
    if (j === i) continue;
    let dot = 0;
    for (let k = 0; k < width; k++) dot += (rows[i * width + k] ?? 0) * (rows[j * width + k] ?? 0);
    const last = near[count - 1];
    if (last !== undefined && dot <= last.dot) continue;
    const place = near.findIndex((each) => each.dot < dot);
    near.splice(place < 0 ? near.length : place, 0, { text: j, dot });
    near.length = Math.min(near.length, count);
  }
  return near.map(({ text }) => text);
}
