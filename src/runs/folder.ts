/**
 * The folder a run leaves behind: its paths, its recipe, its metrics, and the rules for not losing one.
 *
 *   .claim           while a process works on the run
 *   recipe.json      every setting resolved, code version, hashes of model and data; written before the first step
 *   metrics.jsonl    one event per line, only ever appended to
 *   checkpoints/     one folder per saved step, until the run is finished
 *   finetuned/       the run of the model that a compression begins with, when it made one
 *   folds/           a run for each fold, where there are some: 1/, 2/ …; folds.md has them in one table
 *   model/           Hugging Face layout
 *   model.onnx, model.esp; model_quantized.onnx and safetensors/ by `export` alone; quantized/, the model in 8 bits
 *   answers.jsonl    what the models said of each judging example
 *   report.html      the run as a page
 *   floor/           what the same data gives without a Transformer, a folder for each kind
 *   task.mask        the task apart from its base model, where the product is that model under masks
 *   result.json      written last: a folder that has it is finished
 *
 * Promise: a finished run is never replaced unless told, and then nothing of it stays; a folder that holds anything but a
 * run is never touched; one process works on a run; every JSON file is written beside its place and moved there, so that it
 * is whole or absent.
 */

import { appendFileSync, existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConfigError, InputError } from "../base/errors.ts";
import { writeError, writeFileAtomic } from "../formats/files.ts";
import { jsonText } from "../formats/json.ts";
import { type RunResult, resultText } from "../measure/result.ts";
import { claimFolder, isNothing } from "./place.ts";
import { type ProgressEvent, resumeCommand } from "./progress.ts";
import { type Recipe, readRecipe, recipeKind } from "./recipe.ts";

/** Where things are in a run folder. */
export interface RunPaths {
  readonly root: string;
  readonly recipe: string;
  readonly metrics: string;
  readonly checkpoints: string;
  readonly finetuned: string;
  readonly folds: string;
  /** What they say together. */
  readonly foldsTable: string;
  readonly model: string;
  readonly onnx: string;
  readonly onnxInt8: string;
  /** The product as a packed file, where it labels texts. */
  readonly esp: string;
  readonly quantized: string;
  readonly safetensors: string;
  readonly mask: string;
  readonly floor: string;
  readonly answers: string;
  readonly report: string;
  readonly result: string;
}

/** A run folder opened for writing. It is claimed: dispose of it, so that others may have it. */
export interface RunFolder extends AsyncDisposable {
  /** Absolute: a program may change its working folder meanwhile. */
  readonly paths: RunPaths;
  readonly recipe: Recipe;
  /** Seconds of work before this call: of a run that was stopped, up to its last event. */
  readonly spent: number;
  /**
   * Appends one event to metrics.jsonl, `at` seconds after the folder was first opened, stops not counted.
   * @throws {RunError} `file/write`
   */
  record(event: ProgressEvent): void;
  /** Writes result.json: the run is then finished, and its checkpoints are removed unless they are to be kept. */
  finish(result: RunResult, keepCheckpoints?: boolean): Promise<void>;
}

/**
 * What a folder holds: nothing, something else, a run that can go on, one that cannot, a finished one, or what may be a run
 * and has a recipe that is cut off.
 */
export type FolderState = "empty" | "foreign" | "resumable" | "abandoned" | "finished" | "torn";

/** The paths of a run folder. */
export function runPaths(root: string): RunPaths {
  return {
    root,
    recipe: join(root, "recipe.json"),
    metrics: join(root, "metrics.jsonl"),
    checkpoints: join(root, "checkpoints"),
    finetuned: join(root, "finetuned"),
    folds: join(root, "folds"),
    foldsTable: join(root, "folds.md"),
    model: join(root, "model"),
    onnx: join(root, "model.onnx"),
    onnxInt8: join(root, "model_quantized.onnx"),
    esp: join(root, "model.esp"),
    quantized: join(root, "quantized"),
    safetensors: join(root, "safetensors"),
    mask: join(root, "task.mask"),
    floor: join(root, "floor"),
    answers: join(root, "answers.jsonl"),
    report: join(root, "report.html"),
    result: join(root, "result.json"),
  };
}

