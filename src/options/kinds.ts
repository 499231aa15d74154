/** The kinds of value an option can have: each recognises its values and reads them from typed text. */

import { BLOCK_SHAPES, type BlockName, blockNamed } from "../base/blocks.ts";
import { isPlain } from "../base/shown.ts";
import type { Kind } from "./schema.ts";

/** An integer in [min, max]. */
export function integer(min: number, max: number): Kind<number> {
  return {
    expected: `an integer from ${min} to ${max}`,
    placeholder: "n",
    form: "value",
    accepts: (value): value is number =>
      isNumber(value) && Number.isInteger(value) && value >= min && value <= max,
    parse: (texts) => readNumber(last(texts)),
  };
}

/** A number in [min, max]; the ends are left out on request. */
export function number(
  min: number,
  max: number,
  { above = false, below = false }: { readonly above?: boolean; readonly below?: boolean } = {},
): Kind<number> {
  const low = above ? `above ${min}` : `from ${min}`;
  return {
    expected: `a number ${low} ${below ? `and below ${max}` : `to ${max}`}`,
    placeholder: "x",
    form: "value",
    accepts: (value): value is number =>
      isNumber(value) && (above ? value > min : value >= min) && (below ? value < max : value <= max),
    parse: (texts) => readNumber(last(texts)),
  };
}

/** Any text but the empty one, and none that no path can have. `placeholder` says what it is: path, name, column. */
export function text(placeholder: string, expected = "a text that is not empty"): Kind<string> {
  return {
    expected,
    placeholder,
    form: "value",
    accepts: isName,
    parse: last,
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    expected: words.length === 1 ? `"${words[0]}"` : `one of ${words.join(", ")}`,
    placeholder: words.join("|"),
    form: "value",
    accepts: (value): value is T => words.some((word) => word === value),
    parse: last,
  };
}

/** One of a few whole numbers, as it is or as it is typed. */
export function oneNumber<const N extends number>(...numbers: readonly N[]): Kind<N | `${N}`> {
  return {
    expected: `one of ${numbers.join(", ")}`,
    placeholder: numbers.join("|"),
    form: "value",
    accepts: (value): value is N | `${N}` => numbers.some((one) => value === one || value === String(one)),
    parse: last,
  };
}

/** A shape of blocks, in any of its spellings. */
export function blockShape(): Kind<BlockName> {
  return {
    expected: `one of ${BLOCK_SHAPES.join(", ")}`,
    placeholder: BLOCK_SHAPES.join("|"),
    form: "value",
    accepts: (value): value is BlockName => typeof value === "string" && blockNamed(value) !== undefined,
    parse: last,
  };
}

/** On or off. */
export function onOff(): Kind<boolean> {
  return {
    expected: "true or false",
    placeholder: "",
    form: "switch",
    accepts: (value): value is boolean => typeof value === "boolean",
    parse: (texts) => (last(texts) === "true" ? true : last(texts) === "false" ? false : last(texts)),
  };
}

/** A part of an encoder that is not to be trained: its embeddings, these and so many layers, or all of it. */
export type FrozenPart = number | "embeddings" | "encoder";

/** A part of an encoder, from below. */
export function frozenPart(): Kind<FrozenPart> {
  const layers = integer(1, 1024);
  return {
    expected: "embeddings, encoder or a number of layers from 1",
    placeholder: "embeddings|n|encoder",
    form: "value",
    accepts: (value): value is FrozenPart =>
      value === "embeddings" || value === "encoder" || layers.accepts(value),
    parse: (texts) => readNumber(last(texts)),
  };
}

/** A probability that is neither 0 nor 1, or the best one. */
export function threshold(): Kind<number | "best"> {
  const share = number(0, 1, { above: true, below: true });
  return {
    expected: `best or ${share.expected}`,
    placeholder: "x|best",
    form: "value",
    accepts: (value): value is number | "best" => value === "best" || share.accepts(value),
    parse: share.parse,
  };
}

/** A number above 0 for each class, or what balances them. */
export function weights(): Kind<"balanced" | readonly number[]> {
  const one = number(0, 1e6, { above: true });
  return {
    expected: "balanced, or numbers above 0 separated by commas",
    placeholder: "balanced|x,x",
    form: "list",
    accepts: (value): value is "balanced" | readonly number[] =>
      value === "balanced" ||
      (Array.isArray(value) && value.length > 1 && value.every((item) => one.accepts(item))),
    parse: (typed) =>
      typed.join() === "balanced" ? "balanced" : typed.flatMap((t) => t.split(",")).map(readNumber),
  };
}

