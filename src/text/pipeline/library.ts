/**
 * `@huggingface/tokenizers` as what joins pairs of pieces.
 *
 * Not here: WordPiece (text/library.ts), and what becomes of a character that no piece has (models.ts).
 */

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import type { Merge } from "./pipeline.ts";

/** What is used of the library, whose published type declarations do not resolve under NodeNext. */
interface Library {
  readonly model: { bpe(word: string): string[] };
}

/** Splits a word into characters, and joins pairs as the merges say. */
export function openMerges(merges: readonly Merge[]): (word: string) => readonly string[] {
  const tokenizer = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    // Which pieces there are it need not know: what it joins is looked up elsewhere.
    model: { type: "BPE", vocab: {}, merges },
  };
  const { model }: Library = new LibraryTokenizer(tokenizer, {});
  return (word) => model.bpe(word);
}
