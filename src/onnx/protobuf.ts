/**
 * The protocol buffer wire format, as much of it as ONNX uses: varints, 32- and 64-bit words, length-delimited fields.
 *
 * From the public encoding description (protobuf.dev, "Encoding"). There is no schema: the caller names the fields
 * it writes and switches on the numbers it reads. Groups (wire types 3 and 4, deprecated) are refused.
 * Promise: the reader never reads outside its bytes, never allocates from a length it has not checked, and every
 * malformed input ends in a `FormatError`; the writer copies a large byte field exactly once, in `finish`.
 */

import { FormatError } from "../base/errors.ts";

/** Byte fields of at least this size are kept by reference until `finish`. */
const LARGE = 256;

/** Collects one message's fields in the order of the calls. */
export class MessageWriter {
  readonly #chunks: Uint8Array[] = [];
  #pending: number[] = [];
  #flushed = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#flushed + this.#pending.length;
  }

  /** An int64, int32, bool or enum field; negative numbers take ten bytes, as the format demands. */
  int(field: number, value: number): void {
    this.#tag(field, 0);
    if (value >= 0) this.#varint(value);
    else this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  /** A float field. */
  float(field: number, value: number): void {
    this.#tag(field, 5);
    const word = new Uint8Array(4);
    new DataView(word.buffer).setFloat32(0, value, true);
    this.#pending.push(...word);
  }

  /** A UTF-8 string field, written even when it is empty. */
  string(field: number, value: string): void {
    this.bytes(field, new TextEncoder().encode(value));
  }

  /** A bytes field. Large ones are held by reference: do not change them before `finish`. */
  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, 2);
    this.#varint(value.length);
    if (value.length < LARGE) for (const byte of value) this.#pending.push(byte);
    else this.#chunk(value);
  }

  /** A message field, filled by `fill`. */
  message(field: number, fill: (inner: MessageWriter) => void): void {
    const inner = new MessageWriter();
    fill(inner);
    this.#tag(field, 2);
    this.#varint(inner.length);
    for (const chunk of inner.#chunks) this.#chunk(chunk);
    for (const byte of inner.#pending) this.#pending.push(byte);
  }

  /** The message's bytes, in one freshly allocated array. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.#chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    out.set(this.#pending, at);
    return out;
  }

  #tag(field: number, wire: number): void {
    this.#varint(field * 8 + wire);
  }

  /** `value` is an integer in [0, 2^53). */
  #varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#pending.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.#pending.push(rest);
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest >= 128n) {
      this.#pending.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.#pending.push(Number(rest));
  }

  #chunk(bytes: Uint8Array): void {
    const pending = Uint8Array.from(this.#pending);
    this.#pending = [];
    this.#chunks.push(pending, bytes);
    this.#flushed += pending.length + bytes.length;
  }
}

/**
 * Walks the fields of one message: `next()` moves to a field, one value method (or `skip`) takes it.
 *
 * `where` names the message in errors. The bytes are viewed, not copied.
 */
export class MessageReader {
  /** Number of the current field. */
  field = 0;
  readonly where: string;
  readonly #bytes: Uint8Array;
  #at = 0;
  #wire = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.where = where;
  }

  /**
   * Moves to the next field; false at the end of the message.
   * @throws {FormatError} `protobuf/tag` for field number 0
   */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const tag = this.#size();
    this.field = Math.floor(tag / 8);
    this.#wire = tag % 8;
    if (this.field === 0) throw this.#bad("tag", "a field number above 0, got 0");
    return true;
  }

  /** An int64 varint. */
  int64(): bigint {
    this.#expect(0);
    return this.#varint();
  }

  /** @throws {FormatError} `protobuf/range` when the value is not a safe integer. */
  int(): number {
    return this.#safe(this.int64());
  }

  /** A 32-bit float. */
  float(): number {
    this.#expect(5);
    const bytes = this.#take(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }

  /** A length-delimited field, as a view of the input. */
  bytes(): Uint8Array {
    this.#expect(2);
    return this.#take(this.#size());
  }

  /** @throws {FormatError} `protobuf/utf8` when the bytes are not UTF-8. */
  string(): string {
    const bytes = this.bytes();
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.#bad("utf8", "UTF-8 text, got other bytes");
    }
  }

  /** A reader over an embedded message; `name` becomes part of what errors say. */
  message(name: string): MessageReader {
    return new MessageReader(this.bytes(), `${this.where} > ${name}`);
  }

  /** A repeated int64 field's next values: one when it is not packed, all of a packed run otherwise. */
  int64s(): bigint[] {
    if (this.#wire === 0) return [this.#varint()];
    const run = new MessageReader(this.bytes(), this.where);
    const out: bigint[] = [];
    while (run.#at < run.#bytes.length) out.push(run.#varint());
    return out;
  }

  /** As `int64s`, as safe integers. */
  ints(): number[] {
    return this.int64s().map((value) => this.#safe(value));
  }

  /** A repeated float field's next values, packed or not. */
  floats(): number[] {
    return this.#words(5, 4, (view, at) => view.getFloat32(at, true));
  }

  /** A repeated double field's next values, packed or not. */
  doubles(): number[] {
    return this.#words(1, 8, (view, at) => view.getFloat64(at, true));
  }

  /** Passes over the current field's value. */
  skip(): void {
    if (this.#wire === 0) this.#varint();
    else if (this.#wire === 1) this.#take(8);
    else if (this.#wire === 2) this.#take(this.#size());
    else if (this.#wire === 5) this.#take(4);
    else throw this.#bad("wire", `wire type 0, 1, 2 or 5, got ${this.#wire}`);
  }

  #words(wire: number, size: number, read: (view: DataView, at: number) => number): number[] {
    const bytes = this.#wire === wire ? this.#take(size) : this.bytes();
    if (bytes.length % size !== 0) {
      throw this.#bad("packed", `a multiple of ${size} bytes, got ${bytes.length}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: bytes.length / size }, (_, i) => read(view, i * size));
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw this.#bad("wire", `wire type ${wire}, got ${this.#wire}`);
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw this.#bad("truncated", `${length} more bytes, got ${this.#bytes.length - this.#at}`);
    }
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#bad("truncated", "another byte of a varint, got the end");
    this.#at++;
    return byte;
  }

  /** A tag or a length: at most five bytes and below 2^32. */
  #size(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < 5; i++, scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128 && value < 2 ** 32) return value;
    }
    throw this.#bad("varint", "a tag or length below 2^32, got a longer varint");
  }

  /** A 64-bit two's complement varint: at most ten bytes, the tenth 0 or 1. */
  #varint(): bigint {
    let low = 0; // the first seven bytes fill 49 bits, which a double holds exactly
    let high = 0n;
    for (let i = 0, scale = 1; i < 10; i++, scale *= 128) {
      const byte = this.#byte();
      if (i < 7) low += (byte & 127) * scale;
      else high |= BigInt(byte & 127) << BigInt(7 * i);
      if (byte < 128 && (i < 9 || byte < 2)) return BigInt.asIntN(64, high + BigInt(low));
    }
    throw this.#bad("varint", "at most 64 bits, got a longer varint");
  }

  #safe(value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw this.#bad("range", `a safe integer, got ${value}`);
    return number;
  }

  #bad(code: string, problem: string): FormatError {
    return new FormatError(
      `protobuf/${code}`,
      `protobuf: expected ${problem} (${this.where}, field ${this.field}, byte ${this.#at} of ${this.#bytes.length})`,
    );
  }
}
