/**
 * Numbers in bytes, little-endian: a reader that never leaves its bytes, and a writer that grows.
 *
 * Promise: whatever the bytes say, a read either returns what lies there or is refused with `esp/short`; a reader is
 * done only when every byte was read, so nothing can hide behind the end of a section.
 */

import { bad } from "./failure.ts";

/** Reads one section from its beginning to its end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Named in messages: the section. */
  readonly what: string;
  /** Named in messages: the file. */
  readonly where: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.what = what;
    this.where = where;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** A failure in this section. */
  bad(code: string, expected: string, got: unknown): Error {
    return bad(code, this.what, expected, got, this.where);
  }

  /** The next `count` bytes, not copied. */
  take(count: number): Uint8Array {
    if (count > this.left) throw this.bad("short", `${count} more bytes`, this.left);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u8(): number {
    this.take(1);
    return this.#view.getUint8(this.#at - 1);
  }

  u32(): number {
    this.take(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** An unsigned number below 2^32 in 7-bit groups, least first, in its shortest form. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (value < 2 ** 32 && (byte > 0 || scale === 1)) return value;
      break;
    }
    throw this.bad("varint", "a number below 2^32 in its shortest form", "another");
  }

  /** @throws {FormatError} `esp/trailing` when bytes are left */
  done(): void {
    if (this.left > 0) throw this.bad("trailing", "the end", `${this.left} more bytes`);
  }
}

/** Collects the bytes of one section. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  #grow(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + count));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }

  put(bytes: Uint8Array): this {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  u8(value: number): this {
    this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    for (let shift = 0; shift < 32; shift += 8) this.u8(value >>> shift);
    return this;
  }

  varint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.u8((rest % 128) | 0x80);
    return this.u8(rest);
  }

  /** What was written. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
