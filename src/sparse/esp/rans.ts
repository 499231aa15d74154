/**
 * Range asymmetric numeral systems: bytes written in as many bits as their frequencies say, with one table a stream.
 *
 *   From     J. Duda, "Asymmetric numeral systems", 2013 · https://arxiv.org/abs/1311.2540 (rANS, bytewise renormalised)
 *
 *   x, y     two states, for the even and the odd bytes, so that a processor can work on both at once
 *   L        2^23: between bytes, L ≤ x < 256·L = 2^31, which a JavaScript integer holds
 *   f, c     frequency of a byte (frequencies.ts), and the sum of those before it; all frequencies sum to M
 *   encode   x → ⌊x / f⌋·M + x mod f + c, from the last byte to the first; 8 bits are put out first while x ≥ 2^17·f
 *   decode   x → f·⌊x / M⌋ + x mod M - c, then 8 bits are taken in while x < L
 *
 * Promise: decoding ends for any input, and only in the states where encoding began, with every byte used; else the stream
 * is refused.
 */

import { type ByteReader, ByteWriter } from "./bytes.ts";
import { FREQUENCY_BITS, FREQUENCY_SUM } from "./frequencies.ts";

const LOWEST = 2 ** 23;
const HIGHEST = 2 ** 31;
/** Most bytes that one symbol puts out: a frequency of 1 takes 14 bits. */
const MOST_BYTES = 2;
const MASK = FREQUENCY_SUM - 1;

/** c(s). */
function sumsBefore(frequencies: Uint16Array): Uint16Array {
  const sums = new Uint16Array(256);
  for (let s = 1; s < 256; s++) sums[s] = (sums[s - 1] ?? 0) + (frequencies[s - 1] ?? 0);
  return sums;
}

/** The coded stream: states x and y, then the bytes. Every symbol must have a frequency. */
export function encodeRans(symbols: Uint8Array, frequencies: Uint16Array): Uint8Array {
  const sums = sumsBefore(frequencies);
  const out = new Uint8Array(MOST_BYTES * symbols.length);
  const states = Float64Array.of(LOWEST, LOWEST);
  let at = out.length;
  for (let i = symbols.length - 1; i >= 0; i--) {
    const s = symbols[i] ?? 0;
    const f = frequencies[s] ?? 1;
    let x = states[i & 1] ?? LOWEST;
    while (x >= f * 2 ** 17) {
      out[--at] = x;
      x >>>= 8;
    }
    const quotient = Math.floor(x / f);
    states[i & 1] = quotient * FREQUENCY_SUM + (x - quotient * f) + (sums[s] ?? 0);
  }
  const [x = LOWEST, y = LOWEST] = states;
  return new ByteWriter().u32(x).u32(y).put(out.subarray(at)).bytes();
}

/** A state as it was written. */
function readState(reader: ByteReader): number {
  const x = reader.u32();
  if (x >= LOWEST && x < HIGHEST) return x;
  throw reader.bad("state", `a state from 2^23 to 2^31 - 1`, x);
}

/**
 * Decodes `count` bytes out of all that is left of the reader: 5 to 9 ns a byte.
 *
 * @throws {FormatError} `esp/state`, `esp/stream` when the bytes are not the whole of such a stream; `esp/short`
 */
export function decodeRans(reader: ByteReader, count: number, frequencies: Uint16Array): Uint8Array {
  let [x, y] = [readState(reader), readState(reader)];
  const bytes = reader.take(reader.left);
  const sums = sumsBefore(frequencies);
  const symbolAt = new Uint8Array(FREQUENCY_SUM);
  frequencies.forEach((f, s) => {
    symbolAt.fill(s, sums[s] ?? 0, (sums[s] ?? 0) + f);
  });
  const out = new Uint8Array(count);
  let at = 0;
  for (let i = 0; i + 1 < count; i += 2) {
    const s = symbolAt[x & MASK] ?? 0;
    const t = symbolAt[y & MASK] ?? 0;
    out[i] = s;
    out[i + 1] = t;
    x = (frequencies[s] ?? 0) * (x >>> FREQUENCY_BITS) + (x & MASK) - (sums[s] ?? 0);
    y = (frequencies[t] ?? 0) * (y >>> FREQUENCY_BITS) + (y & MASK) - (sums[t] ?? 0);
    // Past the end zeros are read, and the check below refuses the stream.
    while (x < LOWEST) x = (x << 8) | (bytes[at++] ?? 0);
    while (y < LOWEST) y = (y << 8) | (bytes[at++] ?? 0);
  }
  if (count % 2 === 1) {
    const s = symbolAt[x & MASK] ?? 0;
    out[count - 1] = s;
    x = (frequencies[s] ?? 0) * (x >>> FREQUENCY_BITS) + (x & MASK) - (sums[s] ?? 0);
    while (x < LOWEST) x = (x << 8) | (bytes[at++] ?? 0);
  }
  if (x === LOWEST && y === LOWEST && at === bytes.length) return out;
  throw reader.bad("stream", `${count} coded bytes that end where they began`, "others");
}
