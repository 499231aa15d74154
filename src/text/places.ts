/**
 * Where each piece of a text stands in it, as the offsets of Hugging Face's `tokenizers`.
 *
 * BERT's normaliser treats every character for itself (spelling.ts), so each character of the normalised text has one of
 * the text that it came from, and a piece stands from its first character's to its last one's. What the normaliser drops
 * (accents as marks of their own, control characters) belongs to the piece around it, and to none at a word's edge.
 * A word that is unknown is one piece. Places are UTF-16 units: `text.slice(start, end)`.
 * Not here: how added tokens are found (added-tokens.ts).
 */

import { requireItem } from "../base/present.ts";
import type { Splitter } from "./added-tokens.ts";
import { isSeparator } from "./wordpiece/spelling.ts";

/** A piece in its text. */
export interface PlacedPiece {
  readonly id: number;
  /** As the vocabulary has it. */
  readonly piece: string;
  readonly start: number;
  readonly end: number;
  /** Whether a word begins with it, or it is one. */
  readonly isFirst: boolean;
}

/** A character of the normalised text, and which stretch of the text it came from. */
interface PlacedCharacter {
  readonly char: string;
  readonly start: number;
  readonly end: number;
}

/** What places need of a tokenizer. */
export interface Placing {
  readonly normalise: (text: string) => string;
  /** The pieces of a normalised word. */
  readonly piecesOf: (word: string) => readonly number[];
  /** The text of a piece. */
  readonly textOf: (id: number) => string;
  /** What a piece that goes on with a word begins with. */
  readonly prefix: string;
  /** A word of more characters is `unk`. */
  readonly maxWordLength: number;
  readonly unk: number;
}

/**
 * The pieces of a text, some at a time: tokens that stand in it as it is, and what lies between them.
 *
 * @param normalised  finds tokens in normalised text
 */
export function* placedParts(
  text: string,
  asIs: Splitter,
  normalised: Splitter | undefined,
  placing: Placing,
): Generator<readonly PlacedPiece[]> {
  for (const { start, end, id } of asIs(text)) {
    const characters = normalCharacters(text, start, end, placing.normalise);
    if (id !== undefined) yield [whole(id, start, end, placing)];
    else if (normalised === undefined) yield* placePieces(characters, placing);
    else yield* placeBetween([...characters], normalised, placing);
  }
}

function whole(id: number, start: number, end: number, { textOf }: Placing): PlacedPiece {
  return { id, piece: textOf(id), start, end, isFirst: true };
}

/** Of normalised characters, among which tokens are looked for. */
function* placeBetween(
  characters: readonly PlacedCharacter[],
  split: Splitter,
  placing: Placing,
): Generator<readonly PlacedPiece[]> {
  // By UTF-16 unit, as parts are.
  const units = characters.flatMap((each) => Array.from(each.char.split(""), () => each));
  for (const { start, end, id } of split(characters.map(({ char }) => char).join(""))) {
    const part = units.slice(start, end).filter((each, i, all) => each !== all[i - 1]);
    const [first, last] = [part[0], part.at(-1)];
    if (id === undefined) yield* placePieces(part, placing);
    else if (first && last) yield [whole(id, first.start, last.end, placing)];
  }
}

/** The characters of `text.slice(start, end)` after normalising, one after the other. */
function* normalCharacters(
  text: string,
  start: number,
  end: number,
  normalise: Placing["normalise"],
): Generator<PlacedCharacter> {
  const known = new Map<string, readonly string[]>();
  for (let at = start; at < end; ) {
    const source = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const chars = known.get(source) ?? [...normalise(source)];
    known.set(source, chars);
    for (const char of chars) yield { char, start: at, end: at + source.length };
    at += source.length;
  }
}

/** The pieces of a stretch of normalised characters, word by word. */
function* placePieces(
  characters: Iterable<PlacedCharacter>,
  placing: Placing,
): Generator<readonly PlacedPiece[]> {
  let word: PlacedCharacter[] = [];
  for (const character of characters) {
    if (!isSeparator(character.char)) {
      word.push(character);
      continue;
    }
    if (word.length > 0) yield placeWord(word, placing);
    word = [];
    if (!/\s/.test(character.char)) yield placeWord([character], placing);
  }
  if (word.length > 0) yield placeWord(word, placing);
}

function placeWord(word: readonly PlacedCharacter[], placing: Placing): PlacedPiece[] {
  const { piecesOf, textOf, prefix, maxWordLength, unk } = placing;
  const ids = word.length > maxWordLength ? [unk] : piecesOf(word.map(({ char }) => char).join(""));
  const lengths = ids.map((id, i) => [...textOf(id).slice(i === 0 ? 0 : prefix.length)].length);
  const isSpelt = lengths.reduce((a, b) => a + b, 0) === word.length;
  let done = 0;
  return ids.map((id, i) => {
    const from = isSpelt ? done : 0;
    done = isSpelt ? done + requireItem(lengths, i, "pieces") : word.length;
    const { start } = requireItem(word, from, "characters");
    const { end } = requireItem(word, done - 1, "characters");
    return { id, piece: textOf(id), start, end, isFirst: i === 0 };
  });
}
