/**
 * A paper's table as far as it has been run: every cell with its runs behind it, as values and as Markdown.
 *
 * Promise: half a table never passes for a whole one. The heading counts the jobs that are done, a row says how many
 * of its seeds stand behind it, what is missing is a dash, and what failed says so and why. Pure: nothing is read,
 * run or written here.
 */

import { deviation, mean } from "../base/statistics.ts";
import type { Removed } from "../measure/removed.ts";
import type { Machine, Metric, Parameters } from "../measure/result.ts";
import type { EightFacts } from "./eight.ts";
import type { PackedFacts } from "./packed.ts";
import type { Job, Plan, PlannedRow, PlannedTable, Published, PublishedTable } from "./papers/plan.ts";

/** What became of a job; one that was not run yet has none. */
export type JobOutcome =
  | { readonly state: "done"; readonly facts: JobFacts }
  | { readonly state: "failed"; readonly code: string; readonly message: string };

/** What became of the jobs that have been run, by id. */
export type Outcomes = ReadonlyMap<string, JobOutcome>;

/** What tables need of a run. */
export interface JobFacts {
  /** What the run is judged by. */
  readonly metric: Metric;
  /** Every metric of the product, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly removed: Removed;
  /** Of the product. */
  readonly parameters: Parameters;
  /** Multiply-accumulates of the product, as a share of the original's. */
  readonly work: number;
  /** Of the whole run. */
  readonly seconds: number;
  /** Threads the engine was given. */
  readonly threads: number;
  /** Where it ran; lines of before do not say. */
  readonly machine?: Pick<Machine, "cpu" | "node">;
  /** Of a product beside its fine-tuned model; runs of before have none. */
  readonly packed?: PackedFacts;
  /** The product in 8 bits; runs of before have none, nor has one that loses too much by it. */
  readonly eight?: EightFacts;
}

/** Several runs as one number. */
export interface Averaged {
  readonly mean: number;
  /** With n - 1; null for a single value. */
  readonly deviation: number | null;
  /** By ascending seed; failed and missing ones left out. */
  readonly values: readonly number[];
}

/** One row: the paper's number and ours, with what our runs cost and removed. */
export interface ReproducedRow {
  readonly label: string;
  /** Times 100, or null where the paper has none for this task. */
  readonly published: Published | null;
  /** The metric times 100; null as long as no run is done. */
  readonly ours: Averaged | null;
  /**
   * Share of what the fine-tuned models of the same seeds have, and points less than they; null for those themselves, and
   * as long as no seed has both.
   */
  readonly kept: number | null;
  readonly lost: number | null;
  readonly runs: { readonly planned: number; readonly done: number; readonly failed: number };
  /** Mean over the runs that are done; null without one. */
  readonly costs: RowCosts | null;
  /** Ids of the jobs behind the row that failed. */
  readonly failures: readonly string[];
}

/** What the runs of a row left and took, as means. */
export interface RowCosts {
  /** Share of the weight matrices, embeddings included. */
  readonly removedOfAll: number;
  /** Share of the weight matrices of the layers. */
  readonly removedOfEncoder: number;
  /** Stored parameters, zeros included. */
  readonly parameters: number;
  readonly nonzeroParameters: number;
  /** Share of the original's. */
  readonly multiplyAccumulates: number;
  /** Of the whole run. */
  readonly seconds: number;
  /** Means over the runs that have them; null where none has. */
  readonly packed: PackedFacts | null;
  readonly eight: EightCosts | null;
}

/** What 8 bits make of a row's models, as means over the runs that were quantized. */
export interface EightCosts {
  readonly runs: number;
  readonly bytes: number;
  /** Points of the metric that each lost by it. */
  readonly lost: number;
  readonly faster?: number;
}

/** The table of one task. */
export interface ReproducedTable {
  readonly task: string;
  readonly metric: string;
  /** Validation examples behind a value; null as long as no run is done. */
  readonly examples: number | null;
  /** What a model that always answers the most frequent label gets, times 100; null for a regression. */
  readonly constant: number | null;
  readonly rows: readonly ReproducedRow[];
}

