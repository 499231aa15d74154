/**
 * Pre-tokenizers: cut a normalised text into the words that are spelt one by one.
 *
 * Not here: what a pattern finds (patterns.ts), pieces of a word (models.ts).
 */

import { asUnknown, NEWER_PUNCTUATION } from "./newer.ts";
import { matchesOf, prepend, replaceAll } from "./normalizers.ts";
import { GPT2 } from "./patterns.ts";
import type { Behavior, PreTokenizer, Sought } from "./pipeline.ts";
import { rewrite, type Stretch, sliceOf, widthAt } from "./stretch.ts";

/** Cuts a stretch into stretches, one by one as they are asked for: of a long text the first may be all that is wanted. */
export type Cut = (stretch: Stretch) => Iterable<Stretch>;

/** All steps, each on what the one before it left; nothing that is empty is left. */
export function createCutter(preTokenizers: readonly PreTokenizer[]): Cut {
  const steps = preTokenizers.map(createStep);
  return (stretch) => steps.reduce<Iterable<Stretch>>(cutEach, [stretch]);
}

function* cutEach(given: Iterable<Stretch>, step: Cut): Generator<Stretch> {
  for (const stretch of given) for (const part of step(stretch)) if (part.text !== "") yield part;
}

/** Words of letters, marks, digits and underscores, as Rust's `\w` has them. */
const WORD_CHARACTER = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
const WORDS = new RegExp(`[${WORD_CHARACTER}]+|[^${WORD_CHARACTER}\\p{White_Space}]+`, "gu");
const SPACE = /\p{White_Space}/gu;
const PUNCTUATION = new RegExp(`(?![${NEWER_PUNCTUATION}])[!-/:-@[-\`{-~\\p{P}]`, "gu");
const DIGIT = /\p{N}/gu;

function createStep(step: PreTokenizer): Cut {
  switch (step.type) {
    case "Whitespace":
      return (stretch) => split(stretch, WORDS, "Removed", true, asUnknown(stretch.text));
    case "WhitespaceSplit":
      return (stretch) => split(stretch, SPACE, "Removed");
    case "BertPreTokenizer":
      return (stretch) =>
        cutEach(split(stretch, SPACE, "Removed"), (word) => split(word, PUNCTUATION, "Isolated"));
    case "Punctuation":
      return (stretch) => split(stretch, PUNCTUATION, step.behavior);
    case "Digits":
      return (stretch) => split(stretch, DIGIT, step.individual_digits ? "Isolated" : "Contiguous");
    case "Split":
      return (stretch) => split(stretch, step.pattern, step.behavior, step.invert, asUnknown(stretch.text));
    case "Metaspace":
      return (stretch) => markSpaces(stretch, step);
    case "ByteLevel":
      return (stretch) => {
        const isBare = step.add_prefix_space && !stretch.text.startsWith(" ");
        const given = isBare ? prepend(stretch, " ") : stretch;
        const words = step.use_regex ? split(given, GPT2, "Isolated", false, asUnknown(given.text)) : [given];
        return cutEach(words, (word) => [toBytes(word)]);
      };
  }
}

/** Spaces become marks, each at the beginning of a word. */
function markSpaces(
  stretch: Stretch,
  step: PreTokenizer & { readonly type: "Metaspace" },
): Iterable<Stretch> {
  const { replacement, prepend_scheme: scheme } = step;
  const marked = replaceAll(stretch, { String: " " }, replacement);
  const isWanted = scheme === "always" || (scheme === "first" && stretch.isFirst);
  const given = isWanted && !marked.text.startsWith(replacement) ? prepend(marked, replacement) : marked;
  return step.split ? split(given, { String: replacement }, "MergedWithNext") : [given];
}

type Span = readonly [start: number, end: number, isMatch: boolean];

/**
 * @param isInverted  what is between the matches is the match
 * @param seen        the text that is searched, of equal length
 */
function* split(
  stretch: Stretch,
  sought: Sought | RegExp,
  behavior: Behavior,
  isInverted = false,
  seen = stretch.text,
): Generator<Stretch> {
  const spans = arrange(spansOf(seen, sought, isInverted), behavior);
  for (const [start, end] of spans) yield sliceOf(stretch, start, end);
}

function* spansOf(seen: string, sought: Sought | RegExp, isInverted: boolean): Generator<Span> {
  let done = 0;
  for (const [start, end] of matchesOf(seen, sought)) {
    if (start > done) yield [done, start, isInverted];
    yield [start, end, !isInverted];
    done = end;
  }
  if (done < seen.length) yield [done, seen.length, isInverted];
}

function arrange(spans: Iterable<Span>, behavior: Behavior): Iterable<Span> {
  switch (behavior) {
    case "Isolated":
      return spans;
    case "Removed":
      return withoutMatches(spans);
    case "Contiguous":
      return join(spans, (span, before) => span[2] === before[2]);
    case "MergedWithPrevious":
      return join(spans, (span, before) => span[2] && !before[2]);
    case "MergedWithNext":
      return join(spans, (span, before) => before[2] && !span[2]);
  }
}

function* withoutMatches(spans: Iterable<Span>): Generator<Span> {
  for (const span of spans) if (!span[2]) yield span;
}

/** Joins a span to the one before it where `belongs` says so. */
function* join(spans: Iterable<Span>, belongs: (span: Span, before: Span) => boolean): Generator<Span> {
  let before: Span | undefined;
  let joined: Span | undefined;
  for (const span of spans) {
    if (before !== undefined && joined !== undefined && belongs(span, before))
      joined = [joined[0], span[1], span[2]];
    else {
      if (joined !== undefined) yield joined;
      joined = span;
    }
    before = span;
  }
  if (joined !== undefined) yield joined;
}

/** A visible character for each byte, as GPT-2 has it: those that are visible stand for themselves. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  let hidden = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte !== 173);
    return String.fromCharCode(isVisible ? byte : 256 + hidden++);
  });
}

const ENCODER = new TextEncoder();

/** The bytes of a stretch, each as its character. */
function toBytes(stretch: Stretch): Stretch {
  const { text, origins } = stretch;
  const spell = (part: string): string => {
    let out = "";
    for (const byte of ENCODER.encode(part)) out += BYTE_CHARACTERS[byte] ?? "";
    return out;
  };
  if (origins === undefined) return { ...stretch, text: spell(text) };
  const out = rewrite(stretch);
  for (let at = 0; at < text.length; ) {
    const next = at + widthAt(text, at);
    out.put(spell(text.slice(at, next)), at);
    at = next;
  }
  return out.done();
}
