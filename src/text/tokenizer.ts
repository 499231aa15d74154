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

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { FormatError, InputError } from "../base/errors.ts";
import { createSplitter, type Part, type Pattern } from "./added-tokens.ts";
import {
  type AddedToken,
  pieceOf,
  rulesOf,
  type SpecialIds,
  type TemplateItem,
  type TokenizerRules,
} from "./rules.ts";
import { createSpeller, type Speller, type Spelling } from "./spelling.ts";

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
  /** The pieces of a text alone, without what the template adds and never cut. */
  pieces(text: string): readonly number[];
  /** The stretches of a text between the added tokens that stand in it as they are written. */
  between(text: string): readonly Part[];
  /** Readable text of the pieces, special ones left out. */
  decode(ids: ArrayLike<number>): string;
}

/** What is used of the library, whose published type declarations do not resolve under NodeNext. */
interface Library {
  normalizer: ((text: string) => string) | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  readonly model: { readonly vocab: string[] } | null;
}

/** Pieces that are counted behind those that are read: what is cut of a longer text is said to be so many. */
const COUNTED = 4096;

/** Ideographs above U+FFFF by Hugging Face's ranges; the library looks at UTF-16 units and misses them. */
const ASTRAL_IDEOGRAPH =
  /[\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu;

/**
 * A tokenizer over a vocabulary.
 * @throws {FormatError} `vocab/special` when one of BERT's special pieces is missing, `tokenizer/added` for added tokens
 *   that nothing or the same text would be looked for by.
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const rules = rulesOf(files);
  const library = openLibrary(files, rules);
  const { read, between } = cutAddedTokens(files, rules, createSpeller(spellingOf(files, library)));
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

/** The library over the words' pieces; added tokens it only knows for decoding, by their place behind the others. */
function openLibrary(files: TokenizerFiles, rules: TokenizerRules): Library {
  const { vocab, lowercase, stripAccents, tokenizeChineseChars } = files;
  const tokenizer = {
    added_tokens: [],
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: tokenizeChineseChars,
      strip_accents: stripAccents,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: rules.prefix, cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: vocab[rules.special.unk],
      continuing_subword_prefix: rules.prefix,
      max_input_chars_per_word: rules.maxWordLength,
      vocab: Object.fromEntries(vocab.slice(0, rules.words).map((text, id) => [text, id])),
    },
  };
  const library = new LibraryTokenizer(tokenizer, { clean_up_tokenization_spaces: false });
  vocab.slice(rules.words).forEach((text, i) => {
    if (library.model !== null) library.model.vocab[rules.words + i] = text;
  });
  return library;
}

/** What the library makes of a whole text, without added tokens. */
export function spellingOf(files: TokenizerFiles, library = openLibrary(files, rulesOf(files))): Spelling {
  const { maxWordLength, special } = rulesOf(files);
  return {
    encode: (text) => library.encode(prepare(text, files), { add_special_tokens: false }).ids,
    normalise: (text) => library.normalizer?.(prepare(text, files)) ?? text,
    maxWordLength,
    unk: special.unk,
  };
}

/** First the tokens that stand in the text as it is, then in what lies between them those of the normalised text. */
function cutAddedTokens(
  files: TokenizerFiles,
  rules: TokenizerRules,
  { spell, normalise }: Speller,
): Pick<Tokenizer, "between"> & { read(text: string): Iterator<readonly number[]> } {
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
  return { read, between: (text) => [...asIs(text)].filter(({ id }) => id === undefined) };
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

/** Where the library differs from Hugging Face's Rust code, the text is brought to where they agree. */
function prepare(word: string, files: TokenizerFiles): string {
  const spaced = files.tokenizeChineseChars ? word.replace(ASTRAL_IDEOGRAPH, " $& ") : word;
  // JavaScript lowercases a sigma by its place in the word; Rust lowercases each character alone.
  return files.lowercase ? spaced.replaceAll("Σ", "σ") : spaced;
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
