/**
 * Where a network's tensors lie in the engine while it is trained or evaluated.
 *
 *   weights     every trained tensor, end to end: first those that decay, then the rest; gradients, m and v alike
 *   table       the word embeddings, when they are only ever looked up (row-adamw.ts)
 *   frozen      what is not trained
 *
 * One flat buffer makes the optimizer a handful of runs over equal pieces, and a checkpoint four arrays.
 */

import { InputError } from "../base/errors.ts";
import { type FloatTensor, sizeOf } from "../base/tensor.ts";
import { EMBEDDINGS, isDecayed } from "../bert/names.ts";
import type { Engine } from "../engine/engine.ts";
import type { View } from "../engine/protocol.ts";

export const BUFFERS = {
  weights: "w",
  gradients: "g",
  mean: "m",
  square: "v",
  frozen: "frozen",
  table: "table",
} as const;

export interface Placement {
  /** Every tensor's place by name. */
  readonly views: ReadonlyMap<string, View>;
  /** Tensors whose gradients lie in the flat buffer: the trained ones but the table, then those only measured. */
  readonly differentiated: readonly string[];
  /**
   * Weights that decay come first: [0, decayed); all that are trained are [0, total); [total, measured) are frozen
   * tensors whose gradients only count in the norm.
   */
  readonly decayed: number;
  readonly total: number;
  readonly measured: number;
  /** Shape of the word-embedding table when it has an optimizer of its own. */
  readonly table: readonly [number, number] | undefined;
}

/** Which tensors are trained, and whether the word embeddings may be treated row by row. */
export interface PlacementPlan {
  readonly trains: (name: string) => boolean;
  /** Frozen tensors whose gradients are wanted too; default none. */
  readonly measures?: (name: string) => boolean;
  readonly rows: boolean;
}

/** Lays tensors out; moves nothing. */
export function planPlacement(
  tensors: ReadonlyMap<string, FloatTensor>,
  { trains, measures = () => false, rows }: PlacementPlan,
): Placement {
  const names = [...tensors.keys()];
  const tabled = rows && trains(EMBEDDINGS.words) && tensors.has(EMBEDDINGS.words);
  const flat = names.filter((name) => trains(name) && !(tabled && name === EMBEDDINGS.words));
  const views = new Map<string, View>();
  const lay = (buffer: string, group: readonly string[], start: number): number =>
    group.reduce((offset, name) => {
      const shape = tensors.get(name)?.shape ?? [];
      views.set(name, { buffer, offset, shape });
      return offset + sizeOf(shape);
    }, start);
  const plain = flat.filter((name) => !isDecayed(name));
  const decayed = lay(BUFFERS.weights, flat.filter(isDecayed), 0);
  const total = lay(BUFFERS.weights, plain, decayed);
  const frozen = names.filter((name) => !trains(name));
  const counted = frozen.filter(measures);
  const measured = lay(BUFFERS.frozen, counted, 0);
  const rest = frozen.filter((name) => !measures(name));
  lay(BUFFERS.frozen, rest, measured);
  if (tabled) lay(BUFFERS.table, [EMBEDDINGS.words], 0);
  const [height = 0, width = 0] = tensors.get(EMBEDDINGS.words)?.shape ?? [];
  return {
    views,
    differentiated: [...flat, ...counted],
    decayed,
    total,
    measured: total + measured,
    table: tabled ? [height, width] : undefined,
  };
}

/** Makes the buffers and copies the tensors in. Training buffers (gradients, moments) only when something is trained. */
export async function place(
  engine: Engine,
  tensors: ReadonlyMap<string, FloatTensor>,
  placement: Placement,
): Promise<void> {
  const { total, measured, table, views } = placement;
  const frozen = [...views].reduce((n, [, v]) => n + (v.buffer === BUFFERS.frozen ? sizeOf(v.shape) : 0), 0);
  const sizes: [string, number][] = [[BUFFERS.frozen, frozen]];
  for (const name of [BUFFERS.weights, BUFFERS.mean, BUFFERS.square]) sizes.push([name, total]);
  sizes.push([BUFFERS.gradients, measured]);
  if (table) for (const suffix of ["", ".m", ".v"]) sizes.push([BUFFERS.table + suffix, table[0] * table[1]]);
  for (const [name, length] of sizes) if (length > 0) await engine.allocate(name, length);
  for (const [name, view] of views) await engine.write(view, tensorOf(tensors, name).data);
}

function tensorOf(tensors: ReadonlyMap<string, FloatTensor>, name: string): FloatTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined)
    throw new InputError("train/tensor", `train: expected a tensor ${name}, got none`);
  return tensor;
}

/** The gradient's place: as the weight's in the flat buffer; those that are only measured lie behind the trained. */
export function gradientView(placement: Placement, name: string): View {
  const view = placement.views.get(name);
  if (view === undefined) throw new InputError("train/tensor", `train: ${name} is not placed`);
  const offset = view.buffer === BUFFERS.frozen ? placement.total + view.offset : view.offset;
  return { ...view, buffer: BUFFERS.gradients, offset };
}
