/**
 * BERT's WordPiece tokenizer: text in, piece numbers out, equal to Hugging Face's `BertWordPieceTokenizer`.
 *
 * Only the word pieces and the normaliser's three flags make such a tokenizer, so a network carries just those
 * (`TokenizerFiles`); the work is done by `@huggingface/tokenizers`, one whitespace-separated word at a time, and
 * remembered. Compared over every code point, only characters differ whose category is newer than Unicode 8: the
 * Python library's tables are older than JavaScript's. Parsing files is in `vocabulary.ts`.
 */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { FormatError, InputError } from "../base/errors.ts";

/** All that a BERT tokenizer consists of. */
export interface TokenizerFiles {
  /** Pieces by number, as in `vocab.txt`. */
  readonly vocab: readonly string[];
  readonly lowercase: boolean;
  /** null means: as `lowercase`. */
  readonly stripAccents: boolean | null;
  readonly tokenizeChineseChars: boolean;
  /** The longest input the model takes, in pieces including [CLS] and [SEP]. */
  readonly maxLength: number;
}

/** One text or pair with its special pieces: `[CLS] text [SEP]` or `[CLS] text [SEP] pair [SEP]`. */
export interface Encoding {
  readonly ids: Int32Array;
  /** 0 for the first text with its [CLS] and [SEP], 1 for the pair with its [SEP]. */
  readonly types: Int32Array;
}

/** Numbers of the five pieces with a meaning of their own. */
export interface SpecialIds {
  readonly pad: number;
  readonly unk: number;
  readonly cls: number;
  readonly sep: number;
  readonly mask: number;
}

/** Encodes texts; equal texts give equal arrays. */
export interface Tokenizer {
  readonly vocabSize: number;
  readonly special: SpecialIds;
  /**
   * Cuts to `maxLength` pieces, from the end of the longer text first, as Hugging Face's `longest_first` does.
   * @throws {InputError} `tokenizer/length` when not even the special pieces fit.
   */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
  /** The pieces of a text alone, without [CLS] and [SEP] and never cut. */
  pieces(text: string): readonly number[];
  /** Readable text of the pieces, special ones left out. */
  decode(ids: ArrayLike<number>): string;
}

/** The special pieces by role, in the order BERT vocabularies list them. */
export const SPECIAL_PIECES = {
  pad: "[PAD]",
  unk: "[UNK]",
  cls: "[CLS]",
  sep: "[SEP]",
  mask: "[MASK]",
} as const satisfies Record<keyof SpecialIds, string>;

/** What is used of the library, whose published type declarations do not resolve under NodeNext. */
interface Library {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
}

/** Words are remembered up to this many, then forgotten together: a bound on memory in a long-lived server. */
const REMEMBERED_WORDS = 1 << 17;
/** A longer run without spaces is not a word that comes back. */
const REMEMBERED_LENGTH = 64;

