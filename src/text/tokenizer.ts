/**
 * A tokenizer: text in, piece numbers out, equal to Hugging Face's Rust `tokenizers`.
 *
 * There are two kinds. BERT's WordPiece is made by its word pieces, the normaliser's three flags and the rules where they
 * are not BERT's; any other by its pieces, its rules and a pipeline of steps (pipeline/). A network carries just those
 * (`TokenizerFiles`). Of both, added tokens are cut out here (added-tokens.ts), and what lies between them is spelt word by
 * word, no further than is wanted: WordPiece by `@huggingface/tokenizers` (spelling.ts), the other in pipeline/spelling.ts.
 * Compared over every code point, only characters differ whose category is newer than the Python library's tables.
 * Not here: reading files (vocabulary.ts) and writing them (tokenizer-files.ts).
 */

import { FormatError } from "../base/errors.ts";
import { createSplitter, type Part, type Pattern, type Splitter } from "./added-tokens.ts";
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
import { createDecoder } from "./pipeline/decoders.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { createPipeline } from "./pipeline/spelling.ts";
import { type PlacedPiece, type Placing, placedParts } from "./places.ts";
import {
  type AddedToken,
  pieceOf,
  rulesOf,
  type SpecialIds,
  type TokenizerRules,
  type WordPieceRules,
} from "./rules.ts";
import { openLibrary, spellingOf } from "./wordpiece/library.ts";
import { createSpeller } from "./wordpiece/spelling.ts";

/** What BERT's normaliser does, and how long a text may be. */
export interface TokenizerFlags {
  readonly lowercase: boolean;
  /** null means: as `lowercase`. */
  readonly stripAccents: boolean | null;
  readonly tokenizeChineseChars: boolean;
  /** Where texts are cut, in pieces including [CLS] and [SEP]: what the model was trained with. */
  readonly maxLength: number;
}

/** All that a WordPiece tokenizer consists of. */
export interface WordPieceFiles extends TokenizerFlags {
  /** Pieces by number: those of `vocab.txt`, then tokens that were added alone. */
  readonly vocab: readonly string[];
  /** Absent when they are BERT's. */
  readonly rules?: WordPieceRules;
  readonly pipeline?: undefined;
}

/** All that a tokenizer of another kind consists of. */
export interface PipelineFiles {
  /** Pieces by number: those of the model, then tokens that were added alone. */
  readonly vocab: readonly string[];
  readonly maxLength: number;
  readonly rules: TokenizerRules;
  readonly pipeline: Pipeline;
}

/** All that a tokenizer consists of. */
export type TokenizerFiles = WordPieceFiles | PipelineFiles;

/** Whether a tokenizer cannot tell capitals from small letters. */
export function lowersCase(files: TokenizerFiles): boolean {
  if (files.pipeline === undefined) return files.lowercase;
  return files.pipeline.normalizers.some(({ type }) => type === "Lowercase");
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
  /** How many pieces the template adds to one text. */
  readonly added: number;
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
  const { read, readPlaced, between, readable } =
    files.pipeline === undefined ? readWordPiece(files) : readPipeline(files);
  const special = new Set(rules.added.flatMap((token) => (token.special ? [token.id] : [])));
  const pieces = (text: string): readonly number[] => {
    const reading = startReading(read(text));
    reading.readTo(Number.POSITIVE_INFINITY);
    return reading.pieces;
  };
  // Where a space before a word is part of its pieces, words are read as in a text of them.
  const hasSpaces = pieces("a").join() !== pieces(" a").join();
  const wordPieces = (word: string, i: number) => pieces(i > 0 && hasSpaces ? ` ${word}` : word);
  return {
    vocabSize: files.vocab.length,
    special: rules.special,
    added: rules.single.filter((item) => "id" in item).length,
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
    encodeWords: (words, maxLength) => assembleWords(words.map(wordPieces), maxLength, rules),
    between,
    encode: (text, pair, maxLength) => {
      const second = pair === undefined ? undefined : startReading(read(pair));
      return assemble(startReading(read(text)), second, maxLength, rules);
    },
    decode: (ids) => {
      const kept = Array.from(ids).filter((id) => !special.has(id));
      return kept.length === 0 ? "" : readable(kept);
    },
  };
}

/** What the kinds do each in their own way. */
interface Reader extends Pick<Tokenizer, "between"> {
  read(text: string): Iterator<readonly number[]>;
  readPlaced(text: string): Generator<readonly PlacedPiece[]>;
  readable(ids: number[]): string;
}

function readWordPiece(files: WordPieceFiles): Reader {
  const rules = rulesOf(files);
  const library = openLibrary(files, rules);
  const spelling = spellingOf(files, library);
  const { spell, normalise } = createSpeller(spelling);
  const { asIs, normalised } = openSplitters(files, rules, normalise);
  const placing: Placing = {
    ...spelling,
    prefix: rules.prefix,
    textOf: (id) => pieceOf(files, id),
    piecesOf: (word) => [...spell(word)].flat(),
  };
  return {
    read: (text) =>
      readParts(text, asIs, (between) =>
        normalised === undefined ? spell(between) : readParts(normalise(between), normalised, spell),
      ),
    readPlaced: (text) => placedParts(text, asIs, normalised, placing),
    between: (text) => betweenOf(text, asIs),
    readable: (ids) => library.decode(ids, { skip_special_tokens: false }),
  };
}

function readPipeline(files: PipelineFiles): Reader {
  const { pipeline, rules, vocab } = files;
  const speller = createPipeline({ pipeline, words: rules.words, vocab });
  const splitters = openSplitters(files, rules, speller.normalise);
  const added = new Set(rules.added.map(({ id }) => id));
  const isAdded = (id: number): boolean => added.has(id);
  const readable = createDecoder(pipeline.decoders);
  return {
    read: (text) => speller.read(text, splitters),
    readPlaced: (text) => speller.readPlaced(text, splitters),
    between: (text) => betweenOf(text, splitters.asIs),
    readable: (ids) => readable(ids.map((id) => ({ text: pieceOf(files, id), isAdded: isAdded(id) }))),
  };
}

function betweenOf(text: string, asIs: Splitter): Part[] {
  return [...asIs(text)].filter(({ id }) => id === undefined);
}

/** First the tokens that stand in the text as it is, then in what lies between them those of the normalised text. */
function openSplitters(
  files: TokenizerFiles,
  rules: TokenizerRules,
  normalise: (text: string) => string,
): { readonly asIs: Splitter; readonly normalised: Splitter | undefined } {
  const patternOf = (token: AddedToken): Pattern => {
    const content = pieceOf(files, token.id);
    return { ...token, text: token.normalized ? normalise(content) : content };
  };
  const patterns = rules.added.map(patternOf);
  checkPatterns(patterns, files.vocab);
  const after = patterns.filter(({ normalized }) => normalized);
  return {
    asIs: createSplitter(patterns.filter(({ normalized }) => !normalized)),
    normalised: after.length === 0 ? undefined : createSplitter(after),
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
