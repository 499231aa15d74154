/**
 * Range asymmetric numeral systems: bytes written in as many bits as their frequencies say, with one table a stream.
 *
 *   From     J. Duda, "Asymmetric numeral systems", 2013 · https://arxiv.org/abs/1311.2540 (rANS, renormalised by 16 bits)
 *
 *   x        one of four states: byte i belongs to state i mod 4, so that a processor can work on four bytes at once
 *   L        2^16: between bytes, L ≤ x < 2^16·L = 2^32
 *   f, c     frequency of a byte (frequencies.ts), and the sum of those before it; all frequencies sum to M
 *   encode   x → ⌊x / f⌋·M + x mod f + c, from the last byte to the first; 16 bits are put out first if x ≥ 2^18·f
 *   decode   x → f·⌊x / M⌋ + x mod M - c, then 16 bits are taken in if x < L; once is enough, because L / M is 4
 *
 * Promise: decoding ends for any input, and only in the states where encoding began, with every word used; else the stream
 * is refused.
 */

import { type ByteReader, ByteWriter } from "./bytes.ts";
import { FREQUENCY_BITS, FREQUENCY_SUM } from "./frequencies.ts";

const STATES = 4;
const LOWEST = 2 ** 16;
const MASK = FREQUENCY_SUM - 1;

/** c(s). */
function sumsBefore(frequencies: Uint16Array): Uint16Array {
  const sums = new Uint16Array(256);
  for (let s = 1; s < 256; s++) sums[s] = (sums[s - 1] ?? 0) + (frequencies[s - 1] ?? 0);
  return sums;
}

/** The coded stream: four states, then 16-bit words. Every symbol must have a frequency. */
export function encodeRans(symbols: Uint8Array, frequencies: Uint16Array): Uint8Array {
  const sums = sumsBefore(frequencies);
  const words = new Uint16Array(symbols.length); // a symbol puts out one at most
  const states = new Float64Array(STATES).fill(LOWEST);
  let at = words.length;
  for (let i = symbols.length - 1; i >= 0; i--) {
    const s = symbols[i] ?? 0;
    const f = frequencies[s] ?? 1;
    let x = states[i % STATES] ?? LOWEST;
    if (x >= f * 2 ** 18) {
      words[--at] = x; // the lower 16 bits
      x = Math.floor(x / 2 ** 16);
    }
    const quotient = Math.floor(x / f);
    states[i % STATES] = quotient * FREQUENCY_SUM + (x - quotient * f) + (sums[s] ?? 0);
  }
  const coded = new ByteWriter();
  for (const x of states) coded.u32(x);
  return coded.put(new Uint8Array(words.buffer, 2 * at)).bytes();
}

/** A state as it was written, as a signed number of the same 32 bits: those are the fast ones in JavaScript. */
function readState(reader: ByteReader): number {
  const x = reader.u32();
  if (x >= LOWEST) return x | 0;
  throw reader.bad("state", "a state from 2^16 to 2^32 - 1", x);
}

/**
 * Decodes `count` bytes out of all that is left of the reader.
 *
 * Four at a time while there are four words to take, without branches: a word is taken or not by a mask m of 32 ones or
 * zeros, because no processor can foresee which. That takes half of the time.
 *
 * @throws {FormatError} `esp/state`, `esp/stream` when the bytes are not the whole of such a stream; `esp/short`
 */
export function decodeRans(reader: ByteReader, count: number, frequencies: Uint16Array): Uint8Array {
  let [x, y, z, w] = [readState(reader), readState(reader), readState(reader), readState(reader)];
  const bytes = reader.take(reader.left);
  if (bytes.length % 2 !== 0) throw reader.bad("stream", "whole words of 16 bits", `${bytes.length} bytes`);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sums = sumsBefore(frequencies);
  const symbolAt = symbolTable(frequencies, sums);
  const out = new Uint8Array(count);
  let [at, i] = [0, 0];
  for (const last = bytes.length - 2 * STATES; i + STATES <= count && at <= last; i += STATES) {
    const a = symbolAt[x & MASK] ?? 0;
    const b = symbolAt[y & MASK] ?? 0;
    const c = symbolAt[z & MASK] ?? 0;
    const d = symbolAt[w & MASK] ?? 0;
    out[i] = a;
    out[i + 1] = b;
    out[i + 2] = c;
    out[i + 3] = d;
    x = (Math.imul(frequencies[a] ?? 0, x >>> FREQUENCY_BITS) + (x & MASK) - (sums[a] ?? 0)) | 0;
    y = (Math.imul(frequencies[b] ?? 0, y >>> FREQUENCY_BITS) + (y & MASK) - (sums[b] ?? 0)) | 0;
    z = (Math.imul(frequencies[c] ?? 0, z >>> FREQUENCY_BITS) + (z & MASK) - (sums[c] ?? 0)) | 0;
    w = (Math.imul(frequencies[d] ?? 0, w >>> FREQUENCY_BITS) + (w & MASK) - (sums[d] ?? 0)) | 0;
    let m = ((x >>> 16) - 1) >> 31;
    x = (x << (m & 16)) | (words.getUint16(at, true) & m);
    at += m & 2;
    m = ((y >>> 16) - 1) >> 31;
    y = (y << (m & 16)) | (words.getUint16(at, true) & m);
    at += m & 2;
    m = ((z >>> 16) - 1) >> 31;
    z = (z << (m & 16)) | (words.getUint16(at, true) & m);
    at += m & 2;
    m = ((w >>> 16) - 1) >> 31;
    w = (w << (m & 16)) | (words.getUint16(at, true) & m);
    at += m & 2;
  }
  const states = Int32Array.of(x, y, z, w);
  for (; i < count; i++) {
    x = states[i % STATES] ?? 0;
    const s = symbolAt[x & MASK] ?? 0;
    out[i] = s;
    x = (Math.imul(frequencies[s] ?? 0, x >>> FREQUENCY_BITS) + (x & MASK) - (sums[s] ?? 0)) | 0;
    if (x >>> 16 === 0) {
      if (at === bytes.length) break; // no such stream: not every byte was decoded
      x = (x << 16) | words.getUint16(at, true);
      at += 2;
    }
    states[i % STATES] = x;
  }
  if (i === count && at === bytes.length && states.every((state) => state === LOWEST)) return out;
  throw reader.bad("stream", `${count} coded bytes that end where they began`, "others");
}

/** The byte s with c ≤ n < c + f for each n below M. */
function symbolTable(frequencies: Uint16Array, sums: Uint16Array): Uint8Array {
  const symbolAt = new Uint8Array(FREQUENCY_SUM);
  for (let s = 0; s < 256; s++) symbolAt.fill(s, sums[s] ?? 0, (sums[s] ?? 0) + (frequencies[s] ?? 0));
  return symbolAt;
}
