/**
 * The section of what a tokenizer that is no WordPiece spells with: its table of characters, and its merges or scores.
 *
 *   table     where the directory has a step Precompiled: u32 length, then a stream for the bytes at i, i + 4, i + 8, …, for
 *             i from 0 to 3
 *   merges    u32 count; two lists of varints, each as u32 bytes and a stream. Which piece a merge makes: its number less that
 *             of the one before, less 1, with its sign in the lowest bit. How long the first half is, in UTF-16 units
 *   scores    u8 bytes of a number, 4 or 8: a float32 or float64; a stream for each byte of the numbers, the lowest first
 *
 * Promise: a merge is one of pieces by its form; counts and lengths are checked before memory is taken.
 * Not here: the steps, which stand in the directory.
 */

import { requireItem } from "../../base/present.ts";
import { isCharsmap } from "../../text/pipeline/charsmap.ts";
import type { PackedPipeline } from "../../text/pipeline/packed-json.ts";
import type { Merge, Pipeline } from "../../text/pipeline/pipeline.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { readStream, writeStream } from "./stream.ts";

/** Bytes of a table at most, and of one whose section is short: 256 for each byte of it, and 2^20 besides. */
const MOST_TABLE = 2 ** 24;
const MOST_RATIO = 256;
const ALWAYS = 2 ** 20;
/** Merges for each piece at most: where a piece may be made in several ways, each is one. */
const MOST_WAYS = 16;
/** Bytes of a varint at most. */
const VARINT = 5;
const WHAT = "merges and scores";

/** @param words  the pieces that words are spelt with */
export function encodePipeline({ model, charsmap }: Pipeline, words: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  if (charsmap !== null) {
    writer.u32(charsmap.length);
    for (let lane = 0; lane < 4; lane++) writeStream(writer, laneOf(charsmap, lane, 4));
  }
  if (model.type === "BPE") writeMerges(writer, model.merges, words);
  else writeScores(writer, model.scores);
  return writer.bytes();
}

/**
 * @param words  the pieces that words are spelt with
 * @throws {FormatError} `esp/table`, `esp/merges`, `esp/scores`, `esp/short`, `esp/trailing`; as `readStream` does
 */
export function decodePipeline(
  section: Uint8Array,
  { hasCharsmap, model, ...steps }: PackedPipeline,
  words: readonly string[],
  where: string,
): Pipeline {
  const reader = new ByteReader(section, WHAT, where);
  if ((model.unk ?? 0) >= words.length)
    throw reader.bad("unknown", `an unknown piece below ${words.length}`, model.unk);
  const charsmap = hasCharsmap ? readTable(reader, section.length) : null;
  const whole =
    model.type === "BPE"
      ? { ...model, merges: readMerges(reader, words) }
      : { ...model, scores: readScores(reader, words.length) };
  reader.done();
  return { ...steps, model: whole, charsmap };
}

/** Every `width`-th byte from `lane` on. */
function laneOf(bytes: Uint8Array, lane: number, width: number): Uint8Array {
  const size = Math.ceil(Math.max(0, bytes.length - lane) / width);
  return Uint8Array.from({ length: size }, (_, i) => bytes[i * width + lane] ?? 0);
}

function readLanes(reader: ByteReader, length: number, width: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let lane = 0; lane < width; lane++) {
    const own = readStream(reader, Math.ceil(Math.max(0, length - lane) / width));
    own.forEach((byte, i) => {
      bytes[i * width + lane] = byte;
    });
  }
  return bytes;
}

function readTable(reader: ByteReader, size: number): Uint8Array {
  const length = reader.u32();
  const most = Math.min(MOST_TABLE, ALWAYS + MOST_RATIO * size);
  if (length > most) throw reader.bad("table", `a table of at most ${most} bytes`, length);
  const bytes = readLanes(reader, length, 4);
  if (!isCharsmap(bytes)) throw reader.bad("table", "a trie and texts", "other bytes");
  return bytes;
}

function writeMerges(writer: ByteWriter, merges: readonly Merge[], words: readonly string[]): void {
  const numbers = new Map(words.map((piece, id) => [piece, id]));
  const [made, halves] = [new ByteWriter(), new ByteWriter()];
  let before = -1;
  for (const [first, second] of merges) {
    const id = numbers.get(first + second) ?? -1;
    const step = id - before - 1;
    made.varint(step < 0 ? -2 * step - 1 : 2 * step);
    halves.varint(first.length);
    before = id;
  }
  writer.u32(merges.length);
  for (const list of [made, halves]) {
    writer.u32(list.length);
    writeStream(writer, list.bytes());
  }
}

function readMerges(reader: ByteReader, words: readonly string[]): Merge[] {
  const count = reader.u32();
  const most = MOST_WAYS * words.length;
  if (count > most) throw reader.bad("merges", `at most ${most} merges`, count);
  const [made, halves] = [readVarints(reader, count), readVarints(reader, count)];
  const known = new Set(words);
  const seen = new Set<string>();
  let before = -1;
  return made.map((step, i) => {
    const id = before + 1 + (step % 2 === 0 ? step / 2 : -(step + 1) / 2);
    const piece = words[id];
    if (piece === undefined) throw reader.bad("merges", `a piece below ${words.length}`, id);
    const half = requireItem(halves, i, "halves");
    const merge: Merge = [piece.slice(0, half), piece.slice(half)];
    const key = `${half} ${id}`;
    if (!merge.every((part) => known.has(part)) || seen.has(key))
      throw reader.bad("merges", "two pieces, and another pair than before", merge.join(" "));
    seen.add(key);
    before = id;
    return merge;
  });
}

function readVarints(reader: ByteReader, count: number): number[] {
  const length = reader.u32();
  if (length < count || length > VARINT * count)
    throw reader.bad("merges", `${count} to ${VARINT * count} bytes`, length);
  const list = new ByteReader(readStream(reader, length), WHAT, reader.where);
  const numbers = Array.from({ length: count }, () => list.varint());
  list.done();
  return numbers;
}

function writeScores(writer: ByteWriter, scores: readonly number[]): void {
  const width = isSingle(scores) ? 4 : 8;
  const numbers = width === 4 ? Float32Array.from(scores) : Float64Array.from(scores);
  const bytes = littleEndian(numbers);
  writer.u8(width);
  for (let lane = 0; lane < width; lane++) writeStream(writer, laneOf(bytes, lane, width));
}

function isSingle(scores: readonly number[]): boolean {
  return scores.every((score) => Object.is(Math.fround(score), score));
}

function littleEndian(numbers: Float32Array | Float64Array): Uint8Array {
  const width = numbers.BYTES_PER_ELEMENT;
  const view = new DataView(new ArrayBuffer(numbers.length * width));
  numbers.forEach((number, i) => {
    if (width === 4) view.setFloat32(4 * i, number, true);
    else view.setFloat64(8 * i, number, true);
  });
  return new Uint8Array(view.buffer);
}

function readScores(reader: ByteReader, count: number): number[] {
  const width = reader.u8();
  if (width !== 4 && width !== 8) throw reader.bad("scores", "numbers of 4 or 8 bytes", width);
  const view = new DataView(readLanes(reader, count * width, width).buffer);
  const scores = Array.from({ length: count }, (_, i) =>
    width === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true),
  );
  const wrong = scores.find((score) => !Number.isFinite(score));
  if (wrong !== undefined) throw reader.bad("scores", "finite numbers", wrong);
  if (width === 8 && isSingle(scores)) throw reader.bad("scores", "4 bytes, which hold them", width);
  return scores;
}
