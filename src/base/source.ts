/** The one small interface that carries bytes to the decoders; files, URLs and buffers each implement it. */

/** Random access to `byteLength` bytes. `slice` returns exactly `end - start` bytes or rejects. */
export interface ByteSource {
  /** Named in error messages: a path or an address. */
  readonly name: string;
  readonly byteLength: number;
  slice(start: number, end: number): Promise<Uint8Array>;
}

/** A source over bytes already in memory. */
export function bufferSource(name: string, bytes: Uint8Array): ByteSource {
  return { name, byteLength: bytes.length, slice: async (start, end) => bytes.subarray(start, end) };
}
