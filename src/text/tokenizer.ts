/**
 * BERT's WordPiece tokenizer: text in, piece numbers out, equal to Hugging Face's `BertWordPieceTokenizer`.
 *
 * Only the word pieces and the normaliser's three flags make such a tokenizer, so a network carries just those
 * (`TokenizerFiles`). Other kinds of tokenizer are not read here.
 */

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
  /** Cuts to `maxLength` pieces, from the end of the longer text first, as Hugging Face's `longest_first` does. */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
  /** The pieces of a text alone, without [CLS] and [SEP] and never cut. */
  pieces(text: string): readonly number[];
  /** Readable text of the pieces, special ones left out. */
  decode(ids: ArrayLike<number>): string;
}
