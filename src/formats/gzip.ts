/**
 * Gzip of whole files: a reader for files that may be hostile, and a writer with one output per content.
 *
 * Promise: nothing is read beyond the limit the caller sets, whatever the file says of itself, and a file is read only
 * when its checksum holds and nothing follows it but, as the format allows, another gzip file, whose content is then
 * appended. Not here: what the bytes mean.
 */

import { constants, createGunzip, gzipSync } from "node:zlib";
import { FormatError } from "../base/errors.ts";
import type { ByteSource } from "../base/source.ts";

/** Bytes given to the decoder at once: a bomb inflates to at most a thousand times that before it is seen. */
const PART = 1 << 14;

/**
 * The content of a gzip file.
 *
 * @param limit  most bytes of the content, and of the file
 * @param what   what the file is to be, for the message
 * @throws {FormatError} `gzip/too-large` beyond the limit, `gzip/foreign` for what is no gzip, `gzip/damaged` for what
 *   is cut off or altered, `gzip/trailing` for bytes behind its end
 */
export async function gunzip(source: ByteSource, limit: number, what = "file"): Promise<Uint8Array> {
  const { name, byteLength } = source;
  const bad = (code: string, expected: string, got: string, cause?: unknown): FormatError =>
    new FormatError(`gzip/${code}`, `${what}: expected ${expected}, got ${got} (${name})`, { cause });
  if (byteLength > limit) throw bad("too-large", `at most ${limit} bytes`, `${byteLength}`);
  const bytes = await source.slice(0, byteLength);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) throw bad("foreign", "gzip", "another kind of file");
  const decoder = createGunzip({ chunkSize: 1 << 16 });
  const parts: Uint8Array[] = [];
  let size = 0;
  decoder.on("data", (part: Uint8Array) => {
    size += part.length;
    if (size <= limit) parts.push(part);
    else decoder.destroy(bad("too-large", `content of at most ${limit} bytes`, "more"));
  });
  await feed(decoder, bytes).catch((error: unknown) => {
    if (error instanceof FormatError || !(error instanceof Error)) throw error;
    throw bad("damaged", "a whole gzip file", error.message, error);
  });
  const end = decoder.bytesWritten;
  if (end !== byteLength) throw bad("trailing", `${end} bytes, the end of its content`, `${byteLength}`);
  return Buffer.concat(parts);
}

/** Feeds the decoder part by part, and waits for its end. */
function feed(decoder: ReturnType<typeof createGunzip>, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    decoder.on("end", resolve);
    decoder.on("error", reject);
    const next = (start: number): void => {
      if (decoder.destroyed) return;
      if (start >= bytes.length) decoder.end();
      else decoder.write(bytes.subarray(start, start + PART), () => next(start + PART));
    };
    next(0);
  });
}

/** A gzip file. Of two ways to compress the shorter: sparse bits repeat themselves, dense ones only have odds. */
export function gzip(parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const [repeats, odds] = [constants.Z_DEFAULT_STRATEGY, constants.Z_HUFFMAN_ONLY].map((strategy) =>
    gzipSync(content, { level: 9, strategy }),
  );
  if (repeats === undefined || odds === undefined) throw new RangeError("gzip has two strategies");
  return odds.length < repeats.length ? odds : repeats;
}
