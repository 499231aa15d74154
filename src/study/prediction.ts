/**
 * Which measure of a mask foretells the accuracy that is left, beyond what its densities do?
 *
 *   target     share of the dense model's metric that is left
 *   baseline   which task it is; ln of the density, as a line that bends at the densities between; ln of the density of
 *              each layer and component
 *   with       the same and one measure
 *   gain       R² with − R² baseline, both of runs that were left out, by the same penalty (regression.ts)
 *   luck       the largest gain of all measures when what the baseline does not say of them is dealt to the runs anew: a
 *              measure keeps what it has to do with density. All are dealt in one order, so that they keep what they have
 *              to do with each other, and the seeds of a run together, which are nearly one run: dealt apart they would
 *              make luck look rarer than it is. 19 of 20 times it is below `bound`. `p` is the share of deals, the true
 *              one included, whose best is as good as this measure
 *
 * Runs that differ by their seed alone are nearly the same run, and one of them foretells the others. So R² is said twice:
 * with one run left out, and with all seeds of a method, sparsity and task left out together, which is the one to believe.
 * The penalty is that of the grid which serves the baseline best, so its R² flatters a little. Runs without a measure are no part of what is said of it.
 * Below two runs for each number of the baseline nothing is fitted.
 */

import { requireItem } from "../base/present.ts";
import { fold as foldKey, type Key, permutation } from "../base/random.ts";
import { groupBy, type StudyRun } from "./groups.ts";
import { densityOf, INNER, type Predictor, predictors } from "./measures.ts";
import { keptMetric } from "./record.ts";
import { type Fold, fitRest, judgeRidge, type Rows, standardised } from "./regression.ts";

/** R² with one run, and with all seeds of a run, left out. */
export interface Foretold {
  readonly byRun: number;
  readonly bySeeds: number;
}

/** What one measure adds. */
export interface Gain {
  readonly measure: Predictor;
  /** Runs that have it. */
  readonly runs: number;
  readonly baseline: Foretold;
  readonly with: Foretold;
  /** Of all seeds left out. */
  readonly gain: number;
  readonly p: number;
}

export interface Prediction {
  readonly runs: number;
  /** Groups of runs that differ by their seed alone. */
  readonly groups: number;
  /** Numbers of the baseline. */
  readonly columns: number;
  readonly penalty: number;
  /** Tasks alone, and tasks and the total density, on the way to the baseline. */
  readonly tasks: Foretold;
  readonly density: Foretold;
  readonly baseline: Foretold;
  /** The largest first. */
  readonly gains: readonly Gain[];
  /** What the best of all measures gains by luck, 19 of 20 times at most. */
  readonly bound: number;
  readonly deals: number;
}

/** Why there is no answer. */
export interface TooFew {
  readonly runs: number;
  readonly needed: number;
}

/** Places at which the line of the density may bend. */
const BENDS = 5;
const PENALTIES = [0.01, 0.1, 1, 10, 100];
/** Below it ln would say more than a mask does: less than one weight of a large matrix. */
const LEAST = 1e-6;

/** Fits the baseline, and every measure upon it. */
export function foretell(runs: readonly StudyRun[], key: Key, deals = 199): Prediction | TooFew {
  const known = runs.filter((run) => keptMetric(run) !== null);
  const width = standardised(baselineOf(runs))[0]?.length ?? 0;
  const needed = 2 * Math.max(width, 1);
  if (known.length < needed || foldsOf(known).length < 4) return { runs: known.length, needed };
  const rows = baselineOf(known);
  const { penalty } = bestPenalty(rows, known);
  const tasks = known.map((run) => taskColumns(run, known));
  const judge = (columns: Rows): Foretold => foretold(columns, known, penalty);
  const measured = predictors().flatMap((measure) => uponOf(known, measure, penalty));
  const lucky = Array.from({ length: deals }, (_, deal) =>
    Math.max(
      Number.NEGATIVE_INFINITY,
      ...measured.map((upon) => dealtGain(upon, known, foldKey(key, deal), penalty)),
    ),
  ).sort((a, b) => a - b);
  const gains = measured.map((upon): Gain => {
    const { baseline } = upon;
    const more = foretold(withColumn(upon.rows, upon.values), upon.runs, penalty);
    const gain = more.bySeeds - baseline.bySeeds;
    const p = (1 + lucky.filter((value) => value >= gain).length) / (1 + deals);
    return { measure: upon.measure, runs: upon.runs.length, baseline, with: more, gain, p };
  });
  return {
    runs: known.length,
    groups: foldsOf(known).length,
    columns: width,
    penalty,
    tasks: judge(tasks),
    density: judge(joined(tasks, totalColumns(known))),
    baseline: judge(rows),
    gains: gains.sort((a, b) => b.gain - a.gain),
    bound: lucky[Math.ceil(0.95 * (1 + deals)) - 1] ?? Number.NaN,
    deals,
  };
}

export function isTooFew(found: Prediction | TooFew): found is TooFew {
  return "needed" in found;
}

/** The runs that have a measure, and its values. */
interface Upon {
  readonly measure: Predictor;
  readonly runs: readonly StudyRun[];
  readonly rows: Rows;
  readonly values: readonly number[];
  /** What the baseline does not say of them. */
  readonly left: readonly number[];
  readonly baseline: Foretold;
}

