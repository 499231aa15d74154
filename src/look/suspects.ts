/**
 * Labels that a trained model finds improbable: errors of whoever labelled, or of the model.
 *
 * Rows are ranked by the loss of their label, the oldest sign of a wrong one and still a good one (Chong et al., Detecting
 * Label Errors by using Pre-Trained Language Models, EMNLP 2022, https://arxiv.org/abs/2205.12702). Only rows on which the
 * model says something else are suspects; of a regression every row is, the farther off the more.
 */

import { requireItem } from "../base/present.ts";
import { softmax } from "../base/statistics.ts";
import { classOf, type Dataset, type Example, labelsOf } from "../data/dataset.ts";
import { argmaxRows } from "../data/judging/metrics.ts";

/** What is given or answered: a class, a value, or the labels that hold. */
export type Said = string | number | readonly string[];

/** A row whose label the model doubts. */
export interface Suspect {
  readonly where: string;
  readonly text: string;
  readonly pair: string | null;
  /** What the file says. */
  readonly label: Said;
  /** What the model says. */
  readonly answer: Said;
  /** Probability of the file's label by the model; null of a value. */
  readonly labelProbability: number | null;
  /** Probability of its own answer; null of a value. */
  readonly answerProbability: number | null;
  /** Cross-entropy of the label, or the squared distance of a value. */
  readonly loss: number;
}

/** Kinds of task whose rows have a label of their own that a model can doubt. */
export function canSuspect({ task }: Pick<Dataset, "task">): boolean {
  return task === "classification" || task === "regression" || task === "multi-label";
}

/** Words beside one that is shown where it stands. */
const BESIDE = 5;

/**
 * Of a set whose words have labels each word as a row of its own, shown among its neighbours: `to [Rome] with`.
 * @param isRead  whether a word of an example was read by the model, and has an answer
 */
export function wordsApart(set: Dataset, isRead: (example: Example) => (word: number) => boolean): Dataset {
  const examples = set.examples.flatMap((example) => {
    const { words = [example.text], where } = example;
    const reads = isRead(example);
    return labelsOf(example).flatMap((label, i): Example[] => {
      if (!reads(i)) return [];
      const [before, after] = [words.slice(Math.max(0, i - BESIDE), i), words.slice(i + 1, i + 1 + BESIDE)];
      const text = [...before, `[${words[i]}]`, ...after].join(" ");
      return [{ text, label, where: `${where} word ${i + 1}` }];
    });
  });
  return { ...set, task: "classification", examples };
}

/** All suspects, the least probable labels first. `logits` are [N, C] in the data's order of labels. */
export function suspectsIn(set: Dataset, logits: Float32Array): Suspect[] {
  const width = Math.max(1, set.labels.length);
  const doubted = set.examples.map((example, i) =>
    doubt(set, example, logits.subarray(i * width, (i + 1) * width)),
  );
  return inDoubt(doubted.filter((each) => each !== undefined));
}

/** The least probable labels first. */
export function inDoubt(suspects: readonly Suspect[]): Suspect[] {
  return suspects.toSorted((a, b) => b.loss - a.loss);
}

/** What a model says of one row; undefined where it agrees. */
function doubt({ task, labels }: Dataset, example: Example, row: Float32Array): Suspect | undefined {
  const { where, text, pair = null } = example;
  const place = { where, text, pair };
  if (task === "multi-label") return doubtHeld(labels, example, row, place);
  if (task === "regression") {
    const [label, answer] = [classOf(example), requireItem(row, 0, "logits")];
    const loss = (answer - label) ** 2;
    return { ...place, label, answer, labelProbability: null, answerProbability: null, loss };
  }
  const given = classOf(example);
  const said = requireItem(argmaxRows(row, row.length), 0, "answers");
  if (said === given) return undefined;
  const probabilities = softmax(row);
  const labelProbability = requireItem(probabilities, given, "probabilities");
  return {
    ...place,
    label: requireItem(labels, given, "labels"),
    answer: requireItem(labels, said, "labels"),
    labelProbability,
    answerProbability: requireItem(probabilities, said, "probabilities"),
    loss: -logOf(labelProbability),
  };
}

/** Of several labels: each holds or not by itself, and all together are as probable as their product. */
function doubtHeld(
  labels: readonly string[],
  example: Example,
  row: Float32Array,
  place: Pick<Suspect, "where" | "text" | "pair">,
): Suspect | undefined {
  const held = new Set(labelsOf(example));
  const chances = Array.from(row, (z) => 1 / (1 + Math.exp(-z)));
  const isSaid = chances.map((chance) => chance >= 0.5);
  if (isSaid.every((is, label) => is === held.has(label))) return undefined;
  const together = (holds: (label: number) => boolean): number =>
    chances.reduce((product, chance, label) => product * (holds(label) ? chance : 1 - chance), 1);
  const names = (holds: (label: number) => boolean): string[] => labels.filter((_, label) => holds(label));
  const says = (label: number): boolean => requireItem(isSaid, label, "answers");
  const labelProbability = together((label) => held.has(label));
  return {
    ...place,
    label: names((label) => held.has(label)),
    answer: names(says),
    labelProbability,
    answerProbability: together(says),
    loss: -logOf(labelProbability),
  };
}

/** The logarithm of a probability that rounding may have made 0. */
function logOf(probability: number): number {
  return Math.log(Math.max(probability, Number.MIN_VALUE));
}
