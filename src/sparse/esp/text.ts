/**
 * Text in few bytes: each bit is predicted from the two letters before it and written by arithmetic coding.
 *
 *   From     G. G. Langdon, J. Rissanen, "Compression of black-white images with arithmetic coding", 1981: a binary coder
 *            with adaptive odds; the interval is cut in 32 bits, without carries
 *
 *   context  the last byte, or the last two, and the bits of this one so far; each has its own odds. Those of one byte
 *            have a place each, those of two share 2^18 by a hash
 *   odds     of a 1, in 1/32,768, with the number n of bits seen; a bit moves them by 1/(n + 1.4) of the way, at least 1/32
 *   mixing   the mean of the two, weighted by n + 1/4, and four times that for the longer context
 *
 * Unlike a browser's deflate it gives the same bytes everywhere, and fewer: sizes and times are in results/runtime.md. All
 * arithmetic is that of whole numbers of 32 bits, without a division for each bit, which takes half of the time.
 */

import { type ByteReader, ByteWriter } from "./bytes.ts";
import { bad } from "./failure.ts";

/** Most bytes of one text, and of one whose code is short: 256 for each byte of it, and 2^20 besides. */
const MAX_TEXT = 2 ** 24;
const MAX_RATIO = 256;
const ALWAYS = 2 ** 20;

/** Refuses a text that is too long for its code: a file must not unpack to what it cannot have held. */
function checkLength(length: number, coded: number, failure: (most: number) => Error): void {
  const most = Math.min(MAX_TEXT, ALWAYS + MAX_RATIO * coded);
  if (length > most) throw failure(most);
}

/** Contexts of one byte are the first 2^16, those of two the 2^18 behind them. */
const LONGER = 2 ** 16;
const LONGER_BITS = 18;
const CONTEXTS = LONGER + 2 ** LONGER_BITS;
/** Odds are below 2^15, so that odds times a share of 16 bits stay below 2^31. */
const ODDS_BITS = 15;
const EVEN = 2 ** (ODDS_BITS - 1);
const CERTAIN = 2 ** ODDS_BITS - 1;
/** Seen bits are counted up to here. */
const MOST_SEEN = 30;
/** Counts of seen bits there are. */
const COUNTS = MOST_SEEN + 1;
/** Share of the way, in 1/65,536, that odds move by after n bits. */
const RATES = Int32Array.from({ length: COUNTS }, (_, n) => Math.floor(65_536 / (n + 1.4)));
/** Share of the longer context in the mean, in 1/65,536, after n bits of the shorter and m of the longer: at n · COUNTS + m. */
const SHARES = Int32Array.from({ length: COUNTS ** 2 }, (_, i) => {
  const [n, m] = [Math.floor(i / COUNTS), i % COUNTS];
  return Math.floor((65_536 * (16 * m + 4)) / (4 * n + 1 + 16 * m + 4));
});

/** The odds of all contexts. */
interface Model {
  readonly odds: Uint16Array;
  readonly seen: Uint8Array;
  /** The last two bytes, the latest lowest. */
  history: number;
  /** Contexts of the bit at hand. */
  short: number;
  long: number;
}

function newModel(): Model {
  const odds = new Uint16Array(CONTEXTS).fill(EVEN);
  return { odds, seen: new Uint8Array(CONTEXTS), history: 0, short: 0, long: 0 };
}

/** Odds of a 1 after the bits of this byte so far, from 1 to 32,767 of 32,768. */
function predict(model: Model, partial: number): number {
  const { odds, seen, history } = model;
  const hash = Math.imul(Math.imul(history + 1, 0x2c1b3ce5) ^ Math.imul(partial, 0x9e3779b1), 0x297a2d39);
  const short = ((history & 255) << 8) | partial;
  const long = LONGER + (hash >>> (32 - LONGER_BITS));
  model.short = short;
  model.long = long;
  const share = SHARES[(seen[short] ?? 0) * COUNTS + (seen[long] ?? 0)] ?? 0;
  const before = odds[short] ?? 0;
  const mean = before + (Math.imul((odds[long] ?? 0) - before, share) >> 16);
  return mean === 0 ? 1 : mean;
}

