/**
 * A tokenizer that is no WordPiece: the steps from a text to its pieces, as data.
 *
 * The steps are those of Hugging Face's `tokenizer.json`: normalizers change a text, pre-tokenizers cut it into words,
 * the model spells a word with pieces, decoders make text of pieces again. They are named as there, sequences are laid
 * flat, and of patterns only those of patterns.ts are known. Plain data: it crosses to threads and into files.
 * Not here: reading them (steps-json.ts), doing them (normalizers.ts, words.ts, models.ts).
 */

import type { KnownPattern } from "./patterns.ts";

/** What is looked for in a text: characters as they are, or a pattern by its text in the file. */
export type Sought = { readonly String: string } | { readonly Regex: KnownPattern };

/** Forms of Unicode. */
export const FORMS = ["NFC", "NFD", "NFKC", "NFKD"] as const;
export type Form = (typeof FORMS)[number];

/** Changes a text. */
export type Normalizer =
  | { readonly type: Form }
  | { readonly type: "Lowercase" | "StripAccents" }
  /** By the table in `Pipeline.charsmap`. */
  | { readonly type: "Precompiled" }
  | { readonly type: "Strip"; readonly strip_left: boolean; readonly strip_right: boolean }
  | { readonly type: "Prepend"; readonly prepend: string }
  | { readonly type: "Replace"; readonly pattern: Sought; readonly content: string };

/** What becomes of a match, where a text is split at it. */
export const BEHAVIORS = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** When a mark of space is put before a text: always, at the text's beginning alone, or never. */
export const SCHEMES = ["always", "first", "never"] as const;
export type Scheme = (typeof SCHEMES)[number];

/** Cuts a text into words. */
export type PreTokenizer =
  | { readonly type: "Whitespace" | "WhitespaceSplit" | "BertPreTokenizer" }
  | { readonly type: "ByteLevel"; readonly add_prefix_space: boolean; readonly use_regex: boolean }
  | { readonly type: "Digits"; readonly individual_digits: boolean }
  | { readonly type: "Punctuation"; readonly behavior: Behavior }
  | {
      readonly type: "Metaspace";
      readonly replacement: string;
      readonly prepend_scheme: Scheme;
      readonly split: boolean;
    }
  | {
      readonly type: "Split";
      readonly pattern: Sought;
      readonly behavior: Behavior;
      readonly invert: boolean;
    };

/** Makes text of pieces. */
export type Decoder =
  | { readonly type: "ByteLevel" | "ByteFallback" | "Fuse" }
  | { readonly type: "Metaspace"; readonly replacement: string; readonly prepend_scheme: Scheme }
  | {
      readonly type: "Strip";
      readonly content: string;
      readonly start: number;
      readonly stop: number;
    }
  | { readonly type: "Replace"; readonly pattern: { readonly String: string }; readonly content: string };

/** A pair of pieces that become one; the earlier one is done first. */
export type Merge = readonly [string, string];

/** Pairs of pieces are joined, by rank, until none is left. */
export interface BpeModel {
  readonly type: "BPE";
  readonly merges: readonly Merge[];
  /** The piece of a character that has none; null where it is dropped, before pairs are joined. */
  readonly unk: number | null;
  /** Unknown characters side by side are one piece. */
  readonly fuse_unk: boolean;
  /** An unknown character is spelt by its bytes, where all of them are pieces: `<0x41>`. */
  readonly byte_fallback: boolean;
  /** A word that is a piece is that piece, whatever the merges say. */
  readonly ignore_merges: boolean;
}

/** Of all ways to spell a word the one with the greatest sum of scores. */
export interface UnigramModel {
  readonly type: "Unigram";
  /** Of each piece that words are spelt with. */
  readonly scores: readonly number[];
  readonly unk: number;
  readonly byte_fallback: boolean;
}

/** The steps of a tokenizer. */
export interface Pipeline {
  readonly normalizers: readonly Normalizer[];
  readonly preTokenizers: readonly PreTokenizer[];
  readonly model: BpeModel | UnigramModel;
  readonly decoders: readonly Decoder[];
  /** Places of pieces without the spaces at their ends; null where they count. */
  readonly trim: { readonly add_prefix_space: boolean } | null;
  /** The table of the normalizer Precompiled, as SentencePiece writes it; null where there is none. */
  readonly charsmap: Uint8Array | null;
}
