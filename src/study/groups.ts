/**
 * Runs that belong together: those of one model, one method, one sparsity and one task differ by their seed alone.
 *
 * A method is called by its name where all its runs have the same settings; where they differ, the settings in which they do
 * stand behind it, and the model where runs of several are studied. Two runs that nothing here tells apart (another rate, another length) would count twice: one is left out.
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

/** Methods that never train what they prune. */
const FREEZING = ["adapting-by-pruning"];

/** Method and settings, as a name. */
export type Variant = string;

/** A run, and what it is called by. */
export interface StudyRun extends RunRecord {
  readonly variant: Variant;
  /** Its model: the shape, and its digest where others of that shape are there. */
  readonly base: string;
}

/** Runs with their variants, and what was left out. */
export interface Distinct {
  readonly runs: readonly StudyRun[];
  readonly notes: readonly string[];
}

type Based = Omit<StudyRun, "variant">;

/** Gives each run its variant, and leaves out what could be told apart by nothing. */
export function distinguish(runs: readonly RunRecord[]): Distinct {
  const based = runs.map((run) => ({ ...run, base: baseOf(run, runs) }));
  const named = based.map((run) => ({ ...run, variant: variantOf(run, based) }));
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

/** A run without a digest is taken to be of the only model of its shape, where there is one. */
function baseOf(run: RunRecord, runs: readonly RunRecord[]): string {
  const shapeOf = ({ layers, hidden }: RunRecord): string => `${layers} layers × ${hidden}`;
  const shape = shapeOf(run);
  const models = runs.flatMap((other) => (shapeOf(other) === shape && other.model ? [other.model] : []));
  return new Set(models).size < 2 ? shape : `${shape}, ${run.model ?? "no digest"}`;
}

function variantOf({ method, settings, base }: Based, runs: readonly Based[]): Variant {
  const title = TITLES[method] ?? method;
  const others = runs.filter((run) => run.method === method).map((run) => run.settings);
  const names = [...new Set(others.flatMap((each) => Object.keys(each)))].sort();
  const differing = names.filter((name) => new Set(others.map((each) => String(each[name]))).size > 1);
  const own = differing.flatMap((name) =>
    settings[name] === undefined ? [] : [`${name} ${settings[name]}`],
  );
  const isOne = runs.every((run) => run.base === base);
  return [title, ...own, ...(isOne ? [] : [base])].join(", ");
}

/** Whether what is left under the mask keeps the values that it had before: the head alone is trained. */
export function isFrozen({ method, settings: { frozen } }: Pick<RunRecord, "method" | "settings">): boolean {
  return FREEZING.includes(method) || String(frozen) === "true";
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

/** In what two runs of one model and sparsity differ, if it is one of these; controls are compared with nothing. */
export function relationOf(first: StudyRun, second: StudyRun): Relation | undefined {
  if (first.base !== second.base || first.sparsity !== second.sparsity) return undefined;
  if (isControl(first) || isControl(second)) return undefined;
  const [seeds, tasks] = [first.seed !== second.seed, first.task !== second.task];
  if (first.variant !== second.variant) return seeds || tasks ? undefined : "methods";
  if (seeds && tasks) return "both";
  return seeds ? "seeds" : tasks ? "tasks" : undefined;
}

/** Whether two runs are of one method, be it with other settings: at one seed they may begin with the same draw. */
export function isOneMethod({ first, second }: Pick<StudyPair, "first" | "second">): boolean {
  return first.method === second.method;
}

/** `90 %`, `0.5 %`. */
export function sparsityText(sparsity: number | null): string {
  if (sparsity === null) return "no sparsity";
  const points = 100 * sparsity;
  return percent(sparsity, { decimals: Math.abs(points - Math.round(points)) < 1e-9 ? 0 : 1 });
}
