/**
 * Runs that belong together: those of one method, one sparsity and one task differ by their seed alone.
 *
 * A method is called by its name where all its runs have the same settings; where they differ, the settings in which they do
 * stand behind it. Two runs that nothing here tells apart (another rate, another length) would count twice: one is left out.
 */

import { percent } from "../base/quantity.ts";
import type { PairRecord, RunRecord } from "./record.ts";

/** What methods are called in sentences; others keep their name. */
const TITLES: Readonly<Record<string, string>> = {
  "adapting-by-pruning": "Adapting by Pruning",
  magnitude: "magnitude",
  lottery: "lottery",
  sparsebert: "SparseBERT",
  movement: "movement",
};

/** Method and settings, as a name. */
export type Variant = string;

/** A run, and what it is called by. */
export interface StudyRun extends RunRecord {
  readonly variant: Variant;
}

/** Runs with their variants, and what was left out. */
export interface Distinct {
  readonly runs: readonly StudyRun[];
  readonly notes: readonly string[];
}

/** Gives each run its variant, and leaves out what could be told apart by nothing. */
export function distinguish(runs: readonly RunRecord[]): Distinct {
  const named = runs.map((run) => ({ ...run, variant: variantOf(run, runs) }));
  const first = new Map<string, StudyRun>();
  for (const run of named) {
    const key = JSON.stringify([run.variant, run.sparsity, run.task, run.seed]);
    if (!first.has(key)) first.set(key, run);
  }
  const left = named.length - first.size;
  const notes =
    left === 0
      ? []
      : [
          `${left} ${left === 1 ? "run is" : "runs are"} left out: another of the same method, sparsity, task and seed is there, trained otherwise`,
        ];
  return { runs: [...first.values()], notes };
}

function variantOf({ method, settings }: RunRecord, runs: readonly RunRecord[]): Variant {
  const title = TITLES[method] ?? method;
  const others = runs.filter((run) => run.method === method).map((run) => run.settings);
  const names = [...new Set(others.flatMap((each) => Object.keys(each)))].sort();
  const differing = names.filter((name) => new Set(others.map((each) => String(each[name]))).size > 1);
  const own = differing.flatMap((name) =>
    settings[name] === undefined ? [] : [`${name} ${settings[name]}`],
  );
  return [title, ...own].join(", ");
}

/** Whether a run is a control: its mask is another method's, moved, or lies over other weights. */
export function isControl({ settings: { control } }: Pick<RunRecord, "settings">): boolean {
  return control !== undefined && control !== "none";
}

/** Runs by a name, in the order in which the names come. */
export function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = nameOf(item);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return groups;
}

/** The sparsities that were asked for, ascending; null, where none was, is the last. */
export function sparsitiesOf(runs: readonly RunRecord[]): (number | null)[] {
  const last = (sparsity: number | null): number => sparsity ?? Number.POSITIVE_INFINITY;
  return [...new Set(runs.map(({ sparsity }) => sparsity))].sort((a, b) => (last(a) < last(b) ? -1 : 1));
}

/** Two runs and what they share. */
export interface StudyPair {
  readonly first: StudyRun;
  readonly second: StudyRun;
  readonly shared: PairRecord;
}

/**
 * Why two runs are compared: they differ in one thing alone, or in task and seed. Runs of one seed begin with the same draws,
 * so two tasks may have a mask in common for that alone.
 */
export const RELATIONS = ["seeds", "methods", "tasks", "both"] as const;
export type Relation = (typeof RELATIONS)[number];

/** In what two runs of one sparsity differ, if it is one of these; controls are compared with nothing. */
export function relationOf(first: StudyRun, second: StudyRun): Relation | undefined {
  if (first.sparsity !== second.sparsity || isControl(first) || isControl(second)) return undefined;
  const [seeds, tasks] = [first.seed !== second.seed, first.task !== second.task];
  if (first.variant !== second.variant) return seeds || tasks ? undefined : "methods";
  if (seeds && tasks) return "both";
  return seeds ? "seeds" : tasks ? "tasks" : undefined;
}

/** `90 %`, `0.5 %`. */
export function sparsityText(sparsity: number | null): string {
  if (sparsity === null) return "no sparsity";
  const points = 100 * sparsity;
  return percent(sparsity, { decimals: Math.abs(points - Math.round(points)) < 1e-9 ? 0 : 1 });
}
