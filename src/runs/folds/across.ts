/**
 * A run for each fold of the training examples, in OUT/folds/1, 2 …, and what they say together.
 *
 * Each is a run like any other, with `fold` among its settings, so that it is stopped, resumed and reported as one. The
 * folder around them has a recipe, `folds.md` with the table, and a result whose figures are means, of metrics, weights,
 * bytes and multiplications alike (what is removed differs from fold to fold); it has no model, since every fold leaves one. Called again, folds that are finished are kept. Not here: which examples a fold has (data/split.ts).
 */

import { join } from "node:path";
import { requireItem } from "../../base/present.ts";
import { deviation, mean } from "../../base/statistics.ts";
import { capital } from "../../base/units.ts";
import { writeFileAtomic } from "../../formats/files.ts";
import { codeVersion, describeMachine, peakMemory } from "../../measure/machine.ts";
import { isShareMetric, metricText, metricWord, signed } from "../../measure/metric-text.ts";
import { reachedOf } from "../../measure/reached.ts";
import {
  type Metric,
  type ModelFigures,
  type RunResult,
  readResult,
  type Stage,
} from "../../measure/result.ts";
import { folderState, runPaths } from "../folder.ts";
import { openRun } from "../open-run.ts";
import { likeTyped } from "../place.ts";
import type { RunContext } from "../progress.ts";
import type { Recipe } from "../recipe.ts";

/** What a run over folds has of its options. */
interface FoldsSettings {
  readonly folds?: number | undefined;
  readonly fold?: number | undefined;
  readonly out: string;
  readonly force: boolean;
  readonly threads: number;
}

export interface FoldsJob<Settings extends FoldsSettings> {
  readonly settings: Settings;
  readonly recipe: Recipe;
  readonly title: string;
  readonly context: RunContext;
  /** One fold. */
  readonly run: (settings: Settings, context: RunContext) => Promise<RunResult>;
}

/** Whether every fold is asked for. */
export function asksForFolds({ folds, fold }: Pick<FoldsSettings, "folds" | "fold">): boolean {
  return folds !== undefined && fold === undefined;
}

/**
 * Makes the run of every fold, or goes on with them.
 *
 * @throws {InterruptedError} `run/interrupted` when asked to stop; what is done is saved
 * @throws as `openRun` and the run of a fold do
 */
export async function acrossFolds<Settings extends FoldsSettings>(
  job: FoldsJob<Settings>,
): Promise<RunResult> {
  const { settings, recipe, context } = job;
  const beginning = { title: job.title, started: performance.now() };
  await using run = await openRun(recipe, settings, beginning, context);
  const count = settings.folds ?? 0;
  const results: RunResult[] = [];
  for (let fold = 1; fold <= count; fold++) {
    run.record({ kind: "phase", name: `fold ${fold} of ${count}` });
    const out = likeTyped(settings.out, join(run.paths.folds, String(fold)));
    const state = await folderState(out);
    const own = { ...settings, fold, out, force: false };
    const within = { ...context, resume: state === "resumable", partOf: run.resumed };
    results.push(state === "finished" ? await readResult(runPaths(out).result) : await job.run(own, within));
  }
  const all = await together(results, settings, run.seconds());
  // Of a run that goes on, the recipe that it began with.
  const wanted = reachedOf(run.recipe.wanted ?? {}, all);
  const result = wanted.length === 0 ? all : { ...all, wanted };
  await writeFileAtomic(run.paths.foldsTable, [new TextEncoder().encode(foldsTable(results))]);
  await run.finish(result);
  return result;
}

/** Means of what the folds measured, and how far they are from each other. */
export async function together(
  results: readonly RunResult[],
  { threads }: Pick<FoldsSettings, "threads">,
  wallSeconds: number,
): Promise<RunResult> {
  const first = requireItem(results, 0, "folds");
  const before = results.map(({ metric }) => metric.before);
  const after = results.map(({ metric }) => metric.after);
  const known = before.filter((value) => value !== null);
  const metric: Metric = {
    ...first.metric,
    before: known.length === results.length ? mean(known) : null,
    after: mean(after),
    examples: results.reduce((n, each) => n + each.metric.examples, 0),
  };
  const { command, task, method, length, seeds, stride } = first;
  return {
    ...{ version: 1, command, code: await codeVersion(), task, method, metric },
    folds: { before, after },
    models: first.models.map(({ stage }, i) => meanModel(stage, results, i)),
    ...quantizedOf(results),
    ...(stride === undefined ? {} : { stride }),
    ...{ length, seeds, wallSeconds, peakBytes: peakMemory(), machine: describeMachine(threads) },
    verdict: {
      smaller: results.every(({ verdict }) => verdict.smaller),
      faster: results.every(({ verdict }) => verdict.faster),
      text: foldsText(metric.name, after, known),
    },
  };
}

