/**
 * Which runs are numbers of one scale: scores of the same metric on the same rows, and times of the same pass on one machine.
 */

import { basename } from "node:path";
import type { Latency, ModelFigures, RunResult } from "../measure/result.ts";
import type { Recipe } from "../runs/recipe.ts";
import type { RunSource } from "./source.ts";

/** A run that has ended, with its number in the page. */
export interface Finished {
  readonly run: RunSource;
  readonly number: number;
  readonly result: RunResult;
  readonly product: ModelFigures;
}

/** Runs whose scores can be compared. */
export interface Group {
  /** The task, or the name of the file. */
  readonly data: string;
  readonly name: string;
  readonly metric: string;
  readonly better: "higher" | "lower";
  readonly runs: readonly Finished[];
}

/** The finished ones among the runs. */
export function finishedRuns(runs: readonly RunSource[]): Finished[] {
  return runs.flatMap((run, i): Finished[] => {
    const product = run.result?.models.at(-1);
    return run.result && product ? [{ run, number: i + 1, result: run.result, product }] : [];
  });
}

/** Groups by task or data, fold, metric and number of judging examples. */
export function groupsOf(finished: readonly Finished[]): Group[] {
  const groups = new Map<string, Finished[]>();
  for (const each of finished) {
    const { task, metric } = each.result;
    const { settings, data: files } = each.run.recipe;
    // Two files of one name are told apart by what is in them.
    const key = JSON.stringify([
      task ?? (files.length > 0 ? files.map(({ sha256 }) => sha256) : settings.data),
      foldOf(each.run.recipe),
      metric.name,
      metric.examples,
    ]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].flatMap((runs): Group[] => {
    const [first] = runs;
    if (first === undefined) return [];
    const { metric } = first.result;
    const data = dataName(first.run.recipe);
    return [
      {
        data,
        name: `${data}, ${foldName(first.run.recipe)}${metric.examples.toLocaleString("en")} examples`,
        metric: metric.name,
        better: metric.better,
        runs,
      },
    ];
  });
}

/** Which rows a run over folds is judged on: of one fold those that its seed draws, of all folds every row. */
function foldOf({ settings: { folds, fold, seed, limit } }: Recipe): readonly unknown[] | null {
  if (folds === undefined) return null;
  return fold === undefined ? [] : [folds, fold, seed, limit ?? null];
}

function foldName({ settings: { folds, fold } }: Recipe): string {
  if (folds === undefined) return "";
  return fold === undefined ? "all folds, " : `fold ${fold} of ${folds}, `;
}

/** The task, or the last part of the file's name. */
export function dataName({ settings: { task, data, corpus } }: Recipe): string {
  return String(task ?? basename(String(data ?? corpus ?? "")));
}

/** Runs whose times can be compared: of one length and batch size, measured on one machine. */
export interface Timed {
  readonly at: Latency;
  readonly runs: readonly Finished[];
}

/** Puts runs that were timed alike together. */
export function timedAlike(runs: readonly Finished[]): Timed[] {
  const found = new Map<string, { at: Latency; runs: Finished[] }>();
  for (const each of runs) {
    const [at] = each.product.latency;
    if (at === undefined) continue;
    const { cpu, cores, threads, node, platform } = each.result.machine;
    const key = JSON.stringify([at.batchSize, at.length, cpu, cores, threads, node, platform]);
    const group = found.get(key) ?? { at, runs: [] };
    group.runs.push(each);
    found.set(key, group);
  }
  return [...found.values()];
}

/** The smaller of the two files that a product ships in. */
export function fileOf({ result, product }: Finished): { readonly raw: number } {
  const { packed } = result;
  return packed !== undefined && packed.bytes.raw < product.bytes.raw ? packed.bytes : product.bytes;
}
