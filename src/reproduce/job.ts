/**
 * One job of a table: a run of `finetune` or `compress` in a folder of its own, made once and read ever after.
 *
 *   jobs.jsonl   what became of each job (ledger.ts)
 *   jobs/ID/     the run's folder; of a compressed model only measurements stay
 *   jobs/ID.claim   while a process works on it
 *   copies/      augmented data, once for a task and seed
 *
 * Promise: a job that is in the ledger is not run again, one that was stopped goes on, and one that was made with
 * other settings is refused instead of passing for this job. A finished folder that is not in the ledger, because its
 * process ended in between, is entered.
 *
 * Not here: which jobs there are (papers/plan.ts), their order (reproduce.ts), what they begin with (requisites.ts).
 */

import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { ConfigError, RunError } from "../base/errors.ts";
import { compress } from "../commands/compress.ts";
import { finetune } from "../commands/finetune.ts";
import { claim, type Release } from "../formats/claim.ts";
import { readTextIfPresent } from "../formats/files.ts";
import { WEIGHTS_FILE } from "../formats/weights.ts";
import { runsSparse } from "../measure/packed.ts";
import { countRemoved, type Removed } from "../measure/removed.ts";
import { type RunResult, readResult } from "../measure/result.ts";
import { readFolder } from "../network/folder.ts";
import { MASKS_FILE } from "../network/masks.ts";
import type { Network } from "../network/network.ts";
import { folderState, type RunPaths, runPaths } from "../runs/folder.ts";
import type { RunContext } from "../runs/progress.ts";
import { type Recipe, readRecipe } from "../runs/recipe.ts";
import { inEightBits } from "./eight.ts";
import {
  identityDigest,
  type JobOptions,
  jobIdentity,
  jobOptions,
  methodSettings,
  type Place,
  recipeIdentity,
  type Sources,
  settingsTyped,
} from "./identity.ts";
import { appendLine, type Ledger, ledgerOutcome, ledgerPath, otherRun, parseLedger } from "./ledger.ts";
import { comparePacked } from "./packed.ts";
import type { Job } from "./papers/plan.ts";
import type { JobFacts, JobOutcome } from "./table.ts";
import { versionsOf } from "./versions.ts";

/** What all jobs of a table share. */
export interface JobSettings extends Pick<Place, "model" | "data" | "threads" | "device"> {
  /** Folder of the ledger and the jobs. */
  readonly root: string;
  readonly sources: Sources;
  /** The model that all jobs begin with: what is removed is counted against it. */
  readonly original: Pick<Network, "config" | "head">;
  /** Run again what failed. */
  readonly retry: boolean;
  /** Make and time the files that a model ships in. */
  readonly latency: boolean;
  /** Leave every product in its folder. */
  readonly keep: boolean;
}

/** Where a job's run is. */
export function jobFolder(root: string, id: string): string {
  return join(root, "jobs", id);
}

/** Where augmented data is. */
export function copiesFolder(root: string): string {
  return join(root, "copies");
}

/** Takes a job for this process; undefined while another has it. */
export async function claimJob({ id }: Pick<Job, "id">, root: string): Promise<Release | undefined> {
  await mkdir(join(root, "jobs"), { recursive: true });
  return claim(claimPath(root, id));
}

/** Whether some process has the job, dead ones included. */
export function isClaimed(id: string, root: string): boolean {
  return existsSync(claimPath(root, id));
}

/** The ledger as it is now. @throws as `parseLedger` does */
export async function readLedger(root: string): Promise<Ledger> {
  const path = ledgerPath(root);
  return parseLedger((await readTextIfPresent(path)) ?? "", path);
}

/**
 * What became of a job in an earlier call, or elsewhere; undefined when it is still to be run.
 *
 * @throws {ConfigError} `reproduce/other` when the ledger or the folder has a run of other settings
 */
export async function earlierOutcome(
  job: Job,
  settings: JobSettings,
  ledger: Ledger,
): Promise<JobOutcome | undefined> {
  const identity = jobIdentity(job, settings.sources);
  const known = ledgerOutcome(ledger, job.id, identity);
  const isOpen = known?.state === "failed" && settings.retry;
  if (known !== undefined && !isOpen) return known;
  await requireSame(job, settings);
  return enterFinished(job.id, settings, job);
}