/** Counts are whole numbers in the file; a mean is rounded to one. */
function meanModel(stage: Stage, results: readonly RunResult[], i: number): ModelFigures {
  const all = results.map(({ models }) => requireItem(models, i, "models"));
  const of = (count: (model: ModelFigures) => number): number => Math.round(mean(all.map(count)));
  return {
    stage,
    metrics: meanMetrics(results, i),
    parameters: {
      total: of(({ parameters }) => parameters.total),
      nonzero: of(({ parameters }) => parameters.nonzero),
      embeddings: of(({ parameters }) => parameters.embeddings),
    },
    bytes: { raw: of(({ bytes }) => bytes.raw), compressed: of(({ bytes }) => bytes.compressed) },
    multiplyAccumulates: of(({ multiplyAccumulates }) => multiplyAccumulates),
    latency: [],
  };
}

/** In 8 bits, where every fold's product is there so; there is no time of a mean. */
function quantizedOf(results: readonly RunResult[]): Pick<RunResult, "quantized"> {
  const all = results.flatMap(({ quantized }) => quantized ?? []);
  if (all.length < results.length) return {};
  const after = all.flatMap((one) => one.after ?? []);
  const of = (size: "raw" | "compressed"): number => Math.round(mean(all.map(({ bytes }) => bytes[size])));
  const bytes = { raw: of("raw"), compressed: of("compressed") };
  return { quantized: { bytes, after: after.length === all.length ? mean(after) : null, faster: null } };
}

function meanMetrics(results: readonly RunResult[], stage: number): ModelFigures["metrics"] {
  const each = results.map(({ models }) => requireItem(models, stage, "models").metrics);
  const names = Object.keys(requireItem(each, 0, "metrics"));
  return Object.fromEntries(
    names.map((name) => [name, mean(each.map((metrics) => metrics[name] ?? Number.NaN))]),
  );
}

function foldsText(name: string, after: readonly number[], before: readonly number[]): string {
  const told = `${metricWord(name)} ${spreadText(name, after)} in ${after.length} folds, each judged by a model that was trained on the others; which of its steps is kept, the fold itself chose`;
  if (before.length < after.length) return `${capital(told)}.`;
  const differences = after.map((value, i) => value - requireItem(before, i, "folds"));
  return `${capital(told)}. Before, ${spreadText(name, before)}; a difference of ${differenceText(name, differences)} from fold to fold.`;
}

/** `81.2 % ± 1.3 %`: the mean, and the standard deviation of one fold. */
function spreadText(name: string, values: readonly number[]): string {
  return `${metricText(name, mean(values))} ± ${metricText(name, deviation(values) ?? 0)}`;
}

/** `−1.2 ± 0.8 points`: as verdicts tell a difference. */
function differenceText(name: string, values: readonly number[]): string {
  const isShare = isShareMetric(name);
  const spread = signed(deviation(values) ?? 0, isShare).replace("+", "");
  return `${signed(mean(values), isShare)} ± ${spread}${isShare ? " points" : ""}`;
}

/** Every metric of the product by fold, with mean and standard deviation. */
function foldsTable(results: readonly RunResult[]): string {
  const products = results.map(({ models }) => requireItem(models, models.length - 1, "models").metrics);
  const names = Object.keys(requireItem(products, 0, "metrics"));
  const valuesOf = (name: string): number[] => products.map((metrics) => metrics[name] ?? Number.NaN);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rows = products.map((_, i) =>
    line([String(i + 1), ...names.map((name) => metricText(name, valuesOf(name)[i] ?? Number.NaN))]),
  );
  const sums = [
    line(["mean", ...names.map((name) => metricText(name, mean(valuesOf(name))))]),
    line(["deviation", ...names.map((name) => metricText(name, deviation(valuesOf(name)) ?? 0))]),
  ];
  const head = [line(["fold", ...names]), line(["fold", ...names].map(() => "---"))];
  return `${[...head, ...rows, ...sums].join("\n")}\n`;
}
