/**
 * What can be said of the texts of a data set without a model: how long they are, which are blank, which are there twice.
 *
 * Two texts are the same when they are equal, and nearly the same when they are equal without case, spaces, punctuation and
 * the different ways to write one character.
 */

import { requireItem } from "../base/present.ts";
import { type Dataset, type Example, hasBlank, labelsOf } from "../data/dataset.ts";
import { textOf } from "../data/split.ts";

/** How long texts are, in some unit. Both texts of a pair together. */
export interface Spread {
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly longest: number;
}

/** Lengths by unit; tokens where a model's tokenizer counts them. */
export interface Lengths {
  readonly characters: Spread;
  readonly words: Spread;
  readonly tokens: Spread | null;
  /** Where texts are cut, in tokens, and how many rows are longer. */
  readonly cut: { readonly at: number; readonly rows: number } | null;
}

/** Texts of rows that are alike. */
export interface Alike {
  /** Places of the rows, in their order. */
  readonly where: readonly string[];
  /** The first row's text. */
  readonly text: string;
  /** Whether the rows have different labels. */
  readonly conflicts: boolean;
}

/** What is there more than once. */
export interface Repeats {
  /** Texts that several rows have. */
  readonly texts: number;
  /** Rows beside the first of each. */
  readonly rows: number;
  /** Of the texts, those with different labels. */
  readonly conflicting: number;
  /** Some of them, those with different labels first. */
  readonly some: readonly Alike[];
}

/** What the rows that judge have in common with those that train. */
export interface Shared {
  /** Judging rows whose text is among those that train. */
  readonly rows: number;
  /** Judging rows whose text is nearly one of them, beside `rows`. */
  readonly near: number;
  /** Of both, those whose label is another than the training row's. */
  readonly conflicting: number;
  /** Some of them, each with the training row first. */
  readonly some: readonly Alike[];
}

/** Alike rows that are shown. */
const SHOWN = 5;

/** Percentiles of some lengths: the least length that so many of a hundred texts do not exceed. */
export function spreadOf(lengths: readonly number[]): Spread {
  const sorted = Float64Array.from(lengths).sort();
  const at = (share: number): number =>
    requireItem(sorted, Math.max(0, Math.ceil(share * sorted.length) - 1), "lengths");
  return { median: at(0.5), p90: at(0.9), p99: at(0.99), longest: at(1) };
}

/** Lengths in characters, as people count them, and in words, as spaces part them. */
export function plainLengths(examples: readonly Example[]): Pick<Lengths, "characters" | "words"> {
  const whole = examples.map(({ text, pair = "" }) => [text, pair]);
  const sum = (of: (text: string) => number): number[] =>
    whole.map((texts) => texts.reduce((n, text) => n + of(text), 0));
  return {
    characters: spreadOf(sum((text) => [...text].length)),
    words: spreadOf(sum((text) => text.match(/\S+/g)?.length ?? 0)),
  };
}

/** Rows of which a text is blank. */
export function blankRows(examples: readonly Example[]): Example[] {
  return examples.filter(hasBlank);
}

/** Equal for texts that are nearly the same: but for case, spaces and punctuation. What is all punctuation stays as it is. */
export function nearText(example: Example): string {
  const plain = (text: string): string =>
    text
      .normalize("NFKC")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{S}]+/gu, " ")
      .trim() || text.trim();
  const { text, pair } = example;
  return JSON.stringify([plain(text), pair === undefined ? undefined : plain(pair)]);
}

/** Groups of rows whose texts are the same, or nearly so, of two or more. */
export function repeatsIn({ examples }: Dataset, keyOf: (example: Example) => string): Repeats {
  const groups = [...groupBy(examples, keyOf).values()].filter(({ length }) => length > 1);
  const alike = groups.map(alikeOf);
  return {
    texts: groups.length,
    rows: groups.reduce((n, { length }) => n + length - 1, 0),
    conflicting: alike.filter(({ conflicts }) => conflicts).length,
    some: worstOf(alike),
  };
}

/**
 * Repeats among texts that are nearly the same and not quite: of those that are quite the same the first row alone counts.
 * Blank texts are left out, for they are counted as such.
 */
export function nearRepeats(set: Dataset): Repeats {
  const first = [...groupBy(set.examples, textOf).values()].map((rows) => requireItem(rows, 0, "rows"));
  const blank = new Set(blankRows(first));
  return repeatsIn({ ...set, examples: first.filter((each) => !blank.has(each)) }, nearText);
}

/** What two sets share. */
export function sharedBetween(train: Dataset, dev: Dataset): Shared {
  const exact = firstBy(train.examples, textOf);
  const near = firstBy(train.examples, nearText);
  const found = dev.examples.flatMap((example) => {
    const same = exact.get(textOf(example));
    const twin = same ?? near.get(nearText(example));
    return twin === undefined ? [] : [{ isSame: same !== undefined, alike: alikeOf([twin, example]) }];
  });
  return {
    rows: found.filter(({ isSame }) => isSame).length,
    near: found.filter(({ isSame }) => !isSame).length,
    conflicting: found.filter(({ alike }) => alike.conflicts).length,
    some: worstOf(found.map(({ alike }) => alike)),
  };
}

function groupBy(
  examples: readonly Example[],
  keyOf: (example: Example) => string,
): Map<string, [Example, ...Example[]]> {
  const groups = new Map<string, [Example, ...Example[]]>();
  for (const example of examples) {
    const key = keyOf(example);
    const group = groups.get(key);
    if (group) group.push(example);
    else groups.set(key, [example]);
  }
  return groups;
}

function firstBy(examples: readonly Example[], keyOf: (example: Example) => string): Map<string, Example> {
  const first = new Map<string, Example>();
  for (const example of examples) {
    const key = keyOf(example);
    if (!first.has(key)) first.set(key, example);
  }
  return first;
}

function alikeOf(rows: readonly [Example, ...Example[]]): Alike {
  const [{ text }] = rows;
  const labels = new Set(rows.map((row) => JSON.stringify(labelsOf(row))));
  return { where: rows.map(({ where }) => where), text, conflicts: labels.size > 1 };
}

function worstOf(alike: readonly Alike[]): Alike[] {
  const [bad, rest] = [true, false].map((conflicts) => alike.filter((each) => each.conflicts === conflicts));
  return [...(bad ?? []), ...(rest ?? [])].slice(0, SHOWN);
}
