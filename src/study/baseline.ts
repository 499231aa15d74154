/**
 * What a regression knows of a run before any measure of its mask: its task, its method and its densities.
 *
 *   task         a column for each but the first
 *   method       a column for each variant but the first
 *   encoder      ln of the share kept, as a line that bends at shares between
 *   embeddings   ln of the share kept
 *
 * Masks of one method and sparsity say nearly the same on every task and with every seed: they are one block, and columns that
 * differ between blocks alone can be told apart by blocks alone, be the runs a hundred. The planned study has 12 or 15. So the
 * baseline is the smallest that is honest. Densities of single layers and parts, 13 columns of a model of 6 layers, are not in
 * it: what they say a measure may say in their place, and the page says so.
 *
 * The method is in it because methods differ in much that no mask shows (one trains the weights, another freezes them), and
 * in their masks too: without it whatever tells one method's masks from another's would seem to foretell. What is left to a
 * measure is what it says of runs of one method. A method with one block says nothing of that.
 */

import { requireItem } from "../base/present.ts";
import { mean } from "../base/statistics.ts";
import { groupBy, type StudyRun } from "./groups.ts";
import { densityOf } from "./measures.ts";
import { type Rows, standardised } from "./regression.ts";

/** Columns of every run. */
export interface Baseline {
  readonly tasks: Rows;
  readonly methods: Rows;
  readonly densities: Rows;
  /** All of them. */
  readonly rows: Rows;
  /** Columns that are not alike in all runs. */
  readonly columns: number;
  /** Of these, columns that say more of a block than of a run in it: half of their variance or more lies between blocks. */
  readonly between: number;
}

/** Blocks that there have to be for each column that differs between blocks. */
export const PER_COLUMN = 2;
/** Places at which the line may bend: one, and up to so many while there are blocks for them. */
const BENDS = 5;
/** Below it ln would say more than a mask does: less than one weight of a large matrix. */
const LEAST = 1e-6;

/** All runs of one variant at one sparsity, of every task and seed. */
export function blockOf({ variant, sparsity }: StudyRun): string {
  return JSON.stringify([variant, sparsity]);
}

/** The runs of variants that have several blocks. */
export function ofSeveralBlocks(runs: readonly StudyRun[]): StudyRun[] {
  const blocks = groupBy([...new Map(runs.map((run) => [blockOf(run), run])).values()], (run) => run.variant);
  return runs.filter(({ variant }) => (blocks.get(variant)?.length ?? 0) > 1);
}

/** The columns of runs of one model. */
export function baselineOf(runs: readonly StudyRun[]): Baseline {
  const tasks = columnsFor(runs.map(({ task }) => task));
  const methods = columnsFor(runs.map(({ variant }) => variant));
  const tables = runs.map(({ measures }) => [logOf(measures[densityOf("embeddings")])]);
  const others = joinColumns(tasks, methods, tables);
  const encoder = runs.map(({ measures }) => logOf(measures["density.encoder"]));
  const room = new Set(runs.map(blockOf)).size / PER_COLUMN - between(others, runs) - 1;
  const densities = joinColumns(bentLine(encoder, Math.min(BENDS, Math.max(1, Math.floor(room)))), tables);
  const rows = joinColumns(tasks, methods, densities);
  return { tasks, methods, densities, rows, columns: widthOf(rows), between: between(rows, runs) };
}

/** Rows of several tables side by side. */
export function joinColumns(...tables: readonly Rows[]): number[][] {
  const [first = []] = tables;
  return first.map((_, r) => tables.flatMap((rows) => requireItem(rows, r, "rows")));
}

/** Columns that differ between the blocks more than in them, as a task does not that nearly every block has. */
function between(rows: Rows, runs: readonly StudyRun[]): number {
  const scaled = standardised(rows); // of each column the squares sum to the number of rows
  const placed = runs.map((run, r) => ({ block: blockOf(run), row: requireItem(scaled, r, "rows") }));
  const blocks = [...groupBy(placed, ({ block }) => block).values()];
  const isBetween = (c: number): boolean => {
    const squares = blocks.map(
      (same) => same.length * mean(same.map(({ row }) => requireItem(row, c, "row"))) ** 2,
    );
    return squares.reduce((sum, square) => sum + square, 0) >= rows.length / 2;
  };
  return Array.from({ length: widthOf(rows) }, (_, c) => c).filter(isBetween).length;
}

function widthOf(rows: Rows): number {
  return standardised(rows)[0]?.length ?? 0;
}

/** A column for each name but the first. */
function columnsFor(names: readonly string[]): number[][] {
  const distinct = [...new Set(names)].sort();
  return names.map((name) => distinct.slice(1).map((each) => Number(each === name)));
}

/** Each logarithm, and how far it is above each bend. */
function bentLine(logs: readonly number[], most: number): number[][] {
  const bends = bendsOf(logs, most);
  return logs.map((log) => [log, ...bends.map((bend) => Math.max(0, log - bend))]);
}

/** Between the least and the largest, of those that differ by a twentieth or more. */
function bendsOf(logs: readonly number[], most: number): number[] {
  const levels: number[] = [];
  for (const log of [...logs].sort((a, b) => a - b)) {
    if (log - (levels.at(-1) ?? Number.NEGATIVE_INFINITY) >= 0.05) levels.push(log);
  }
  const inner = levels.slice(1, -1);
  if (inner.length <= most) return inner;
  return Array.from({ length: most }, (_, i) =>
    requireItem(inner, Math.round(((i + 0.5) * inner.length) / most - 0.5), "levels"),
  );
}

function logOf(share: number | null | undefined): number {
  return Math.log(Math.max(LEAST, share ?? LEAST));
}
