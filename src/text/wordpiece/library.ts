/**
 * `@huggingface/tokenizers` over a vocabulary: what it makes of a text between added tokens.
 *
 * Where it differs from Hugging Face's Rust `tokenizers`, a text is brought to where they agree before it is spelt.
 * Not here: added tokens (added-tokens.ts), words one by one (spelling.ts).
 */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { rulesOf, type WordPieceRules } from "../rules.ts";
import type { Spelling } from "./spelling.ts";
import { type WordPieceSource, wordPieceSteps } from "./steps-json.ts";

/** What is used of the library, whose published type declarations do not resolve under NodeNext. */
export interface Library {
  normalizer: ((text: string) => string) | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  readonly model: { readonly vocab: string[] } | null;
}

/** Ideographs above U+FFFF by Hugging Face's ranges; the library looks at UTF-16 units and misses them. */
const ASTRAL_IDEOGRAPH =
  /[\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu;

/** The library over the words' pieces; added tokens it only knows for decoding, by their place behind the others. */
export function openLibrary(files: WordPieceSource, rules: WordPieceRules): Library {
  const { vocab } = files;
  const tokenizer = { ...wordPieceSteps(files, rules), added_tokens: [], post_processor: null };
  const library = new LibraryTokenizer(tokenizer, { clean_up_tokenization_spaces: false });
  vocab.slice(rules.words).forEach((text, i) => {
    if (library.model !== null) library.model.vocab[rules.words + i] = text;
  });
  return library;
}

/** What the library makes of a whole text, without added tokens. */
export function spellingOf(files: WordPieceSource, library = openLibrary(files, rulesOf(files))): Spelling {
  const { maxWordLength, special } = rulesOf(files);
  return {
    encode: (text) => library.encode(prepare(text, files), { add_special_tokens: false }).ids,
    normalise: (text) => library.normalizer?.(prepare(text, files)) ?? text,
    maxWordLength,
    unk: special.unk,
  };
}

/** Where the library differs from Hugging Face's Rust code, the text is brought to where they agree. */
export function prepare(
  text: string,
  { tokenizeChineseChars, lowercase }: Pick<WordPieceSource, "lowercase" | "tokenizeChineseChars">,
): string {
  const spaced = tokenizeChineseChars ? text.replace(ASTRAL_IDEOGRAPH, " $& ") : text;
  // JavaScript lowercases a sigma by its place in the word; Rust lowercases each character alone.
  return lowercase ? spaced.replaceAll("Σ", "σ") : spaced;
}
