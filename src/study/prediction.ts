/**
 * Which measure of a mask foretells the accuracy that is left, beyond its task, its method and its densities?
 *
 *   target     share of the dense model's metric that is left (record.ts), 0 where it is less: how far below an answer that is
 *              always the same a run lies is chance
 *   baseline   what is known of a run without its mask's measures (baseline.ts)
 *   with       the same and one measure
 *   gain       R² with − R² baseline, both of runs that were left out, by the same penalty (regression.ts)
 *   luck       the largest gain of all measures when what the baseline does not say of them is dealt to the runs anew: a
 *              measure keeps what it has to do with the baseline. All are dealt in one order, so that they keep what they have
 *              to do with each other. 19 of 20 times it is below `bound`. `p` is the share of deals, the true one included,
 *              whose best is as good as this measure
 *
 * All tasks and seeds of a method at one sparsity are a block: their masks are nearly copies, of which one would foretell the
 * others. So whole blocks are left out together, and whole blocks are dealt; dealt apart, copies make luck look rarer than it
 * is. Of 24 studies by chance in prediction.test.ts 2 have p ≤ 0.05, and 9 where tasks are left out and dealt apart. R² is said
 * of one run left out too, which is not to be believed.
 * Blocks count as independent beyond the method and the densities. Where methods fall at different rates with sparsity, and
 * their measures with them, they are not quite, and p is somewhat too small.
 *
 * The penalty is that of the grid which serves the baseline best, so its R² flatters a little. Runs without a measure are no
 * part of what is said of it. Below two blocks for each number that differs between blocks, and two runs for each number, nothing
 * is fitted. Runs of two models are not fitted together.
 */

import { requireItem } from "../base/present.ts";
import { fold as foldKey, type Key, permutation } from "../base/random.ts";
import { type Baseline, baselineOf, blockOf, joinColumns, ofSeveralBlocks, PER_COLUMN } from "./baseline.ts";
import { groupBy, type StudyRun } from "./groups.ts";
import { type Predictor, predictors } from "./measures.ts";
import { keptMetric } from "./record.ts";
import { type Fold, fitRest, judgeRidge, type Rows, standardised } from "./regression.ts";

/** R² with one run, and with all runs of a block, left out. */
export interface Foretold {
  readonly byRun: number;
  readonly byBlock: number;
}

/** What one measure adds. */
export interface Gain {
  readonly measure: Predictor;
  /** Runs that have it. */
  readonly runs: number;
  readonly baseline: Foretold;
  readonly with: Foretold;
  /** Of whole blocks left out. */
  readonly gain: number;
  readonly p: number;
}

/** What the fits are made on. */
interface Basis {
  readonly runs: number;
  readonly blocks: number;
  /** Numbers of the baseline, and those of them that differ between blocks. */
  readonly columns: number;
  readonly between: number;
  /** Runs of methods that have one block, which say nothing within a method. */
  readonly single: number;
}

export interface Prediction extends Basis {
  readonly penalty: number;
  /** Tasks alone, and tasks and methods, on the way to the baseline. */
  readonly tasks: Foretold;
  readonly methods: Foretold;
  readonly baseline: Foretold;
  /** The largest first. */
  readonly gains: readonly Gain[];
  /** What the best of all measures gains by luck, 19 of 20 times at most. */
  readonly bound: number;
  readonly deals: number;
}

/** Why there is no answer: how many runs or blocks it takes at least, or that all runs keep the same. */
export interface TooFew extends Basis {
  readonly lack: "runs" | "blocks" | "difference";
  readonly needed: number;
}

/** Below so many blocks nothing is left out that the others could foretell. */
export const FEWEST = 4;
const PENALTIES = [0.01, 0.1, 1, 10, 100];

/** Fits the baseline, and every measure upon it. @param runs  of one model */
export function foretell(runs: readonly StudyRun[], key: Key, deals = 199): Prediction | TooFew {
  const all = runs.filter((run) => keptMetric(run) !== null);
  const known = ofSeveralBlocks(all);
  const base = baselineOf(known);
  const basis = { ...sizesOf(known, base), single: all.length - known.length };
  const lack = lackOf(known, base);
  if (lack !== undefined) return { ...basis, ...lack };
  const penalty = bestPenalty(base.rows, known);
  const judge = (columns: Rows): Foretold => foretold(columns, known, penalty);
  const measured = predictors().flatMap((measure) => uponOf(known, measure, penalty));
  const lucky = Array.from({ length: deals }, (_, deal) => {
    const order = orderOfBlocks(known, foldKey(key, deal));
    return Math.max(Number.NEGATIVE_INFINITY, ...measured.map((upon) => dealtGain(upon, order, penalty)));
  }).sort((a, b) => a - b);
  const gains = measured.map((upon) => gainOf(upon, lucky, penalty));
  return {
    ...basis,
    penalty,
    tasks: judge(base.tasks),
    methods: judge(joinColumns(base.tasks, base.methods)),
    baseline: judge(base.rows),
    gains: gains.sort((a, b) => b.gain - a.gain),
    bound: lucky[Math.ceil(0.95 * (1 + deals)) - 1] ?? Number.NaN,
    deals,
  };
}

