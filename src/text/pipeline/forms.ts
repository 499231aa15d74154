/**
 * Unicode's normal forms as a list of changes, which places are kept by (stretch.ts).
 *
 *   From   Unicode Standard Annex #15; the counts are those of the crate `unicode_normalization_alignments`, which Hugging
 *          Face's Rust `tokenizers` normalise with: a decomposed character counts as one in place and the rest put in, a
 *          composed one takes the place of all that it is made of
 *
 * JavaScript tells a text's normal form and no character's combining class, so classes are compared by how two marks are
 * put in order beside one another. Not here: the text alone, for which `String.normalize` is enough.
 */

import { NEWER_FORMS, NEWER_MARKS } from "./newer.ts";
import type { Form } from "./pipeline.ts";
import type { Change } from "./stretch.ts";

/** Marks of the lowest and of the highest combining class. */
const [LOWEST, HIGHEST] = ["\u0334", "\u0345"];

type Counted = [char: string, change: number];

/** What has no form of its own, and is no mark that others are put in order with. */
const NEWER = new RegExp(`([${NEWER_FORMS}${NEWER_MARKS}]+)`, "u");

/** More marks on one character than any language has: `normalize` takes the square of their number. */
const MANY_MARKS = /\p{M}{64}/u;

/** The form of a text. */
export function formOf(text: string, form: Form): string {
  if (MANY_MARKS.test(text)) return formChanges(text, form).reduce((all, [char]) => all + char, "");
  if (!NEWER.test(text)) return text.normalize(form);
  return text
    .split(NEWER)
    .map((part, i) => (i % 2 === 0 ? part.normalize(form) : part))
    .join("");
}

/** The characters of the form of a text, in order. */
export function formChanges(text: string, form: Form): Change[] {
  const decomposed = decompose(text, form === "NFC" || form === "NFD" ? "NFD" : "NFKD");
  return form === "NFC" || form === "NFKC" ? compose(decomposed) : decomposed;
}

function decompose(text: string, form: "NFD" | "NFKD"): Counted[] {
  const known = new Map<string, string[]>();
  const out: Counted[] = [];
  let marks: Counted[] = [];
  const flush = (): void => {
    for (const mark of marks.sort(([a], [b]) => order(a, b))) out.push(mark);
    marks = [];
  };
  for (const char of text) {
    const parts = known.get(char) ?? [...formOf(char, form)];
    known.set(char, parts);
    parts.forEach((part, i) => {
      const counted: Counted = [part, i === 0 ? 0 : 1];
      if (isMark(part)) marks.push(counted);
      else {
        flush();
        out.push(counted);
      }
    });
  }
  flush();
  return out;
}

/** Whether a character has a combining class above 0. */
function isMark(char: string): boolean {
  if (char < "\u0300" || NEWER.test(char)) return false;
  return char === LOWEST || char === HIGHEST || order(char, LOWEST) > 0 || order(HIGHEST, char) > 0;
}

/** Above 0 where the second mark's class is lower, so that it goes before the first; below 0 the other way round. */
function order(first: string, second: string): number {
  if (first === second) return 0;
  if ((first + second).normalize("NFD") === second + first) return 1;
  return (second + first).normalize("NFD") === first + second ? -1 : 0;
}

/** Each character with those behind it, as far as no mark of the same class or a higher one stands between. */
function compose(decomposed: readonly Counted[]): Counted[] {
  const out: Counted[] = [];
  let starter: Counted | undefined;
  let last: string | undefined;
  for (const [char, count] of decomposed) {
    const isBase = !isMark(char);
    const isBlocked = last !== undefined && (isBase || order(last, char) >= 0);
    const joined = starter === undefined || isBlocked ? "" : (starter[0] + char).normalize("NFC");
    if (starter !== undefined && joined !== "" && [...joined].length === 1) {
      starter[0] = joined;
      starter[1] += count - 1;
      continue;
    }
    const counted: Counted = [char, count];
    out.push(counted);
    if (isBase) {
      starter = counted;
      last = undefined;
    } else last = char;
  }
  return out;
}