/** Enters every finished folder that is not in the ledger, that no process works on, and that is of none of these jobs. */
export async function enterFolders(jobsAsked: readonly Job[], settings: JobSettings): Promise<void> {
  const asked = new Set(jobsAsked.map(({ id }) => id));
  const folder = join(settings.root, "jobs");
  const { jobs } = await readLedger(settings.root);
  const entries = existsSync(folder) ? await readdir(folder, { withFileTypes: true }) : [];
  for (const entry of entries) {
    const isKnown = asked.has(entry.name) || jobs.has(entry.name);
    const isOpen = !isKnown && !isClaimed(entry.name, settings.root);
    if (entry.isDirectory() && isOpen) await enterFinished(entry.name, settings);
  }
}

/**
 * Runs a job that was claimed, or resumes it, and enters what came of it.
 *
 * @returns a failure when the run failed or the method refused its settings; only failed training is remembered
 * @throws {InterruptedError} when asked to stop; whatever else `compress` throws
 */
export async function runJob(job: Job, settings: JobSettings, context: RunContext): Promise<JobOutcome> {
  const { outcome, isLasting } = await makeRun(job, settings, context);
  const { recipe } = runPaths(jobFolder(settings.root, job.id));
  // What fails before it has a recipe has not begun.
  if (isLasting && existsSync(recipe)) await enter(job.id, await readRecipe(recipe), outcome, settings);
  return outcome;
}

/** What came of a run, and whether the next one would come to the same. */
export interface Made {
  readonly outcome: JobOutcome;
  readonly isLasting: boolean;
}

/** As `runJob`, with nothing entered: also for a model that the ledger knows and that is not here. */
export async function makeRun(job: Job, settings: JobSettings, context: RunContext): Promise<Made> {
  const { root, original } = settings;
  const paths = runPaths(jobFolder(root, job.id));
  try {
    const state = await folderState(paths.root);
    await requireSame(job, settings);
    const result = await startRun(job, settings, state, context);
    const product = await readFolder(paths.model);
    const removed = countRemoved(original, product);
    const shipped = await shippedOf(job, product, settings, context);
    await dropMaking(paths);
    const facts = { ...factsOf(result, removed), ...shipped };
    return { outcome: { state: "done", facts }, isLasting: true };
  } catch (error) {
    const isRefused = error instanceof ConfigError && error.code !== "reproduce/other";
    if (!(error instanceof RunError || isRefused)) throw error;
    const { code, message } = error;
    const isLasting = error instanceof RunError && !PASSING.test(code);
    return { outcome: { state: "failed", code, message: withoutPaths(message, settings) }, isLasting };
  }
}

/**
 * A product as the files it ships in, beside the fine-tuned model it began with: none for a head that the runtime does not
 * answer with. The fine-tuned model itself is held to its own.
 */
async function shippedOf(
  job: Job,
  product: Network,
  settings: JobSettings,
  context: RunContext,
): Promise<Pick<JobFacts, "packed" | "eight">> {
  if (!settings.latency) return {};
  const { after = job.id } = job.compression ?? {};
  const { model } = runPaths(jobFolder(settings.root, after));
  // Of a job that is found, the model that it began with may be gone.
  if (!existsSync(join(model, WEIGHTS_FILE))) return {};
  const dense = await readFolder(model);
  if (!runsSparse(dense.head) || !runsSparse(product.head)) return {};
  const paths = runPaths(jobFolder(settings.root, job.id));
  context.report?.({ kind: "phase", name: "in 8 bits" });
  const made = await inEightBits(optionsOf(job, settings), paths, context);
  const { packed, eight } = await comparePacked(dense, product, made);
  return {
    ...(job.compression ? { packed } : {}),
    ...(made ? { eight: { ...made.facts, ...eight } } : {}),
  };
}

/** Training fails again in the same way; a machine may have lacked memory or disk, and is asked again. */
const PASSING = /^(?:engine|checkpoint|hub)\//;

function startRun(
  job: Job,
  settings: JobSettings,
  state: Awaited<ReturnType<typeof folderState>>,
  context: RunContext,
): Promise<RunResult> {
  // Of a finished run the model is gone.
  const options = { ...optionsOf(job, settings), force: state === "finished" };
  const going = { ...context, resume: state === "resumable" };
  return "method" in options ? compress(options, going) : finetune(options, going);
}

