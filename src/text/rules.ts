/**
 * What makes one tokenizer another than the next of its kind: added tokens, the template around a text, special pieces.
 *
 * BERT's own rules follow from its vocabulary alone, so they are written nowhere (`TokenizerFiles.rules` is absent).
 * Everything here names pieces by number, since a piece's text stands in the vocabulary: when pieces leave, only the
 * numbers change (`keepOnly`). Not here: reading files (vocabulary.ts), writing them (tokenizer-files.ts).
 */

import { FormatError } from "../base/errors.ts";
import { keepInModel } from "./pipeline/keep.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";

/** Numbers of the five pieces with a meaning of their own. */
export interface SpecialIds {
  readonly pad: number;
  readonly unk: number;
  readonly cls: number;
  readonly sep: number;
  readonly mask: number;
}

/** BERT's names of the special pieces by role, in the order BERT vocabularies list them. */
export const SPECIAL_PIECES = {
  pad: "[PAD]",
  unk: "[UNK]",
  cls: "[CLS]",
  sep: "[SEP]",
  mask: "[MASK]",
} as const satisfies Record<keyof SpecialIds, string>;

/** How an added token is found in a text, with the meaning that Hugging Face's `tokenizers` gives to each flag. */
export interface TokenFlags {
  /** Found only between characters that are no part of a word. */
  readonly singleWord: boolean;
  /** Takes the white space before it. */
  readonly lstrip: boolean;
  /** Takes the white space after it. */
  readonly rstrip: boolean;
  /** Looked for in the normalised text and in its own normalised form; otherwise in the text as it is. */
  readonly normalized: boolean;
  /** Left out of decoded text. */
  readonly special: boolean;
}

/** A piece that is cut out of a text as a whole, before words are split. */
export interface AddedToken extends TokenFlags {
  readonly id: number;
}

/** A place of a template: one of the texts, or a piece. */
export type TemplateItem =
  | { readonly text: "A" | "B"; readonly type: number }
  | { readonly id: number; readonly type: number };

/** What a tokenizer has besides its pieces and the way from a text to them. */
export interface TokenizerRules {
  readonly special: SpecialIds;
  /** Words are spelt with the first `words` pieces of the vocabulary; those after them are added tokens alone. */
  readonly words: number;
  /** In ascending order of their numbers. */
  readonly added: readonly AddedToken[];
  /** What becomes of one text. */
  readonly single: readonly TemplateItem[];
  /** What becomes of a pair. */
  readonly pair: readonly TemplateItem[];
}

/** Those of WordPiece. */
export interface WordPieceRules extends TokenizerRules {
  /** What a piece that goes on with a word begins with. */
  readonly prefix: string;
  /** A word of more characters is unknown. */
  readonly maxWordLength: number;
}

/** The part of a WordPiece tokenizer that its rules belong to. */
export interface RuledWordPiece {
  /** Pieces by number. */
  readonly vocab: readonly string[];
  /** Absent when they are BERT's. */
  readonly rules?: WordPieceRules;
  readonly pipeline?: undefined;
}

/** The same of a tokenizer of another kind. */
export interface RuledPipeline {
  readonly vocab: readonly string[];
  readonly rules: TokenizerRules;
  readonly pipeline: Pipeline;
}

/** The part of any tokenizer that its rules belong to. */
export type Ruled = RuledWordPiece | RuledPipeline;

/** The text of a piece. @throws {FormatError} `vocab/piece` for a number that no piece has */
export function pieceOf({ vocab }: Pick<Ruled, "vocab">, id: number): string {
  const piece = vocab[id];
  if (piece !== undefined) return piece;
  throw new FormatError("vocab/piece", `piece ${id}: expected a number below ${vocab.length}, got ${id}`);
}

/** BERT's flags for a special piece. */
export const SPECIAL_FLAGS: TokenFlags = {
  singleWord: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
};

/** `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, with type 1 for the pair and its [SEP]. */
export function bertTemplates({ cls, sep }: Pick<SpecialIds, "cls" | "sep">): {
  readonly single: readonly TemplateItem[];
  readonly pair: readonly TemplateItem[];
} {
  const single: TemplateItem[] = [
    { id: cls, type: 0 },
    { text: "A", type: 0 },
    { id: sep, type: 0 },
  ];
  return { single, pair: [...single, { text: "B", type: 1 }, { id: sep, type: 1 }] };
}

/** `<s> A </s>` and `<s> A </s> </s> B </s>`, all of type 0. */
export function robertaTemplates({ cls, sep }: Pick<SpecialIds, "cls" | "sep">): {
  readonly single: readonly TemplateItem[];
  readonly pair: readonly TemplateItem[];
} {
  const piece = (id: number): TemplateItem => ({ id, type: 0 });
  const single: TemplateItem[] = [piece(cls), { text: "A", type: 0 }, piece(sep)];
  return { single, pair: [...single, piece(sep), { text: "B", type: 0 }, piece(sep)] };
}

/** The rules of a BERT tokenizer over these pieces. */
function bertRules(vocab: readonly string[]): WordPieceRules {
  const special = specialIds({ vocab });
  const ids = Object.values(special).sort((a, b) => a - b);
  return {
    special,
    words: vocab.length,
    prefix: "##",
    maxWordLength: 100,
    added: ids.map((id) => ({ id, ...SPECIAL_FLAGS })),
    ...bertTemplates(special),
  };
}

