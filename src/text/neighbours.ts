/**
 * Words near a word in a table of word vectors, by cosine.
 *
 * The table is the word embeddings of a BERT, where a word of several pieces is the mean of their rows and its
 * neighbours are pieces that are words; or a text file in GloVe's format, one word with its numbers per line, of
 * which the first `GLOVE_WORDS` are read; those of word2vec and fastText have a line before that counts words and numbers. A word is looked up once and then remembered: 30,522 rows of 256 take
 * 8 million multiplications.
 *
 * Not here: opening files (the caller brings lines), which words are replaced (data/augment.ts).
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { largest } from "../base/select.ts";

/** Words with a vector of length 1 each. */
export interface WordVectors {
  readonly words: readonly string[];
  /** D, numbers of one vector. */
  readonly size: number;
  /** [words, D]; a word without a direction has zeros. */
  readonly rows: Float32Array;
}

/** Neighbours of a word, the nearest first; `pieces` are the word's own. Nothing is known of a word: none. */
export type NearWords = (word: string, pieces: readonly number[]) => readonly string[];

/** Words read of a file, the most frequent ones in GloVe's own files: 120 MB at 300 numbers each. */
const GLOVE_WORDS = 100_000;

/** A table of the words with rows scaled to length 1. `rows` is [words, D]. */
export function wordVectors(words: readonly string[], rows: Float32Array): WordVectors {
  const size = words.length === 0 ? 0 : rows.length / words.length;
  const unit = new Float32Array(rows.length);
  words.forEach((_, w) => {
    unit.set(scaleToOne(rows.subarray(w * size, (w + 1) * size)), w * size);
  });
  return { words, size, rows: unit };
}

function scaleToOne(row: Float32Array): Float32Array {
  let squares = 0;
  for (const x of row) squares += x * x;
  return squares === 0 ? row : row.map((x) => x / Math.sqrt(squares));
}

/** The `count` words with the largest cosine to `vector` [D], the nearest first, without `but`. */
export function nearestTo(
  { words, size, rows }: WordVectors,
  vector: Float32Array,
  count: number,
  but?: string,
): string[] {
  const products = new Float32Array(words.length);
  for (let w = 0; w < words.length; w++) {
    let sum = 0;
    for (let d = 0, at = w * size; d < size; d++, at++) sum += (vector[d] ?? 0) * (rows[at] ?? 0);
    products[w] = sum;
  }
  const near = largest(products, count + 1).map((w) => requireItem(words, w, "words"));
  return near.filter((word) => word !== but).slice(0, count);
}

/**
 * Neighbours by the word embeddings of a BERT.
 *
 * @param rows  [V, D], row i of piece i; rows behind the vocabulary's end are not used
 */
export function nearByPieces(
  vocab: readonly string[],
  rows: Float32Array,
  size: number,
  count: number,
): NearWords {
  const ids = vocab.flatMap((piece, id) => (/^[a-z]+$/i.test(piece) ? [id] : []));
  const chosen = new Float32Array(ids.length * size);
  const rowOf = (id: number): Float32Array => rows.subarray(id * size, (id + 1) * size);
  ids.forEach((id, i) => {
    chosen.set(rowOf(id), i * size);
  });
  const table = wordVectors(
    ids.map((id) => requireItem(vocab, id, "vocabulary")),
    chosen,
  );
  return rememberWords((word, pieces) => {
    const sum = new Float32Array(size); // the mean's direction
    for (const id of pieces) {
      const row = rowOf(id);
      for (let d = 0; d < size; d++) sum[d] = (sum[d] ?? 0) + (row[d] ?? 0);
    }
    return nearestTo(table, sum, count, word);
  });
}

/**
 * Neighbours by a table of whole words. A capitalised word that is not in it is looked up in lower case, and its
 * neighbours are capitalised.
 */
export function nearByWords(table: WordVectors, count: number): NearWords {
  const { words, size, rows } = table;
  const placeOf = new Map<string, number>();
  words.forEach((word, w) => {
    if (!placeOf.has(word)) placeOf.set(word, w);
  });
  const near = (word: string): readonly string[] => {
    const w = placeOf.get(word);
    return w === undefined ? [] : nearestTo(table, rows.subarray(w * size, (w + 1) * size), count, word);
  };
  return rememberWords((word) => {
    if (placeOf.has(word) || !/^[A-Z][a-z]*$/.test(word)) return near(word);
    return near(word.toLowerCase()).map((other) => other.charAt(0).toUpperCase() + other.slice(1));
  });
}

function rememberWords(near: NearWords): NearWords {
  const known = new Map<string, readonly string[]>();
  return (word, pieces) => {
    const found = known.get(word) ?? near(word, pieces);
    known.set(word, found);
    return found;
  };
}

/**
 * Reads lines of `word x1 x2 … xD` with blanks between, the first `limit` of them.
 *
 * The first line decides D; one of two whole numbers, as word2vec and fastText write, is no word: the second is D. A word
 * may hold blanks, as a few in GloVe's files do.
 *
 * @param name  of the file, for messages
 * @throws {InputError} `glove/line` with the line's number; `glove/empty`
 */
export async function readVectors(
  lines: AsyncIterable<string>,
  name: string,
  limit = GLOVE_WORDS,
): Promise<WordVectors> {
  const words: string[] = [];
  const rows: Float32Array[] = [];
  let size: number | undefined;
  let at = 0;
  for await (const line of lines) {
    at++;
    const fields = line.trimEnd().split(" ");
    if (at === 1 && fields.length === 2 && fields.every((field) => /^\d+$/.test(field))) {
      size = Number(fields[1]);
      continue;
    }
    size ??= fields.length - 1;
    rows.push(vectorOf(fields, size, `${name}:${at}`));
    words.push(fields.slice(0, fields.length - size).join(" "));
    if (words.length === limit) break;
  }
  if (size === undefined || words.length === 0)
    throw new InputError("glove/empty", `${name}: expected words with numbers, got none`);
  const all = new Float32Array(words.length * size);
  rows.forEach((row, w) => {
    all.set(row, w * row.length);
  });
  return wordVectors(words, all);
}

function vectorOf(fields: readonly string[], size: number, where: string): Float32Array {
  const numbers = fields.slice(Math.max(1, fields.length - size));
  const row = Float32Array.from(numbers, (field) => (field === "" ? Number.NaN : Number(field)));
  if (size > 0 && row.length === size && row.every(Number.isFinite)) return row;
  const expected = `a word and ${size === 0 ? "its numbers" : `${size} numbers`}`;
  const bad = numbers.find((field) => field === "" || !Number.isFinite(Number(field)));
  const got = bad === undefined ? `${row.length} numbers` : JSON.stringify(bad);
  throw new InputError("glove/line", `${where}: expected ${expected}, got ${got}`);
}