export function isTooFew(found: Prediction | TooFew): found is TooFew {
  return "needed" in found;
}

function sizesOf(runs: readonly StudyRun[], { columns, between }: Baseline): Omit<Basis, "single"> {
  return { runs: runs.length, blocks: foldsOf(runs).length, columns, between };
}

/** The first condition that does not hold. */
function lackOf(runs: readonly StudyRun[], base: Baseline): Pick<TooFew, "lack" | "needed"> | undefined {
  const { blocks, columns, between } = sizesOf(runs, base);
  const needed = { blocks: Math.max(FEWEST, PER_COLUMN * between), runs: PER_COLUMN * columns };
  if (blocks < needed.blocks) return { lack: "blocks", needed: needed.blocks };
  if (runs.length < needed.runs) return { lack: "runs", needed: needed.runs };
  const [first, ...others] = targetsOf(runs);
  return others.every((target) => target === first) ? { lack: "difference", needed: 0 } : undefined;
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
  const numberOf = (run: StudyRun): number | null => run.measures[measure] ?? null;
  const runs = ofSeveralBlocks(known.filter((run) => numberOf(run) !== null));
  const values = runs.flatMap((run) => numberOf(run) ?? []);
  const base = baselineOf(runs);
  if (lackOf(runs, base) !== undefined || standardised(values.map((value) => [value]))[0]?.length === 0)
    return [];
  const { rows } = base;
  const left = fitRest(rows, values, penalty);
  return [{ measure, runs, rows, values, left, baseline: foretold(rows, runs, penalty) }];
}

function gainOf(upon: Upon, lucky: readonly number[], penalty: number): Gain {
  const { measure, runs, rows, values, baseline } = upon;
  const more = foretold(withColumn(rows, values), runs, penalty);
  const gain = more.byBlock - baseline.byBlock;
  const p = (1 + lucky.filter((value) => value >= gain).length) / (1 + lucky.length);
  return { measure, runs: runs.length, baseline, with: more, gain, p };
}

/** The gain when what the baseline leaves of the values is dealt anew. */
function dealtGain(
  { runs, rows, values, left, baseline }: Upon,
  order: ReadonlyMap<string, number>,
  penalty: number,
): number {
  const moved = dealtByBlock(runs, left, order);
  const dealt = values.map(
    (value, r) => value - requireItem(left, r, "rest") + requireItem(moved, r, "deal"),
  );
  return judgeRidge(withColumn(rows, dealt), targetsOf(runs), foldsOf(runs), penalty).r2 - baseline.byBlock;
}

/** A new order of the blocks, one for every measure. */
export function orderOfBlocks(known: readonly StudyRun[], key: Key): Map<string, number> {
  const names = [...new Set(known.map(blockOf))];
  return new Map([...permutation(key, names.length)].map((to, from) => [names[from] ?? "", to]));
}

/** Values of one block go to another together, task by task; where blocks have not as many runs, some reach into the next. */
export function dealtByBlock(
  runs: readonly StudyRun[],
  values: readonly number[],
  order: ReadonlyMap<string, number>,
): number[] {
  const places = foldsOf(runs).flat();
  const rankOf = (i: number): number => order.get(blockOf(requireItem(runs, i, "runs"))) ?? 0;
  const taken = [...places].sort((a, b) => rankOf(a) - rankOf(b));
  const dealt = new Array<number>(values.length).fill(Number.NaN);
  places.forEach((place, i) => {
    dealt[place] = requireItem(values, requireItem(taken, i, "order"), "values");
  });
  return dealt;
}

function bestPenalty(rows: Rows, runs: readonly StudyRun[]): number {
  const tried = PENALTIES.map((penalty) => ({
    penalty,
    r2: judgeRidge(rows, targetsOf(runs), foldsOf(runs), penalty).r2,
  }));
  return tried.reduce((best, each) => (each.r2 > best.r2 ? each : best)).penalty;
}

function foretold(rows: Rows, runs: readonly StudyRun[], penalty: number): Foretold {
  const y = targetsOf(runs);
  const alone = runs.map((_, r) => [r]);
  return {
    byRun: judgeRidge(rows, y, alone, penalty).r2,
    byBlock: judgeRidge(rows, y, foldsOf(runs), penalty).r2,
  };
}

function targetsOf(runs: readonly StudyRun[]): number[] {
  return runs.map((run) => Math.max(0, keptMetric(run) ?? Number.NaN));
}

/** The runs of each block, in the order of their tasks and seeds. */
function foldsOf(runs: readonly StudyRun[]): Fold[] {
  const rows = runs.map((run, r) => ({ r, run, block: blockOf(run) }));
  rows.sort(
    (a, b) => (a.run.task < b.run.task ? -1 : Number(a.run.task > b.run.task)) || a.run.seed - b.run.seed,
  );
  return [...groupBy(rows, ({ block }) => block).values()].map((same) => same.map(({ r }) => r));
}

function withColumn(rows: Rows, values: readonly number[]): number[][] {
  return rows.map((row, r) => [...row, requireItem(values, r, "values")]);
}
