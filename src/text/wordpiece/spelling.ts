/**
 * Spells a text word by word, as it is asked for: what is behind the last piece that is wanted is never looked at.
 *
 * Nothing in BERT's normaliser or splitting looks across a space, so words can be treated one by one, and remembered:
 * SST-2's 67,349 sentences (14,817 different words) take 0.35 s on one core, against 1.4 s sentence by sentence. A long
 * word without a space, which may be a page of Chinese or a megabyte of emoji, is cut further, where its characters allow
 * it: the library needs 4 µs for each character, and a time that is quadratic in the number of combining marks.
 *
 * Promise: the pieces are those of the library for the whole text. Not here: added tokens (tokenizer.ts).
 */

import { REMEMBERED_LENGTH, remembered } from "../remembered.ts";

/** What spelling needs of a tokenizer. */
export interface Spelling {
  /** Numbers of the pieces of a stretch of text, whatever is in it. */
  readonly encode: (text: string) => readonly number[];
  /** Character by character, but for the order of the marks that stay. */
  readonly normalise: (text: string) => string;
  /** A word of more characters is `unk`. */
  readonly maxWordLength: number;
  readonly unk: number;
}

/** A tokenizer's words. */
export interface Speller {
  /** The pieces of a text, some at a time. */
  spell(text: string): Iterable<readonly number[]>;
  /** As the tokenizer's own, in a time that is linear in the length of the text. */
  normalise(text: string): string;
}

/** What the library splits at, and keeps apart. */
const SEPARATOR = /[\s\p{P}!-/:-@[-`{-~]/u;
/** Marks that are not stripped: others may be put in another order beside them. */
const STAYING_MARK = /[\p{Mc}\p{Me}]/u;
/** A mark that others are never put in another order across, COMBINING GRAPHEME JOINER, and one that nearly all go before. */
const [BARRIER, LAST_MARK] = ["\u034f", "\u0345"];

/**
 * What becomes of a character: nothing is known yet, words end there, it is dropped, it is dropped but marks keep their
 * order around it, or it is one character of a word; from there on one more for each further character.
 */
const FATE = { unknown: 0, separates: 1, dropped: 2, barrier: 3, inner: 4 } as const;

/** Remembers words and characters for as long as it is kept. */
export function createSpeller(spelling: Spelling): Speller {
  const lookUp = remembered(spelling.encode);
  const fates = new Uint8Array(0x11_0000);
  const fateOf = (code: number): number => {
    const known = fates[code] ?? FATE.unknown;
    if (known !== FATE.unknown) return known;
    const found = fateOfCharacter(String.fromCodePoint(code), spelling.normalise);
    fates[code] = found;
    return found;
  };
  return {
    *spell(text) {
      for (const word of wordsOf(text)) {
        if (word.length <= REMEMBERED_LENGTH) yield lookUp(word);
        else yield* spellLong(word, { ...spelling, encode: lookUp, fateOf });
      }
    },
    normalise: (text) => normaliseText(text, spelling.normalise, fateOf),
  };
}

/** The runs between ASCII's white space. By hand: a regular expression may run out of stack in a word of megabytes. */
function* wordsOf(text: string): Generator<string> {
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const unit = at < text.length ? text.charCodeAt(at) : 32;
    if (unit !== 32 && unit !== 9 && unit !== 10 && unit !== 13) continue;
    if (at > start) yield text.slice(start, at);
    start = at + 1;
  }
}

/** Whether the library splits at a character of the normalised text, and keeps it apart where it is no white space. */
export function isSeparator(char: string): boolean {
  return SEPARATOR.test(char);
}

/** By the number of a character; its neighbours change nothing about it but the order of marks. */
type FateOf = (code: number) => number;

function fateOfCharacter(char: string, normalise: Spelling["normalise"]): number {
  const normal = normalise(char);
  if (isSeparator(normal)) return FATE.separates;
  if (normal !== "") return FATE.inner + [...normal].length - 1;
  const isBarrier =
    /\p{Mn}/u.test(char) && char !== LAST_MARK && (LAST_MARK + char).normalize("NFD").startsWith(LAST_MARK);
  return isBarrier ? FATE.barrier : FATE.dropped;
}

/** Cuts at separators. What is too long for a word is unknown, and is not read for more than its length. */
function* spellLong(
  text: string,
  { encode, fateOf, maxWordLength, unk }: Spelling & { readonly fateOf: FateOf },
): Generator<readonly number[]> {
  let [start, length] = [0, 0];
  const word = (end: number): readonly number[] => {
    if (length > maxWordLength) return [unk];
    const run = text.slice(start, end);
    return encode(run.length > REMEMBERED_LENGTH ? withoutDropped(run, fateOf) : run);
  };
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) ?? 0;
    const next = at + (code > 0xffff ? 2 : 1);
    const fate = fateOf(code);
    if (fate >= FATE.inner) length += fate - FATE.inner + 1;
    else if (fate === FATE.separates) {
      if (length > 0) yield word(at);
      const own = encode(text.slice(at, next));
      if (own.length > 0) yield own;
      [start, length] = [next, 0];
    }
    at = next;
  }
  if (length > 0) yield word(text.length);
}

/** A text that normalises to the same, however many characters of it are dropped. */
function withoutDropped(text: string, fateOf: FateOf): string {
  const kept: string[] = [];
  for (const char of text) {
    const fate = fateOf(char.codePointAt(0) ?? 0);
    if (fate === FATE.barrier && kept.at(-1) !== BARRIER) kept.push(BARRIER);
    else if (fate !== FATE.dropped && fate !== FATE.barrier) kept.push(char);
  }
  return kept.join("");
}

function normaliseText(text: string, normalise: Spelling["normalise"], fateOf: FateOf): string {
  if (text.length <= REMEMBERED_LENGTH) return normalise(text);
  const known = new Map<string, string>();
  const character = (char: string): string => {
    const normal = known.get(char) ?? normalise(char);
    known.set(char, normal);
    return normal;
  };
  const parts = text.split(/(?<=[ \t\r\n])/);
  return parts
    .map((part) =>
      STAYING_MARK.test(part)
        ? normalise(withoutDropped(part, fateOf))
        : Array.from(part, character).join(""),
    )
    .join("");
}