/** Whether one text and a pair become what BERT makes of them, whatever the special pieces are called. */
export function hasBertTemplates(ruled: Ruled): boolean {
  const { special, single, pair } = rulesOf(ruled);
  const bert = bertTemplates(special);
  return sameTemplate(single, bert.single) && sameTemplate(pair, bert.pair);
}

function sameTemplate(a: readonly TemplateItem[], b: readonly TemplateItem[]): boolean {
  const text = (items: readonly TemplateItem[]): string =>
    items.map((item) => `${"id" in item ? item.id : item.text}:${item.type}`).join(" ");
  return text(a) === text(b);
}

/** The rules of any tokenizer. @throws {FormatError} `vocab/special` when one of BERT's special pieces is missing */
export function rulesOf(ruled: RuledWordPiece): WordPieceRules;
export function rulesOf(ruled: Ruled): TokenizerRules;
export function rulesOf({ vocab, rules }: Ruled): TokenizerRules {
  return rules ?? bertRules(vocab);
}

/** The rules as a tokenizer carries them: none when they are BERT's. */
export function ownRules(vocab: readonly string[], rules: WordPieceRules): { rules?: WordPieceRules } {
  const isBert = Object.values(SPECIAL_PIECES).every((piece) => vocab.includes(piece));
  return isBert && isSame(rules, bertRules(vocab)) ? {} : { rules };
}

function isSame(a: WordPieceRules, b: WordPieceRules): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

/** The rules with their keys in one order, so that equal rules have one text. */
export function canonical(rules: TokenizerRules | WordPieceRules): TokenizerRules {
  const { special, added, single, pair, words } = rules;
  const { pad, unk, cls, sep, mask } = special;
  const item = (place: TemplateItem): TemplateItem =>
    "text" in place ? { text: place.text, type: place.type } : { id: place.id, type: place.type };
  return {
    special: { pad, unk, cls, sep, mask },
    words,
    ...("prefix" in rules ? { prefix: rules.prefix, maxWordLength: rules.maxWordLength } : {}),
    added: added.map(({ id, singleWord, lstrip, rstrip, normalized, special: isSpecial }) => ({
      id,
      singleWord,
      lstrip,
      rstrip,
      normalized,
      special: isSpecial,
    })),
    single: single.map(item),
    pair: pair.map(item),
  };
}

/**
 * Numbers of the special pieces.
 * @throws {FormatError} `vocab/special` naming the missing one.
 */
export function specialIds({
  vocab,
  rules,
}: Pick<Ruled, "vocab"> & { readonly rules?: TokenizerRules | undefined }): SpecialIds {
  if (rules !== undefined) return rules.special;
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

/** Numbers of all pieces that the rules speak of: special pieces, added tokens, what the templates put in. */
export function ruledPieces(ruled: Ruled): Set<number> {
  const { special, added, single, pair } = rulesOf(ruled);
  const placed = [...single, ...pair].flatMap((item) => ("id" in item ? [item.id] : []));
  return new Set([...Object.values(special), ...added.map(({ id }) => id), ...placed]);
}

/** True when white space parts a text's pieces: no added token but the special ones, which have none in them. */
export function splitsAtSpaces(ruled: Ruled): boolean {
  if (ruled.rules === undefined) return true;
  return ruled.rules.added.every(
    ({ id, normalized, singleWord }) =>
      !normalized && !singleWord && !/\p{White_Space}/u.test(pieceOf(ruled, id)),
  );
}

/** The tokenizer with only these pieces, numbered anew. @throws {FormatError} `vocab/special` without one of its rules */
export function keepOnly<T extends Ruled>(ruled: T, pieces: readonly number[]): T {
  const vocab = pieces.map((id) => pieceOf(ruled, id));
  if (ruled.rules === undefined) return { ...ruled, vocab };
  const numbers = new Map(pieces.map((id, i) => [id, i]));
  const given: TokenizerRules = ruled.rules;
  const words = pieces.filter((id) => id < given.words).length;
  const rules = { ...renumber(given, numbers), words };
  if (ruled.pipeline === undefined) return { ...ruled, vocab, rules };
  const model = keepInModel(ruled.pipeline.model, pieces.slice(0, words), vocab.slice(0, words));
  return { ...ruled, vocab, rules, pipeline: { ...ruled.pipeline, model } };
}

function renumber<T extends TokenizerRules>(rules: T, numbers: ReadonlyMap<number, number>): T {
  const numberOf = (id: number): number => {
    const found = numbers.get(id);
    if (found !== undefined) return found;
    throw new FormatError("vocab/special", `piece ${id}: expected to stay, as the rules name it, got none`);
  };
  const item = (place: TemplateItem): TemplateItem =>
    "id" in place ? { ...place, id: numberOf(place.id) } : place;
  const { pad, unk, cls, sep, mask } = rules.special;
  return {
    ...rules,
    special: {
      pad: numberOf(pad),
      unk: numberOf(unk),
      cls: numberOf(cls),
      sep: numberOf(sep),
      mask: numberOf(mask),
    },
    added: rules.added.map((token) => ({ ...token, id: numberOf(token.id) })),
    single: rules.single.map(item),
    pair: rules.pair.map(item),
  };
}
