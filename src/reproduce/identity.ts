/**
 * What makes two runs of a job the same run, wherever they were made: settings, model and data, the latter by content.
 *
 * No path is in an identity, and nothing that changes only where and how fast a job runs. It can be had from a plan,
 * before a run, and from the recipe a run has left; equal ones mean equal numbers, up to the last digits that another
 * number of threads changes.
 */

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { requireEntry } from "../base/present.ts";
import type { ConfiguredMethod } from "../contract/configured.ts";
import { USUAL_COLUMNS } from "../data/columns.ts";
import { GLUE, glueFiles, glueTask } from "../data/glue.ts";
import { hashFiles } from "../measure/machine.ts";
import { methodById } from "../methods/registry.ts";
import { resolveOptions } from "../options/schema.ts";
import { SENTIMENT } from "../options/shared.ts";
import {
  COMPRESS,
  type CompressOptions,
  FINETUNE,
  type FinetuneOptions,
  USUAL_BATCH,
  USUAL_RATE,
} from "../options/training.ts";
import type { Recipe } from "../runs/recipe.ts";
import type { Job } from "./papers/plan.ts";
import type { TaskName } from "./papers/task-plans.ts";

/** See `methodSettings`. */
export type MethodSettings = ConfiguredMethod["settings"];

/** See the header. */
export interface Identity {
  /** After defaults, without the incidental ones; a file of copies by its name, which says how they were made. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Digest of the model's files. */
  readonly model: string;
  /** Digest of the task's files, copies aside. */
  readonly data: string;
  /** Every setting of a method that is not built in, which nothing else knows; it adds nothing to the digest. */
  readonly own?: MethodSettings;
}

/** What all jobs of a table begin with, by content. */
export interface Sources {
  readonly model: string;
  readonly data: ReadonlyMap<string, string>;
  /** Longest sequence, in tokens. */
  readonly maxLength: number;
  /** Few examples of one epoch teach little: a constant model is then no sign of anything. */
  readonly quick: boolean;
}

/** Where a job runs and what it reads: what its identity does not know. */
export interface Place {
  readonly model: string;
  readonly data: string;
  readonly out: string;
  readonly threads: number;
  readonly device: "cpu" | "webgpu" | "cuda";
  /** The fine-tuned model that a compression begins with. */
  readonly finetuned: string;
  /** Folder of the files of copies. */
  readonly copies: string;
}

/** The options of a job's run; `method` is there when it compresses. */
export type JobOptions = FinetuneOptions | CompressOptions;

/** Settings that change where and how fast a job runs, and nothing it measures but the time. */
const INCIDENTAL = ["out", "force", "threads", "device", "finetuned", "report", "floor"];

/** Known by content, or by the name that says what it is. */
const BY_CONTENT = ["model", "data", "augmented"];

/**
 * Settings that are part of every identity. Options that are added to a command later are so only where they are not
 * at their defaults: what was run before there was a choice stays what it was.
 */
const ALWAYS = new Set([
  ...["method", "sparsity", "set", "task", "text", "label", "maxLength", "limit", "seed"],
  ...["epochs", "batchSize", "learningRate", "weightDecay", "warmup", "clip", "accumulate", "bucket"],
  ...["latency", "allowConstant"],
]);

/** Digits of a digest that are kept: 64 bits. */
const DIGITS = 16;

/** A short digest of plain JSON, in which the order of keys counts. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, DIGITS);
}

/** The digest of an identity. */
export function identityDigest({ settings, model, data }: Identity): string {
  const entries = Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return digestOf([1, entries, model, data]);
}

/** Digests of the model's folder and the tasks' files. @throws as `hashFiles` and `glueFiles` do */
export async function readSources(
  place: { readonly model: string; readonly data: string },
  tasks: readonly TaskName[],
): Promise<Pick<Sources, "model" | "data">> {
  const data = new Map<string, string>();
  for (const task of tasks) {
    const paths = task === "sentiment" ? [] : glueFiles(glueTask(task), place.data);
    data.set(task, dataDigest((await Promise.all(paths.map(hashFiles))).flat()));
  }
  return { model: modelDigest(await hashFiles(place.model)), data };
}

/** What a model is read from beside its weights; a README beside it changes nothing. */
const MODEL_FILE = /^(?:config|tokenizer|tokenizer_config)\.json$|^vocab\.txt$/;

/** Its weights: pickled ones are read where there are no others. */
const WEIGHTS = [
  /^[^/\\]+\.safetensors(?:\.index\.json)?$/,
  /^pytorch_model(?:-[^/\\]+)?\.bin(?:\.index\.json)?$/,
];

function modelDigest(files: Recipe["model"]): string {
  const weights = WEIGHTS.find((name) => files.some(({ path }) => name.test(path)));
  const read = files.filter(({ path }) => MODEL_FILE.test(path) || weights?.test(path));
  return digestOf(read.map(({ path, sha256 }) => [path, sha256]).toSorted());
}

function dataDigest(files: Recipe["data"]): string {
  return digestOf(files.map(({ sha256 }) => sha256));
}

