/**
 * A run under way: opened as the caller asked, anew or where it stopped, and what every part of its work needs of it.
 *
 * Not here: what a folder holds and how it is written (folder.ts), how a call ends that is stopped (perform.ts).
 */

import { existsSync } from "node:fs";
import { resolve, sep } from "node:path";
import { ConfigError } from "../base/errors.ts";
import type { RunResult } from "../measure/result.ts";
import { newestStep } from "../train/checkpoint.ts";
import { createRun, folderState, hasCheckpoint, type RunFolder, reopenRun, runPaths } from "./folder.ts";
import type { Recorder, RunContext } from "./progress.ts";
import {
  describeChange,
  differingSetting,
  inputPaths,
  type Recipe,
  readRecipe,
  resumeProblem,
} from "./recipe.ts";

/** A run whose folder is this process's until it is disposed of. */
export interface OpenRun extends AsyncDisposable, Pick<RunFolder, "paths" | "recipe"> {
  readonly context: RunContext;
  /** Keeps an event in metrics.jsonl, and tells the caller. */
  readonly record: Recorder;
  /** What the user resumes when it is stopped, as it was typed: its own folder, or that of the run it is a part of. */
  readonly resumed: string;
  /** Seconds of work so far, those of earlier calls included. */
  readonly seconds: () => number;
  /** Writes result.json, after which the run is finished, and says so. */
  readonly finish: (result: RunResult, keepCheckpoints?: boolean) => Promise<void>;
}

/** What it is called, and since when it works: `performance.now()` as the call began. */
interface Beginning {
  readonly title: string;
  readonly started: number;
}

/**
 * Opens a run and says that it begins, or goes on from its newest checkpoint.
 *
 * @throws as `openRunFolder` does
 */
export async function openRun(
  recipe: Recipe,
  settings: { readonly out: string; readonly force: boolean },
  { title, started }: Beginning,
  context: RunContext,
): Promise<OpenRun> {
  const folder = await openRunFolder(recipe, settings, context);
  const { paths } = folder;
  const record: Recorder = (event) => {
    folder.record(event);
    context.report?.(event);
  };
  const step = await newestStep(paths.checkpoints);
  record({ kind: "start", title, ...(step === undefined ? {} : { step }) });
  return {
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    paths,
    recipe: folder.recipe,
    context,
    record,
    resumed: context.partOf ?? settings.out,
    seconds: () => folder.spent + (performance.now() - started) / 1000,
    finish: async (result, keepCheckpoints) => {
      await folder.finish(result, keepCheckpoints);
      record({ kind: "done", seconds: result.wallSeconds });
    },
  };
}

/**
 * Opens the folder of a run as the caller asked: a new one, or with `context.resume` the stopped one that is there. A run
 * that has got no further than its fine-tuning goes on when it is started again in the same words.
 *
 * @throws as `createRun` and `reopenRun` do
 * @throws {InputError} `run/changed` when a stopped run's model or data files are not what they were
 * @throws {ConfigError} `run/settings` when a stopped run had other settings; `run/inside` when the folder of a new run
 *   holds what it is to read
 */
async function openRunFolder(
  recipe: Recipe,
  { out, force }: { readonly out: string; readonly force: boolean },
  context: RunContext,
): Promise<RunFolder> {
  if (!context.resume && !(await isBegunAlike(out, recipe, force))) {
    refuseInside(out, recipe);
    return createRun(out, recipe, force);
  }
  const stopped = await reopenRun(out);
  const problem = resumeProblem(stopped.recipe, recipe, out);
  if (problem !== undefined) {
    await stopped[Symbol.asyncDispose]();
    throw problem;
  }
  for (const text of versionNotes(stopped.recipe, recipe)) {
    stopped.record({ kind: "note", text });
    context.report?.({ kind: "note", text });
  }
  return stopped;
}

/** Whether the same run is there, without a checkpoint of its own: its fine-tuning alone has begun. */
async function isBegunAlike(out: string, recipe: Recipe, force: boolean): Promise<boolean> {
  if (force || (await folderState(out)) !== "resumable") return false;
  const paths = runPaths(out);
  if (await hasCheckpoint(paths.checkpoints)) return false;
  const begun = await readRecipe(paths.recipe);
  return (
    begun.command === recipe.command &&
    differingSetting(begun, recipe) === undefined &&
    describeChange(begun, recipe) === undefined
  );
}

/** @throws {ConfigError} `run/inside` */
function refuseInside(out: string, recipe: Recipe): void {
  const isInside = (path: string) => `${path}${sep}`.startsWith(`${resolve(out)}${sep}`);
  const inside = inputPaths(recipe).find((path) => existsSync(path) && isInside(path));
  if (inside === undefined) return;
  throw new ConfigError("run/inside", `out: expected another folder than the one of ${inside}, got ${out}`);
}

function versionNotes(then: Recipe, now: Recipe): string[] {
  const notes: string[] = [];
  const version = `the run was begun with version ${then.code} and is resumed with ${now.code}`;
  if (then.code !== now.code) notes.push(`${version}: its numbers may differ from those of either`);
  const { cpu, platform } = then.machine;
  if (cpu !== now.machine.cpu || platform !== now.machine.platform)
    notes.push(`the run was begun on another machine (${cpu}): the last digits may differ`);
  return notes;
}
