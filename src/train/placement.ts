/**
 * Where a network's tensors lie in the engine while it is trained or evaluated.
 *
 *   weights     every trained tensor, end to end, those that move alike side by side; gradients, m and v alike
 *   table       the word embeddings, when they are only ever looked up (row-adamw.ts)
 *   kept        what is not trained but changes from step to step, and once more for the values of the next step
 *   frozen      what does not change
 *
 * One flat buffer makes the optimizer a few passes of a kernel, whatever the number of tensors, and a checkpoint a few
 * arrays.
 */

import { InputError, RunError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { type FloatTensor, sizeOf } from "../base/tensor.ts";
import { EMBEDDINGS, isDecayed } from "../bert/names.ts";
import type { UpdateRule } from "../contract/method.ts";
import type { Engine } from "../engine/engine.ts";
import type { View } from "../engine/protocol.ts";
import type { Type } from "../graph/shape.ts";

export const BUFFERS = {
  weights: "w",
  gradients: "g",
  mean: "m",
  square: "v",
  frozen: "frozen",
  kept: "kept",
  next: "kept.next",
  table: "table",
} as const;

/** Weights [start, end) of the flat buffer, which move by one rule. */
export interface Group {
  readonly rule: UpdateRule;
  /** Whether the run's decay applies where the rule names none: matrices and tables, not vectors. */
  readonly decays: boolean;
  readonly start: number;
  readonly end: number;
}

export interface Placement {
  /** Every tensor's place by name. */
  readonly views: ReadonlyMap<string, View>;
  /** Tensors whose gradients lie in the flat buffer: the trained ones but the table, then those only measured. */
  readonly differentiated: readonly string[];
  readonly groups: readonly Group[];
  /** All that are trained are [0, total); [total, measured) are frozen tensors whose gradients count in the norm. */
  readonly total: number;
  readonly measured: number;
  /** Elements that are kept. */
  readonly kept: number;
  /** Shape of the word-embedding table when it has an optimizer of its own. */
  readonly table: readonly [number, number] | undefined;
  /** Times the run's learning rate is the table's. */
  readonly tableFactor: number;
}

/** Which tensors are trained and how, and whether the word embeddings may be treated row by row. */
export interface PlacementPlan {
  readonly trains: (name: string) => boolean;
  /** Default: AdamW for all. */
  readonly rule?: (name: string) => UpdateRule | undefined;
  /** Tensors that change without being trained; default none. */
  readonly keeps?: (name: string) => boolean;
  /** Frozen tensors whose gradients are wanted too; default none. */
  readonly measures?: (name: string) => boolean;
  readonly rows: boolean;
}

const ADAMW_RULE: UpdateRule = { kind: "adamw" };

/** Lays tensors out; moves nothing. */
export function planPlacement(
  tensors: ReadonlyMap<string, FloatTensor>,
  { trains, rule = () => undefined, keeps = () => false, measures = () => false, rows }: PlacementPlan,
): Placement {
  const names = [...tensors.keys()];
  const tableFactor = tableFactorOf(rule(EMBEDDINGS.words));
  const tabled =
    rows && trains(EMBEDDINGS.words) && tensors.has(EMBEDDINGS.words) && tableFactor !== undefined;
  const views = new Map<string, View>();
  const lay = (buffer: string, group: readonly string[], start: number): number =>
    group.reduce((offset, name) => {
      const { shape } = requireEntry(tensors, name, "tensor");
      views.set(name, { buffer, offset, shape });
      return offset + sizeOf(shape);
    }, start);
  const flat = names.filter((name) => trains(name) && !(tabled && name === EMBEDDINGS.words));
  const groups: Group[] = [];
  let total = 0;
  for (const { names: members, ...how } of groupAlike(flat, rule)) {
    const end = lay(BUFFERS.weights, members, total);
    groups.push({ ...how, start: total, end });
    total = end;
  }
  const still = names.filter((name) => !trains(name));
  const kept = lay(BUFFERS.kept, still.filter(keeps), 0);
  const frozen = still.filter((name) => !keeps(name));
  const counted = frozen.filter(measures);
  const measured = lay(BUFFERS.frozen, counted, 0);
  const rest = frozen.filter((name) => !measures(name));
  lay(BUFFERS.frozen, rest, measured);
  if (tabled) lay(BUFFERS.table, [EMBEDDINGS.words], 0);
  return {
    views,
    // What a module left behind that has lost all of its heads or neurons is empty: nothing to have a gradient.
    differentiated: [...flat, ...counted].filter(
      (name) => sizeOf(requireEntry(tensors, name, "tensor").shape) > 0,
    ),
    groups,
    total,
    measured: total + measured,
    kept,
    table: tabled ? sizeOfTable(tensors) : undefined,
    tableFactor: tableFactor ?? 1,
  };
}

/** The factor of a table's rate; undefined for a rule that says more than AdamW at some rate, which a table does not know. */
function tableFactorOf(rule: UpdateRule = ADAMW_RULE): number | undefined {
  const { kind, factor = 1, ...rest } = rule;
  return kind === "adamw" && Object.keys(rest).length === 0 ? factor : undefined;
}

function sizeOfTable(tensors: ReadonlyMap<string, FloatTensor>): readonly [rows: number, columns: number] {
  const { shape } = requireEntry(tensors, EMBEDDINGS.words, "tensor");
  return [requireItem(shape, 0, "shape"), requireItem(shape, 1, "shape")];
}

/** Tensors that move alike, in the order in which their kinds first occur. */
function groupAlike(
  names: readonly string[],
  rule: (name: string) => UpdateRule | undefined,
): Iterable<{ readonly rule: UpdateRule; readonly decays: boolean; readonly names: string[] }> {
  const groups = new Map<string, { rule: UpdateRule; decays: boolean; names: string[] }>();
  for (const name of names) {
    const how = { rule: rule(name) ?? ADAMW_RULE, decays: isDecayed(name) };
    const key = JSON.stringify(how);
    const group = groups.get(key) ?? { ...how, names: [] };
    group.names.push(name);
    groups.set(key, group);
  }
  return groups.values();
}

/** Makes the buffers and copies the tensors in. Training buffers (gradients, moments) only when something is trained. */
export async function place(
  engine: Engine,
  tensors: ReadonlyMap<string, FloatTensor>,
  placement: Placement,
): Promise<void> {
  const { total, measured, kept, table, views } = placement;
  const frozen = [...views].reduce((n, [, v]) => n + (v.buffer === BUFFERS.frozen ? sizeOf(v.shape) : 0), 0);
  for (const [name, length] of [
    [BUFFERS.frozen, frozen],
    [BUFFERS.kept, kept],
    [BUFFERS.next, kept],
  ] as const) {
    if (length > 0) await engine.allocate(name, length);
  }
  const { weights, mean, square, gradients } = BUFFERS;
  const flat = { [weights]: total, [mean]: total, [square]: total, [gradients]: measured };
  if (measured > 0) await engine.allocateTogether(flat);
  if (table) await engine.allocateTogether(tableSizes(table));
  for (const [name, view] of views) await engine.write(view, tensorOf(tensors, name).data);
  for (const [name, view] of views) {
    if (view.buffer === BUFFERS.kept) await engine.write(nextView(view), tensorOf(tensors, name).data);
  }
}

/** The table, its moments, and a row for a gradient. */
function tableSizes([rows, columns]: readonly [number, number]): Record<string, number> {
  const name = BUFFERS.table;
  const size = rows * columns;
  return { [name]: size, [`${name}.m`]: size, [`${name}.v`]: size, [`${name}.g`]: columns };
}

/**
 * Sees to it that every value that a method's `updates` give has a place to go to.
 *
 * @param updates  types of the values, by tensor
 * @throws {RunError} `method/updates` for a tensor that is not kept, or for a value that does not fit it
 */
export function requireKept(
  id: string,
  updates: Iterable<readonly [name: string, type: Type]>,
  { views }: Pick<Placement, "views">,
): void {
  for (const [name, { dtype, shape }] of updates) {
    const view = views.get(name);
    if (view?.buffer !== BUFFERS.kept) {
      const got = view === undefined ? "which the run does not have" : `which is ${stateOf(view)}`;
      throw new RunError(
        "method/updates",
        `${id}.updates: expected tensors for which keeps() is true and trains() is false, got ${name}, ${got}`,
      );
    }
    const [wanted, given] = [`float32 [${view.shape.join(", ")}]`, `${dtype} [${shape.join(", ")}]`];
    if (wanted === given) continue;
    throw new RunError("method/updates", `${id}.updates: expected ${name} as ${wanted}, got ${given}`);
  }
}

function stateOf({ buffer }: View): string {
  return buffer === BUFFERS.frozen ? "not kept" : "trained";
}

/** Where a kept tensor's value of the next step goes. */
export function nextView(view: View): View {
  return { ...view, buffer: BUFFERS.next };
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
