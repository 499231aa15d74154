/**
 * A text as numbers without a network: how often its words and pairs of neighbouring words occur, weighted by TF-IDF.
 *
 *   Words    letters, marks, digits and _, in lower case; a Han character is a word of its own, as BERT has it
 *   Terms    words and pairs of neighbours that at least two texts have, the most frequent where they are too many
 *   Weight   (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), each text's row then scaled to length 1
 *
 * As scikit-learn's TfidfVectorizer with `ngram_range=(1, 2)`, `sublinear_tf=True`, `min_df=2`, `max_features=100_000` and
 * `token_pattern=r"(?u)\b\w+\b"` computes it. Departures: Python's \w leaves out marks, which splits words of Indic scripts, and
 * joins Han characters; characters are composed first, so that é is one word in both of its forms.
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";

/** A row of which most numbers are 0: places in rising order, and what stands there. */
export interface SparseRow {
  readonly places: readonly number[];
  readonly values: readonly number[];
}

/** The terms that count, and how much each does. */
export interface TermTable {
  /** In the order of their code units. */
  readonly terms: readonly string[];
  /** [F], the rarer the larger. */
  readonly idf: Float32Array;
  readonly places: ReadonlyMap<string, number>;
}

/** Texts that must have a term for it to count: one that a single text has tells nothing of others. */
const LEAST_TEXTS = 2;
/** Terms at most: with more, long texts would make a floor larger than the model that it is to be held against. */
const MOST_TERMS = 100_000;

const WORD = /\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}_])+/gu;

/** The words of a text, in its order. */
export function wordsOf(text: string): string[] {
  return text.normalize("NFC").toLowerCase().match(WORD) ?? [];
}

/** How often each word, and each pair of neighbours, occurs in a text. */
export function countTerms(text: string): Map<string, number> {
  const words = wordsOf(text);
  const counts = new Map<string, number>();
  const add = (term: string): void => {
    counts.set(term, (counts.get(term) ?? 0) + 1);
  };
  words.forEach((word, i) => {
    add(word);
    const next = words[i + 1];
    if (next !== undefined) add(`${word} ${next}`);
  });
  return counts;
}

/** Learns from texts which terms count, and their weights. */
export function learnTerms(texts: Iterable<string>): TermTable {
  const found = new Map<string, { texts: number; total: number }>();
  let n = 0;
  for (const text of texts) {
    n++;
    for (const [term, count] of countTerms(text)) {
      const known = found.get(term);
      if (known === undefined) found.set(term, { texts: 1, total: count });
      else {
        known.texts++;
        known.total += count;
      }
    }
  }
  const all = [...found].map(([term, counts]) => ({ term, ...counts }));
  const shared = all.filter((each) => each.texts >= LEAST_TEXTS);
  // Of a few texts without a word in common every word counts.
  const counted = (shared.length > 0 ? shared : all)
    .sort((a, b) => b.total - a.total || (a.term < b.term ? -1 : 1))
    .slice(0, MOST_TERMS)
    .sort((a, b) => (a.term < b.term ? -1 : 1));
  const idf = Float32Array.from(counted, ({ texts: df }) => Math.log((1 + n) / (1 + df)) + 1);
  return termTable(
    counted.map(({ term }) => term),
    idf,
  );
}

/** @throws {InputError} `floor/terms` when a term stands there twice */
export function termTable(terms: readonly string[], idf: Float32Array): TermTable {
  const places = new Map(terms.map((term, i) => [term, i]));
  if (places.size === terms.length) return { terms, idf, places };
  throw new InputError("floor/terms", `terms: expected each once, got ${terms.length - places.size} twice`);
}

/** A text's row [F]: of length 1, or of zeros alone where none of its terms is known. */
export function tfIdfRow({ places, idf }: TermTable, text: string): SparseRow {
  const known: [number, number][] = [];
  for (const [term, count] of countTerms(text)) {
    const place = places.get(term);
    if (place !== undefined) known.push([place, (1 + Math.log(count)) * requireItem(idf, place, "weights")]);
  }
  known.sort(([a], [b]) => a - b);
  const length = Math.sqrt(known.reduce((sum, [, value]) => sum + value * value, 0));
  return { places: known.map(([place]) => place), values: known.map(([, value]) => value / length) };
}
