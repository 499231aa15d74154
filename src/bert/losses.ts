/**
 * The losses of a task, as scalars: answers against labels, and against another model's answers.
 *
 *   B batch   N rows   C classes or labels   D features of a vector
 *
 *   softened answers   Hinton, Vinyals & Dean, 2015 · https://arxiv.org/abs/1503.02531
 *   relations          Park, Kim, Lu & Cho, "Relational Knowledge Distillation", CVPR 2019 · https://arxiv.org/abs/1904.05068
 *   widths             Kusupati et al., "Matryoshka Representation Learning", NeurIPS 2022 · https://arxiv.org/abs/2205.13147
 */

import { expand, reshape, sum } from "../graph/ops/broadcast.ts";
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
  sqrt,
  sub,
} from "../graph/ops/elementwise.ts";
import { matmul } from "../graph/ops/linear.ts";
import { logSoftmax, softmax } from "../graph/ops/normal.ts";
import { oneHot, slice } from "../graph/ops/select.ts";
import { at, lengthAt } from "../graph/shape.ts";
import { scalar, type Value } from "../graph/value.ts";

/**
 * Mean cross-entropy of logits [N, C] against int32 labels [N]. A row whose label is no class (-100) counts nothing.
 *
 * @param count  the number of labels as a float scalar, so that accumulated parts of a batch weigh the same
 */
export function crossEntropy(logits: Value, labels: Value, count: Value): Value {
  const classes = Number(at(logits.shape, 1));
  const picked = mul(logSoftmax(logits), oneHot(labels, classes, logits));
  return div(neg(sum(picked, [0, 1])), count);
}

/** Mean squared error of logits [N, 1] against float labels [N]. */
export function squaredError(logits: Value, labels: Value, count: Value): Value {
  const error = sub(reshape(logits, labels.shape), labels);
  return div(sum(mul(error, error), [0]), count);
}

/** Mean binary cross-entropy of logits [B, C] against 0 and 1, float [B, C]; `count` is that of all B·C. */
export function binaryCrossEntropy(logits: Value, labels: Value, count: Value): Value {
  return div(sum(binary(logits, labels), [0, 1]), count);
}

/** -t·log σ(z) - (1 - t)·log(1 - σ(z)), each: log(1 + eᶻ) - t·z without overflow. */
function binary(z: Value, target: Value): Value {
  return sub(softplus(z), mul(target, z));
}

/** log(1 + eᶻ), without overflow. */
export function softplus(z: Value): Value {
  return add(relu(z), log(shift(exp(neg(abs(z))), 1)));
}

/** The mean of one number per text, [B] → [], times the batch's share of the step. */
export function batchMean(x: Value, share: Value): Value {
  return mul(share, div(sum(x, [0]), lengthOf(x)));
}

/** How many rows a value has, as a scalar. */
function lengthOf(x: Value): Value {
  const rows = [at(x.shape, 0)];
  return sum(expand(reshape(scalar(1, x.dtype), [1]), rows), [0]);
}

/** What a softened answer is compared by. */
export interface Softening {
  readonly temperature: number;
  /**
   * `divergence`: T²·KL(p_T ‖ p_S), whose gradient does not shrink with T (Hinton 2015 §2; Sanh et al. 2019 and 2020).
   * `classes`: −p_T·log p_S averaged over the classes too, without T² (the code of Jiao et al. 2020 and what is built on it).
   */
  readonly form: "divergence" | "classes";
}

/**
 * Logits [N, C] against the teacher's, by their softened distributions p = softmax(z/T).
 *
 * @param mean  of one number for each row
 */
export function softCrossEntropy(
  student: Value,
  teacher: Value,
  mean: (rows: Value) => Value,
  { temperature, form }: Softening,
): Value {
  const [zs, zt] = [scale(student, 1 / temperature), scale(teacher, 1 / temperature)];
  const target = softmax(zt);
  const cross = neg(sum(mul(target, logSoftmax(zs)), [1]));
  if (form === "classes") return scale(mean(cross), 1 / lengthAt(student.shape, 1));
  const entropy = neg(sum(mul(target, logSoftmax(zt)), [1]));
  return scale(mean(sub(cross, entropy)), temperature ** 2);
}

/** Logits [B, C] of labels that hold or not against the teacher's, each label by its two softened probabilities. */
export function softBinary(
  student: Value,
  teacher: Value,
  share: Value,
  { temperature, form }: Softening,
): Value {
  const [zs, zt] = [scale(student, 1 / temperature), scale(teacher, 1 / temperature)];
  const target = sigmoid(zt);
  const mean = (x: Value): Value => batchMean(scale(sum(x, [1]), 1 / lengthAt(student.shape, 1)), share);
  const cross = mean(binary(zs, target));
  return form === "classes" ? cross : scale(sub(cross, mean(binary(zt, target))), temperature ** 2);
}

/** Predicted values [B, 1] against the teacher's: their mean squared difference. */
export function valueLoss(student: Value, teacher: Value, share: Value): Value {
  return batchMean(sum(square(sub(student, teacher)), [1]), share);
}

/**
 * Vectors [B, D] against others of the same texts: 1 − cos of each pair, and for the cosines between any two texts of the
 * batch their squared difference, each averaged over the texts. The relations of a part of a step are those within it.
 *
 * @param count   texts of the step
 * @param widths  features from the front whose relations are held to those of the whole other vectors: the mean over all
 *   of them; default all features
 */
export function vectorLoss(vectors: Value, others: Value, count: Value, widths?: readonly number[]): Value {
  const D = lengthAt(vectors.shape, 1);
  const target = unit(others);
  const apart = shift(neg(sum(mul(unit(vectors), target), [1])), 1);
  const asked = widths === undefined || widths.length === 0 ? [D] : widths;
  const relations = matmul(target, target, { transposeB: true });
  const differences = asked.map((width) => {
    const own = unit(width === D ? vectors : slice(vectors, 1, 0, width));
    const apart = square(sub(matmul(own, own, { transposeB: true }), relations));
    return div(sum(apart, [0, 1]), lengthOf(vectors));
  });
  const mean = scale(
    differences.reduce((a, b) => add(a, b)),
    1 / asked.length,
  );
  return div(add(sum(apart, [0]), mean), count);
}

export function square(x: Value): Value {
  return mul(x, x);
}

/** Rows of x [M, D] divided by their norms. */
export function unit(x: Value): Value {
  return div(x, sqrt(shift(sum(square(x), [1], true), TINY)));
}

/** Keeps a row of zeros from being divided by 0. */
const TINY = 1e-12;
