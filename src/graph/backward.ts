/** Reverse-mode differentiation: gradients of a scalar are again values of the same graph. */

import { topological } from "./emitter.ts";
import { add } from "./ops/elementwise.ts";
import { GraphError } from "./shape.ts";
import { scalar, type Value } from "./value.ts";

/**
 * Gradients of the scalar `loss` with respect to each of `targets`, which may be inputs or any inner value.
 *
 * Only values on a path from a target to the loss are differentiated, so frozen parts cost nothing.
 *
 * @throws {GraphError} `graph/unreached` when the loss does not depend on a target
 */
export function backward(loss: Value, targets: readonly Value[]): Value[] {
  if (loss.shape.length !== 0)
    throw new GraphError("graph/scalar", `backward: expected a scalar, got [${loss.shape}]`);
  const order = topological([loss]);
  const wanted = new Set<Value>(targets);
  const active = new Set<Value>();
  for (const value of order)
    if (wanted.has(value) || value.inputs.some((x) => active.has(x))) active.add(value);

  const gradients = new Map<Value, Value>([[loss, scalar(1, loss.dtype)]]);
  for (const value of order.reverse()) {
    const g = gradients.get(value);
    if (g === undefined || !active.has(value) || value.gradient === undefined) continue;
    if (!value.inputs.some((x) => active.has(x))) continue;
    value.gradient(g).forEach((dx, i) => {
      const x = value.inputs[i];
      if (dx === undefined || x === undefined || !active.has(x)) return;
      const known = gradients.get(x);
      gradients.set(x, known ? add(known, dx) : dx);
    });
  }
  return targets.map((target) => {
    const g = gradients.get(target);
    if (g === undefined)
      throw new GraphError("graph/unreached", `backward: the loss does not depend on ${target.op}`);
    return g;
  });
}

/** The values of `roots`' graph that read `value` directly. */
export function consumers(roots: readonly Value[], value: Value): Value[] {
  return topological(roots).filter((v) => v.inputs.includes(value));
}
