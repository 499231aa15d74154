/**
 * The words of a text that may be replaced by others: where they stand, and which of the text's pieces are theirs.
 *
 * A word is a run of characters between what BERT's tokenizer splits at in any case: white space and punctuation.
 * Every such border is also a border between pieces, so the pieces of a text are those of its runs, end to end.
 * Only words of the letters a to z count, and no stop words. Not here: the pieces themselves (tokenizer.ts).
 */

import type { WordPieceFiles } from "./tokenizer.ts";

/** A word in its text: `text.slice(start, end)`. */
export interface Word {
  readonly start: number;
  readonly end: number;
  /** As the tokenizer sees it: in lower case and without accents where it does so. */
  readonly text: string;
}

/** A text's pieces, and for each of its words which of them are its own. */
export interface PlacedWords {
  readonly pieces: readonly number[];
  readonly places: readonly { readonly first: number; readonly count: number }[];
}

/** White space and punctuation, of ASCII also the symbols, as BERT's basic tokenizer has it. */
const RUN = /[^\t\n\r\p{Zs}\p{P}!-/:-@[-`{-~]+/gu;

/** English words without content of their own, by class; and what splitting at an apostrophe leaves of some. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  [
    "a an the this that these those such same other own each any some all both few more most no only",
    "i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers",
    "herself it its itself they them their theirs themselves who whom whose which what",
    "be am is are was were been being have has had having do does did doing can could will would shall should may",
    "might must ought",
    "about above after against among at before below between by down during for from in into of off on onto out over",
    "through to toward towards under until up upon with within without",
    "and but or nor if because as while than so too very not now then once again further here there when where why how",
    "s t d m o y re ve ll don ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn wasn",
    "weren won wouldn",
  ].flatMap((line) => line.split(" ")),
);

/** Whether a word carries no content of its own, whatever its case. */
export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word.toLowerCase());
}

/** The words of a text that may be replaced, in its order. */
export function replaceableWords(
  text: string,
  rules: Pick<WordPieceFiles, "lowercase" | "stripAccents">,
): Word[] {
  return [...text.matchAll(RUN)].flatMap(({ 0: run, index: start }) => {
    const word = plain(run, rules);
    const isReplaceable = /^[a-z]+$/i.test(word) && !isStopWord(word);
    return isReplaceable ? [{ start, end: start + run.length, text: word }] : [];
  });
}

function plain(run: string, rules: Pick<WordPieceFiles, "lowercase" | "stripAccents">): string {
  const cased = rules.lowercase ? run.toLowerCase() : run;
  return (rules.stripAccents ?? rules.lowercase) ? cased.normalize("NFD").replace(/\p{Mn}/gu, "") : cased;
}

/** Finds the pieces of `words`, which are of `text` and in its order. */
export function placeWords(
  text: string,
  words: readonly Word[],
  piecesOf: (text: string) => readonly number[],
): PlacedWords {
  const pieces: number[] = [];
  const append = (start: number, end: number): { first: number; count: number } => {
    const first = pieces.length;
    pieces.push(...piecesOf(text.slice(start, end)));
    return { first, count: pieces.length - first };
  };
  let done = 0;
  const places = words.map(({ start, end }) => {
    append(done, start);
    done = end;
    return append(start, end);
  });
  append(done, text.length);
  return { pieces, places };
}

/** The text with some of its words replaced; `replacements` are in the order of `words`, undefined keeps a word. */
export function replaceWords(
  text: string,
  words: readonly Pick<Word, "start" | "end">[],
  replacements: readonly (string | undefined)[],
): string {
  let [out, done] = ["", 0];
  words.forEach(({ start, end }, i) => {
    out += text.slice(done, start) + (replacements[i] ?? text.slice(start, end));
    done = end;
  });
  return out + text.slice(done);
}
