/**
 * A corpus of plain text as masked-language-model batches.
 *
 * The text has one paragraph a line and a blank line between articles. It is read in slices, turned into one array
 * of piece numbers with the articles' borders, cut into blocks that never cross a border, and masked anew at every
 * step. Batches are a pure function of (key, step): a resumed run sees what an uninterrupted one would have seen.
 *
 *   Masking  Devlin et al., NAACL 2019, §3.1: 15 % of the pieces; of these 80 % [MASK], 10 % another, 10 % as they are
 *
 * Departures: the number of masked places per block is fixed (shapes stay static), and there is no second sentence.
 * Not here: the tokenizer (text/), the loss (train/).
 */

import { ConfigError, InputError } from "../base/errors.ts";
import { fold, type Key, permutation, randint, uniform } from "../base/random.ts";
import type { ByteSource } from "../base/source.ts";
import type { TokenStream } from "../text/ppmi.ts";
import type { SpecialIds } from "../text/rules.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { textPieces } from "./table-text.ts";

/** Bytes read at a time. */
const SLICE = 1 << 20;

/**
 * The lines of a text file, without their ends, or the first of them. It is read as tables are: gzip is unpacked.
 * @throws {InputError} as `textPieces` does, for another encoding too
 */
export async function* textLines(file: string, limit = Number.POSITIVE_INFINITY): AsyncGenerator<string> {
  let left = limit;
  for await (const piece of textPieces(file)) {
    const lines = piece.split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    yield* lines.slice(0, left);
    left -= lines.length;
    if (left <= 0) return;
  }
}

/** The lines of a file that need not be a text of the user's, without their ends: bytes that are no UTF-8 are replaced. */
export async function* readLines(source: ByteSource): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for (let start = 0; start < source.byteLength; start += SLICE) {
    const bytes = await source.slice(start, Math.min(source.byteLength, start + SLICE));
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/** The articles of a text as their paragraphs: runs of lines that are not blank. */
export async function* readArticles(lines: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let paragraphs: string[] = [];
  for await (const line of lines) {
    if (line.trim() !== "") paragraphs.push(line);
    else if (paragraphs.length > 0) {
      yield paragraphs;
      paragraphs = [];
    }
  }
  if (paragraphs.length > 0) yield paragraphs;
}

/**
 * All pieces of the articles, end to end, without special pieces; article i is document i of the stream.
 *
 * @throws {InputError} `corpus/empty` when there is no piece
 */
export async function tokenizeArticles(
  articles: Iterable<readonly string[]> | AsyncIterable<readonly string[]>,
  tokenizer: Pick<Tokenizer, "pieces">,
): Promise<TokenStream> {
  let tokens = new Int32Array(1 << 16);
  let size = 0;
  const starts = [0];
  for await (const paragraphs of articles) {
    for (const paragraph of paragraphs) {
      const pieces = tokenizer.pieces(paragraph);
      if (size + pieces.length > tokens.length) tokens = enlarge(tokens, size + pieces.length);
      tokens.set(pieces, size);
      size += pieces.length;
    }
    starts.push(size);
  }
  if (size === 0) throw new InputError("corpus/empty", "corpus: expected articles with text, got none");
  return { tokens: tokens.slice(0, size), starts: Int32Array.from(starts) };
}

function enlarge(tokens: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(2 * tokens.length, least));
  larger.set(tokens);
  return larger;
}

/** Runs of a stream's tokens, each to become `[CLS] run [SEP]`, padded to `length`. */
export interface Blocks {
  readonly tokens: Int32Array;
  /** T, special pieces included. */
  readonly length: number;
  /** First token of each block. */
  readonly starts: Int32Array;
  /** Tokens of each block, at most `length - 2`. */
  readonly counts: Int32Array;
}

/**
 * Cuts every article into blocks of `length - 2` tokens.
 *
 * An article's last block ends where the article does and reaches back into the one before, so only articles shorter
 * than a block are padded; those below `minTokens` are left out.
 *
 * @throws {ConfigError} `corpus/length` when a block cannot hold `minTokens`
 * @throws {InputError} `corpus/no-blocks` when every article is too short
 */
export function cutBlocks({ tokens, starts }: TokenStream, length: number, minTokens = 8): Blocks {
  const room = length - 2;
  if (!(minTokens >= 1 && room >= minTokens)) {
    throw new ConfigError(
      "corpus/length",
      `corpus: expected blocks of at least ${Math.max(1, minTokens) + 2} pieces, got ${length}`,
    );
  }
  const blockStarts: number[] = [];
  const counts: number[] = [];
  for (let article = 0; article + 1 < starts.length; article++) {
    const begin = starts[article] ?? 0;
    const end = starts[article + 1] ?? 0;
    if (end - begin < minTokens) continue;
    for (let at = begin; at < end; at += room) {
      blockStarts.push(Math.max(begin, Math.min(at, end - room)));
      counts.push(Math.min(room, end - begin));
    }
  }
  if (counts.length === 0) {
    throw new InputError(
      "corpus/no-blocks",
      `corpus: expected articles of at least ${minTokens} pieces, got ${starts.length - 1} shorter ones`,
    );
  }
  return { tokens, length, starts: Int32Array.from(blockStarts), counts: Int32Array.from(counts) };
}

/** One batch for the masked-language-model loss. B rows of T pieces; M = B · maskedPerBlock predictions. */
export interface MlmBatch {
  readonly size: number;
  readonly length: number;
  /** [B, T], masked, padded with [PAD]. */
  readonly ids: Int32Array;
  /** [B, T], zeros. */
  readonly types: Int32Array;
  /** [B, T], 1 for a piece and 0 for padding. */
  readonly mask: Float32Array;
  /** [M], places to predict as indices into [B · T], ascending within a row. */
  readonly positions: Int32Array;
  /** [M], the pieces that stood there. */
  readonly targets: Int32Array;
  /** [M], 1; 0 where a padded row has fewer places than M / B (its position is then the row's [CLS]). */
  readonly weights: Float32Array;
}

