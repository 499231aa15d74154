/**
 * The steps of a WordPiece tokenizer as tokenizer.json has them: what is written, and what the library is given to spell by.
 *
 * Not here: templates and added tokens (tokenizer-files.ts), tokenizers of other kinds (pipeline/steps-json.ts).
 */

import type { RuledWordPiece, WordPieceRules } from "../rules.ts";

/** What the steps are made of. */
export interface WordPieceSource extends RuledWordPiece {
  readonly lowercase: boolean;
  readonly stripAccents: boolean | null;
  readonly tokenizeChineseChars: boolean;
}

/** What comes before the pieces and after them, and the pieces that words are cut into. */
export function wordPieceSteps(
  { vocab, lowercase, stripAccents, tokenizeChineseChars }: WordPieceSource,
  rules: WordPieceRules,
) {
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: tokenizeChineseChars,
      strip_accents: stripAccents,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: rules.prefix, cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: vocab[rules.special.unk],
      continuing_subword_prefix: rules.prefix,
      max_input_chars_per_word: rules.maxWordLength,
      vocab: Object.fromEntries(vocab.slice(0, rules.words).map((text, id) => [text, id])),
    },
  };
}