/** The identity of a job as it is planned. */
export function jobIdentity(job: Job, sources: Sources): Identity {
  const options = jobOptions(job, sources, NOWHERE);
  const settings =
    "method" in options ? resolveOptions(COMPRESS, options) : resolveOptions(FINETUNE, options);
  const data = requireEntry(sources.data, job.task, "data of");
  const { text, label } = USUAL_COLUMNS;
  return { settings: essential({ ...settings, text, label }), model: sources.model, data };
}

const NOWHERE: Place = {
  model: "model",
  data: "data",
  out: "out",
  threads: 1,
  device: "cpu",
  finetuned: "finetuned",
  copies: "copies",
};

/** The identity of a run that was made, from its recipe. A method that is not built in is known by its digest. */
export function recipeIdentity({ settings, model, data, method }: Recipe): Identity {
  const own = data.filter(({ path }) => path !== settings.augmented);
  const named = method ? { ...settings, method: `${method.id}@${method.sha256.slice(0, DIGITS)}` } : settings;
  return {
    settings: essential(named),
    model: modelDigest(model),
    data: dataDigest(own),
    ...(method ? { own: method.settings } : {}),
  };
}

/** Every setting of the identity's method, defaults included; undefined for fine-tuning. @throws as `methodById` does */
export function methodSettings({ settings, own }: Identity): MethodSettings | undefined {
  if (own) return own;
  const { method, set, sparsity } = settings;
  if (typeof method !== "string") return undefined;
  const chosen = Object.entries(set ?? {}).map(([name, value]) => [name, String(value)]);
  const request = { set: Object.fromEntries(chosen) };
  return methodById(method, typeof sparsity === "number" ? { ...request, sparsity } : request).settings;
}

function essential(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fallbacks = fallbacksOf(settings);
  const kept = Object.entries(settings).filter(
    ([name, value]) =>
      ![...INCIDENTAL, ...BY_CONTENT].includes(name) &&
      (ALWAYS.has(name) || !isSame(value, fallbacks.get(name))),
  );
  const { augmented } = settings;
  return {
    ...Object.fromEntries(kept),
    ...(typeof augmented === "string" ? { augmented: basename(augmented) } : {}),
  };
}

function fallbacksOf(settings: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const { fields } = "method" in settings ? COMPRESS : FINETUNE;
  const fallbacks = new Map<string, unknown>(
    Object.entries(fields).map(([name, { fallback }]) => [name, fallback]),
  );
  // The ledger's lines leave it out too: it is what a run takes that is given none.
  return fallbacks.set("learningRate", USUAL_RATE).set("batchSize", USUAL_BATCH);
}

/** The settings that are not at their defaults: with those of the command they are all. */
export function settingsTyped({ settings }: Pick<Identity, "settings">): Record<string, unknown> {
  const fallbacks = fallbacksOf(settings);
  return Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => !isSame(value, fallbacks.get(name))),
  );
}

/** In what `got`, of which settings at their defaults may be missing, is not the run that was expected. */
export function differenceOf(expected: Identity, got: Identity): string {
  const fallbacks = fallbacksOf(expected.settings);
  const names = [...new Set([...Object.keys(got.settings), ...Object.keys(expected.settings)])];
  const [now, then] = [expected, got].map(
    ({ settings }) =>
      (name: string) =>
        settings[name] ?? fallbacks.get(name),
  );
  const differing = names.find((name) => !isSame(now?.(name), then?.(name)));
  const text = (value: unknown): string => JSON.stringify(value) ?? "none";
  if (differing !== undefined) {
    return `expected a run with ${differing} ${text(now?.(differing))}, got one with ${text(then?.(differing))}`;
  }
  if (expected.model !== got.model)
    return "expected a run of this model, got one of a model with other files";
  if (expected.data !== got.data) return "expected a run on this data, got one on other files";
  return "expected a run with the defaults of this version, got one with others";
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What a job's run is called with. */
export function jobOptions(job: Job, sources: Sources, place: Place): JobOptions {
  const { task, seed, training, augmentation, compression } = job;
  const { model, data, out, threads, device, finetuned, copies } = place;
  const shared: FinetuneOptions = {
    model,
    data: task === "sentiment" ? SENTIMENT : data,
    ...(task in GLUE ? { task } : {}),
    batchSize: USUAL_BATCH,
    ...training,
    maxLength: sources.maxLength,
    seed,
    threads,
    device,
    out,
    latency: false,
    report: false,
    floor: ["none"],
    allowConstant: sources.quick,
    ...(augmentation ? { augmented: `${copies}/${copiesName(job, sources)}` } : {}),
  };
  if (compression === undefined) return shared;
  const { after: _after, ...work } = compression;
  // A constant product is a result here, not an error: leaving it out would leave only the seeds that went well.
  return { ...shared, ...work, finetuned, allowConstant: true };
}

/** The file of a job's copies. Its name says all that they depend on: equal names mean equal copies. */
export function copiesName(
  { task, seed, training: { limit }, augmentation }: Job,
  { model, data, maxLength }: Sources,
): string {
  const from = [1, augmentation, seed, limit ?? null, maxLength, model, requireEntry(data, task, "data of")];
  return `${task}-s${seed}-x${augmentation?.copies ?? 0}-${digestOf(from)}.jsonl`;
}
