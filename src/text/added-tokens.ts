/**
 * Cuts added tokens out of a text, as `AddedVocabulary` of Hugging Face's Rust `tokenizers` does (0.22 and 0.23 alike).
 *
 * From left to right, at each place the longest token that stands there; what a token that must be a word of its own
 * is refused at is not looked at again. White space is Unicode's, and a word's characters are those of Rust's `\w`.
 * Not here: what is normalised before (tokenizer.ts).
 */

import type { TokenFlags } from "./rules.ts";

/** An added token and the text it is found by. */
export interface Pattern extends TokenFlags {
  readonly id: number;
  /** Not empty. */
  readonly text: string;
}

/** A stretch of a text: a token where it has a number. */
export interface Part {
  readonly start: number;
  readonly end: number;
  readonly id?: number;
}

/** Cuts a text into its parts. */
export type Splitter = (text: string) => Iterable<Part>;

const WORD_CHARACTER = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const BEGINS_WITH_WORD = new RegExp(`^${WORD_CHARACTER}`, "u");
const ENDS_WITH_WORD = new RegExp(`${WORD_CHARACTER}$`, "u");
const WHITE_SPACE = /^\p{White_Space}$/u;

/** The parts of a text in its order, found as they are asked for; none of them is empty. */
export function createSplitter(patterns: readonly Pattern[]): Splitter {
  if (patterns.length === 0) return (text) => (text === "" ? [] : [{ start: 0, end: text.length }]);
  const byFirst = groupByFirst(patterns);
  // Most places of a text begin no token: a table of all UTF-16 units tells so faster than the map.
  const begins = Uint8Array.from({ length: 2 ** 16 }, (_, unit) => Number(byFirst.has(unit)));
  const longestAt = (text: string, at: number): Pattern | undefined =>
    byFirst.get(text.charCodeAt(at))?.find((pattern) => text.startsWith(pattern.text, at));
  return function* (text) {
    let [done, at] = [0, 0];
    while (at < text.length) {
      if (begins[text.charCodeAt(at)] === 0) {
        at++;
        continue;
      }
      const found = longestAt(text, at);
      if (found === undefined) {
        at++;
        continue;
      }
      const start = at;
      at += found.text.length;
      if (found.singleWord && touchesWord(text, start, at)) continue;
      const from = found.lstrip ? spaceBefore(text, start, done) : start;
      const to = found.rstrip ? spaceAfter(text, at) : at;
      if (done < from) yield { start: done, end: from };
      yield { start: from, end: to, id: found.id };
      done = to;
    }
    if (done < text.length) yield { start: done, end: text.length };
  };
}

/** Patterns by their first UTF-16 unit, the longest first. */
function groupByFirst(patterns: readonly Pattern[]): Map<number, Pattern[]> {
  const groups = new Map<number, Pattern[]>();
  for (const pattern of patterns) {
    const first = pattern.text.charCodeAt(0);
    const group = groups.get(first);
    if (group === undefined) groups.set(first, [pattern]);
    else group.push(pattern);
  }
  for (const group of groups.values()) group.sort((a, b) => b.text.length - a.text.length);
  return groups;
}

function touchesWord(text: string, start: number, end: number): boolean {
  // Two UTF-16 units hold any character.
  return (
    ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) ||
    BEGINS_WITH_WORD.test(text.slice(end, end + 2))
  );
}

/** Where the white space before `end` begins, `from` at the earliest. All of it is in the first 2^16 characters, of one unit each. */
function spaceBefore(text: string, end: number, from: number): number {
  let start = end;
  while (start > from && WHITE_SPACE.test(text.charAt(start - 1))) start--;
  return start;
}

/** Where the white space from `start` on ends. */
function spaceAfter(text: string, start: number): number {
  let end = start;
  while (end < text.length && WHITE_SPACE.test(text.charAt(end))) end++;
  return end;
}