/** Nothing where too few runs have the measure, or all have the same. */
function uponOf(known: readonly StudyRun[], measure: Predictor, penalty: number): Upon[] {
  const found = known.flatMap((run) => {
    const value = run.measures[measure];
    return value === null || value === undefined ? [] : [{ run, value }];
  });
  const runs = found.map(({ run }) => run);
  const values = found.map(({ value }) => value);
  const rows = baselineOf(runs);
  const isEnough = runs.length >= 2 * (standardised(rows)[0]?.length ?? 1) && foldsOf(runs).length >= 4;
  if (!isEnough || standardised(values.map((value) => [value]))[0]?.length === 0) return [];
  const left = fitRest(rows, values, penalty);
  return [{ measure, runs, rows, values, left, baseline: foretold(rows, runs, penalty) }];
}

/** The gain when what the baseline leaves of the values is dealt anew, in one order of all groups for every measure. */
function dealtGain(
  { runs, rows, values, left, baseline }: Upon,
  known: readonly StudyRun[],
  key: Key,
  penalty: number,
): number {
  const moved = dealtByGroup(runs, left, orderOfGroups(known, key));
  const dealt = values.map(
    (value, r) => value - requireItem(left, r, "rest") + requireItem(moved, r, "deal"),
  );
  return judgeRidge(withColumn(rows, dealt), targetsOf(runs), foldsOf(runs), penalty).r2 - baseline.bySeeds;
}

/** A new order of the groups that differ by more than their seed. */
export function orderOfGroups(known: readonly StudyRun[], key: Key): Map<string, number> {
  const names = [...new Set(known.map(groupName))];
  return new Map([...permutation(key, names.length)].map((to, from) => [names[from] ?? "", to]));
}

/** Values of one group go to another together; where groups have not as many runs, some reach into the next. */
export function dealtByGroup(
  runs: readonly StudyRun[],
  values: readonly number[],
  order: ReadonlyMap<string, number>,
): number[] {
  const places = foldsOf(runs).flat();
  const rankOf = (i: number): number => order.get(groupName(requireItem(runs, i, "runs"))) ?? 0;
  const taken = [...places].sort((a, b) => rankOf(a) - rankOf(b));
  const dealt = new Array<number>(values.length).fill(Number.NaN);
  places.forEach((place, i) => {
    dealt[place] = requireItem(values, requireItem(taken, i, "order"), "values");
  });
  return dealt;
}

function bestPenalty(rows: Rows, runs: readonly StudyRun[]): { penalty: number; r2: number } {
  const tried = PENALTIES.map((penalty) => ({
    penalty,
    r2: judgeRidge(rows, targetsOf(runs), foldsOf(runs), penalty).r2,
  }));
  return tried.reduce((best, each) => (each.r2 > best.r2 ? each : best));
}

function foretold(rows: Rows, runs: readonly StudyRun[], penalty: number): Foretold {
  const y = targetsOf(runs);
  const alone = runs.map((_, r) => [r]);
  return {
    byRun: judgeRidge(rows, y, alone, penalty).r2,
    bySeeds: judgeRidge(rows, y, foldsOf(runs), penalty).r2,
  };
}

function targetsOf(runs: readonly StudyRun[]): number[] {
  return runs.map((run) => keptMetric(run) ?? Number.NaN);
}

/** Runs that differ by their seed alone. */
function foldsOf(runs: readonly StudyRun[]): Fold[] {
  const rows = runs.map((run, r) => ({ r, name: groupName(run) }));
  return [...groupBy(rows, ({ name }) => name).values()].map((group) => group.map(({ r }) => r));
}

function groupName({ variant, sparsity, task }: StudyRun): string {
  return JSON.stringify([variant, sparsity, task]);
}

/** One column for each task but the first. */
function taskColumns({ task }: StudyRun, runs: readonly StudyRun[]): number[] {
  const tasks = [...new Set(runs.map((run) => run.task))].sort();
  return tasks.slice(1).map((each) => Number(each === task));
}

/** ln of the density, and how far it is above each bend. */
function totalColumns(runs: readonly StudyRun[]): number[][] {
  const totals = runs.map(({ measures }) => logOf(measures.density));
  const bends = bendsOf(totals);
  return totals.map((total) => [total, ...bends.map((bend) => Math.max(0, total - bend))]);
}

/** Up to five, between the least and the largest density, of those that differ by a twentieth or more. */
function bendsOf(totals: readonly number[]): number[] {
  const levels: number[] = [];
  for (const total of [...totals].sort((a, b) => a - b)) {
    if (total - (levels.at(-1) ?? Number.NEGATIVE_INFINITY) >= 0.05) levels.push(total);
  }
  const inner = levels.slice(1, -1);
  if (inner.length <= BENDS) return inner;
  return Array.from({ length: BENDS }, (_, i) =>
    requireItem(inner, Math.round(((i + 0.5) * inner.length) / BENDS - 0.5), "levels"),
  );
}

function baselineOf(runs: readonly StudyRun[]): number[][] {
  const totals = totalColumns(runs);
  return runs.map((run, r) => {
    const layers = Array.from({ length: run.layers }, (_, layer) => densityOf(layer));
    const names = [densityOf("embeddings"), ...INNER.map(densityOf), ...layers];
    const each = names.map((name) => logOf(run.measures[name]));
    return [...taskColumns(run, runs), ...requireItem(totals, r, "runs"), ...each];
  });
}

function joined(a: Rows, b: Rows): number[][] {
  return a.map((row, r) => [...row, ...requireItem(b, r, "rows")]);
}

function logOf(share: number | null | undefined): number {
  return Math.log(Math.max(LEAST, share ?? LEAST));
}

function withColumn(rows: Rows, values: readonly number[]): number[][] {
  return rows.map((row, r) => [...row, requireItem(values, r, "values")]);
}
