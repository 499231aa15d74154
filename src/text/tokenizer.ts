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

import { FormatError } from "../base/errors.ts";
import { createSplitter, type Part, type Pattern } from "./added-tokens.ts";
import {
  assemble,
  assemblePlaced,
  assemblePlacedWindows,
  assembleWindows,
  assembleWords,
  type Encoding,
  type PlacedEncoding,
  type PlacedWindows,
  startReading,
  type WindowedEncoding,
  type WordsEncoding,
} from "./encoding.ts";
import { openLibrary, spellingOf } from "./library.ts";
import { type PlacedPiece, type Placing, placedParts } from "./places.ts";
import { type AddedToken, pieceOf, rulesOf, type SpecialIds, type TokenizerRules } from "./rules.ts";
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
   * A text, or the longer of two beside the whole other, in windows of `maxLength` pieces of which neighbours share `stride`, as
   * Hugging Face's tokenizers give them with `return_overflowing_tokens`.
   * @throws {InputError} as `encode` does, and `tokenizer/stride` where a window has no more room than that
   */
  encodeWindows(text: string, pair: string | undefined, maxLength: number, stride: number): WindowedEncoding;
  /**
   * A text that is given in words, cut to `maxLength` pieces from its end.
   * @throws {InputError} as `encode` does
   */
  encodeWords(words: readonly string[], maxLength: number): WordsEncoding;
  /** As `encode` of one text, with the place of each piece in it. @throws {InputError} as `encode` does */
  encodePlaced(text: string, maxLength: number): PlacedEncoding;
  /** As `encodeWindows` of one text, with places. @throws {InputError} as `encodeWindows` does */
  encodePlacedWindows(text: string, maxLength: number, stride: number): PlacedWindows;
  /** The pieces of a text alone, without what the template adds and never cut. */
  pieces(text: string): readonly number[];
  /** The stretches of a text between the added tokens that stand in it as they are written. */
  between(text: string): readonly Part[];
  /** Readable text of the pieces, special ones left out. */
  decode(ids: ArrayLike<number>): string;
}

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
    encodeWindows: (text, pair, maxLength, stride) =>
      assembleWindows(pieces(text), pair === undefined ? undefined : pieces(pair), {
        maxLength,
        stride,
        rules,
      }),
    encodePlaced: (text, maxLength) => assemblePlaced(readPlaced(text), maxLength, rules),
    encodePlacedWindows: (text, maxLength, stride) =>
      assemblePlacedWindows([...readPlaced(text)].flat(), { maxLength, stride, rules }),
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
  readPlaced(text: string): Generator<readonly PlacedPiece[]>;
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
