/**
 * What a model that labels tokens finds in texts: entities with their places, as the token-classification pipeline of
 * `transformers` (5.24) gives them under the same `aggregation_strategy`.
 *
 *   none      each token by itself, with its label as the model has it
 *   simple    neighbours of one kind are one entity, unless B- begins another
 *   first, average, max
 *             the same of whole words: by the label of a word's first token, by the mean of its tokens' probabilities, or
 *             by the token that is surest
 *
 * What lies outside (`O`) and what the template adds is left out. Departures: a word begins with its first piece, while the
 * pipeline compares lengths, and takes a word with loose accents for the rest of the one before; an entity's label is a kind as
 * data/judging/entities.ts has it, so E-, L-, S- and U- are read too, `B` beside `I` is of the kind `_`, and `date-time` stays
 * whole; places count UTF-16 units.
 * A text that is read in windows has of each token the mean logits, where the pipeline takes the longest entity. Browser-safe.
 */

import { ConfigError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { requireItem } from "../base/present.ts";
import { shown } from "../base/shown.ts";
import { mean, softmax } from "../base/statistics.ts";
import { labelsOf } from "../bert/config.ts";
import { entitiesOf, tagReader } from "../data/judging/entities.ts";
import type { Encoding, PlacedEncoding, PlacedWindows } from "../text/encoding.ts";
import type { PlacedPiece } from "../text/places.ts";
import { type Answerer, encodedTexts, type ReadText, requireFinite, requireTexts } from "./predictions.ts";

/** How labels of tokens become entities. */
export const AGGREGATIONS = ["none", "simple", "first", "average", "max"] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

/** How texts are tagged; everything has a default. */
export interface TagOptions {
  /** Default `first`: training labels the first piece of each word alone, so the others' labels mean little. */
  readonly aggregation?: Aggregation;
}

/** A stretch of a text with a label. */
export interface Entity {
  /** Its kind, without B- or I-; under `none` the token's own label. */
  readonly label: string;
  /** Mean probability of the labels of its tokens, or words. */
  readonly score: number;
  /** `text` is the text's characters from `start` to before `end`, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Under `none`, the word piece. */
  readonly piece?: string;
}

/** A text with its entities, in its order. */
export interface Tagged extends Pick<ReadText, "text" | "tokens" | "cut"> {
  readonly entities: readonly Entity[];
}

/** A token or a word with its most probable label. */
interface Labelled {
  readonly label: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
}

/** A piece with what is thought of it. */
interface Judged extends PlacedPiece {
  /** [labels] */
  readonly scores: readonly number[];
}

/**
 * Entities of each text.
 * @throws {ConfigError} `tag/aggregation`, `options/unknown`; {RunError} `predict/finite`
 */
export async function tagTexts(
  answerer: Answerer,
  texts: readonly string[],
  options: TagOptions = {},
): Promise<Tagged[]> {
  const { tokenizer, maxLength, head, stride } = answerer;
  const aggregation = requireAggregation(options);
  const labels = labelsOf(head);
  const all: Tagged[] = [];
  const encode = (text: string): PlacedWindows & Pick<Encoding, "cut"> => {
    if (stride !== undefined) return { ...tokenizer.encodePlacedWindows(text, maxLength, stride), cut: 0 };
    const encoding = tokenizer.encodePlaced(text, maxLength);
    return { windows: [encoding], tokens: encoding.ids.length, cut: encoding.cut };
  };
  const logits = (read: readonly PlacedWindows[]): Promise<Float32Array> =>
    answerer.logits(read.flatMap(({ windows }) => windows));
  for await (const { given, encodings, rows } of encodedTexts({ logits }, texts, encode)) {
    let at = 0;
    for (const [i, { windows, tokens, cut }] of encodings.entries()) {
      const text = requireItem(given, i, "texts");
      const length = windows.reduce((n, { ids }) => n + ids.length * labels.length, 0);
      const own = rows.subarray(at, at + length);
      requireFinite("logits", own, length, all.length);
      at += length;
      const judged = judgePieces(windows, own, labels.length);
      const found = aggregation === "none" ? eachToken(judged, labels) : joined(judged, labels, aggregation);
      const entities = found.map((entity) => ({ ...entity, text: text.slice(entity.start, entity.end) }));
      all.push({ text, entities, tokens, cut });
    }
  }
  return all;
}

/** Each piece of a text with the mean logits of the windows that it is in, as probabilities. */
function judgePieces(windows: readonly PlacedEncoding[], rows: Float32Array, width: number): Judged[] {
  const sums = new Map<PlacedPiece, { readonly logits: Float64Array; windows: number }>();
  let at = 0;
  for (const place of windows.flatMap(({ places }) => places)) {
    const row = rows.subarray(at, at + width);
    at += width;
    if (place === null) continue;
    const sum = sums.get(place) ?? { logits: new Float64Array(width), windows: 0 };
    row.forEach((logit, c) => {
      sum.logits[c] = requireItem(sum.logits, c, "logits") + logit;
    });
    sum.windows++;
    sums.set(place, sum);
  }
  return [...sums].map(([place, sum]) => ({
    ...place,
    scores: softmax(sum.logits.map((logit) => logit / sum.windows)),
  }));
}

/** Refuses what is not a list of single texts. @throws as `requireTexts` does */
export function requireSingleTexts(given: unknown, none: string): asserts given is readonly string[] {
  requireTexts(given, none);
  const place = given.findIndex((text) => typeof text !== "string");
  if (place < 0) return;
  throw new ConfigError("texts/kind", `texts: expected one text, got a pair (text ${place + 1})`);
}

/** @throws {ConfigError} `tag/aggregation`, `options/unknown` */
function requireAggregation(options: TagOptions): Aggregation {
  requireKnown("tag", options, ["aggregation"]);
  const { aggregation = "first" } = options;
  if (AGGREGATIONS.includes(aggregation)) return aggregation;
  const message = `aggregation: expected ${AGGREGATIONS.join(", ")}, got ${shown(aggregation)}`;
  throw new ConfigError("tag/aggregation", message);
}

type Found = Omit<Entity, "text">;

function eachToken(judged: readonly Judged[], labels: readonly string[]): Found[] {
  const read = tagReader(labels);
  return judged.flatMap((token): Found[] => {
    const labelled = labelOf(token.scores, labels, token);
    if (read(labelled.label).place === "O") return [];
    return [{ ...labelled, piece: token.piece }];
  });
}

/** Neighbours of one kind. */
function joined(
  judged: readonly Judged[],
  labels: readonly string[],
  aggregation: Exclude<Aggregation, "none">,
): Found[] {
  const items =
    aggregation === "simple"
      ? judged.map((token) => labelOf(token.scores, labels, token))
      : wordsOf(judged).map((word) => {
          const { start } = requireItem(word, 0, "pieces");
          const { end } = requireItem(word, word.length - 1, "pieces");
          return labelOf(scoresOf(word, aggregation), labels, { start, end });
        });
  const read = tagReader(labels);
  return entitiesOf(items.map(({ label }) => read(label))).map(({ kind, start, end }) => {
    const own = items.slice(start, end);
    return {
      label: kind,
      score: mean(own.map(({ score }) => score)),
      start: requireItem(own, 0, "items").start,
      end: requireItem(own, own.length - 1, "items").end,
    };
  });
}

/** The pieces of each word. */
function wordsOf(judged: readonly Judged[]): Judged[][] {
  const words: Judged[][] = [];
  for (const piece of judged) {
    const word = words.at(-1);
    if (word === undefined || piece.isFirst) words.push([piece]);
    else word.push(piece);
  }
  return words;
}

/** What a word's pieces say together. */
function scoresOf(word: readonly Judged[], by: "first" | "average" | "max"): readonly number[] {
  const first = requireItem(word, 0, "pieces");
  if (by === "first") return first.scores;
  if (by === "max")
    return word.reduce((a, b) => (Math.max(...b.scores) > Math.max(...a.scores) ? b : a)).scores;
  return first.scores.map((_, c) => mean(word.map(({ scores }) => requireItem(scores, c, "scores"))));
}

/** The most probable label, of equal ones the first. */
function labelOf(
  scores: readonly number[],
  labels: readonly string[],
  { start, end }: Pick<Labelled, "start" | "end">,
): Labelled {
  const score = scores.reduce((a, b) => Math.max(a, b), 0);
  return { label: requireItem(labels, scores.indexOf(score), "labels"), score, start, end };
}