/** The model the table is about. */
export interface ReproducedModel {
  readonly name: string;
  readonly layers: number;
  readonly hidden: number;
  readonly parameters: number;
}

/** The whole answer of `espalier reproduce`. */
export interface Reproduction {
  readonly version: 1;
  readonly paper: string;
  readonly title: string;
  readonly citation: string;
  readonly quick: boolean;
  readonly model: ReproducedModel;
  readonly jobs: { readonly total: number; readonly done: number; readonly failed: number };
  /** Every job is done and none failed. */
  readonly complete: boolean;
  readonly tables: readonly ReproducedTable[];
  /** What else the paper or its slides print, which no run here answers. */
  readonly published: readonly PublishedTable[];
  readonly differs: readonly string[];
  readonly failures: readonly { readonly job: string; readonly code: string; readonly message: string }[];
}

/** What the tables are filled from. */
export interface Collected {
  readonly plan: Plan;
  readonly quick: boolean;
  readonly model: ReproducedModel;
  readonly outcomes: Outcomes;
  /** By task; see ReproducedTable.constant. */
  readonly constants: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

/** The tables as far as their jobs are done. */
export function reproductionOf(collected: Collected): Reproduction {
  const { plan, outcomes, quick, model } = collected;
  const { paper, jobs } = plan;
  const failures = jobs.flatMap(({ id }) => {
    const outcome = outcomes.get(id);
    return outcome?.state === "failed" ? [{ job: id, code: outcome.code, message: outcome.message }] : [];
  });
  const counted = countOf(jobs, outcomes);
  return {
    version: 1,
    paper: paper.id,
    title: paper.title,
    citation: paper.citation,
    quick,
    model,
    jobs: counted,
    complete: counted.done === jobs.length,
    tables: plan.tables.map((table) => fillTable(table, collected)),
    published: paper.published,
    differs: paper.differs,
    failures,
  };
}

/**
 * The tables by which rows can be compared as long as not all are run: of the tasks that every row has been run on, of
 * those rows that have been run on each of their own. Where there is no such task, all tables.
 */
export function commonTables(tables: readonly ReproducedTable[]): readonly ReproducedTable[] {
  const planned = tables.flatMap(({ rows }) => rows.slice(1));
  const open = new Set(planned.filter(({ lost }) => lost === null).map(({ label }) => label));
  const whole = new Set(planned.map(({ label }) => label).filter((label) => !open.has(label)));
  const common = tables.filter(({ rows }) => {
    const here = new Set(rows.map(({ label }) => label));
    return [...whole].every((label) => here.has(label));
  });
  return whole.size === 0 || common.length === 0 ? tables : common;
}

/** How many of some jobs there are, are done, and failed. */
export function countOf(jobs: readonly Job[], outcomes: Outcomes): Reproduction["jobs"] {
  const states = jobs.map(({ id }) => outcomes.get(id)?.state);
  const count = (state: JobOutcome["state"]): number => states.filter((one) => one === state).length;
  return { total: jobs.length, done: count("done"), failed: count("failed") };
}

function fillTable(table: PlannedTable, { outcomes, constants }: Collected): ReproducedTable {
  const constant = constants.get(table.task)?.[table.metric];
  const results = table.rows.flatMap(({ jobs }) => factsOf(jobs, outcomes));
  const dense = table.rows.find(({ isDense }) => isDense);
  return {
    task: table.task,
    metric: table.metric,
    examples: results[0]?.metric.examples ?? null,
    constant: constant === undefined ? null : 100 * constant,
    rows: table.rows.map((row) => fillRow(row, row === dense ? undefined : dense, table.metric, outcomes)),
  };
}

/** A row beside the fine-tuned models that have its seeds: jobs of a row are in the order of its seeds. */
function besideDense(
  row: PlannedRow,
  dense: PlannedRow | undefined,
  scoreOf: (id: string) => readonly number[],
): Pick<ReproducedRow, "kept" | "lost"> {
  const seeds = row.jobs.flatMap((id, i) => {
    const [own, whole] = [scoreOf(id), dense?.jobs.slice(i, i + 1).flatMap(scoreOf) ?? []];
    return own.length === 1 && whole.length === 1 ? [{ own: mean(own), whole: mean(whole) }] : [];
  });
  if (seeds.length === 0) return { kept: null, lost: null };
  const [own, whole] = [mean(seeds.map((seed) => seed.own)), mean(seeds.map((seed) => seed.whole))];
  return { kept: whole > 0 ? own / whole : null, lost: whole - own };
}

/** What is known of those of some jobs that are done, by their ids. */
export function factsOf(jobs: readonly string[], outcomes: Outcomes): JobFacts[] {
  return jobs.flatMap((id) => {
    const outcome = outcomes.get(id);
    return outcome?.state === "done" ? [outcome.facts] : [];
  });
}

function fillRow(
  row: PlannedRow,
  dense: PlannedRow | undefined,
  metric: string,
  outcomes: Outcomes,
): ReproducedRow {
  const { label, jobs, published } = row;
  const done = factsOf(jobs, outcomes);
  const scoreOf = (id: string): number[] =>
    factsOf([id], outcomes).flatMap((facts) => metricOf(facts, metric));
  const failures = jobs.filter((id) => outcomes.get(id)?.state === "failed");
  return {
    label,
    published: published ?? null,
    ours: averageOf(jobs.flatMap(scoreOf)),
    ...besideDense(row, dense, scoreOf),
    runs: { planned: jobs.length, done: done.length, failed: failures.length },
    costs: done.length === 0 ? null : costsOf(done),
    failures,
  };
}

/** The product's own, times 100. */
function metricOf({ metrics }: JobFacts, name: string): number[] {
  const value = metrics[name];
  return value === undefined ? [] : [100 * value];
}

/** Mean and deviation of some values; null of none. */
export function averageOf(values: readonly number[]): Averaged | null {
  return values.length === 0 ? null : { mean: mean(values), deviation: deviation(values) ?? null, values };
}

function costsOf(done: readonly JobFacts[]): RowCosts {
  const over = (of: (facts: JobFacts) => number): number => mean(done.map(of));
  return {
    removedOfAll: over(({ removed }) => removed.all),
    removedOfEncoder: over(({ removed }) => removed.encoder),
    parameters: over(({ parameters }) => parameters.total),
    nonzeroParameters: over(({ parameters }) => parameters.nonzero),
    multiplyAccumulates: over(({ work }) => work),
    seconds: over(({ seconds }) => seconds),
    packed: packedOf(done.flatMap(({ packed }) => packed ?? [])),
    eight: eightOf(done),
  };
}

/** Held to the run's own score: a table may be of another metric than the one that judged. */
function eightOf(done: readonly JobFacts[]): EightCosts | null {
  const all = done.flatMap(({ metric, eight }) => (eight ? [{ ...eight, before: metric.after }] : []));
  if (all.length === 0) return null;
  return {
    runs: all.length,
    bytes: mean(all.map(({ bytes }) => bytes)),
    lost: mean(all.map(({ before, after }) => 100 * (before - after))),
    ...fasterOf(all.map(fastestOf)),
  };
}

/** The faster one of its two files: of the first lines, the packed file alone was timed. */
function fastestOf({ faster, fasterInOnnx }: EightFacts): Pick<EightFacts, "faster"> {
  const known = [faster, fasterInOnnx].flatMap((one) => one ?? []);
  return known.length === 0 ? {} : { faster: Math.max(...known) };
}

/** The mean of those that were timed. */
function fasterOf(all: readonly Pick<PackedFacts, "faster">[]): Pick<PackedFacts, "faster"> {
  const timed = all.flatMap(({ faster }) => faster ?? []);
  return timed.length === 0 ? {} : { faster: mean(timed) };
}

function packedOf(all: readonly PackedFacts[]): PackedFacts | null {
  if (all.length === 0) return null;
  const over = (of: (facts: PackedFacts) => number): number => mean(all.map(of));
  return {
    bytes: over(({ bytes }) => bytes),
    of: over(({ of }) => of),
    ...fasterOf(all),
  };
}
