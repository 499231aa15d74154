/**
 * One optimizer step as ranges of the flat buffers with their factors: what the kernels in kernels.ts are asked to do.
 *
 * Not here: the arithmetic (adamw.ts, assembly/optimizer.ts), the table of word embeddings (row-adamw.ts).
 */

import { RunError } from "../base/errors.ts";
import { type AdamW, stepFactors } from "./adamw.ts";
import type { RangeStep } from "./kernels.ts";
import type { Group } from "./placement.ts";

/** What one step needs to know beside its gradients. */
export interface StepFacts {
  readonly adamw: AdamW;
  /** Learning rate. */
  readonly rate: number;
  /** Steps since the moments began, this one included. */
  readonly t: number;
  /** Factor of the gradient. */
  readonly clip: number;
  /** The method's numbers of this step. */
  readonly scalars: Readonly<Record<string, number>>;
}

/** The step of each group. */
export function rangeSteps(groups: readonly Group[], facts: StepFacts): RangeStep[] {
  return groups.map((group) => rangeStep(group, facts));
}

function rangeStep(
  { rule, decays, start, end }: Group,
  { adamw, rate, t, clip, scalars }: StepFacts,
): RangeStep {
  const own = rate * (rule.factor ?? 1) * scaleOf(rule, scalars);
  if (rule.kind === "descent") return { start, end, kind: "descent", rate: own * clip };
  const {
    beta1 = adamw.beta1,
    beta2 = adamw.beta2,
    decay = decays ? adamw.decay : 0,
    keepZeros = false,
  } = rule;
  const factors = stepFactors({ ...adamw, beta1, beta2, decay }, own, t, clip);
  return { start, end, kind: "adamw", factors, keepZeros };
}

/** @throws {RunError} `method/scalar` when the method does not give the number that its rule names */
function scaleOf({ scaledBy }: Group["rule"], scalars: StepFacts["scalars"]): number {
  if (scaledBy === undefined) return 1;
  const scale = scalars[scaledBy];
  if (scale !== undefined) return scale;
  const given = Object.keys(scalars).join(", ") || "none";
  throw new RunError("method/scalar", `scalars: expected ${scaledBy}, which a rule names, got ${given}`);
}
