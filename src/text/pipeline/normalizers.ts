/**
 * Normalizers: each makes another text of a stretch, and keeps its places as Hugging Face's Rust `tokenizers` does.
 *
 * Not here: forms of Unicode (forms.ts), SentencePiece's table (charsmap.ts).
 */

import { createCharsmap } from "./charsmap.ts";
import { formChanges, formOf } from "./forms.ts";
import { NEWER_MARKS } from "./newer.ts";
import { PATTERNS } from "./patterns.ts";
import type { Form, Normalizer, Pipeline, Sought } from "./pipeline.ts";
import { type Change, change, rewrite, type Stretch, sliceOf } from "./stretch.ts";

/** Makes another text of one. */
export type Normalise = (stretch: Stretch) => Stretch;

/** All steps, one after the other. */
export function createNormaliser({
  normalizers,
  charsmap,
}: Pick<Pipeline, "normalizers" | "charsmap">): Normalise {
  const steps = normalizers.map((normalizer) => createStep(normalizer, charsmap));
  return (stretch) => steps.reduce((given, step) => step(given), stretch);
}

function createStep(normalizer: Normalizer, charsmap: Uint8Array | null): Normalise {
  switch (normalizer.type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const { type } = normalizer;
      return (stretch) => toForm(stretch, type);
    }
    case "Lowercase":
      return lowercase;
    case "StripAccents":
      return (stretch) => replaceAll(stretch, MARKS, "");
    case "Strip":
      return (stretch) => strip(stretch, normalizer.strip_left, normalizer.strip_right);
    case "Prepend":
      return (stretch) => prepend(stretch, normalizer.prepend);
    case "Replace":
      return (stretch) => replaceAll(stretch, normalizer.pattern, normalizer.content);
    case "Precompiled":
      return charsmap === null ? (stretch) => stretch : createCharsmap(charsmap);
  }
}

const MARKS = new RegExp(`(?![${NEWER_MARKS}])\\p{M}`, "gu");

function toForm(stretch: Stretch, form: Form): Stretch {
  const text = formOf(stretch.text, form);
  if (text === stretch.text) return stretch;
  return stretch.origins === undefined
    ? { ...stretch, text }
    : change(stretch, formChanges(stretch.text, form));
}

/** Character by character, so that a sigma at a word's end is like others. */
function lowercase(stretch: Stretch): Stretch {
  const text = stretch.text.replaceAll("Σ", "σ").toLowerCase();
  if (text === stretch.text) return stretch;
  if (stretch.origins === undefined) return { ...stretch, text };
  const changes = Array.from(stretch.text, (char) =>
    Array.from(char.toLowerCase(), (lower, i): Change => [lower, i === 0 ? 0 : 1]),
  );
  return change(stretch, changes.flat());
}

/** Where a text has what is looked for. */
export function matchesOf(
  text: string,
  sought: Sought | RegExp,
): Iterable<readonly [start: number, end: number]> {
  if (sought instanceof RegExp) return matches(text, sought);
  return "Regex" in sought ? matches(text, PATTERNS[sought.Regex]) : occurrences(text, sought.String);
}

function* matches(text: string, pattern: RegExp): Generator<[number, number]> {
  for (const { 0: found, index } of text.matchAll(pattern)) yield [index, index + found.length];
}

function* occurrences(text: string, sought: string): Generator<[number, number]> {
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) {
    yield [at, at + sought.length];
  }
}

/** What is put in comes from where the last character of a match does. */
export function replaceAll(stretch: Stretch, sought: Sought | RegExp, content: string): Stretch {
  const out = rewrite(stretch);
  let done = 0;
  for (const [start, end] of matchesOf(stretch.text, sought)) {
    out.keep(done, start);
    out.put(content, end - 1);
    done = end;
  }
  if (done === 0) return stretch;
  out.keep(done, stretch.text.length);
  return out.done();
}

/** Nothing is put before nothing; what is put in comes from where the first character does. */
export function prepend(stretch: Stretch, text: string): Stretch {
  if (stretch.text === "") return stretch;
  const out = rewrite(stretch);
  out.put(text, 0);
  out.keep(0, stretch.text.length);
  return out.done();
}

function strip(stretch: Stretch, left: boolean, right: boolean): Stretch {
  const { text } = stretch;
  const isSpace = (at: number): boolean => /^\p{White_Space}$/u.test(text.charAt(at));
  let [start, end] = [0, text.length];
  while (left && start < end && isSpace(start)) start++;
  while (right && end > start && isSpace(end - 1)) end--;
  return { ...sliceOf(stretch, start, end), isFirst: stretch.isFirst };
}
