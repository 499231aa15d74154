/**
 * Labels of words out of spans of a text, by IOB2: `{"start": 0, "end": 4, "label": "PER"}`, ends exclusive.
 *
 * Words are what BERT's tokenizer splits at in any case: runs between white space, and each punctuation mark. A span that
 * begins or ends inside one, covers none, overlaps another, or says where the text is not, is an error with its place.
 *
 * Places count characters. JavaScript's are UTF-16 units, of which one beyond U+FFFF has two; Python's are code points, and
 * so are those of spaCy, doccano and `datasets`. Where that makes a difference, what a span says that stands there decides;
 * else that one way which puts all spans of the text on whole words. Both ways would be a guess, and are an error.
 */

import { InputError } from "../../base/errors.ts";
import { requireItem } from "../../base/present.ts";
import { isObject } from "../../formats/json.ts";
import { show } from "../cells.ts";
import type { WordText } from "./word-text.ts";

/** A labelled stretch of a text: UTF-16 units `start` to `end`. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly label: string;
  /** Both ends as the file has them. */
  readonly given: string;
  /** What stands there, where the file says it. */
  readonly own?: string;
}

/** A text with spans, and the column that they are in. */
interface Spanned {
  readonly text: string;
  readonly column: string;
  readonly where: string;
}

/**
 * A text's words with their labels.
 * @param value  a list of spans, or one
 * @throws {InputError} `words/span`; `words/unit` where spans fit in UTF-16 units and in code points
 */
export function wordsOfSpans(value: unknown, spanned: Spanned): WordText {
  const { text } = spanned;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const units = list.map((item) => spanOf(item, spanned)).sort((a, b) => a.start - b.start);
  const points = fromCodePoints(units, text);
  const readings = points === undefined ? [units] : [units, points];
  const said = readings.filter((spans) => spans.every((span) => isAsSaid(span, text)));
  const tried = (said.length > 0 ? said : readings).map((spans) => labelWords(spans, spanned));
  const [first, second] = tried.filter(isText);
  if (first === undefined) throw requireItem(tried, 0, "readings");
  if (points === undefined || second === undefined || isSame(first, second)) return first;
  throw unclearUnit(units, points, spanned);
}

/** @throws {InputError} `words/span` */
function spanOf(item: unknown, { text, column, where }: Spanned): Span {
  if (isObject(item)) {
    const { start, end } = item;
    const label = item.label ?? item.type ?? item.entity_group ?? item.entity;
    const own = item.text ?? item.word;
    const isThere = Number.isInteger(start) && Number.isInteger(end) && Number(start) >= 0;
    if (isThere && Number(start) < Number(end) && Number(end) <= text.length && typeof label === "string") {
      const span = { start: Number(start), end: Number(end), label, given: `${start} to ${end}` };
      return typeof own === "string" ? { ...span, own } : span;
    }
  }
  const expected = `start, end and label of a stretch within ${text.length} characters`;
  throw new InputError("words/span", `${where}: expected ${expected} in column ${column}, got ${show(item)}`);
}

/** Spans that are counted in code points, in UTF-16 units; undefined where that is the same, or beyond the text. */
function fromCodePoints(spans: readonly Span[], text: string): readonly Span[] | undefined {
  if (!/[\u{10000}-\u{10FFFF}]/u.test(text)) return undefined;
  const starts = [0];
  let at = 0;
  for (const character of text) {
    at += character.length;
    starts.push(at);
  }
  const moved = spans.map((span) => ({
    ...span,
    start: starts[span.start] ?? -1,
    end: starts[span.end] ?? -1,
  }));
  const isThere = moved.every(({ end }) => end >= 0);
  const isOther = moved.some(({ end }, i) => end !== spans[i]?.end);
  return isThere && isOther ? moved : undefined;
}

/** Whether a span says nothing of what stands there, or just that. */
function isAsSaid({ start, end, own }: Span, text: string): boolean {
  return own === undefined || plain(own) === plain(text.slice(start, end));
}

/** As a tokenizer may spell it again: without case, accents and white space. */
function plain(text: string): string {
  return text
    .normalize("NFD")
    .replaceAll(/[\p{M}\s]/gu, "")
    .toLowerCase();
}

function isText(each: WordText | InputError): each is WordText {
  return !(each instanceof InputError);
}

function isSame({ labels }: WordText, other: WordText): boolean {
  return labels.every((label, i) => label === other.labels[i]);
}

function unclearUnit(
  units: readonly Span[],
  points: readonly Span[],
  { text, column, where }: Spanned,
): InputError {
  const at = units.findIndex(({ end }, i) => end !== points[i]?.end);
  const [unit, point] = [requireItem(units, at, "spans"), requireItem(points, at, "spans")];
  const [one, other] = [unit, point].map(({ start, end }) => show(text.slice(start, end)));
  const got = `${unit.label} ${unit.given}, which is ${one} in UTF-16 units and ${other} in code points`;
  const expected = `spans in ${column} on whole words in one unit alone`;
  return new InputError(
    "words/unit",
    `${where}: expected ${expected}, got ${got}; give each span its "text"`,
  );
}

/** A word: a run of other characters than white space and punctuation, or one mark of the latter, of ASCII the symbols too. */
const WORD = /[^\s\p{P}!-/:-@[-`{-~]+|[\p{P}!-/:-@[-`{-~]/gu;

/** The words, or a `words/span` that says which spans do not fit. */
function labelWords(spans: readonly Span[], { text, column, where }: Spanned): WordText | InputError {
  const misfit = (expected: string, got: string): InputError =>
    new InputError("words/span", `${where}: expected ${expected} in ${column}, got ${got}`);
  const quoted = ({ start, end, label, given }: Span): string =>
    `${label} ${show(text.slice(start, end))} (${given})`;
  const crossed = spans.findIndex(({ end }, i) => (spans[i + 1]?.start ?? end) < end);
  if (crossed >= 0) {
    const both = spans
      .slice(crossed, crossed + 2)
      .map(quoted)
      .join(" and ");
    return misfit("spans beside one another", `${both}, which overlap`);
  }
  const words: string[] = [];
  const labels: string[] = [];
  const covering = new Set<Span>();
  let at = 0;
  for (const { 0: word, index: start } of text.matchAll(WORD)) {
    const end = start + word.length;
    while ((spans[at]?.end ?? Number.POSITIVE_INFINITY) <= start) at++;
    const span = spans[at];
    words.push(word);
    if (span === undefined || span.start >= end) {
      labels.push("O");
      continue;
    }
    if (span.start > start || span.end < end) {
      return misfit("a span that begins and ends where words do", `${quoted(span)}, inside ${show(word)}`);
    }
    labels.push(`${covering.has(span) ? "I" : "B"}-${span.label}`);
    covering.add(span);
  }
  const empty = spans.find((span) => !covering.has(span));
  return empty === undefined ? { words, labels, where } : misfit("a span that covers a word", quoted(empty));
}
