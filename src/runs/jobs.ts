/**
 * One job of a table: a run of `finetune` or `compress` in a folder of its own, made once and read ever after.
 *
 *   jobs/ID/               the run's folder; result.json is its end
 *   jobs/ID/removed.json   what was counted on the product before it was deleted
 *   jobs/ID.failed.json    why it failed, instead
 *   jobs/ID.claim          while a process works on it
 *
 * Promise: a finished job is not run again, one that was stopped goes on, and a folder made with other settings is
 * refused instead of passing for this job. Not here: which jobs there are (papers/plan.ts), and their order.
 */

import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, type EspalierError, RunError } from "../base/errors.ts";
import { readFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { claim, type Release } from "./claims.ts";
import { compress } from "./compress.ts";
import { resolveOptions } from "./fields.ts";
import { finetune } from "./finetune.ts";
import { folderState, type RunPaths, runPaths, writeWhole } from "./folder.ts";
import { COMPRESS, type CompressOptions, FINETUNE, type FinetuneOptions } from "./options.ts";
import type { Job } from "./papers/plan.ts";
import type { RunContext } from "./progress.ts";
import { readRecipe } from "./recipe.ts";
import { REMOVED, type Removed, removedWeights } from "./removed.ts";
import type { JobOutcome } from "./reproduction.ts";
import { readResult } from "./result.ts";
import { aText, parseShape, record } from "./shape.ts";

/** What all jobs of a table share. */
export interface JobSettings {
  /** Folder of the jobs. */
  readonly root: string;
  readonly model: string;
  readonly data: string;
  /** Longest sequence, in tokens. */
  readonly maxLength: number;
  readonly threads: number;
  readonly device: "cpu" | "webgpu" | "cuda";
  /** Few examples of one epoch teach little: a constant model is then no sign of anything. */
  readonly quick: boolean;
  /** Run again what failed. */
  readonly retry: boolean;
  /** Leave every product in its folder. */
  readonly keep: boolean;
}

/** The model that all jobs begin with: what is removed is counted against it. */
export type Original = Pick<Network, "config" | "head">;

/** Where a job's run is. */
export function jobFolder(root: string, id: string): string {
  return join(root, "jobs", id);
}

/** Takes a job for this process; undefined while another has it. */
export async function claimJob({ id }: Job, { root }: JobSettings): Promise<Release | undefined> {
  await mkdir(join(root, "jobs"), { recursive: true });
  return claim(claimPath(root, id));
}

/** Whether some process has the job, dead ones included. */
export function isClaimed({ id }: Job, { root }: JobSettings): boolean {
  return existsSync(claimPath(root, id));
}

/**
 * What became of a job in an earlier call; undefined when it is still to be run.
 *
 * @throws {ConfigError} `reproduce/other` when the folder holds a run of other settings
 */
export async function earlierOutcome(
  job: Job,
  settings: JobSettings,
  original: Original,
): Promise<JobOutcome | undefined> {
  const folder = jobFolder(settings.root, job.id);
  const state = await folderState(folder);
  if (state === "finished" || state === "resumable") await requireSame(job, settings, folder);
  if (state === "finished") return measured(job, settings, original);
  const failed = failurePath(settings.root, job.id);
  if (settings.retry || !existsSync(failed)) return undefined;
  return {
    state: "failed",
    ...parseShape(FAILURE, await readFile(failed, "utf8"), failed, "reproduce/failure"),
  };
}

/**
 * Runs a job that was claimed, or goes on with it.
 *
 * @returns a failure when the run failed or the method refused its settings; only failed training is remembered
 * @throws {InterruptedError} when asked to stop; whatever else `compress` throws
 */
export async function runJob(
  job: Job,
  settings: JobSettings,
  original: Original,
  context: RunContext,
): Promise<JobOutcome> {
  const folder = jobFolder(settings.root, job.id);
  const failed = failurePath(settings.root, job.id);
  await rm(failed, { force: true });
  try {
    const resume = (await folderState(folder)) === "resumable";
    await started(job, settings, { ...context, resume });
  } catch (error) {
    if (!(error instanceof RunError || error instanceof ConfigError)) throw error;
    const failure = { code: error.code, message: error.message };
    // Training fails again in the same way; an engine that failed may have lacked memory, and is asked again.
    if (error instanceof RunError && !error.code.startsWith("engine/")) {
      await rm(runPaths(folder).checkpoints, { recursive: true, force: true });
      await writeWhole(failed, `${JSON.stringify(failure, null, 2)}\n`);
    }
    return { state: "failed", ...failure };
  }
  return measured(job, settings, original);
}

const FAILURE = record<Pick<EspalierError, "code" | "message">>({ code: aText, message: aText });

function claimPath(root: string, id: string): string {
  return join(root, "jobs", `${id}.claim`);
}

function failurePath(root: string, id: string): string {
  return join(root, "jobs", `${id}.failed.json`);
}

function started(job: Job, settings: JobSettings, context: RunContext): Promise<unknown> {
  const options = compressOptions(job, settings);
  return options ? compress(options, context) : finetune(finetuneOptions(job, settings), context);
}

function finetuneOptions({ id, task, seed, training }: Job, settings: JobSettings): FinetuneOptions {
  const { root, model, data, maxLength, threads, device, quick } = settings;
  return {
    model,
    data,
    ...(task === "sentiment" ? {} : { task }),
    ...training,
    maxLength,
    seed,
    threads,
    device,
    out: jobFolder(root, id),
    latency: false,
    allowConstant: quick,
  };
}

/** A constant product is a result here, not an error: leaving it out would leave only the seeds that went well. */
function compressOptions(job: Job, settings: JobSettings): CompressOptions | undefined {
  if (job.compression === undefined) return undefined;
  const { after, ...work } = job.compression;
  const finetuned = jobFolder(settings.root, after);
  return { ...finetuneOptions(job, settings), ...work, finetuned, allowConstant: true };
}

/** Settings that change where and how fast a job runs, and nothing it measures but the time. */
const INCIDENTAL = new Set(["out", "force", "threads", "device", "finetuned"]);

/** @throws {ConfigError} `reproduce/other`, naming the first setting that differs */
async function requireSame(job: Job, settings: JobSettings, folder: string): Promise<void> {
  const { settings: then } = await readRecipe(runPaths(folder).recipe);
  const compressing = compressOptions(job, settings);
  const now = new Map<string, unknown>(
    Object.entries(
      compressing
        ? resolveOptions(COMPRESS, compressing)
        : resolveOptions(FINETUNE, finetuneOptions(job, settings)),
    ),
  );
  const names = [...new Set([...Object.keys(then), ...now.keys()])].filter((name) => !INCIDENTAL.has(name));
  const differing = names.find((name) => JSON.stringify(then[name]) !== JSON.stringify(now.get(name)));
  if (differing === undefined) return;
  const [expected, got] = [now.get(differing), then[differing]].map(
    (value) => JSON.stringify(value) ?? "none",
  );
  throw new ConfigError(
    "reproduce/other",
    `job ${job.id}: expected a run with ${differing} ${expected}, got one with ${got} (${folder}); choose another --out`,
  );
}

/** The result of a finished run; counts its product once, and then deletes what only its making needed. */
async function measured(job: Job, { root, keep }: JobSettings, original: Original): Promise<JobOutcome> {
  const folder = jobFolder(root, job.id);
  const paths = runPaths(folder);
  const result = await readResult(paths.result);
  const removed = await countedOnce(join(folder, "removed.json"), paths, original);
  const models = keep || job.compression === undefined ? [] : [paths.model];
  for (const path of [paths.checkpoints, paths.onnx, ...models]) {
    await rm(path, { recursive: true, force: true });
  }
  return { state: "done", result, removed };
}

async function countedOnce(file: string, { model }: RunPaths, original: Original): Promise<Removed> {
  if (existsSync(file)) return parseShape(REMOVED, await readFile(file, "utf8"), file, "reproduce/removed");
  const removed = removedWeights(original, await readFolder(model));
  await writeWhole(file, `${JSON.stringify(removed, null, 2)}\n`);
  return removed;
}