function optionsOf(job: Job, { root, sources, ...place }: JobSettings): JobOptions {
  return jobOptions(job, sources, {
    ...place,
    out: jobFolder(root, job.id),
    finetuned: jobFolder(root, job.compression?.after ?? job.id),
    copies: copiesFolder(root),
  });
}

function claimPath(root: string, id: string): string {
  return join(root, "jobs", `${id}.claim`);
}

/** @throws {ConfigError} `reproduce/other` when the job's folder has a run of other settings */
async function requireSame(job: Job, { root, sources }: JobSettings): Promise<void> {
  const folder = jobFolder(root, job.id);
  const state = await folderState(folder);
  if (state !== "finished" && state !== "resumable") return;
  const expected = jobIdentity(job, sources);
  const got = recipeIdentity(await readRecipe(runPaths(folder).recipe));
  if (identityDigest(expected) !== identityDigest(got)) throw otherRun(job.id, expected, got, folder);
}

/** Enters what a folder outside the ledger has come to; undefined when it has come to nothing yet. */
async function enterFinished(id: string, settings: JobSettings, job?: Job): Promise<JobOutcome | undefined> {
  const paths = runPaths(jobFolder(settings.root, id));
  // Of a product that is gone nothing can be counted: the job runs again.
  if ((await folderState(paths.root)) !== "finished" || !existsSync(join(paths.model, WEIGHTS_FILE)))
    return undefined;
  const product = await readFolder(paths.model);
  const removed = countRemoved(settings.original, product);
  const shipped = job ? await shippedOf(job, product, settings, {}) : {};
  const facts = { ...factsOf(await readResult(paths.result), removed), ...shipped };
  const outcome: JobOutcome = { state: "done", facts };
  await enter(id, await readRecipe(paths.recipe), outcome, settings);
  return outcome;
}

/** Enters a job into the ledger, and then deletes what only its making needed. */
async function enter(id: string, recipe: Recipe, outcome: JobOutcome, settings: JobSettings): Promise<void> {
  const identity = recipeIdentity(recipe);
  const { task, seed } = recipe.settings;
  appendLine(ledgerPath(settings.root), {
    kind: "job",
    job: id,
    task: typeof task === "string" ? task : "sentiment",
    seed: typeof seed === "number" ? seed : 0,
    outcome,
    settings: settingsTyped(identity),
    model: identity.model,
    data: identity.data,
    digest: identityDigest(identity),
    code: recipe.code,
    effective: methodSettings(identity),
    versions: versionsOf(identity.settings.method),
  });
  const paths = runPaths(jobFolder(settings.root, id));
  await dropMaking(paths);
  if (!settings.keep && recipe.command === "compress") await dropWeights(paths);
}

async function dropMaking({ checkpoints, onnx, esp, quantized }: RunPaths): Promise<void> {
  for (const path of [checkpoints, onnx, esp, quantized]) await rm(path, { recursive: true, force: true });
}

/** Of a product what the study of sub-networks needs stays: which weights survive, one bit each, and the configuration. */
async function dropWeights({ model }: RunPaths): Promise<void> {
  const names = await readdir(model);
  const kept = names.includes(MASKS_FILE) ? ["config.json", MASKS_FILE] : [];
  for (const name of names) if (!kept.includes(name)) await rm(join(model, name), { recursive: true });
  if (kept.length === 0) await rm(model, { recursive: true });
}

function factsOf(result: RunResult, removed: Removed): JobFacts {
  const { metric, models, wallSeconds, machine } = result;
  const [first, last] = [models[0], models.at(-1)];
  if (!first || !last) throw new RunError("reproduce/result", "result: expected a model's figures, got none");
  const { metrics, parameters, multiplyAccumulates: work } = last;
  const whole = first.multiplyAccumulates;
  return {
    metric,
    metrics,
    removed,
    parameters,
    work: whole === 0 ? 1 : work / whole,
    seconds: Math.round(10 * wallSeconds) / 10,
    threads: machine.threads,
    machine: { cpu: machine.cpu, node: machine.node },
  };
}

/** Lines travel: where things lie here is nobody's business there. */
function withoutPaths(message: string, { root, model, data }: JobSettings): string {
  return [root, model, data].reduce((text, path) => text.replaceAll(path, basename(path)), message);
}
