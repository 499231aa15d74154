/**
 * AdamW for a table of which each batch reads few rows, such as word embeddings: exact, and only the rows in use pay.
 *
 * A row without a gradient still moves under AdamW: its moments decay, and decay pulls its weights. Those steps are
 * put off until the row is next read and then done one by one by the same kernel, so the numbers are those of the dense
 * step. After `SETTLED` steps without a gradient β₁ⁿ is below 1e-9, an update is far below half a unit in the last place
 * of the weight, and the rest of the gap is one multiplication. A vocabulary of 30,522 × 256 costs
 * 2.0 to 3.7 ms this way and 4.3 to 4.6 dense, and the graph is spared a dense gradient (benchmarks/training/optimizer.mjs).
 *
 * These functions run in the engine's worker, beside the buffers (`Engine.host`). `t` counts steps from 1.
 */

import type { HostMemory, View } from "../engine/protocol.ts";
import { type AdamW, type StepFactors, stepFactors } from "./adamw.ts";
import { type Kernels, kernelsOn, runAdamw } from "./kernels.ts";

/** Steps without a gradient after which a row only decays. */
export const SETTLED = 200;

/** A table's buffers and hyper-parameters; `name` is the key of its state. */
export interface TableSettings {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly adamw: AdamW;
  /** Rate of each step so far, when a run goes on. */
  readonly rates: readonly number[];
}

interface Table extends TableSettings {
  readonly weights: Float32Array;
  readonly mean: Float32Array;
  readonly square: Float32Array;
  /** One row's gradient, where the kernel can read it. */
  readonly gradient: Float32Array;
  readonly kernels: Kernels;
  /** Step up to which a row's weights are current. */
  readonly current: Int32Array;
  /** Step of a row's last gradient; 0 for none. */
  readonly touched: Int32Array;
  /** rate[t]: the rate of step t; index 0 is unused. */
  readonly rate: number[];
  /** keep[t] = Π (1 − ηλ) over steps 1..t. */
  readonly keep: number[];
  /** Step after which the moments began; bias correction counts from there. */
  began: number;
  /** Row → place among the rows of this step, or −1. */
  readonly place: Int32Array;
  /** Rows of this step and the sums of their gradients. */
  readonly active: number[];
  gradients: Float32Array;
}

/** Makes the table's state. Buffers `name`, `name.m`, `name.v` and `name.g` (one row) exist, allocated together. */
export function openTable(memory: HostMemory, settings: TableSettings): void {
  const { name, rows, columns } = settings;
  const shape = [rows * columns];
  const table: Table = {
    ...settings,
    weights: memory.view({ buffer: name, offset: 0, shape }),
    mean: memory.view({ buffer: `${name}.m`, offset: 0, shape }),
    square: memory.view({ buffer: `${name}.v`, offset: 0, shape }),
    gradient: memory.view({ buffer: `${name}.g`, offset: 0, shape: [columns] }),
    kernels: kernelsOn(memory.heap(name)),
    current: new Int32Array(rows),
    touched: new Int32Array(rows),
    rate: [0],
    keep: [1],
    began: 0,
    place: new Int32Array(rows).fill(-1),
    active: [],
    gradients: new Float32Array(0),
  };
  for (const rate of settings.rates) pushRate(table, rate);
  memory.state.set(name, table);
}

function pushRate(table: Table, rate: number): void {
  table.rate.push(rate);
  table.keep.push((table.keep.at(-1) ?? 1) * (1 - rate * table.adamw.decay));
}

function tableOf(memory: HostMemory, name: string): Table {
  // State is untyped by name; `openTable` is its only writer.
  const table = memory.state.get(name) as Table | undefined;
  if (table === undefined) throw new RangeError(`table ${name} is not open`);
  return table;
}

/** Brings the rows `ids` up to step `t`, before a batch reads them. */
export function prepareRows(
  memory: HostMemory,
  { name, ids, t }: { name: string; ids: Int32Array; t: number },
): void {
  const table = tableOf(memory, name);
  for (const row of ids) {
    catchUp(table, row, t);
    table.current[row] = Math.max(t, table.current[row] ?? 0);
  }
}

/** Every row as of step `t`, in a copy: the table itself stays as it is. */
export function readTable(memory: HostMemory, { name, t }: { name: string; t: number }): Float32Array {
  const table = tableOf(memory, name);
  const { rows, columns, weights, mean, square } = table;
  const copy = new Float32Array(weights.length);
  for (let row = 0; row < rows; row++) {
    const [start, end] = [row * columns, (row + 1) * columns];
    const behind = (table.current[row] ?? 0) < t;
    const before = behind ? [weights, mean, square].map((data) => data.slice(start, end)) : [];
    if (behind) catchUp(table, row, t);
    copy.set(weights.subarray(start, end), start);
    for (const [i, data] of before.entries()) [weights, mean, square][i]?.set(data, start);
  }
  return copy;
}

