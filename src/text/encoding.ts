/**
 * Pieces of texts in their template, as a model reads them: cut to a length, or in windows of it.
 *
 * Not here: how a text becomes pieces (tokenizer.ts), what a template is (rules.ts).
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import type { PlacedPiece } from "./places.ts";
import type { TemplateItem, TokenizerRules } from "./rules.ts";

/** One text or pair in its template: BERT's are `[CLS] text [SEP]` and `[CLS] text [SEP] pair [SEP]`. */
export interface Encoding {
  readonly ids: Int32Array;
  /** BERT has 0 for the first text with its [CLS] and [SEP], 1 for the pair with its [SEP]. */
  readonly types: Int32Array;
  /** Pieces at the end that did not fit; 0 of a text that is whole. Of each text at most some thousands are counted. */
  readonly cut: number;
}

/** A text in words, in its template. */
export interface WordsEncoding extends Encoding {
  /** The place of each word's first piece among the ids; -1 of a word that has no piece, or was cut off. */
  readonly starts: Int32Array;
}

/** A text whose pieces are known by their places. */
export interface PlacedEncoding extends Encoding {
  /** Of each of the ids; null of what the template adds. */
  readonly places: readonly (PlacedPiece | null)[];
}

/** A text as windows that each fit, one or more. */
export interface WindowedEncoding {
  readonly windows: readonly Encoding[];
  /** Of the whole text, in its template. */
  readonly tokens: number;
}

/** Such windows whose pieces are known by their places: what two windows share is one piece of both. */
export interface PlacedWindows extends WindowedEncoding {
  readonly windows: readonly PlacedEncoding[];
}

/** Pieces that are counted behind those that are read: what is cut of a longer text is said to be so many. */
const COUNTED = 4096;

/** A text that is read as far as its pieces are wanted. */
export interface Reading {
  /** Those that were read. */
  readonly pieces: readonly number[];
  /** Reads on until there are so many, or a few more, or the text ends; returns whether it has not ended. */
  readTo(count: number): boolean;
}

export function startReading(runs: Iterator<readonly number[]>): Reading {
  const pieces: number[] = [];
  let more = true;
  return {
    pieces,
    readTo: (count) => {
      while (more && pieces.length < count) {
        const run = runs.next();
        if (run.done === true) more = false;
        else for (const id of run.value) pieces.push(id);
      }
      return more;
    },
  };
}

/** Puts one text or two, cut to what is left, into the places of their template. */
export function assemble(
  text: Reading,
  pair: Reading | undefined,
  maxLength: number,
  rules: TokenizerRules,
): Encoding {
  const template = pair === undefined ? rules.single : rules.pair;
  const fixed = template.filter((item) => "id" in item).length;
  const budget = maxLength - fixed;
  if (budget < 0) {
    const least = `${fixed} or more, for its special pieces alone`;
    throw new InputError("tokenizer/length", `maxLength: expected ${least}, got ${maxLength}`);
  }
  const most = budget + COUNTED;
  const isLong = text.readTo(most);
  // Of two that are both longer, the longer one keeps the odd piece of the budget.
  if (pair?.readTo(most) && isLong && budget % 2 === 1) readUntilOneEnds(text, pair);
  const [a, b] = [text.pieces, pair?.pieces ?? []];
  const [first, second] = longestFirst(a.length, b.length, budget);
  const length = first + second + fixed;
  if (length === 0) throw new InputError("tokenizer/empty", "text: expected a piece or more, got none");
  const texts = { A: { pieces: a, count: first }, B: { pieces: b, count: second } };
  const cut = Math.min(a.length, most) + Math.min(b.length, most) - first - second;
  return { ...fillTemplate(template, texts, length), cut };
}

/** How long windows are, and how many pieces two share. */
export interface Windowing {
  readonly maxLength: number;
  readonly stride: number;
  readonly rules: TokenizerRules;
}

/** Puts one text or two into their template, as often as the longer one needs. */
export function assembleWindows(
  a: readonly number[],
  b: readonly number[] | undefined,
  { maxLength, stride, rules }: Windowing,
): WindowedEncoding {
  const asRead = (pieces: readonly number[]): Reading => startReading([pieces].values());
  const encode = (first: readonly number[], second: readonly number[] | undefined): Encoding =>
    assemble(asRead(first), second && asRead(second), maxLength, rules);
  const whole = encode(a, b);
  const template = b === undefined ? rules.single : rules.pair;
  const tokens = template.filter((item) => "id" in item).length + a.length + (b?.length ?? 0);
  if (tokens <= maxLength) return { windows: [whole], tokens };
  const isSecond = b !== undefined && b.length > a.length;
  const [long, other] = isSecond ? [b, a] : [a, b ?? []];
  const room = maxLength - (tokens - long.length);
  if (room <= stride) {
    const beside = other.length === 0 ? "" : ` beside the ${other.length} of the other text`;
    const message = `stride: expected less than the ${room} tokens of a window${beside}, got ${stride}`;
    throw new InputError("tokenizer/stride", message);
  }
  const windows: Encoding[] = [];
  for (let start = 0; start === 0 || start + stride < long.length; start += room - stride) {
    const part = long.slice(start, start + room);
    windows.push(isSecond ? encode(a, part) : encode(part, b));
  }
  return { windows, tokens };
}