/** Ideographs above U+FFFF by Hugging Face's ranges; the library looks at UTF-16 units and misses them. */
const ASTRAL_IDEOGRAPH =
  /[\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu;

/**
 * A tokenizer over a vocabulary.
 * @throws {FormatError} `vocab/special` when one of the five special pieces is missing.
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const special = specialIds(files.vocab);
  const library: Library = new LibraryTokenizer(tokenizerJson(files), {
    clean_up_tokenization_spaces: false,
  });
  const pieces = rememberWords(
    (word) => library.encode(prepare(word, files), { add_special_tokens: false }).ids,
  );
  return {
    vocabSize: files.vocab.length,
    special,
    pieces,
    encode: (text, pair, maxLength) =>
      assemble(pieces(text), pair === undefined ? undefined : pieces(pair), maxLength, special),
    decode: (ids) => (ids.length === 0 ? "" : library.decode(Array.from(ids), { skip_special_tokens: true })),
  };
}

/**
 * Numbers of the special pieces.
 * @throws {FormatError} `vocab/special` naming the missing one.
 */
export function specialIds(vocab: readonly string[]): SpecialIds {
  const find = (role: keyof SpecialIds): number => {
    const id = vocab.indexOf(SPECIAL_PIECES[role]);
    if (id >= 0) return id;
    const size = `${vocab.length} pieces without it`;
    throw new FormatError(
      "vocab/special",
      `vocabulary: expected the piece ${SPECIAL_PIECES[role]}, got ${size}`,
    );
  };
  return { pad: find("pad"), unk: find("unk"), cls: find("cls"), sep: find("sep"), mask: find("mask") };
}

/** Where the library differs from Hugging Face's Rust code, the text is brought to where they agree. */
function prepare(word: string, files: TokenizerFiles): string {
  const spaced = files.tokenizeChineseChars ? word.replace(ASTRAL_IDEOGRAPH, " $& ") : word;
  // JavaScript lowercases a sigma by its place in the word; Rust lowercases each character alone.
  return files.lowercase ? spaced.replaceAll("Σ", "σ") : spaced;
}

/**
 * Nothing in BERT's normaliser or splitting looks across a space, so words can be treated one by one: SST-2's
 * 67,349 sentences (14,817 different words) take 0.35 s on one core, against 1.4 s sentence by sentence.
 */
function rememberWords(encodeWord: (word: string) => readonly number[]): (text: string) => number[] {
  const known = new Map<string, readonly number[]>();
  const lookUp = (word: string): readonly number[] => {
    const hit = known.get(word);
    if (hit !== undefined) return hit;
    const ids = encodeWord(word);
    if (known.size >= REMEMBERED_WORDS) known.clear();
    if (word.length <= REMEMBERED_LENGTH) known.set(word, ids);
    return ids;
  };
  return (text) => {
    const ids: number[] = [];
    for (const word of text.split(/[ \t\r\n]/)) {
      if (word !== "") for (const id of lookUp(word)) ids.push(id);
    }
    return ids;
  };
}

function assemble(
  text: readonly number[],
  pair: readonly number[] | undefined,
  maxLength: number,
  { cls, sep }: SpecialIds,
): Encoding {
  const budget = maxLength - (pair === undefined ? 2 : 3);
  if (budget < 0) {
    throw new InputError("tokenizer/length", `tokenizer: expected maxLength of 3 or more, got ${maxLength}`);
  }
  const [first, second] = longestFirst(text.length, pair?.length ?? 0, budget);
  const length = first + second + (pair === undefined ? 2 : 3);
  const ids = new Int32Array(length);
  ids[0] = cls;
  for (let i = 0; i < first; i++) ids[i + 1] = text[i] ?? 0;
  ids[first + 1] = sep;
  for (let i = 0; i < second; i++) ids[first + 2 + i] = pair?.[i] ?? 0;
  ids[length - 1] = sep;
  return { ids, types: new Int32Array(length).fill(1, first + 2) };
}

/** How much of two texts is kept: the shorter whole if it takes less than half, else both halves of the budget. */
function longestFirst(first: number, second: number, budget: number): [number, number] {
  if (first + second <= budget) return [first, second];
  const short = Math.min(first, second);
  const half = Math.floor(budget / 2);
  const kept = Math.min(short, half);
  return first > second ? [budget - kept, kept] : [kept, budget - kept];
}

/** Hugging Face's `tokenizer.json`; stock `transformers`, `tokenizers` and transformers.js read it. */
export function tokenizerJson(files: TokenizerFiles): Record<string, unknown> {
  const special = specialIds(files.vocab);
  const piece = (role: "cls" | "sep", type: number) => ({
    SpecialToken: { id: SPECIAL_PIECES[role], type_id: type },
  });
  const sequence = (id: "A" | "B", type: number) => ({ Sequence: { id, type_id: type } });
  const template = (role: "cls" | "sep") => ({
    id: SPECIAL_PIECES[role],
    ids: [special[role]],
    tokens: [SPECIAL_PIECES[role]],
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(special),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: files.tokenizeChineseChars,
      strip_accents: files.stripAccents,
      lowercase: files.lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [piece("cls", 0), sequence("A", 0), piece("sep", 0)],
      pair: [piece("cls", 0), sequence("A", 0), piece("sep", 0), sequence("B", 1), piece("sep", 1)],
      special_tokens: { [SPECIAL_PIECES.cls]: template("cls"), [SPECIAL_PIECES.sep]: template("sep") },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: SPECIAL_PIECES.unk,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(files.vocab.map((text, id) => [text, id])),
    },
  };
}

function addedTokens(special: SpecialIds): Record<string, unknown>[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const ids: [string, number][] = [
    [SPECIAL_PIECES.pad, special.pad],
    [SPECIAL_PIECES.unk, special.unk],
    [SPECIAL_PIECES.cls, special.cls],
    [SPECIAL_PIECES.sep, special.sep],
    [SPECIAL_PIECES.mask, special.mask],
  ];
  return ids.sort((a, b) => a[1] - b[1]).map(([content, id]) => ({ id, content, ...flags }));
}

/** Hugging Face's `tokenizer_config.json`. */
export function tokenizerConfigJson(files: TokenizerFiles): Record<string, unknown> {
  return {
    tokenizer_class: "BertTokenizer",
    do_lower_case: files.lowercase,
    strip_accents: files.stripAccents,
    tokenize_chinese_chars: files.tokenizeChineseChars,
    model_max_length: files.maxLength,
    pad_token: SPECIAL_PIECES.pad,
    unk_token: SPECIAL_PIECES.unk,
    cls_token: SPECIAL_PIECES.cls,
    sep_token: SPECIAL_PIECES.sep,
    mask_token: SPECIAL_PIECES.mask,
  };
}

/** The text of `vocab.txt`: one piece per line. */
export function vocabText(files: TokenizerFiles): string {
  return `${files.vocab.join("\n")}\n`;
}
