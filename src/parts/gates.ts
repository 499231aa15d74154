/**
 * Units in a graph: gates that scale them, and layers built without those that are gone.
 *
 *   B batch   T tokens   N = B·T   H heads   A features of one head   D hidden
 *
 * A gate is a value the forward pass is multiplied with; at 0 the unit is silent and costs as much as before. A unit
 * that is left out is not in the graph: matrices are cut to the rows and columns that stay, before any arithmetic.
 * Not here: how a gate gets its value (hard-concrete.ts), and cutting the tensors themselves (network/shrink.ts).
 */

import type { BertConfig, LayerConfig } from "../bert/config.ts";
import { biasOf, layerNames, weightOf } from "../bert/names.ts";
import type { Sites } from "../bert/sites.ts";
import { reshape } from "../graph/ops/broadcast.ts";
import { mul } from "../graph/ops/elementwise.ts";
import { matmul, transpose } from "../graph/ops/linear.ts";
import { concat, slice } from "../graph/ops/select.ts";
import { at, lengthAt, product } from "../graph/shape.ts";
import { scalar, type Value } from "../graph/value.ts";
import { type Kept, type LayerUnits, listKept, shrunkLayer } from "../network/shrink.ts";

/** Contexts [B, H, T, A] scaled head by head by a gate [H]. */
export function gateHeads(x: Value, gate: Value): Value {
  return mul(x, reshape(gate, [lengthAt(gate.shape, 0), 1, 1]));
}

/**
 * The answers under which the forward pass runs without the units that are gone. A module of which nothing stays adds
 * the number 0 to its skip path, so that none of it is in the graph; one that has only lost its units adds its bias.
 */
export function withoutUnits(
  config: BertConfig,
  units: readonly LayerUnits[],
): Required<Omit<Sites, "gate" | "input">> {
  const cuts = new Map(
    config.layers.flatMap((layer, i) => (units[i] ? [...matrixCuts(i, layer, units[i])] : [])),
  );
  return {
    weight: (name, w) => cuts.get(name)?.(w) ?? w,
    residual: ({ kind, layer }, branch) => {
      const kept = kind === "attention" ? units[layer]?.heads : units[layer]?.neurons;
      return kept === "none" ? scalar(0, branch.dtype) : branch;
    },
    layer: (i, run, place) => {
      const [layer, left] = [config.layers[i], units[i]];
      if (layer === undefined || left === undefined) return run;
      return place({ layer: shrunkLayer(layer, left), index: i, names: layerNames(i) });
    },
  };
}

/** What becomes of each matrix and bias of a layer that loses something but not all. */
function matrixCuts(i: number, layer: LayerConfig, left: LayerUnits): Map<string, (w: Value) => Value> {
  const names = layerNames(i);
  const cuts = new Map<string, (w: Value) => Value>();
  const add = (ins: readonly string[], out: string, kept: Kept, count: number, size: number): void => {
    const units = listKept(kept, count);
    if (units.length === 0 || units.length === count) return;
    for (const module of ins) {
      cuts.set(weightOf(module), (w) => keepRanges(w, 0, units, size));
      cuts.set(biasOf(module), (b) => keepRanges(b, 0, units, size));
    }
    cuts.set(weightOf(out), (w) => keepRanges(w, 1, units, size));
  };
  add([names.query, names.key, names.value], names.attentionOutput, left.heads, layer.heads, layer.headSize);
  add([names.intermediate, names.gate], names.output, left.neurons, layer.ffn, 1);
  return cuts;
}

/** The units that stay along an axis, each `size` wide: slices of neighbours, joined. */
export function keepRanges(x: Value, axis: number, units: readonly number[], size: number): Value {
  const starts = units.filter((unit, i) => unit - 1 !== units[i - 1]);
  const ends = units.filter((unit, i) => unit + 1 !== units[i + 1]);
  const pieces = starts.map((start, i) => slice(x, axis, start * size, ((ends[i] ?? start) + 1) * size));
  const [only] = pieces;
  return only && pieces.length === 1 ? only : concat(pieces, axis);
}

/**
 * What each head adds to its attention module's output, bias and dropout apart: the contexts [B, H, T, A] through the
 * head's own columns of the output projection [D, H·A] give [H, B·T, D].
 */
export function headOutputs(contexts: Value, projection: Value): Value {
  const [B, H] = [at(contexts.shape, 0), at(contexts.shape, 1)];
  const [T, A] = [at(contexts.shape, 2), at(contexts.shape, 3)];
  const flat = reshape(transpose(contexts, [1, 0, 2, 3]), [H, product([B, T]), A]);
  const own = transpose(reshape(projection, [at(projection.shape, 0), H, A]), [1, 2, 0]); // [H, A, D]
  return matmul(flat, own);
}