/**
 * What a folder holds. What a killed process leaves behind counts for nothing; a run in whose folder a fine-tuning lies
 * that can be used, whole or not, can go on.
 */
export async function folderState(root: string): Promise<FolderState> {
  const names = (await namesIn(root)).filter((name) => !isNothing(name));
  if (names.length === 0) return "empty";
  const { recipe, checkpoints, finetuned, folds } = runPaths(root);
  const isOnly = async (...parts: readonly string[]): Promise<boolean> =>
    names.every((name) => parts.includes(name)) && (await isUnused(checkpoints));
  if (!names.includes("recipe.json")) return (await isOnly("checkpoints")) ? "abandoned" : "foreign";
  const kind = await recipeKind(recipe);
  if (kind === "foreign") return kind;
  if (kind === "torn")
    return (await isOnly("recipe.json", "metrics.jsonl", "checkpoints")) ? "abandoned" : kind;
  if (names.includes("result.json")) return "finished";
  if (await hasCheckpoint(checkpoints)) return "resumable";
  const parts = [
    ...(names.includes("finetuned") ? [finetuned] : []),
    ...(names.includes("folds") ? (await namesIn(folds)).map((name) => join(folds, name)) : []),
  ];
  for (const part of parts)
    if (["finished", "resumable"].includes(await folderState(part))) return "resumable";
  return "abandoned";
}

/** Whether training has saved anything. A checkpoint whose name ends in `.partial` was not finished and does not count. */
export async function hasCheckpoint(checkpoints: string): Promise<boolean> {
  return (await namesIn(checkpoints)).some((name) => !name.endsWith(".partial"));
}

async function isUnused(checkpoints: string): Promise<boolean> {
  return (await namesIn(checkpoints)).every((name) => /^step-\d+\.partial$/.test(name));
}

/**
 * Makes the folder of a new run and writes its recipe. A run that was abandoned before its first checkpoint is
 * replaced; with `force` any run is.
 *
 * @throws {ConfigError} `run/exists` when the folder holds a finished run, or one that can go on, and not `force`
 * @throws {InputError} `run/foreign` when the folder holds files but no run, or perhaps none, whatever `force` says;
 *   `run/busy` while another process works on it
 */
export async function createRun(root: string, recipe: Recipe, force = false): Promise<RunFolder> {
  await refuseForeign(root);
  return opened(root, async (claimed) => {
    await refuseOccupied(root, force);
    const paths = runPaths(resolve(root));
    // The result goes first and the recipe is replaced last: at every moment this is the folder of a run.
    const { root: _root, recipe: _recipe, result, ...parts } = paths;
    for (const path of [result, ...Object.values(parts)]) await rm(path, { recursive: true, force: true });
    await writeFileAtomic(paths.recipe, jsonText(recipe));
    await mkdir(paths.checkpoints, { recursive: true });
    return openFolder(paths, recipe, 0, claimed);
  });
}

/** Claims a folder for `open`, and gives it back when that fails. */
async function opened(
  root: string,
  open: (claimed: AsyncDisposable) => Promise<RunFolder>,
): Promise<RunFolder> {
  const claimed = await claimFolder(root);
  try {
    return await open(claimed);
  } catch (error) {
    await claimed[Symbol.asyncDispose]();
    throw error;
  }
}

async function refuseForeign(root: string): Promise<void> {
  const state = await folderState(root);
  if (state !== "foreign" && state !== "torn") return;
  const advice = state === "torn" ? "; it cannot go on: delete it, or name another folder" : "";
  const { found } = RESUME_PROBLEMS[state];
  throw new InputError(
    "run/foreign",
    `out: expected a run or an empty folder, got ${found} (${root})${advice}`,
  );
}