/** One or more integers in [min, max]; typed as `1,8,32` or by repeating the flag. */
export function integers(min: number, max: number): Kind<readonly number[]> {
  const one = integer(min, max);
  return {
    expected: `integers from ${min} to ${max}, separated by commas`,
    placeholder: "n,n",
    form: "list",
    accepts: (value): value is readonly number[] =>
      Array.isArray(value) && value.length > 0 && value.every((item) => one.accepts(item)),
    parse: (texts) => texts.flatMap((t) => t.split(",")).map(readNumber),
  };
}

/** One or more whole numbers from 1 up, as they are or as they are typed: `128,64`, or by repeating the flag. */
export function sizes(): Kind<readonly (number | string)[]> {
  return {
    expected: "whole numbers from 1 to 99999, separated by commas",
    placeholder: "n,n",
    form: "list",
    accepts: (value): value is readonly (number | string)[] =>
      Array.isArray(value) && value.length > 0 && value.every(isSize),
    parse: (typed) => typed.flatMap((t) => t.split(",")).map((t) => t.trim()),
  };
}

function isSize(value: unknown): boolean {
  return (typeof value === "number" || typeof value === "string") && /^[1-9]\d{0,4}$/.test(String(value));
}

/** One or more names; typed as `a,b` or by repeating the flag. */
export function words(placeholder: string): Kind<readonly string[]> {
  return {
    expected: "one name or more, separated by commas",
    placeholder,
    form: "list",
    accepts: (value): value is readonly string[] =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((item) => typeof item === "string" && item !== ""),
    parse: (typed) => typed.flatMap((t) => t.split(",")).map((t) => t.trim()),
  };
}

/** One or more of a few words, each once; typed as `a,b` or by repeating the flag. */
export function someOf<const T extends string>(...words: readonly T[]): Kind<readonly T[]> {
  const one = oneOf(...words);
  return {
    expected: `${words.join(", ")}, separated by commas, each at most once`,
    placeholder: words.join(","),
    form: "list",
    accepts: (value): value is readonly T[] =>
      Array.isArray(value) &&
      value.length > 0 &&
      new Set(value).size === value.length &&
      value.every((item) => one.accepts(item)),
    parse: (typed) => typed.flatMap((t) => t.split(",")).map((t) => t.trim()),
  };
}

/** One or more of a kind; typed by repeating the flag. */
function oneOrMore<T>(
  placeholder: string,
  expected: string,
  isOne: (value: unknown) => value is T,
): Kind<readonly T[]> {
  return {
    expected,
    placeholder,
    form: "list",
    accepts: (value): value is readonly T[] => Array.isArray(value) && value.length > 0 && value.every(isOne),
    parse: (typed) => typed,
  };
}

/** One path or more. */
export function paths(placeholder: string): Kind<readonly string[]> {
  return oneOrMore(placeholder, "one path or more", isName);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

/** A text, or two that belong together. */
export type TextOrPair = string | readonly [text: string, pair: string];

/** One text or more, of which a program may give pairs; the empty text counts. */
export function textsOrPairs(placeholder: string): Kind<readonly TextOrPair[]> {
  return oneOrMore(placeholder, "one text or more, each a text or [text, pair]", isTextOrPair);
}

function isTextOrPair(value: unknown): value is TextOrPair {
  const all: readonly unknown[] = Array.isArray(value) && value.length === 2 ? value : [value];
  return all.every((each) => typeof each === "string");
}

/** Settings by name, typed as `--set key=value`, each once. A program may give numbers too. */
export function pairs(): Kind<Readonly<Record<string, string | number | boolean>>> {
  return {
    expected: "key=value",
    placeholder: "key=value",
    form: "pairs",
    accepts: (value): value is Readonly<Record<string, string | number | boolean>> =>
      isPlain(value) &&
      Object.values(value).every((item) => ["string", "number", "boolean"].includes(typeof item)),
    parse: readPairs,
  };
}

function readPairs(typed: readonly string[]): unknown {
  const wrong = typed.find((t) => t.indexOf("=") < 1);
  if (wrong !== undefined) return wrong;
  const known = new Map<string, string>();
  for (const text of typed) {
    const key = text.slice(0, text.indexOf("="));
    const before = known.get(key);
    if (before !== undefined && before !== text) return `${before}, then ${text}`;
    known.set(key, text);
  }
  return Object.fromEntries([...known].map(([key, text]) => [key, text.slice(key.length + 1)]));
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function last(typed: readonly string[]): string {
  return typed.at(-1) ?? "";
}

/** Decimal or scientific notation; anything else stays text and is refused by `accepts`. */
function readNumber(typed: string): number | string {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(typed.trim()) ? Number(typed) : typed;
}
