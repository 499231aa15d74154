/**
 * A stream: bytes whose number the reader knows, raw or entropy-coded, whichever is smaller.
 *
 *   nothing, for no bytes
 *   0, the bytes
 *   1, length of what follows (u32), frequencies, states and coded bytes
 */

import { ByteReader, ByteWriter } from "./bytes.ts";
import { countBytes, frequenciesOf, readFrequencies, writeFrequencies } from "./frequencies.ts";
import { decodeRans, encodeRans } from "./rans.ts";

const RAW = 0;
const CODED = 1;

/** Writes a stream. */
export function writeStream(writer: ByteWriter, symbols: Uint8Array): void {
  if (symbols.length === 0) return;
  const frequencies = frequenciesOf(countBytes(symbols));
  const coded = new ByteWriter();
  writeFrequencies(coded, frequencies);
  coded.put(encodeRans(symbols, frequencies));
  if (coded.length + 4 < symbols.length) writer.u8(CODED).u32(coded.length).put(coded.bytes());
  else writer.u8(RAW).put(symbols);
}

/**
 * Reads a stream of `count` bytes; the caller has made sure that as many may be held.
 *
 * @throws {FormatError} `esp/method` for an unknown way to write one; as `readFrequencies` and `decodeRans` do
 */
export function readStream(reader: ByteReader, count: number): Uint8Array {
  if (count === 0) return new Uint8Array(0);
  const method = reader.u8();
  if (method === RAW) return reader.take(count);
  if (method !== CODED) throw reader.bad("method", "a stream of method 0 or 1", method);
  const coded = new ByteReader(reader.take(reader.u32()), reader.what, reader.where);
  return decodeRans(coded, count, readFrequencies(coded));
}
