/**
 * The losses of distillation, as functions of symbolic values: what a student learns from a frozen teacher's answers,
 * states and attention.
 *
 *   B batch   T tokens   N = B·T   D hidden   H heads   C classes   S student   T in an index: teacher
 *
 *   patient states     Sun, Cheng, Gan & Liu, EMNLP 2019 · https://arxiv.org/abs/1908.09355
 *   cosine             Sanh, Debut, Chaumond & Wolf, 2019 · https://arxiv.org/abs/1910.01108
 *   states, attention  Jiao et al., Findings of EMNLP 2020 (TinyBERT) · https://arxiv.org/abs/1909.10351
 *
 * Every loss is a mean over the batch times the batch's share of the step, so that the parts of an accumulated step add
 * up to the loss of the whole.
 *
 * Departures, in every loss over tokens: padding is not counted, and each text weighs the same however many tokens it
 * has. The published codes average over the padded batch, so there a loss depends on how much of it is padding. For
 * the same reason scores of padded keys, which those codes set to 0 as entries ≤ −100, are left out here with their weight.
 *
 * Student and teacher have the same hidden size, and where attention is compared the same heads: there are no learned
 * projections between them. Not here: which loss a method takes, with which weights (methods/).
 */

import { ConfigError } from "../base/errors.ts";
import type { FloatTensor } from "../base/tensor.ts";
import { labelsOf } from "../bert/config.ts";
import { batchMean, type Softening, square, unit } from "../bert/losses.ts";
import { type LossInputs, type Pass, type RunFacts, TEACHER, type Teacher } from "../contract/method.ts";
import { reshape, sum } from "../graph/ops/broadcast.ts";
import { add, div, mul, neg, scale, shift, sub } from "../graph/ops/elementwise.ts";
import { take } from "../graph/ops/select.ts";
import { at, lengthAt } from "../graph/shape.ts";
import { pick, scalar, type Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";

/** What student and teacher are compared by, and so have to have in common. */
export type Compared = "answers" | "states" | "attention";

/** The teacher of a run, and its tensors as a method's state holds them. */
export interface Taught {
  readonly teacher: Teacher;
  /** Under `TEACHER` + their own names. */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

/**
 * The fine-tuned model of a run as a method's teacher.
 *
 * @param compared  what the method's loss reads of both
 * @throws {ConfigError} `ID/teacher` when the run has no fine-tuned model, or one that the student cannot be compared with
 */
export function teacherOf(id: string, student: Network, { finetuned }: RunFacts, compared: Compared): Taught {
  if (finetuned === undefined) {
    throw new ConfigError(`${id}/teacher`, `${id}: expected a fine-tuned model to learn from, got none`);
  }
  const [own, its] = [sizes(student, compared), sizes(finetuned, compared)];
  if (own !== its) {
    throw new ConfigError(`${id}/teacher`, `${id}: expected a teacher with ${own}, got one with ${its}`);
  }
  const { config, head } = finetuned;
  return { teacher: { config, head }, tensors: teacherTensors(finetuned) };
}

/** What Sanh et al. 2020 train with beside their masks: half the task, half the teacher. */
export const HALF_AND_HALF: Mix = { task: 0.5, teacher: 0.5, temperature: 2 };

/** The teacher of a method in which distillation is an option: none when it is off. */
export function teacherIf(wanted: boolean, id: string, student: Network, facts: RunFacts): Partial<Taught> {
  return wanted ? teacherOf(id, student, facts, "answers") : {};
}

/** A network's tensors under the names of a teacher's. */
export function teacherTensors({ tensors }: Network): Map<string, FloatTensor> {
  return new Map([...tensors].map(([name, tensor]) => [TEACHER + name, tensor]));
}

/** Whether a tensor is a teacher's. */
export function isTeacher(name: string): boolean {
  return name.startsWith(TEACHER);
}

/** The student alone, with its tensors as they stand after training. */
export function studentOf(student: Network, tensors: ReadonlyMap<string, FloatTensor>): Network {
  return { ...student, tensors: new Map([...tensors].filter(([name]) => !isTeacher(name))) };
}

/** What two networks need to have in common, spelled out. */
function sizes({ config, head }: Network, compared: Compared): string {
  const labels = labelsOf(head);
  const classes = labels.length > 0 ? `labels ${labels.join(", ")}` : `head ${head.kind}`;
  const states = compared === "answers" ? "" : `, hidden size ${config.hiddenSize}`;
  const heads = [...new Set(config.layers.map((layer) => layer.heads))].sort((a, b) => a - b);
  return `${classes}, ${config.vocabSize} pieces${states}${compared === "attention" ? `, heads ${heads}` : ""}`;
}

/** The student's answers against the teacher's, as the task compares answers (bert/answers.ts). */
export function answerLoss({ answers }: LossInputs, teacher: Pass, softening: Softening): Value {
  return answers.against(teacher, softening);
}

/** How much the task and the teacher count, and how soft the teacher's answers are. */
export interface Mix {
  readonly task: number;
  readonly teacher: number;
  readonly temperature: number;
}

/** task·L_task + teacher·T²·KL, for methods in which distillation of answers is an option. Movement pruning has ½, ½ and T = 2. */
export function distillationLoss(inputs: LossInputs, mix: Mix): Value {
  const { temperature } = mix;
  const soft = answerLoss(inputs, inputs.teacher(), { temperature, form: "divergence" });
  return add(scale(inputs.task, mix.task), scale(soft, mix.teacher));
}

/** Pairs [student's, teacher's] of numbered states or layers. */
export type LayerMap = readonly (readonly [number, number])[];

/**
 * Token states [N, D]: their mean squared difference over features and tokens, summed over the map, in which 0 is the
 * embeddings. A method that reads the last layer's so sets `everyToken`.
 */
export function hiddenLoss(inputs: LossInputs, teacher: Pass, map: LayerMap): Value {
  return overPairs(map, inputs.encoding.hidden, teacher.encoding.hidden, (s, t) =>
    tokenMean(scale(sum(square(sub(s, t)), [1]), 1 / lengthAt(s.shape, 1)), inputs),
  );
}

/**
 * Pre-softmax attention scores [B, H, T, T]: their mean squared difference over heads and pairs of tokens, summed over
 * the map, whose numbers are those of layers from 0. A pair of tokens that a window of either layer hides does not count,
 * nor does a layer that has lost its heads.
 */
export function attentionLoss(inputs: LossInputs, teacher: Pass, map: LayerMap): Value {
  const weights = tokenWeights(inputs.mask);
  const [B, T] = [at(weights.shape, 0), at(weights.shape, 1)];
  const pairs = mul(reshape(weights, [B, 1, T, 1]), reshape(weights, [B, 1, 1, T]));
  const [own, others] = [inputs.encoding, teacher.encoding];
  const losses = map.flatMap(([m, g]) => {
    const [s, t] = [own.scores.get(m), others.scores.get(g)];
    if (s === undefined || t === undefined) return [];
    const windows = [own.windows.get(m), others.windows.get(g)].filter((window) => window !== undefined);
    const seen = windows.reduce((so, window) => mul(so, window), pairs);
    const perText = sum(mul(square(sub(s, t)), seen), [1, 2, 3]);
    return [batchMean(scale(perText, 1 / lengthAt(s.shape, 1)), inputs.share)];
  });
  return losses.length === 0 ? scalar(0) : losses.reduce((sumSoFar, x) => add(sumSoFar, x));
}

/**
 * PKD's patient loss (Eq. 7): [CLS] states, each divided by its norm, by their mean squared difference. The paper sums
 * over layers and features; this is the mean over both, as in the authors' code, to which their β belongs.
 */
export function patientLoss(inputs: LossInputs, teacher: Pass, map: LayerMap): Value {
  const loss = overPairs(map, inputs.encoding.hidden, teacher.encoding.hidden, (s, t) => {
    const apart = square(sub(unit(firstOf(s, inputs.mask)), unit(firstOf(t, inputs.mask))));
    return batchMean(scale(sum(apart, [1]), 1 / lengthAt(s.shape, 1)), inputs.share);
  });
  return scale(loss, 1 / map.length);
}

/** DistilBERT's cosine loss (§2): 1 − cos of the last states [N, D] of each token. Its method sets `everyToken`. */
export function cosineLoss(inputs: LossInputs, teacher: Pass): Value {
  const cosines = sum(mul(unit(inputs.encoding.last), unit(teacher.encoding.last)), [1]);
  return tokenMean(shift(neg(cosines), 1), inputs);
}

/** The loss of each pair of a map, summed. */
function overPairs(
  map: LayerMap,
  student: readonly Value[],
  teacher: readonly Value[],
  loss: (s: Value, t: Value) => Value,
): Value {
  return map
    .map(([m, g]) => loss(pick(student, m), pick(teacher, g)))
    .reduce((sumSoFar, x) => add(sumSoFar, x));
}

/** 1 / (tokens of a text) at each of its tokens, 0 at padding: [B, T], rows that sum to 1. */
function tokenWeights(mask: Value): Value {
  return div(mask, sum(mask, [1], true));
}

/** One number per token, [N] → []: the mean over a text's tokens, then over the texts. */
function tokenMean(x: Value, { mask, share }: LossInputs): Value {
  return batchMean(sum(mul(reshape(x, mask.shape), tokenWeights(mask)), [1]), share);
}

/** The first token of each text: [N, D] → [B, D]. */
function firstOf(x: Value, mask: Value): Value {
  return take(reshape(x, [...mask.shape, at(x.shape, 1)]), 1, 0);
}
