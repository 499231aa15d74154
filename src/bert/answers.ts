/**
 * What each kind of head answers, and what training holds its answers to: one entry for each kind.
 *
 *   B texts   T tokens   N = B·T   C labels   D hidden size
 *
 *   classification   logits [B, C]     cross-entropy with the class of each text
 *   regression       values [B, 1]     mean squared error
 *   multi-label      logits [B, C]     binary cross-entropy of each label, as PyTorch's BCEWithLogitsLoss
 *   tokens           logits [N, C]     cross-entropy of the tokens that have a label
 *   none             vectors [B, D]    distance to the vectors that another encoder gave (losses.ts, `vectorLoss`)
 *
 * A masked language model answers at some places alone and has no entry (train/step.ts).
 */

import type { DType } from "../base/tensor.ts";
import { reshape, sum } from "../graph/ops/broadcast.ts";
import { div, mul } from "../graph/ops/elementwise.ts";
import { oneHot } from "../graph/ops/select.ts";
import { at, GraphError, lengthAt, type Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { type Head, labelsOf, poolingOf } from "./config.ts";
import type { BertInputs, Encoding, ForwardContext } from "./forward.ts";
import { classify, classifyTokens, poolVectors } from "./head-layers.ts";
import { batchMean, type Softening, softBinary, softCrossEntropy, valueLoss, vectorLoss } from "./losses.ts";
import { classLoss, labelLoss, type Objective, valueObjective } from "./objective.ts";

/** A batch's answers and what they are held to. */
export interface Held {
  readonly logits: Value;
  /** In the shape that `labels` gives. */
  readonly labels: Value;
  /** Labels of the whole step, each counted as its class's weight, float32 []. */
  readonly count: Value;
  readonly objective: Objective;
}

/** Answers beside a teacher's to the same batch. */
export interface Imitated extends Held {
  readonly teacher: Value;
  /** Labels of the whole step, each counted as 1, float32 []. */
  readonly labelled: Value;
  /** The batch's share of the step's texts. */
  readonly share: Value;
  readonly softening: Softening;
}

/** One kind of answer. */
export interface AnswerKind {
  /** Numbers of a row of answers. */
  readonly width: (head: Head, hiddenSize: number) => number;
  /** How labels are fed; the last axis is `width` long where each number of a row has its own. */
  readonly labels: { readonly dtype: DType; readonly per: "text" | "number" | "token" };
  readonly logits: (pass: Answered) => Value;
  /** The sum over this batch's labels / the number of labels of the step. */
  readonly loss: (held: Held) => Value;
  /** How far the answers are from the teacher's. */
  readonly imitation: (imitated: Imitated) => Value;
  /** Whether a teacher's answers say more than the labels do: those of a regression are the labels with an error. */
  readonly isSoft: boolean;
}

/** A pass that is to give answers. */
interface Answered {
  readonly context: ForwardContext;
  readonly inputs: BertInputs;
  readonly encoding: Encoding;
  readonly head: Head;
}

const KINDS: Readonly<Record<Exclude<Head["kind"], "mlm">, AnswerKind>> = {
  classification: {
    width: (head) => labelsOf(head).length,
    labels: { dtype: "int32", per: "text" },
    logits: ({ context, encoding }) => classify(context, encoding),
    loss: ({ logits, labels, count, objective }) => classLoss(logits, labels, count, objective),
    imitation: ({ logits, teacher, share, softening }) =>
      softCrossEntropy(logits, teacher, (rows) => batchMean(rows, share), softening),
    isSoft: true,
  },
  regression: {
    width: () => 1,
    labels: { dtype: "float32", per: "text" },
    logits: ({ context, encoding }) => classify(context, encoding),
    loss: ({ logits, labels, count, objective }) => valueObjective(logits, labels, count, objective),
    imitation: ({ logits, teacher, share }) => valueLoss(logits, teacher, share),
    isSoft: false,
  },
  "multi-label": {
    width: (head) => labelsOf(head).length,
    labels: { dtype: "float32", per: "number" },
    logits: ({ context, encoding }) => classify(context, encoding),
    loss: ({ logits, labels, count, objective }) => labelLoss(logits, labels, count, objective),
    imitation: ({ logits, teacher, share, softening }) => softBinary(logits, teacher, share, softening),
    isSoft: true,
  },
  tokens: {
    width: (head) => labelsOf(head).length,
    labels: { dtype: "int32", per: "token" },
    logits: ({ context, encoding }) => classifyTokens(context, encoding.last),
    loss: ({ logits, labels, count, objective }) =>
      classLoss(logits, perRow(labels, logits), count, objective),
    imitation: ({ logits, labels, labelled, teacher, softening }) => {
      const counts = sum(oneHot(perRow(labels, logits), lengthAt(logits.shape, 1), logits), [1]);
      return softCrossEntropy(
        logits,
        teacher,
        (rows) => div(sum(mul(rows, counts), [0]), labelled),
        softening,
      );
    },
    isSoft: true,
  },
  none: {
    width: (_head, hiddenSize) => hiddenSize,
    labels: { dtype: "float32", per: "number" },
    logits: ({ inputs, encoding, head }) => poolVectors(encoding, inputs, poolingOf(head)),
    loss: ({ logits, labels, count, objective }) => vectorLoss(logits, labels, count, objective.widths),
    imitation: ({ logits, teacher, count, objective }) =>
      vectorLoss(logits, teacher, count, objective.widths),
    isSoft: true,
  },
};

/** The kind of a head. @throws {GraphError} `bert/answers` for a masked language model */
export function answerKind({ kind }: Head): AnswerKind {
  if (kind !== "mlm") return KINDS[kind];
  throw new GraphError(
    "bert/answers",
    "answers: expected a head that answers texts, got a masked language model",
  );
}

/** The shape in which labels of a batch are fed. */
export function labelShape(kind: AnswerKind, width: number): Shape {
  if (kind.labels.per === "text") return ["B"];
  return kind.labels.per === "token" ? ["B", "T"] : ["B", width];
}

/** Labels of tokens [B, T] as one for each row of logits [N, C]. */
function perRow(labels: Value, logits: Value): Value {
  return reshape(labels, [at(logits.shape, 0)]);
}