/** Throws as `createRun` does, and touches nothing: for failing before an hour of work instead of after. */
export async function refuseOccupied(root: string, force: boolean): Promise<void> {
  await refuseForeign(root);
  const state = await folderState(root);
  if (force || state === "empty" || state === "abandoned") return;
  const found = state === "finished" ? "a finished run" : "a run that can go on";
  const advice = state === "finished" ? "" : `resume with: ${resumeCommand(root)}, or `;
  throw new ConfigError(
    "run/exists",
    `out: expected an empty folder, got ${found} (${root}); ${advice}replace it with --force`,
  );
}

/**
 * Opens a run that was stopped, to resume it. A line of metrics.jsonl that was cut off is closed.
 *
 * @throws {InputError} `run/missing` when there is no run, `run/finished` when it is over, `run/no-checkpoint` when
 *   there is nothing to resume from
 */
export async function reopenRun(root: string): Promise<RunFolder> {
  await stoppedRecipe(root);
  return opened(root, async (claimed) => {
    const recipe = await stoppedRecipe(root);
    const paths = runPaths(resolve(root));
    if (await endsMidLine(paths.metrics)) append(paths.metrics, "\n");
    const at = (await readMetrics(paths.metrics)).at(-1)?.at;
    return openFolder(paths, recipe, typeof at === "number" ? at : 0, claimed);
  });
}

/** The recipe of a run that was stopped, which is left as it is. @throws as `reopenRun` does */
export async function stoppedRecipe(root: string): Promise<Recipe> {
  const problem = RESUME_PROBLEMS[await folderState(root)];
  if (problem === undefined) return readRecipe(runPaths(root).recipe);
  throw new InputError(problem.code, `run: expected a run that was stopped, got ${problem.found} (${root})`);
}

const RESUME_PROBLEMS = {
  empty: { code: "run/missing", found: "nothing" },
  foreign: { code: "run/missing", found: "other files" },
  torn: { code: "run/missing", found: "one with a recipe.json that is cut off" },
  finished: { code: "run/finished", found: "a finished one" },
  abandoned: { code: "run/no-checkpoint", found: "one that has no checkpoint yet; start it again" },
  resumable: undefined,
} as const satisfies Readonly<Record<FolderState, { code: string; found: string } | undefined>>;

/**
 * The recorded events, oldest first. A line cut off by a crash is left out. After a resume a step can occur twice:
 * the later line is the one that counts.
 */
export async function readMetrics(path: string): Promise<Record<string, unknown>[]> {
  if (!existsSync(path)) return [];
  const lines = (await readFile(path, "utf8")).split("\n");
  return lines.flatMap(parseLine);
}

function parseLine(line: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? [{ ...value }] : [];
  } catch (error) {
    if (error instanceof SyntaxError) return []; // the line a crash cut off, or the end of the file
    throw error;
  }
}

function openFolder(paths: RunPaths, recipe: Recipe, spent: number, claimed: AsyncDisposable): RunFolder {
  const opened = performance.now();
  return {
    [Symbol.asyncDispose]: () => claimed[Symbol.asyncDispose](),
    paths,
    recipe,
    spent,
    record: (event) => {
      const at = Math.round(1000 * spent + performance.now() - opened) / 1000;
      append(paths.metrics, `${JSON.stringify({ ...event, at })}\n`);
    },
    finish: async (result, keepCheckpoints = false) => {
      await writeFileAtomic(paths.result, resultText(result));
      if (!keepCheckpoints) await rm(paths.checkpoints, { recursive: true, force: true });
    },
  };
}

function append(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch (error) {
    throw writeError(error, path);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    if (code === "ENOENT") return [];
    const got = code === "ENOTDIR" ? "a file" : code === "ENAMETOOLONG" ? "a name too long" : code;
    throw new InputError("run/folder", `out: expected a folder, got ${got} (${folder})`, { cause: error });
  }
}

async function endsMidLine(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    return size > 0 && buffer[0] !== 10;
  } finally {
    await file.close();
  }
}
