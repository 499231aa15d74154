/** What logits say about texts: one label or several, with their probabilities, or a number. Browser-safe. */

import { ConfigError, InputError, RunError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { shown } from "../base/shown.ts";
import { softmax } from "../base/statistics.ts";
import { findNotFinite } from "../base/tensor.ts";
import { answersTexts, type Head, labelsOf } from "../bert/config.ts";
import { meanRows } from "../data/batches.ts";
import { argmaxRows, NOT_FINITE } from "../data/judging/metrics.ts";
import type { Encoding, WindowedEncoding } from "../text/encoding.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

/** A text, or two that belong together. */
export type Text = string | readonly [text: string, pair: string];

/** One text with what the model says of it. */
export interface Prediction {
  readonly text: string;
  /** The second text of a pair. */
  readonly pair: string | null;
  /** The most probable label; null for a regression. */
  readonly label: string | null;
  /** Probability of the label, or the value of a regression. */
  readonly score: number;
  /** The label; of a model that gives several those of a probability of 0.5 or more, which may be none; none of a regression. */
  readonly labels: readonly string[];
  /**
   * Probability of each label, in the order of the model's `labels`; empty for a regression. Of one label for each text they
   * add up to 1, of several each is for itself.
   */
  readonly scores: readonly number[];
  /** Tokens that the model read, [CLS] and [SEP] among them. */
  readonly tokens: number;
  /**
   * Tokens at the end that it did not, because the text is longer than its texts are cut at; 0 of a whole one. Of each text
   * 4096 are counted at most: the rest of a very long one is not looked at.
   */
  readonly cut: number;
}

/** A text as a model reads it. */
export type ReadText = Pick<Prediction, "text" | "pair" | "tokens" | "cut">;

/** A model that answers texts which are cut into pieces. */
export interface Answerer {
  readonly head: Head;
  readonly tokenizer: Tokenizer;
  /** Tokens at which texts are cut. */
  readonly maxLength: number;
  /** Longer texts are read in windows, of which neighbours share so many tokens, and answered by their mean; absent: cut. */
  readonly stride?: number | undefined;
  /** Logits [texts, labels] or vectors [texts, hidden size], in the order of the texts; of tokens a row for each token. */
  logits(texts: readonly Encoding[]): Promise<Float32Array>;
}

/** Texts that are in pieces at a time: room enough to put texts of like length together, and a bound on memory. */
const WINDOW = 4096;
/** Characters that are cut into pieces, in 10 ms or so, before whatever else the thread has to do has its turn. */
const TURN = 100_000;

/**
 * Refuses what is not a list of texts; a program without types may hand over anything.
 *
 * @param none  the code of the error for an empty list
 * @throws {ConfigError} `texts/kind`; {InputError} `none`
 */
export function requireTexts(given: unknown, none: string): asserts given is readonly Text[] {
  if (!Array.isArray(given)) {
    const expected = "expected a list of texts (or [text, pair])";
    throw new ConfigError("texts/kind", `texts: ${expected}, got ${kindOf(given)}`);
  }
  if (given.length === 0) throw new InputError(none, "texts: expected at least one, got none");
  // By number, since what walks a list for itself passes over its holes.
  for (let i = 0; i < given.length; i++) {
    const item: unknown = given[i];
    if (isText(item)) continue;
    throw new ConfigError(
      "texts/kind",
      `texts: expected a text or [text, pair], got ${kindOf(item)} (text ${i + 1})`,
    );
  }
}

function isText(item: unknown): item is Text {
  if (typeof item === "string") return true;
  return Array.isArray(item) && item.length === 2 && item.every((part) => typeof part === "string");
}

/** What a value is, in the words of a message. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return "a text";
  if (!Array.isArray(value)) return `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
  const kinds = value.slice(0, 3).map((part) => (Array.isArray(part) ? "a list" : kindOf(part)));
  return `[${kinds.join(", ")}${value.length > 3 ? ", …" : ""}]`;
}

/** Some texts with their answers. */
interface Answered {
  readonly read: readonly ReadText[];
  /** Logits, or vectors, text by text. */
  readonly rows: Float32Array;
  /** Texts that came before these. */
  readonly before: number;
}

/** Predictions in the order of the texts, however many they are. @throws as `predictionsOf` does */
export async function classifyTexts(answerer: Answerer, texts: readonly Text[]): Promise<Prediction[]> {
  const all: Prediction[] = [];
  for await (const { read, rows, before } of answersTo(answerer, texts)) {
    for (const prediction of predictionsOf(answerer.head, read, rows, before)) all.push(prediction);
  }
  return all;
}

/** The answers to any number of texts, so many at a time, in their order. */
export async function* answersTo(answerer: Answerer, texts: readonly Text[]): AsyncGenerator<Answered> {
  const { tokenizer, maxLength, stride } = answerer;
  const encode = (given: Text): WindowedEncoding & Pick<Encoding, "cut"> => {
    const [text, pair] = typeof given === "string" ? [given] : given;
    if (stride !== undefined) return { ...tokenizer.encodeWindows(text, pair, maxLength, stride), cut: 0 };
    const encoding = tokenizer.encode(text, pair, maxLength);
    return { windows: [encoding], tokens: encoding.ids.length, cut: encoding.cut };
  };
  const logits = async (read: readonly WindowedEncoding[]): Promise<Float32Array> => {
    const rows = await answerer.logits(read.flatMap(({ windows }) => windows));
    return stride === undefined ? rows : meanRows(rows, startsOf(read));
  };
  for await (const { given, encodings, rows, before } of encodedTexts({ logits }, texts, encode)) {
    const read = given.map((each, i): ReadText => {
      const [text, pair = null] = typeof each === "string" ? [each] : each;
      const { tokens, cut } = requireItem(encodings, i, "texts");
      return { text, pair, tokens, cut };
    });
    yield { read, rows, before };
  }
}

/**
 * Refuses windows where they have no mean that is an answer, and those that share all that they have room for.
 * @throws {ConfigError} `options/stride`, `stride/task` for a model without labels or a score
 */
export function requireWindows({ head, tokenizer, maxLength, stride }: Omit<Answerer, "logits">): void {
  if (stride === undefined) return;
  const room = maxLength - tokenizer.added;
  if (!(Number.isInteger(stride) && stride >= 0 && stride < room)) {
    const expected = `a whole number from 0 to below ${room}, the tokens of a text in a window`;
    throw new ConfigError("options/stride", `stride: expected ${expected}, got ${shown(stride)}`);
  }
  if (answersTexts(head) || head.kind === "tokens") return;
  const message = `stride: expected a model with labels or a score, got a head for ${head.kind}`;
  throw new ConfigError("stride/task", message);
}

/** Where the windows of each text begin, and the end. */
function startsOf(read: readonly WindowedEncoding[]): number[] {
  let end = 0;
  const ends = read.map(({ windows }) => {
    end += windows.length;
    return end;
  });
  return [0, ...ends];
}

/** Some texts as a model reads them, with its answers. */
interface AnsweredEncodings<T extends Text, E> extends Pick<Answered, "rows" | "before"> {
  readonly given: readonly T[];
  readonly encodings: readonly E[];
}

/** The same, of texts that are cut into pieces in any way. */
export async function* encodedTexts<T extends Text, E>(
  { logits }: { readonly logits: (encodings: readonly E[]) => Promise<Float32Array> },
  texts: readonly T[],
  encode: (text: T) => E,
): AsyncGenerator<AnsweredEncodings<T, E>> {
  let turn = 0;
  for (let at = 0; at < texts.length; at += WINDOW) {
    const given = texts.slice(at, at + WINDOW);
    const encodings: E[] = [];
    for (const text of given) {
      encodings.push(encode(text));
      turn += typeof text === "string" ? text.length : text[0].length + text[1].length;
      if (turn < TURN) continue;
      await new Promise((resolve) => setTimeout(resolve));
      turn = 0;
    }
    yield { given, encodings, rows: await logits(encodings), before: at };
  }
}

/**
 * Predictions of logits [texts, labels], in the order of the texts.
 *
 * @param before  texts that came before these, for messages
 * @throws {RunError} `predict/finite` for logits that are not finite: the largest of NaN would be the first label
 */
export function predictionsOf(
  head: Head,
  texts: readonly ReadText[],
  logits: Float32Array,
  before = 0,
): Prediction[] {
  const labels = labelsOf(head);
  const width = logits.length / texts.length;
  requireFinite("logits", logits, width, before);
  const best = argmaxRows(logits, width);
  return texts.map((read, i) => {
    const row = logits.subarray(i * width, (i + 1) * width);
    if (labels.length === 0)
      return { ...read, label: null, score: requireItem(row, 0, "logits"), labels: [], scores: [] };
    const most = requireItem(best, i, "labels");
    const label = requireItem(labels, most, "labels");
    const isSeveral = head.kind === "multi-label";
    const scores = isSeveral ? Array.from(row, sigmoid) : softmax(row);
    const held = isSeveral ? labels.filter((_, c) => requireItem(row, c, "logits") >= 0) : [label];
    return { ...read, label, score: requireItem(scores, most, "scores"), labels: held, scores };
  });
}

/** @throws {RunError} `predict/finite`, naming the text */
export function requireFinite(what: string, rows: Float32Array, width: number, before: number): void {
  const place = findNotFinite(rows);
  if (place < 0) return;
  const text = before + Math.floor(place / width) + 1;
  const message = `${what}: expected finite numbers, got ${rows[place]} (text ${text}); ${NOT_FINITE}`;
  throw new RunError("predict/finite", message);
}

/** The probability of a label that holds or does not. */
function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