/** Moves the odds of both contexts towards the bit that came. */
function update({ odds, seen, short, long }: Model, bit: number): void {
  move(odds, seen, short, bit);
  move(odds, seen, long, bit);
}

function move(odds: Uint16Array, seen: Uint8Array, context: number, bit: number): void {
  const before = odds[context] ?? 0;
  const n = seen[context] ?? 0;
  odds[context] = before + (Math.imul(bit * CERTAIN - before, RATES[n] ?? 0) >> 16);
  if (n < MOST_SEEN) seen[context] = n + 1;
}

/** Takes a whole byte into the history. */
function nextByte(model: Model, byte: number): void {
  model.history = ((model.history << 8) | byte) & 0xffff;
}

/** Length of the part of an interval that is a 1, for its odds: the lower part. As a 32-bit number, of either sign. */
function partOf(low: number, high: number, odds: number): number {
  return Math.imul((high - low) >>> ODDS_BITS, odds);
}

/**
 * Writes a text: its length in UTF-8 (u32), then the coded bytes.
 *
 * @param what  named in messages: what the text is
 * @throws {FormatError} `esp/text-size` for a text that would not be read back
 */
export function writeText(writer: ByteWriter, text: string, what: string): void {
  const bytes = new TextEncoder().encode(text);
  const model = newModel();
  const coded = new ByteWriter();
  let [low, high] = [0, -1]; // signed numbers of 32 bits stand for unsigned ones: they are the fast ones in JavaScript
  for (const byte of bytes) {
    let partial = 1;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >>> shift) & 1;
      const part = partOf(low, high, predict(model, partial));
      if (bit === 1) high = (low + part) | 0;
      else low = (low + part + 1) | 0;
      for (; (low ^ high) >>> 24 === 0; low <<= 8, high = (high << 8) | 255) coded.u8(low >>> 24);
      update(model, bit);
      partial = 2 * partial + bit;
    }
    nextByte(model, byte);
  }
  for (let shift = 24; shift >= 0; shift -= 8) coded.u8(low >>> shift);
  checkLength(bytes.length, coded.length, (most) =>
    bad("text-size", what, `a text of at most ${most} bytes`, bytes.length, "writing"),
  );
  writer.u32(bytes.length).put(coded.bytes());
}

/**
 * The text that fills the rest of the reader.
 *
 * @throws {FormatError} `esp/text-size` beyond the limits, `esp/text` for bytes that are not the code of a text in UTF-8
 */
export function readText(reader: ByteReader): string {
  const length = reader.u32();
  const coded = reader.take(reader.left);
  checkLength(length, coded.length, (most) =>
    reader.bad("text-size", `a text of at most ${most} bytes`, length),
  );
  const bytes = new Uint8Array(length);
  const model = newModel();
  let [low, high, value, at] = [0, -1, 0, 0]; // as above
  for (; at < 4; at++) value = (value << 8) | (coded[at] ?? 0);
  for (let n = 0; n < length; n++) {
    let partial = 1;
    while (partial < 256) {
      const part = partOf(low, high, predict(model, partial));
      const bit = (value - low) >>> 0 <= part >>> 0 ? 1 : 0;
      if (bit === 1) high = (low + part) | 0;
      else low = (low + part + 1) | 0;
      for (; (low ^ high) >>> 24 === 0; low <<= 8, high = (high << 8) | 255) {
        value = (value << 8) | (at < coded.length ? (coded[at] ?? 0) : 0);
        at++;
      }
      update(model, bit);
      partial = 2 * partial + bit;
    }
    bytes[n] = partial;
    nextByte(model, partial & 255);
  }
  if (at !== coded.length || value !== low)
    throw reader.bad("text", `the code of ${length} bytes`, "another");
  return decodeUtf8(reader, bytes);
}

function decodeUtf8(reader: ByteReader, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw reader.bad("text", "UTF-8", "other bytes");
  }
}
