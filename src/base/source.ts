/** The one small interface that carries bytes to the decoders; files, URLs and buffers each implement it. */

import { FormatError } from "./errors.ts";

/** Random access to `byteLength` bytes. `slice` returns exactly `end - start` bytes or rejects. */
export interface ByteSource {
  /** Named in error messages: a path or an address. */
  readonly name: string;
  readonly byteLength: number;
  slice(start: number, end: number): Promise<Uint8Array>;
}

/** A source over bytes already in memory. Rejects with `source/range` outside of them. */
export function bufferSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    byteLength: bytes.length,
    slice: async (start, end) => {
      const part = bytes.subarray(start, end);
      if (start < 0 || part.length !== end - start) {
        throw new FormatError(
          "source/range",
          `bytes: expected a part of ${bytes.length}, got ${start} to ${end} (${name})`,
        );
      }
      return part;
    },
  };
}