/** Puts the pieces of words into the place of a text, and says where each word begins. */
export function assembleWords(
  words: readonly (readonly number[])[],
  maxLength: number,
  rules: TokenizerRules,
): WordsEncoding {
  const encoding = assemble(startReading(words.values()), undefined, maxLength, rules);
  const before = rules.single.findIndex((item) => !("id" in item));
  const behind = rules.single.length - 1 - before;
  const end = encoding.ids.length - behind;
  let at = before;
  const starts = Int32Array.from(words, ({ length }) => {
    const start = length === 0 || at >= end ? -1 : at;
    at += length;
    return start;
  });
  return { ...encoding, starts };
}

/** One text with the places of its pieces. */
export function assemblePlaced(
  runs: Iterator<readonly PlacedPiece[]>,
  maxLength: number,
  rules: TokenizerRules,
): PlacedEncoding {
  const pieces: PlacedPiece[] = [];
  const ids = function* (): Generator<readonly number[]> {
    for (let run = runs.next(); run.done !== true; run = runs.next()) {
      for (const piece of run.value) pieces.push(piece);
      yield run.value.map(({ id }) => id);
    }
  };
  return withPlaces(assemble(startReading(ids()), undefined, maxLength, rules), pieces, rules);
}

/** The same in windows. @throws {InputError} as `assembleWindows` does */
export function assemblePlacedWindows(pieces: readonly PlacedPiece[], windowing: Windowing): PlacedWindows {
  const { maxLength, stride, rules } = windowing;
  const ids = pieces.map(({ id }) => id);
  const { windows, tokens } = assembleWindows(ids, undefined, windowing);
  const step = maxLength - (rules.single.length - 1) - stride;
  return {
    windows: windows.map((window, i) =>
      withPlaces(window, pieces.slice(i * step, i * step + maxLength), rules),
    ),
    tokens,
  };
}

/** Puts the first of these pieces beside the ids of a text. */
function withPlaces(
  encoding: Encoding,
  pieces: readonly PlacedPiece[],
  { single }: TokenizerRules,
): PlacedEncoding {
  const before = single.findIndex((item) => !("id" in item));
  const kept = encoding.ids.length - single.length + 1;
  const places = Array.from(encoding.ids, (_, i) =>
    i >= before && i < before + kept ? requireItem(pieces, i - before, "pieces") : null,
  );
  return { ...encoding, places };
}

/** Reads two texts side by side, so that afterwards more pieces are known of the longer one. */
function readUntilOneEnds(text: Reading, pair: Reading): void {
  for (let count = COUNTED; text.readTo(count) && pair.readTo(count); ) count += COUNTED;
  text.readTo(pair.pieces.length + 1);
  pair.readTo(text.pieces.length + 1);
}

/** A text's pieces, of which the first `count` are kept. */
interface CutText {
  readonly pieces: readonly number[];
  readonly count: number;
}

function fillTemplate(
  template: readonly TemplateItem[],
  texts: Readonly<Record<"A" | "B", CutText>>,
  length: number,
): Pick<Encoding, "ids" | "types"> {
  const [ids, types] = [new Int32Array(length), new Int32Array(length)];
  let at = 0;
  for (const item of template) {
    const start = at;
    if ("id" in item) ids[at++] = item.id;
    else {
      const { pieces, count } = texts[item.text];
      ids.set(count < pieces.length ? pieces.slice(0, count) : pieces, at);
      at += count;
    }
    if (item.type !== 0) types.fill(item.type, start, at);
  }
  return { ids, types };
}

/** How much of two texts is kept: the shorter whole if it takes less than half, else both halves of the budget. */
function longestFirst(first: number, second: number, budget: number): [number, number] {
  if (first + second <= budget) return [first, second];
  const short = Math.min(first, second);
  const half = Math.floor(budget / 2);
  const kept = Math.min(short, half);
  return first > second ? [budget - kept, kept] : [kept, budget - kept];
}
