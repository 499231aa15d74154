/** What logits say about texts: a label with its probability, or a number. Browser-safe. */

import { RunError } from "../base/errors.ts";
import { findNotFinite } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { argmaxRows } from "../data/metrics.ts";

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
  /** Probability of each label, in the order of the model's labels; empty for a regression. */
  readonly scores: readonly number[];
}

/**
 * Predictions of logits [texts, labels], in the order of the texts.
 *
 * @throws {RunError} `predict/finite` for logits that are not finite: the largest of NaN would be the first label
 */
export function predictionsOf(head: Head, texts: readonly Text[], logits: Float32Array): Prediction[] {
  const labels = head.kind === "classification" ? head.labels : [];
  const width = logits.length / texts.length;
  checkFinite(logits, width);
  const best = argmaxRows(logits, width);
  return texts.map((given, i) => {
    const [text, pair] = typeof given === "string" ? [given, null] : given;
    const row = logits.subarray(i * width, (i + 1) * width);
    if (head.kind !== "classification")
      return { text, pair, label: null, score: row[0] ?? Number.NaN, scores: [] };
    const scores = softmax(row);
    const label = best[i] ?? 0;
    return { text, pair, label: labels[label] ?? String(label), score: scores[label] ?? Number.NaN, scores };
  });
}

function checkFinite(logits: Float32Array, width: number): void {
  const place = findNotFinite(logits);
  if (place < 0) return;
  const text = Math.floor(place / width) + 1;
  const message = `logits: expected finite numbers, got ${logits[place]} (text ${text})`;
  throw new RunError("predict/finite", message);
}

/** Probabilities, in double precision. */
export function softmax(logits: Float32Array): number[] {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Array.from(logits, (x) => Math.exp(x - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / total);
}
