/**
 * Whether the answers to a judging set are all alike, and whether they read its texts all the same.
 *
 * No metric shows the first plainly where one class is common. The second shows in the loss: none that the same answer to
 * everything costs is below that of guessing. Not here: what a run makes of it (runs/constancy.ts).
 */

import { requireItem } from "../base/present.ts";
import { mean } from "../base/statistics.ts";
import type { TaskKind } from "../data/dataset.ts";
import { lossOf, predict, type Truth } from "../data/judging/judge.ts";
import { guessingLoss } from "../train/guessing.ts";

/** Predicted values within this share of the labels' deviation are alike. */
const ALIKE = 0.02;
/** A loss below that of guessing by this share is not guessed. */
const BELOW = 0.1;

/** A judging set and its kind. */
export interface Asked {
  readonly truth: Truth;
  readonly task: TaskKind;
}

/** Whether every example, or word, is answered alike, and no better than by a guess. */
export function saysNothing(logits: Float32Array, asked: Asked): boolean {
  return isAlike(logits, asked) && !beatsGuessing(logits, asked);
}

/** What is said of a judging set by which no model can be seen to say the same of everything. */
export function judgingNotes({ truth, task }: Asked): string[] {
  const rows = countOf(truth);
  if (task === "embedding" || rows < 2 || isVaried(truth)) return [];
  return [
    `all ${rows} ${thingsOf(task)} that judge are labelled alike: they cannot tell whether the model reads the text`,
  ];
}

/** Whether all answers are alike and labels are not. One answer cannot be, and vectors are not looked at. */
export function isAlike(logits: Float32Array, { truth, task }: Asked): boolean {
  const width = widthOf(truth);
  if (task === "embedding" || countOf(truth) < 2 || !isVaried(truth)) return false;
  const said = predict({ task }, logits, truth);
  // Values that hardly differ where the labels do are one answer.
  const nearness = task === "regression" ? ALIKE * deviationOf(Array.from(truth.labels)) : 0;
  for (let i = width; i < said.length; i++) {
    if (Math.abs(requireItem(said, i, "answers") - requireItem(said, i % width, "answers")) > nearness)
      return false;
  }
  return true;
}

/** Whether answers cost clearly less than any that do not depend on the text. */
export function beatsGuessing(logits: Float32Array, { truth, task }: Asked): boolean {
  const { least } = guessingLoss(task, Array.from(truth.labels), numbersOf(logits, truth));
  return lossOf({ task }, logits, truth) < least * (1 - BELOW);
}

/** Examples, or words, of which all is right. */
export function countRight(logits: Float32Array, { truth, task }: Asked): number {
  const width = widthOf(truth);
  const said = predict({ task }, logits, truth);
  const wrong = new Set<number>();
  for (let i = 0; i < said.length; i++) if (said[i] !== truth.labels[i]) wrong.add(Math.floor(i / width));
  return said.length / width - wrong.size;
}

/** The largest standard deviation over the examples of a logit, of classes less its row's mean, or of a value. */
export function spreadOf(logits: Float32Array, { truth, task }: Asked): number {
  const width = numbersOf(logits, truth);
  const isShared = task === "classification" || task === "tokens";
  const columns = Array.from({ length: width }, (_, c) =>
    Array.from({ length: logits.length / width }, (_row, i) => {
      const row = [...logits.subarray(i * width, (i + 1) * width)];
      return requireItem(row, c, "logits") - (isShared ? mean(row) : 0);
    }),
  );
  return Math.max(...columns.map(deviationOf));
}

/** Numbers of one answer: logits of classes, one value, one logit for each label. */
export function numbersOf(logits: Float32Array, truth: Truth): number {
  return (logits.length / truth.labels.length) * widthOf(truth);
}

/** Labels of one example. */
function widthOf({ width = 1 }: Truth): number {
  return width;
}

/** Examples, or words, that are answered one by one. */
export function countOf(truth: Truth): number {
  return truth.labels.length / widthOf(truth);
}

/** What they are. */
export function thingsOf(task: TaskKind): "words" | "examples" {
  return task === "tokens" ? "words" : "examples";
}

/** Whether the examples have not all the same labels. */
function isVaried(truth: Truth): boolean {
  const width = widthOf(truth);
  return Array.from(truth.labels).some((label, i) => label !== truth.labels[i % width]);
}

function deviationOf(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
