/**
 * The task's loss as a run asks for it: weights of classes, smoothed labels, and a mixture of losses.
 *
 *   t_c   the label as a distribution: (1 − ε)·[c = y] + ε/C
 *   w_c   weight of class c, 1 where none is given        p = softmax(z)
 *
 *   cross-entropy   − Σ_c w_c·t_c·log p_c                  / Σ w_y, over rows, as PyTorch's with weight and label_smoothing
 *   focal           − Σ_c w_c·t_c·(1 − p_c)^γ·log p_c      / Σ w_y   Lin et al., 2017, Eq. 5 · https://arxiv.org/abs/1708.02002
 *
 * Of labels that hold or do not, p = σ(z) and t = (1 − ε)·y + ε/2; w weighs the labels that hold, as PyTorch's pos_weight,
 * and the mean is over all labels. A value has no weights: its losses are the squared error, the absolute error, and
 * Huber's, which is half the squared error up to 1 and the absolute error less ½ from there on.
 *
 * Without any of this the losses are those of losses.ts, in the very same graph. The teacher's part of a method's
 * loss is the method's, and nothing here touches it.
 */

import { floatTensor } from "../base/tensor.ts";
import { reshape, sum } from "../graph/ops/broadcast.ts";
import {
  abs,
  add,
  div,
  exp,
  log,
  mul,
  neg,
  relu,
  scale,
  shift,
  sigmoid,
  sub,
} from "../graph/ops/elementwise.ts";
import { logSoftmax } from "../graph/ops/normal.ts";
import { oneHot } from "../graph/ops/select.ts";
import { lengthAt } from "../graph/shape.ts";
import { constant, type Value } from "../graph/value.ts";
import { binaryCrossEntropy, crossEntropy, softplus, squaredError } from "./losses.ts";

/** Losses of labels, and of values. */
export const LABEL_LOSSES = ["cross-entropy", "focal"] as const;
export const VALUE_LOSSES = ["squared", "absolute", "huber"] as const;
export type LossName = (typeof LABEL_LOSSES)[number] | (typeof VALUE_LOSSES)[number];

/** What a task's loss may be told beside answers and labels. */
export interface Objective {
  /** Of vectors: features from the front that are held to the teacher's too, so that vectors may be cut there. */
  readonly widths?: readonly number[];
  /** Of each class, or of each label that holds; above 0. */
  readonly weights?: readonly number[];
  /** ε of smoothed labels. */
  readonly smoothing?: number;
  /** Losses with their shares; default the task's own. */
  readonly mix?: readonly { readonly loss: LossName; readonly share: number }[];
  /** γ of the focal loss. */
  readonly gamma?: number;
}

/** Logits [N, C] against int32 labels [N], of which -100 counts nothing. @param count  of the step: labels, or Σ w_y */
export function classLoss(logits: Value, labels: Value, count: Value, objective: Objective): Value {
  const { smoothing = 0, weights, mix } = objective;
  if (smoothing === 0 && weights === undefined && mix === undefined)
    return crossEntropy(logits, labels, count);
  const classes = lengthAt(logits.shape, 1);
  const hot = oneHot(labels, classes, logits);
  const target = smoothed(hot, sum(hot, [1], true), smoothing, classes);
  const weighed = weights === undefined ? target : mul(target, rowOf(weights));
  const logs = logSoftmax(logits);
  return mixed(mix, "cross-entropy", (loss) => {
    const each = loss === "focal" ? mul(focus(shift(neg(exp(logs)), 1), objective), logs) : logs;
    return div(neg(sum(mul(weighed, each), [0, 1])), count);
  });
}

/** Logits [B, C] against 0 and 1, float [B, C]. @param count  of all labels of the step */
export function labelLoss(logits: Value, labels: Value, count: Value, objective: Objective): Value {
  const { smoothing = 0, weights, mix } = objective;
  if (smoothing === 0 && weights === undefined && mix === undefined)
    return binaryCrossEntropy(logits, labels, count);
  const target = shift(scale(labels, 1 - smoothing), smoothing / 2);
  const against = shift(neg(target), 1);
  // −log σ(z) and −log(1 − σ(z)), and the probabilities that each of the two is wrong.
  const [held, not] = [softplus(neg(logits)), softplus(logits)];
  const [missed, claimed] = [sigmoid(neg(logits)), sigmoid(logits)];
  return mixed(mix, "cross-entropy", (loss) => {
    const isFocal = loss === "focal";
    const positive = mul(target, isFocal ? mul(focus(missed, objective), held) : held);
    const negative = mul(against, isFocal ? mul(focus(claimed, objective), not) : not);
    const weighed = weights === undefined ? positive : mul(positive, rowOf(weights));
    return div(sum(add(weighed, negative), [0, 1]), count);
  });
}

/** Values [N, 1] against float labels [N]. */
export function valueObjective(values: Value, labels: Value, count: Value, { mix }: Objective): Value {
  const apart = abs(sub(reshape(values, labels.shape), labels));
  return mixed(mix, "squared", (loss) => {
    if (loss === "squared") return squaredError(values, labels, count);
    if (loss === "absolute") return div(sum(apart, [0]), count);
    // With a = min(|e|, 1): a²/2 + (|e| − a).
    const near = shift(neg(relu(shift(neg(apart), 1))), 1);
    return div(sum(add(scale(mul(near, near), 0.5), sub(apart, near)), [0]), count);
  });
}

function mixed(mix: Objective["mix"], own: LossName, of: (loss: LossName) => Value): Value {
  const parts = (mix ?? [{ loss: own, share: 1 }]).map(({ loss, share }) => {
    const value = of(loss);
    return share === 1 ? value : scale(value, share);
  });
  return parts.reduce((total, part) => add(total, part));
}

/** (1 − p)^γ of what is missing, 1 − p: e^(γ·log), a hair above 0 so that a sure answer has a gradient of 0 and not of NaN. */
function focus(missing: Value, { gamma = FOCAL_GAMMA }: Objective): Value {
  return exp(scale(log(shift(relu(missing), HAIR)), gamma));
}

/** γ of the paper's best models. */
export const FOCAL_GAMMA = 2;

const HAIR = 1e-12;

function smoothed(hot: Value, labelled: Value, smoothing: number, classes: number): Value {
  if (smoothing === 0) return hot;
  return add(scale(hot, 1 - smoothing), scale(labelled, smoothing / classes));
}

function rowOf(numbers: readonly number[]): Value {
  return constant(floatTensor([1, numbers.length], Float32Array.from(numbers)));
}
