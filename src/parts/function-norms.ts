/**
 * The size of what a unit adds to the residual stream: ‖F_k‖ = mean |F_k(x)| over the tokens of a batch and the features.
 *
 *   B batch   T tokens   N = B·T   D hidden   K units of one kind in a layer
 *
 * A head's F is its context through its own columns of the output projection, without dropout; a module's is its output
 * with dropout. Padding counts as any token does. Where the head reads the first token of each text alone, the last
 * layer is asked for no other, and its norms are over those.
 */

import type { BertConfig } from "../bert/config.ts";
import { layerNames, weightOf } from "../bert/names.ts";
import type { Sites } from "../bert/sites.ts";
import { expand, reshape, sum } from "../graph/ops/broadcast.ts";
import { abs, div, scale } from "../graph/ops/elementwise.ts";
import { concat } from "../graph/ops/select.ts";
import { at, lengthAt } from "../graph/shape.ts";
import { scalar, type Value } from "../graph/value.ts";
import { headOutputs } from "./gates.ts";
import type { Unit } from "./units.ts";

/** Sites that change nothing and see every unit's output. */
export interface NormSites extends Required<Pick<Sites, "gate" | "residual">> {
  /** The norms of all units in their order, [U]; after the forward pass. */
  readonly norms: () => Value;
}

/**
 * @param weightNow  a parameter as the forward pass has it
 * @param readsFirst  whether the head reads first tokens alone
 */
export function normSites(
  { layers }: Pick<BertConfig, "layers">,
  units: readonly Unit[],
  weightNow: (name: string) => Value,
  readsFirst: boolean,
): NormSites {
  const found = new Map<string, Value>();
  // A last layer runs twice, for first tokens and then for all.
  const record = (kind: Unit["kind"], layer: number, norm: () => Value): void => {
    const isUnit = units.some((unit) => unit.kind === kind && unit.layer === layer);
    if (isUnit && !(readsFirst && found.has(`${kind} ${layer}`))) found.set(`${kind} ${layer}`, norm());
  };
  return {
    gate: (site, x) => {
      if (site.kind !== "heads") return x;
      const projection = weightOf(layerNames(site.layer).attentionOutput);
      record("head", site.layer, () => functionNorm(headOutputs(x, weightNow(projection))));
      return x;
    },
    residual: ({ kind, layer }, branch) => {
      const alone = (): Value => reshape(branch, [1, at(branch.shape, 0), at(branch.shape, 1)]);
      record(kind, layer, () => functionNorm(alone()));
      return branch;
    },
    norms: () => {
      const kinds = layers.flatMap((_, i) =>
        ["head", "attention", "ffn"].map((kind) => found.get(`${kind} ${i}`)),
      );
      return concat(
        kinds.filter((norm) => norm !== undefined),
        0,
      );
    },
  };
}

/** mean |F_k| of outputs [K, N, D]: [K]. */
function functionNorm(outputs: Value): Value {
  const [N, D] = [at(outputs.shape, 1), lengthAt(outputs.shape, 2)];
  const rows = sum(expand(reshape(scalar(1), [1]), [N]), [0]);
  return div(scale(sum(abs(outputs), [1, 2]), 1 / D), rows);
}
