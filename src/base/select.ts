/**
 * Order statistics without sorting: the k-th largest of large arrays, exactly, by two passes of counting over the bits of the
 * numbers; and the places of the few largest.
 */

/** Bits of a float32 as an unsigned number that grows with the float; −0 comes before 0. */
export function toOrdered(bits: number): number {
  return bits >>> 31 ? ~bits >>> 0 : (bits | 0x80000000) >>> 0;
}

/** The float32 of such a number. */
function fromOrdered(key: number): number {
  const bits = key >>> 31 ? key & 0x7fffffff : ~key >>> 0;
  return new Float32Array(Uint32Array.of(bits).buffer)[0] ?? Number.NaN;
}

/**
 * The k-th largest number of all arrays together, k from 1, by value or by magnitude. NaN counts as the largest.
 *
 * @param times  how often each array's numbers count, whole numbers; default once
 * @throws {RangeError} when there are fewer than k numbers
 */
export function kthLargest(
  arrays: readonly Float32Array[],
  k: number,
  by: "value" | "magnitude",
  times: readonly number[] = [],
): number {
  const total = arrays.reduce((n, { length }, i) => n + length * (times[i] ?? 1), 0);
  if (!(Number.isInteger(k) && k >= 1 && k <= total)) {
    throw new RangeError(`select: expected 1 ≤ k ≤ ${total}, got ${k}`);
  }
  const views = arrays.map(
    (data, i) => [new Uint32Array(data.buffer, data.byteOffset, data.length), times[i] ?? 1] as const,
  );
  const clear = by === "magnitude" ? 0x7fffffff : 0xffffffff;
  const high = new Float64Array(65_536);
  for (const [bits, count] of views) {
    for (let i = 0; i < bits.length; i++) {
      const bin = toOrdered((bits[i] ?? 0) & clear) >>> 16;
      high[bin] = (high[bin] ?? 0) + count;
    }
  }
  const [top, above] = binOf(high, k);
  const low = new Float64Array(65_536);
  for (const [bits, count] of views) {
    for (let i = 0; i < bits.length; i++) {
      const key = toOrdered((bits[i] ?? 0) & clear);
      if (key >>> 16 === top) low[key & 0xffff] = (low[key & 0xffff] ?? 0) + count;
    }
  }
  const [bottom] = binOf(low, k - above);
  return fromOrdered(top * 65_536 + bottom);
}

/** The bin that holds the k-th largest, and how many lie in the bins above. */
function binOf(counts: Float64Array, k: number): [number, number] {
  let above = 0;
  let bin = counts.length - 1;
  while (bin > 0 && above + (counts[bin] ?? 0) < k) {
    above += counts[bin] ?? 0;
    bin--;
  }
  return [bin, above];
}

/**
 * Places of the `count` largest values, the largest first; of equal ones the earlier place first. NaN is never among
 * them. Fewer come back when there are fewer.
 */
export function largest(values: ArrayLike<number>, count: number): number[] {
  const places: number[] = [];
  let least = Number.NEGATIVE_INFINITY; // the smallest kept value, once there are enough
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    const isKept = places.length < count ? !Number.isNaN(value) : value > least;
    if (!isKept) continue;
    let at = places.length;
    while (at > 0 && value > (values[places[at - 1] ?? 0] ?? 0)) at--;
    places.splice(at, 0, i);
    if (places.length > count) places.pop();
    if (places.length === count) least = values[places.at(-1) ?? 0] ?? least;
  }
  return places;
}
