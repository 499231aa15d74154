/** The task losses, as scalars: what every method starts from. */

import { reshape, sum } from "../graph/ops/broadcast.ts";
import { div, mul, neg, sub } from "../graph/ops/elementwise.ts";
import { logSoftmax } from "../graph/ops/normal.ts";
import { oneHot } from "../graph/ops/select.ts";
import { at } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";

/**
 * Mean cross-entropy of logits [N, C] against int32 labels [N].
 *
 * @param count  the number of examples as a float scalar, so that accumulated parts of a batch weigh the same
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