/** What batches to make of the blocks. */
export interface MlmOptions {
  readonly batchSize: number;
  readonly key: Key;
  readonly special: SpecialIds;
  readonly vocabSize: number;
  /** Share of a block's tokens that is predicted; default 0.15. */
  readonly maskRate?: number;
}

/** Batches by step, counted from 0 over all epochs. */
export interface MlmBatches {
  readonly stepsPerEpoch: number;
  /** M / B. */
  readonly maskedPerBlock: number;
  at(step: number): MlmBatch;
}

/**
 * Batches as a function of the step alone. An epoch's order depends on (key, epoch), its last incomplete batch is
 * left out; what is masked depends on (key, step), so no two epochs mask alike.
 *
 * @throws {ConfigError} `mlm/batch` when there are fewer blocks than rows in a batch; `mlm/rate` when `maskRate` is
 *   not in (0, 1)
 */
export function mlmBatches(blocks: Blocks, options: MlmOptions): MlmBatches {
  const { batchSize, key, maskRate = 0.15 } = options;
  const stepsPerEpoch = Math.floor(blocks.counts.length / batchSize);
  if (!(batchSize >= 1 && stepsPerEpoch >= 1)) {
    const most = blocks.counts.length;
    throw new ConfigError(
      "mlm/batch",
      `mlm: expected a batch size from 1 to ${most} blocks, got ${batchSize}`,
    );
  }
  if (!(maskRate > 0 && maskRate < 1)) {
    throw new ConfigError("mlm/rate", `mlm: expected a mask rate between 0 and 1, got ${maskRate}`);
  }
  let epoch = -1;
  let order: Int32Array = new Int32Array(); // of `epoch`: a memory, not a state
  const at = (step: number): MlmBatch => {
    const now = Math.floor(step / stepsPerEpoch);
    if (now !== epoch) order = permutation(fold(fold(key, "order"), now), blocks.counts.length);
    epoch = now;
    const first = (step % stepsPerEpoch) * batchSize;
    return mlmBatch(blocks, order.subarray(first, first + batchSize), fold(fold(key, "mask"), step), options);
  };
  return { stepsPerEpoch, maskedPerBlock: countMasked(blocks.length - 2, maskRate), at };
}

/** Places masked among `count` tokens: rounded up, so that every block has one. */
function countMasked(count: number, maskRate: number): number {
  return Math.ceil(count * maskRate);
}

/** The blocks numbered `rows`, masked under `key`. */
function mlmBatch(blocks: Blocks, rows: Int32Array, key: Key, options: MlmOptions): MlmBatch {
  const { special, maskRate = 0.15 } = options;
  const { length } = blocks;
  const size = rows.length;
  const perBlock = countMasked(length - 2, maskRate);
  const batch: MlmBatch = {
    size,
    length,
    ids: new Int32Array(size * length).fill(special.pad),
    types: new Int32Array(size * length),
    mask: new Float32Array(size * length),
    positions: new Int32Array(size * perBlock),
    targets: new Int32Array(size * perBlock),
    weights: new Float32Array(size * perBlock),
  };
  for (let row = 0; row < size; row++) {
    const block = rows[row] ?? 0;
    const count = blocks.counts[block] ?? 0;
    const start = blocks.starts[block] ?? 0;
    const at = row * length;
    batch.ids[at] = special.cls;
    batch.ids.set(blocks.tokens.subarray(start, start + count), at + 1);
    batch.ids[at + count + 1] = special.sep;
    batch.mask.fill(1, at, at + count + 2);
    maskRow(batch, { row, count, masked: countMasked(count, maskRate), perBlock }, fold(key, row), options);
  }
  return batch;
}

/** Chooses and replaces the places of one row (§3.1 and its appendix A.1). */
function maskRow(
  batch: MlmBatch,
  { row, count, masked, perBlock }: { row: number; count: number; masked: number; perBlock: number },
  key: Key,
  { special, vocabSize }: MlmOptions,
): void {
  const first = row * batch.length;
  batch.positions.fill(first, row * perBlock, (row + 1) * perBlock);
  const places = sample(fold(key, "places"), count, masked);
  const roll = fold(key, "roll");
  const other = fold(key, "other");
  for (let i = 0; i < masked; i++) {
    const position = first + 1 + (places[i] ?? 0);
    batch.positions[row * perBlock + i] = position;
    batch.targets[row * perBlock + i] = batch.ids[position] ?? 0;
    batch.weights[row * perBlock + i] = 1;
    const u = uniform(roll, i);
    if (u < 0.8) batch.ids[position] = special.mask;
    else if (u < 0.9) batch.ids[position] = ordinaryPiece(randint(other, vocabSize, i), special, vocabSize);
  }
}

/** `k` of the numbers 0..n-1 without repetition, ascending: the start of a Fisher–Yates shuffle, sorted. */
function sample(key: Key, n: number, k: number): Int32Array {
  const numbers = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < k; i++) {
    const j = i + randint(key, n - i, i);
    const chosen = numbers[j] ?? 0;
    numbers[j] = numbers[i] ?? 0;
    numbers[i] = chosen;
  }
  return numbers.subarray(0, k).sort();
}

/** `id`, or the next piece after it that is not special. */
function ordinaryPiece(id: number, special: SpecialIds, vocabSize: number): number {
  const specials: readonly number[] = Object.values(special);
  let piece = id;
  while (specials.includes(piece)) piece = (piece + 1) % vocabSize;
  return piece;
}
