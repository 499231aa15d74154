/**
 * How numbers are stored: float32 as it is, float16 to nearest, or int8 levels with one scale a row.
 *
 *   float32   four streams, one for each byte of the numbers, the lowest first
 *   float16   two streams
 *   int8      the scales' two streams, then one of levels; value = level · scale, level from -127 to 127
 *
 * Numbers are first rounded (`roundMatrix`) and then stored without loss. Which levels and scales there are, and why
 * rounding what was rounded changes nothing, is in base/levels.ts. Not here: which numbers are stored (matrices.ts).
 */

import { type BlockShape, blockSize } from "../../base/blocks.ts";
import { LARGEST_LEVEL, levelScale, roundToLevels, SMALLEST_SCALE } from "../../base/levels.ts";
import { type FloatTensor, findNotFinite, floatTensor } from "../../base/tensor.ts";
import { decodeFloat16, encodeFloat16 } from "../../formats/float16.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { bad } from "./failure.ts";
import { readStream, writeStream } from "./stream.ts";

/** How the numbers of a matrix are stored. */
export type ValueKind = "float32" | "float16" | "int8";

/** The kinds there are, from the most exact. */
export const VALUE_KINDS: readonly ValueKind[] = ["float32", "float16", "int8"];

/**
 * Which numbers belong to which row: number (k·h + i)·w + j, with starts[r] ≤ k < starts[r + 1], to row r·h + i. That of
 * a PackedMatrix; a dense matrix is one of single weights in which every entry is a block.
 */
export interface Layout {
  readonly rows: number;
  readonly block: BlockShape;
  /** [⌈rows / h⌉ + 1] */
  readonly starts: Uint32Array;
}

/** The layout of a dense matrix [rows, columns]. */
export function denseLayout(rows: number, columns: number): Layout {
  return { rows, block: "1", starts: Uint32Array.from({ length: rows + 1 }, (_, r) => r * columns) };
}

/** Where the numbers of a row are: runs of `width` from `first` on, `stride` apart, below `end`. */
type VisitRow = (row: number, first: number, end: number, width: number, stride: number) => void;

/** Calls `visit` with each row. Blocks of one row lie one behind the other, and are one run. */
function eachRow({ rows, block, starts }: Layout, visit: VisitRow): void {
  const { height, width } = blockSize(block);
  const size = height * width;
  for (let row = 0; row < rows; row++) {
    const r = Math.floor(row / height);
    const first = (starts[r] ?? 0) * size + (row % height) * width;
    const end = (starts[r + 1] ?? 0) * size;
    if (height === 1) visit(row, first, end, end - first, end - first);
    else visit(row, first, end, width, size);
  }
}

/** The scale of each row, [rows]; 0 for a row whose numbers all become 0. */
function scalesOf(values: Float32Array, layout: Layout): Float32Array {
  const scales = new Float32Array(layout.rows);
  eachRow(layout, (row, first, end, width, stride) => {
    let most = 0;
    for (let run = first; run < end; run += stride) {
      for (let n = run; n < run + width; n++) most = Math.max(most, Math.abs(values[n] ?? 0));
    }
    scales[row] = levelScale(most);
  });
  return scales;
}

/** The level of each number. */
function levelsOf(values: Float32Array, layout: Layout, scales: Float32Array): Int8Array {
  const levels = new Int8Array(values.length);
  eachRow(layout, (row, first, end, width, stride) => {
    const scale = scales[row] ?? 0;
    if (scale === 0) return;
    for (let run = first; run < end; run += stride) {
      for (let n = run; n < run + width; n++) levels[n] = Math.round((values[n] ?? 0) / scale);
    }
  });
  return levels;
}

/** The number of each level. */
function fromLevels(levels: Int8Array, layout: Layout, scales: Float32Array): Float32Array {
  const values = new Float32Array(levels.length);
  eachRow(layout, (row, first, end, width, stride) => {
    const scale = scales[row] ?? 0;
    for (let run = first; run < end; run += stride) {
      for (let n = run; n < run + width; n++) values[n] = (levels[n] ?? 0) * scale;
    }
  });
  return values;
}

/**
 * A matrix [rows, columns] with its numbers rounded to what a kind can hold. Rounding twice is rounding once.
 *
 * @param what  named in messages: the tensor
 * @throws {FormatError} `esp/finite` for a number that is not finite, `esp/range` for one too large for float16
 */
export function roundMatrix(matrix: FloatTensor, kind: ValueKind, what: string): FloatTensor {
  const { shape, data } = matrix;
  expectFinite(data, (got) => bad("finite", what, "finite numbers", got, "writing"));
  if (kind === "float32") return matrix;
  if (kind === "int8") return roundToLevels(matrix);
  const halves = decodeFloat16(encodeFloat16(data));
  expectFinite(halves, () =>
    bad("range", what, "numbers below 65,520, as float16 holds", "others", "writing"),
  );
  return floatTensor(shape, halves);
}

