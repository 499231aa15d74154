/**
 * BERT's WordPiece tokenizer: text in, piece numbers out, equal to Hugging Face's Rust `tokenizers`.
 *
 * The word pieces, the normaliser's three flags and the rules where they are not BERT's make such a tokenizer, so a
 * network carries just those (`TokenizerFiles`). Added tokens are cut out here (added-tokens.ts), since the library
 * does not know of tokens that must be words of their own; what lies between them is spelt by `@huggingface/tokenizers`,
 * word by word (spelling.ts), no further than is wanted. Compared over every code point, only characters differ whose
 * category is newer than Unicode 8: the Python library's tables are older than JavaScript's.
 * Not here: reading files (vocabulary.ts) and writing them (tokenizer-files.ts).
 */

import { FormatError, InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { createSplitter, type Part, type Pattern } from "./added-tokens.ts";
import { openLibrary, spellingOf } from "./library.ts";
import { type PlacedPiece, type Placing, placedParts } from "./places.ts";
import {
  type AddedToken,
  pieceOf,
  rulesOf,
  type SpecialIds,
  type TemplateItem,
  type TokenizerRules,
} from "./rules.ts";
import { createSpeller, type Spelling } from "./spelling.ts";

/** What BERT's normaliser does, and how long a text may be. */
export interface TokenizerFlags {
  readonly lowercase: boolean;
  /** null means: as `lowercase`. */
  readonly stripAccents: boolean | null;
  readonly tokenizeChineseChars: boolean;
  /** Where texts are cut, in pieces including [CLS] and [SEP]: what the model was trained with. */
  readonly maxLength: number;
}

/** All that a tokenizer consists of. */
export interface TokenizerFiles extends TokenizerFlags {
  /** Pieces by number: those of `vocab.txt`, then tokens that were added alone. */
  readonly vocab: readonly string[];
  /** Absent when they are BERT's. */
  readonly rules?: TokenizerRules;
}

/** One text or pair in its template: BERT's are `[CLS] text [SEP]` and `[CLS] text [SEP] pair [SEP]`. */
export interface Encoding {
  readonly ids: Int32Array;
  /** BERT has 0 for the first text with its [CLS] and [SEP], 1 for the pair with its [SEP]. */
  readonly types: Int32Array;
  /** Pieces at the end that did not fit; 0 of a text that is whole. Of each text at most some thousands are counted. */
  readonly cut: number;
}

/** A text in words, in its template. */
export interface WordsEncoding extends Encoding {
  /** The place of each word's first piece among the ids; -1 of a word that has no piece, or was cut off. */
  readonly starts: Int32Array;
}

/** A text whose pieces are known by their places. */
export interface PlacedEncoding extends Encoding {
  /** Of each of the ids; null of what the template adds. */
  readonly places: readonly (PlacedPiece | null)[];
}

/** Encodes texts; equal texts give equal arrays. */
export interface Tokenizer {
  readonly vocabSize: number;
  readonly special: SpecialIds;
  /**
   * Cuts to `maxLength` pieces, from the end of the longer text first, as Hugging Face's `longest_first` does.
   * @throws {InputError} `tokenizer/length` when not even the special pieces fit, `tokenizer/empty` when there is
   *   no piece at all, as the template adds none to an empty text.
   */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
  /**
   * A text that is given in words, cut to `maxLength` pieces from its end.
   * @throws {InputError} as `encode` does
   */
  encodeWords(words: readonly string[], maxLength: number): WordsEncoding;
  /** As `encode` of one text, with the place of each piece in it. @throws {InputError} as `encode` does */
  encodePlaced(text: string, maxLength: number): PlacedEncoding;
  /** The pieces of a text alone, without what the template adds and never cut. */
  pieces(text: string): readonly number[];
  /** The stretches of a text between the added tokens that stand in it as they are written. */
  between(text: string): readonly Part[];
  /** Readable text of the pieces, special ones left out. */
  decode(ids: ArrayLike<number>): string;
}

/** Pieces that are counted behind those that are read: what is cut of a longer text is said to be so many. */
const COUNTED = 4096;

/**
 * A tokenizer over a vocabulary.
 * @throws {FormatError} `vocab/special` when one of BERT's special pieces is missing, `tokenizer/added` for added tokens
 *   that nothing or the same text would be looked for by.
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const rules = rulesOf(files);
  const library = openLibrary(files, rules);
  const spelling = spellingOf(files, library);
  const { read, readPlaced, between } = cutAddedTokens(files, rules, spelling);
  const special = new Set(rules.added.flatMap((token) => (token.special ? [token.id] : [])));
  const pieces = (text: string): readonly number[] => {
    const reading = startReading(read(text));
    reading.readTo(Number.POSITIVE_INFINITY);
    return reading.pieces;
  };
  return {
    vocabSize: files.vocab.length,
    special: rules.special,
    pieces,
    encodePlaced: (text, maxLength) => assemblePlaced(readPlaced(text), maxLength, rules),
    encodeWords: (words, maxLength) => assembleWords(words.map(pieces), maxLength, rules),
    between,
    encode: (text, pair, maxLength) => {
      const second = pair === undefined ? undefined : startReading(read(pair));
      return assemble(startReading(read(text)), second, maxLength, rules);
    },
    decode: (ids) => {
      const kept = Array.from(ids).filter((id) => !special.has(id));
      return kept.length === 0 ? "" : library.decode(kept, { skip_special_tokens: false });
    },
  };
}

/** First the tokens that stand in the text as it is, then in what lies between them those of the normalised text. */
function cutAddedTokens(
  files: TokenizerFiles,
  rules: TokenizerRules,
  spelling: Spelling,
): Pick<Tokenizer, "between"> & {
  read(text: string): Iterator<readonly number[]>;
  readPlaced(text: string): Iterator<readonly PlacedPiece[]>;
} {
  const { spell, normalise } = createSpeller(spelling);
  const patternOf = (token: AddedToken): Pattern => {
    const content = pieceOf(files, token.id);
    return { ...token, text: token.normalized ? normalise(content) : content };
  };
  const patterns = rules.added.map(patternOf);
  checkPatterns(patterns, files.vocab);
  const asIs = createSplitter(patterns.filter(({ normalized }) => !normalized));
  const after = patterns.filter(({ normalized }) => normalized);
  const normalised = after.length === 0 ? undefined : createSplitter(after);
  const read = (text: string): Iterator<readonly number[]> =>
    readParts(text, asIs, (between) =>
      normalised === undefined ? spell(between) : readParts(normalise(between), normalised, spell),
    );
  const placing: Placing = {
    ...spelling,
    prefix: rules.prefix,
    textOf: (id) => pieceOf(files, id),
    piecesOf: (word) => [...spell(word)].flat(),
  };
  return {
    read,
    readPlaced: (text) => placedParts(text, asIs, normalised, placing),
    between: (text) => [...asIs(text)].filter(({ id }) => id === undefined),
  };
}

/** The numbers of the tokens in a text, and what `other` gives of what lies between two. */
function* readParts(
  text: string,
  split: (text: string) => Iterable<Part>,
  other: (between: string) => Iterable<readonly number[]>,
): Generator<readonly number[]> {
  for (const { start, end, id } of split(text)) {
    if (id === undefined) yield* other(text.slice(start, end));
    else yield [id];
  }
}

/** A text that is read as far as its pieces are wanted. */
interface Reading {
  /** Those that were read. */
  readonly pieces: readonly number[];
  /** Reads on until there are so many, or a few more, or the text ends; returns whether it has not ended. */
  readTo(count: number): boolean;
}

function startReading(runs: Iterator<readonly number[]>): Reading {
  const pieces: number[] = [];
  let more = true;
  return {
    pieces,
    readTo: (count) => {
      while (more && pieces.length < count) {
        const run = runs.next();
        if (run.done === true) more = false;
        else for (const id of run.value) pieces.push(id);
      }
      return more;
    },
  };
}

function checkPatterns(patterns: readonly Pattern[], vocab: readonly string[]): void {
  const known = new Map<string, Pattern>();
  for (const pattern of patterns) {
    const key = `${pattern.normalized}${pattern.text}`;
    const other = known.get(key);
    known.set(key, pattern);
    if (pattern.text !== "" && other === undefined) continue;
    const got = other === undefined ? "nothing" : `the same text as of ${vocab[other.id]}`;
    const message = `added token ${vocab[pattern.id]}: expected a text to look for, got ${got} after normalising`;
    throw new FormatError("tokenizer/added", message);
  }
}

/** Puts one text or two, cut to what is left, into the places of their template. */
function assemble(
  text: Reading,
  pair: Reading | undefined,
  maxLength: number,
  rules: TokenizerRules,
): Encoding {
  const template = pair === undefined ? rules.single : rules.pair;
  const fixed = template.filter((item) => "id" in item).length;
  const budget = maxLength - fixed;
  if (budget < 0) {
    const least = `maxLength of ${fixed} or more`;
    throw new InputError("tokenizer/length", `tokenizer: expected ${least}, got ${maxLength}`);
  }
  const most = budget + COUNTED;
  const isLong = text.readTo(most);
  // Of two that are both longer, the longer one keeps the odd piece of the budget.
  if (pair?.readTo(most) && isLong && budget % 2 === 1) readUntilOneEnds(text, pair);
  const [a, b] = [text.pieces, pair?.pieces ?? []];
  const [first, second] = longestFirst(a.length, b.length, budget);
  const length = first + second + fixed;
  if (length === 0) throw new InputError("tokenizer/empty", "text: expected a piece or more, got none");
  const texts = { A: { pieces: a, count: first }, B: { pieces: b, count: second } };
  const cut = Math.min(a.length, most) + Math.min(b.length, most) - first - second;
  return { ...fillTemplate(template, texts, length), cut };
}

/** Puts the pieces of words into the place of a text, and says where each word begins. */
function assembleWords(
  words: readonly (readonly number[])[],
  maxLength: number,
  rules: TokenizerRules,
): WordsEncoding {
  const encoding = assemble(startReading(words.values()), undefined, maxLength, rules);
  const before = rules.single.findIndex((item) => !("id" in item));
  const behind = rules.single.length - 1 - before;
  const end = encoding.ids.length - behind;
  let at = before;
  const starts = Int32Array.from(words, ({ length }) => {
    const start = length === 0 || at >= end ? -1 : at;
    at += length;
    return start;
  });
  return { ...encoding, starts };
}

/** One text with the places of its pieces. */
function assemblePlaced(
  runs: Iterator<readonly PlacedPiece[]>,
  maxLength: number,
  rules: TokenizerRules,
): PlacedEncoding {
  const pieces: PlacedPiece[] = [];
  const ids = function* (): Generator<readonly number[]> {
    for (let run = runs.next(); run.done !== true; run = runs.next()) {
      pieces.push(...run.value);
      yield run.value.map(({ id }) => id);
    }
  };
  const encoding = assemble(startReading(ids()), undefined, maxLength, rules);
  const before = rules.single.findIndex((item) => !("id" in item));
  const kept = encoding.ids.length - rules.single.length + 1;
  const places = Array.from(encoding.ids, (_, i) =>
    i >= before && i < before + kept ? requireItem(pieces, i - before, "pieces") : null,
  );
  return { ...encoding, places };
}

/** Reads two texts side by side, so that afterwards more pieces are known of the longer one. */
function readUntilOneEnds(text: Reading, pair: Reading): void {
  for (let count = COUNTED; text.readTo(count) && pair.readTo(count); ) count += COUNTED;
  text.readTo(pair.pieces.length + 1);
  pair.readTo(text.pieces.length + 1);
}

/** A text's pieces, of which the first `count` are kept. */
interface CutText {
  readonly pieces: readonly number[];
  readonly count: number;
}

function fillTemplate(
  template: readonly TemplateItem[],
  texts: Readonly<Record<"A" | "B", CutText>>,
  length: number,
): Pick<Encoding, "ids" | "types"> {
  const [ids, types] = [new Int32Array(length), new Int32Array(length)];
  let at = 0;
  for (const item of template) {
    const start = at;
    if ("id" in item) ids[at++] = item.id;
    else {
      const { pieces, count } = texts[item.text];
      ids.set(count < pieces.length ? pieces.slice(0, count) : pieces, at);
      at += count;
    }
    if (item.type !== 0) types.fill(item.type, start, at);
  }
  return { ids, types };
}

/** How much of two texts is kept: the shorter whole if it takes less than half, else both halves of the budget. */
function longestFirst(first: number, second: number, budget: number): [number, number] {
  if (first + second <= budget) return [first, second];
  const short = Math.min(first, second);
  const half = Math.floor(budget / 2);
  const kept = Math.min(short, half);
  return first > second ? [budget - kept, kept] : [kept, budget - kept];
}
