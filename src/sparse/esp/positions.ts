/**
 * Where the blocks of a sparse matrix lie: gaps between them, or a bit for each place, whichever is smaller.
 *
 *   places   R × C, rows and columns of blocks, counted row after row
 *   gap      places without a block between one block and the next; the first gap begins at place 0
 *
 *   0, ⌈places / 8⌉ bytes: a bit for each place, the lowest bit first
 *   1, shift s, stream of min(255, ⌊gap / 2^s⌋), stream of gap mod 2^s when s > 0, byte count (u32), and the rest above 255
 *      as a varint for each gap that has one
 *
 * Entropy-coded gaps reach K·H(p)/p bits at any density p within a hundredth (s keeps ⌊gap / 2^s⌋ small where blocks are
 * rare), so bits are for small matrices, where the frequencies cost more than they save.
 */

import type { PackedMatrix } from "../matrix.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { readStream, writeStream } from "./stream.ts";

const BITS = 0;
const GAPS = 1;
/** The part of a gap in the first stream, where it says that more follows. */
const MORE = 255;
const MAX_SHIFT = 8;
/** Mean of ⌊gap / 2^s⌋ at most: few gaps then reach 255 times 2^s. */
const MOST_MEAN = 40;

/** Column of blocks of each block, and where rows of blocks begin. */
export type Positions = Pick<PackedMatrix, "starts" | "indices">;

/** Gap before each block, [K]. */
function gapsOf({ starts, indices }: Positions, across: number): Uint32Array {
  const gaps = new Uint32Array(indices.length);
  let next = 0;
  for (let r = 0; r + 1 < starts.length; r++) {
    for (let k = starts[r] ?? 0; k < (starts[r + 1] ?? 0); k++) {
      const place = r * across + (indices[k] ?? 0);
      gaps[k] = place - next;
      next = place + 1;
    }
  }
  return gaps;
}

function shiftFor(places: number, count: number): number {
  let shift = 0;
  while (shift < MAX_SHIFT && (places - count) / count / 2 ** shift > MOST_MEAN) shift++;
  return shift;
}

/** R and C. */
type Grid = readonly [number, number];

/** Writes the positions of K > 0 blocks. */
export function writePositions(writer: ByteWriter, positions: Positions, [down, across]: Grid): void {
  const places = down * across;
  const gaps = gapsOf(positions, across);
  const shift = shiftFor(places, gaps.length);
  const coded = new ByteWriter().u8(shift);
  const high = gaps.map((gap) => gap >>> shift);
  writeStream(
    coded,
    Uint8Array.from(high, (part) => Math.min(MORE, part)),
  );
  if (shift > 0)
    writeStream(
      coded,
      Uint8Array.from(gaps, (gap) => gap & (2 ** shift - 1)),
    );
  const rest = new ByteWriter();
  for (const part of high) if (part >= MORE) rest.varint(part - MORE);
  coded.u32(rest.length).put(rest.bytes());
  const bits = Math.ceil(places / 8);
  if (coded.length < bits) writer.u8(GAPS).put(coded.bytes());
  else writer.u8(BITS).put(bitsOf(gaps, bits));
}

function bitsOf(gaps: Uint32Array, length: number): Uint8Array {
  const bits = new Uint8Array(length);
  let place = -1;
  for (const gap of gaps) {
    place += gap + 1;
    bits[place >>> 3] = (bits[place >>> 3] ?? 0) | (1 << (place & 7));
  }
  return bits;
}

/**
 * Reads the positions of `count` > 0 blocks.
 * @throws {FormatError} `esp/positions` for a place outside of the matrix or another number of blocks; as `readStream` does
 */
export function readPositions(reader: ByteReader, count: number, grid: Grid): Positions {
  const method = reader.u8();
  if (method === BITS) return placeBlocks(reader, bitGaps(reader, count, grid[0] * grid[1]), grid);
  if (method === GAPS) return placeBlocks(reader, readGaps(reader, count), grid);
  throw reader.bad("method", "positions of method 0 or 1", method);
}

function readGaps(reader: ByteReader, count: number): Float64Array {
  const shift = reader.u8();
  if (shift > MAX_SHIFT) throw reader.bad("positions", `a shift of at most ${MAX_SHIFT}`, shift);
  const high = readStream(reader, count);
  const low = shift > 0 ? readStream(reader, count) : new Uint8Array(0);
  const rest = new ByteReader(reader.take(reader.u32()), reader.what, reader.where);
  const [unit, gaps] = [2 ** shift, new Float64Array(count)];
  for (let k = 0; k < count; k++) {
    const part = high[k] ?? 0;
    const more = part === MORE ? rest.varint() : 0;
    const under = low[k] ?? 0;
    if (under >= unit) throw reader.bad("positions", `a lower part below ${unit}`, under);
    gaps[k] = (part + more) * unit + under;
  }
  rest.done();
  return gaps;
}

function bitGaps(reader: ByteReader, count: number, places: number): Float64Array {
  const bits = reader.take(Math.ceil(places / 8));
  const gaps = new Float64Array(count);
  let [k, next] = [0, 0];
  for (let place = 0; place < bits.length * 8; place++) {
    if ((((bits[place >>> 3] ?? 0) >>> (place & 7)) & 1) === 0) continue;
    if (k < count) gaps[k] = place - next;
    next = place + 1;
    k++;
  }
  if (k !== count) throw reader.bad("positions", `${count} blocks`, k);
  return gaps;
}

/** Blocks by row and column. A gap that runs past the matrix is refused. */
function placeBlocks(reader: ByteReader, gaps: Float64Array, [down, across]: Grid): Positions {
  const starts = new Uint32Array(down + 1);
  const indices = new Uint32Array(gaps.length);
  let [row, column] = [0, -1];
  for (let k = 0; k < gaps.length; k++) {
    column += 1 + (gaps[k] ?? 0);
    if (column >= across) {
      const rows = Math.floor(column / across);
      column -= rows * across;
      if (row + rows >= down) throw reader.bad("positions", `a place below ${down * across}`, "one beyond");
      starts.fill(k, row + 1, row + rows + 1);
      row += rows;
    }
    indices[k] = column;
  }
  return { starts: starts.fill(gaps.length, row + 1), indices };
}
