/** Options of `compress` that say what is wanted, where no method is named: docs/choosing.md says what is then taken. */

import { number } from "./kinds.ts";
import { grouped, optional, type Rule } from "./schema.ts";

export const AIMS = grouped("Method", {
  targetSize: optional(
    number(0, 1, { above: true }),
    "without --method: model.esp has at most this share of the fine-tuned model's bytes",
  ),
  targetSpeed: optional(
    number(1, 1000),
    "without --method: at least so many times as fast as the fine-tuned model",
  ),
  maxDrop: optional(
    number(0, 100),
    "without --method: at most so many points of the metric lower, of 100; not with mae, rmse or loss",
    {
      absent: "2 where neither size nor speed is given",
    },
  ),
});

/** Aims choose a method; a method's settings need one. */
export const chosenRule: Rule<{
  readonly method?: string;
  readonly sparsity?: number;
  readonly set: Readonly<Record<string, unknown>>;
  readonly targetSize?: number;
  readonly targetSpeed?: number;
  readonly maxDrop?: number;
}> = (settings, name) => {
  const { method, sparsity, set } = settings;
  const aim = (["targetSize", "targetSpeed", "maxDrop"] as const).find((key) => settings[key] !== undefined);
  if (method !== undefined)
    return aim === undefined ? undefined : `${name(aim)}: expected it without ${name("method")}, got both`;
  const own = sparsity !== undefined ? "sparsity" : Object.keys(set).length > 0 ? "set" : undefined;
  return own === undefined ? undefined : `${name(own)}: expected it with ${name("method")}, got it alone`;
};