function expectFinite(data: Float32Array, failure: (got: string) => Error): void {
  const place = findNotFinite(data);
  if (place >= 0) throw failure(String(data[place]));
}

/** The streams in which numbers are stored, already rounded to `kind`. */
export function valueStreams(values: Float32Array, kind: ValueKind, layout: Layout): Uint8Array[] {
  if (kind === "float32") return planes(bytesOf(values), 4);
  if (kind === "float16") return planes(bytesOf(encodeFloat16(values)), 2);
  const scales = scalesOf(values, layout);
  return [...planes(bytesOf(scales), 4).slice(2), bytesOf(levelsOf(values, layout, scales))];
}

/** Writes numbers that are already rounded to `kind`. */
export function writeValues(writer: ByteWriter, values: Float32Array, kind: ValueKind, layout: Layout): void {
  for (const stream of valueStreams(values, kind, layout)) writeStream(writer, stream);
}

/**
 * Reads `count` numbers.
 * @throws {FormatError} `esp/finite`, `esp/scale`, `esp/level`; as `readStream` does
 */
export function readValues(reader: ByteReader, count: number, kind: ValueKind, layout: Layout): Float32Array {
  if (kind === "float32") return readSingles(reader, count);
  if (kind === "float16") return readHalves(reader, count);
  const scales = readScales(reader, layout.rows);
  const levels = readStream(reader, count);
  const signed = new Int8Array(levels.buffer, levels.byteOffset, count);
  if (signed.includes(-128)) throw reader.bad("level", "levels from -127 to 127", -128);
  return fromLevels(signed, layout, scales);
}

function readSingles(reader: ByteReader, count: number): Float32Array {
  const [a, b] = [readStream(reader, count), readStream(reader, count)];
  const [c, d] = [readStream(reader, count), readStream(reader, count)];
  const bits = new Int32Array(count);
  for (let i = 0; i < count; i++)
    bits[i] = (a[i] ?? 0) | ((b[i] ?? 0) << 8) | ((c[i] ?? 0) << 16) | ((d[i] ?? 0) << 24);
  const values = new Float32Array(bits.buffer);
  expectFinite(values, (got) => reader.bad("finite", "finite numbers", got));
  return values;
}

/** Every half as its float: a look-up takes a third of the time of the arithmetic. Made when it is first needed. */
let floatOf: Float32Array | undefined;

function readHalves(reader: ByteReader, count: number): Float32Array {
  const [low, high] = [readStream(reader, count), readStream(reader, count)];
  floatOf ??= decodeFloat16(Uint16Array.from({ length: 2 ** 16 }, (_, half) => half));
  const floats = floatOf;
  const values = new Float32Array(count);
  let infinite = false;
  for (let i = 0; i < count; i++) {
    const upper = high[i] ?? 0;
    infinite ||= (upper & 0x7c) === 0x7c; // an exponent of ones alone
    values[i] = floats[(low[i] ?? 0) | (upper << 8)] ?? 0;
  }
  if (infinite) throw reader.bad("finite", "finite numbers", "others");
  return values;
}

function readScales(reader: ByteReader, rows: number): Float32Array {
  const [low, high] = [readStream(reader, rows), readStream(reader, rows)];
  const bits = new Int32Array(rows);
  for (let i = 0; i < rows; i++) bits[i] = ((low[i] ?? 0) << 16) | ((high[i] ?? 0) << 24);
  const scales = new Float32Array(bits.buffer);
  checkScales(reader, scales);
  return scales;
}

/** Zero, or large enough to be exact and small enough that no level overflows; this leaves out NaN too. */
function checkScales(reader: ByteReader, scales: Float32Array): void {
  const fits = (scale: number): boolean =>
    Object.is(scale, 0) || (scale >= SMALLEST_SCALE && Number.isFinite(Math.fround(scale * LARGEST_LEVEL)));
  const wrong = scales.find((scale) => !fits(scale));
  if (wrong !== undefined) {
    throw reader.bad("scale", "scales of 0 or from 2^-126 to 2^121", String(wrong));
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Byte b of each number, for b from 0 to width - 1. */
function planes(bytes: Uint8Array, width: number): Uint8Array[] {
  return Array.from({ length: width }, (_, b) => {
    const plane = new Uint8Array(bytes.length / width);
    for (let i = 0; i < plane.length; i++) plane[i] = bytes[i * width + b] ?? 0;
    return plane;
  });
}