/** Rows that are behind catch up to step `t`, and the optimizer starts anew from there: moments of zero. */
export function restartRows(memory: HostMemory, { name, t }: { name: string; t: number }): void {
  const table = tableOf(memory, name);
  for (let row = 0; row < table.rows; row++) catchUp(table, row, t);
  table.mean.fill(0);
  table.square.fill(0);
  table.current.fill(t);
  table.touched.fill(0);
  table.began = t;
}

/** The bookkeeping that a checkpoint keeps beside the three buffers. */
export interface RowProgress {
  readonly current: Int32Array;
  readonly touched: Int32Array;
  readonly began: number;
}

export function readProgress(memory: HostMemory, { name }: { name: string }): RowProgress {
  const { current, touched, began } = tableOf(memory, name);
  return { current: current.slice(), touched: touched.slice(), began };
}

/** Puts a checkpoint's bookkeeping back. */
export function writeProgress(
  memory: HostMemory,
  { name, current, touched, began }: { readonly name: string } & RowProgress,
): void {
  const table = tableOf(memory, name);
  table.began = began;
  table.current.set(current);
  table.touched.set(touched);
}

/** Does the steps up to `t` that a row has missed, in place; whether it is noted is the caller's. */
function catchUp(table: Table, row: number, t: number): void {
  const { adamw, rate, keep, gradient, began } = table;
  const from = table.current[row] ?? 0;
  if (from >= t) return;
  const touched = table.touched[row] ?? 0;
  const last = touched === 0 ? from : Math.min(t, touched + SETTLED);
  if (last > from) gradient.fill(0);
  for (let s = from + 1; s <= last; s++) stepRow(table, row, stepFactors(adamw, rate[s] ?? 0, s - began, 1));
  const rest = Math.max(from, last);
  if (t > rest) decayOnly(table, row, t - rest, (keep[t] ?? 1) / (keep[rest] ?? 1));
}

/** One step of a row with the gradient in `table.gradient`. */
function stepRow(
  { columns, weights, mean, square, gradient, kernels }: Table,
  row: number,
  factors: StepFactors,
): void {
  const start = 4 * row * columns;
  const at = {
    w: weights.byteOffset + start,
    m: mean.byteOffset + start,
    v: square.byteOffset + start,
    g: gradient.byteOffset,
  };
  runAdamw(kernels, at, columns, factors);
}

/** `steps` steps of a row whose mean has died away: weights and moments shrink, nothing else. */
function decayOnly(table: Table, row: number, steps: number, stay: number): void {
  const { columns, weights, mean, square, adamw } = table;
  const first = adamw.beta1 ** steps;
  const second = adamw.beta2 ** steps;
  for (let i = row * columns; i < (row + 1) * columns; i++) {
    weights[i] = stay * (weights[i] ?? 0);
    mean[i] = first * (mean[i] ?? 0);
    square[i] = second * (square[i] ?? 0);
  }
}

/** Adds the gradients of the rows that a batch has read: `gradients` holds one row per entry of `ids`. */
export function addRowGradients(
  memory: HostMemory,
  { name, ids, gradients }: { name: string; ids: Int32Array; gradients: View },
): void {
  const table = tableOf(memory, name);
  const { columns, place, active } = table;
  const source = memory.view(gradients);
  for (const row of ids) {
    if (place[row] !== -1) continue;
    place[row] = active.length;
    active.push(row);
  }
  if (table.gradients.length < active.length * columns) {
    const grown = new Float32Array(2 * active.length * columns);
    grown.set(table.gradients);
    table.gradients = grown;
  }
  const sums = table.gradients;
  for (let i = 0; i < ids.length; i++) {
    const to = (place[ids[i] ?? 0] ?? 0) * columns;
    for (let j = 0; j < columns; j++) sums[to + j] = (sums[to + j] ?? 0) + (source[i * columns + j] ?? 0);
  }
}

/** Squared norm of the gradients added so far. */
export function rowNorm(memory: HostMemory, { name }: { name: string }): number {
  const { gradients, active, columns } = tableOf(memory, name);
  let total = 0;
  const n = active.length * columns;
  for (let i = 0; i < n; i++) total += (gradients[i] ?? 0) ** 2;
  return total;
}

/** Forgets the gradients added so far: those of a step that is not made. */
export function dropRows(memory: HostMemory, { name }: { name: string }): void {
  clear(tableOf(memory, name));
}

function clear({ active, place, gradients, columns }: Table): void {
  for (const row of active) place[row] = -1;
  gradients.fill(0, 0, active.length * columns);
  active.length = 0;
}

/** Step `t` for the rows that got gradients; clears them. The rows are current up to step t − 1. */
export function stepRows(
  memory: HostMemory,
  { name, t, rate, clip }: { name: string; t: number; rate: number; clip: number },
): void {
  const table = tableOf(memory, name);
  pushRate(table, rate);
  const { active, current, touched, adamw, gradients, gradient, columns } = table;
  const factors = stepFactors(adamw, rate, t - table.began, clip);
  active.forEach((row, slot) => {
    gradient.set(gradients.subarray(slot * columns, (slot + 1) * columns));
    stepRow(table, row, factors);
    current[row] = t;
    touched[row] = t;
  });
  clear(table);
}
