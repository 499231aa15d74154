/**
 * Checkpoints: everything a training run needs to go on as if it had never stopped, in folders that are whole or unused.
 *
 *   step-00000123/
 *     trainer.safetensors   weights and moments as they lie in the engine, the table's bookkeeping, every rate so far
 *     best.safetensors      the best model, when an evaluation has found one
 *     state.json            the loop's state and what the caller adds
 *     manifest.json         length and SHA-256 of the other files; written last
 *
 * A folder is written as `step-00000123.partial`, its files flushed to the disk, then renamed; the one that it replaces
 * stays as `.replaced` until then. So at every instant one whole checkpoint is there, and a process may be killed at
 * any. Loading verifies each file and goes back to the next older folder when one is damaged, saying so. Nothing in a
 * checkpoint can be executed. Random numbers need no state: they are functions of keys and the step.
 *
 * Not here: when to save (runs/), what the state means (trainer.ts, loop.ts).
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, RunError } from "../base/errors.ts";
import type { ByteSource } from "../base/source.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import type { Progress } from "../contract/method.ts";
import { readJsonIfPresent, syncFolder, withFile } from "../formats/files.ts";
import { isObject, type JsonObject, jsonText, own } from "../formats/json.ts";
import { encodeSafetensors, readHeader, readTensor } from "../formats/safetensors.ts";
import type { Best, Evaluated, LoopState } from "./loop.ts";
import type { TrainerState } from "./trainer.ts";

/** What is saved. `extra` holds JSON values of the caller's own. */
export interface Checkpoint {
  readonly trainer: TrainerState;
  readonly loop: LoopState;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** What was loaded. */
export interface LoadedCheckpoint extends Checkpoint {
  /** Optimizer steps done. */
  readonly step: number;
  /** Said when a newer checkpoint was damaged and this one is used instead. */
  readonly note?: string;
}

const TRAINER = "trainer.safetensors";
const BEST = "best.safetensors";
const STATE = "state.json";
const MANIFEST = "manifest.json";
/** Version of the layout above. */
const FORMAT = 3;

/** Bytes hashed at a time when a checkpoint is verified. */
const CHUNK = 2 ** 24;

/** In trainer.safetensors: the engine's buffers under their names after this prefix. */
const BUFFER = "buffer.";

/** One file in the manifest. */
interface Fingerprint {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Saves a checkpoint and then removes all but the newest `keep` (at least 1), and any of a later step: a run that goes
 * on from an older checkpoint has found those damaged.
 *
 * @throws {RunError} `checkpoint/write` when the disk is full or the folder cannot be written; older ones are untouched
 */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint, keep = 2): Promise<void> {
  const step = checkpoint.trainer.rates.length;
  const name = `step-${String(step).padStart(8, "0")}`;
  const partial = join(folder, `${name}.partial`);
  try {
    await mkdir(folder, { recursive: true });
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial);
    await writeContent(partial, checkpoint);
    await putInPlace(folder, name);
    await prune(folder, step, keep);
  } catch (cause) {
    // The first failure is the one to report; what is left of the folder is never read, and removed by the next save.
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `checkpoint: expected to write ${name}, got: ${reason} (${folder})`;
    throw new RunError("checkpoint/write", message, { cause });
  }
}

async function writeContent(partial: string, { trainer, loop, extra }: Checkpoint): Promise<void> {
  const { best, last, stale } = loop;
  const state = {
    step: trainer.rates.length,
    stale,
    ...(last ? { last: evaluationJson(last) } : {}),
    ...(best ? { best: evaluationJson(best) } : {}),
    progress: trainer.progress,
    extra,
  };
  const files: Record<string, Fingerprint> = {
    [TRAINER]: await writeNew(join(partial, TRAINER), encodeSafetensors(trainerTensors(trainer))),
    [STATE]: await writeNew(join(partial, STATE), [json(state)]),
  };
  if (best) files[BEST] = await writeNew(join(partial, BEST), encodeSafetensors(best.tensors));
  await writeNew(join(partial, MANIFEST), [json({ format: FORMAT, files })]);
  await syncFolder(partial);
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(jsonText(value));
}

/** An evaluation without the model. A metric that is not a number becomes null. */
function evaluationJson({ step, primary, loss, constant, metrics }: Evaluated): Evaluated {
  return { step, primary, loss, ...(constant === undefined ? {} : { constant }), metrics };
}

function trainerTensors({ buffers, current, touched, rates, began }: TrainerState): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>([
    ["current", { dtype: "int32", shape: [current.length], data: current }],
    ["touched", { dtype: "int32", shape: [touched.length], data: touched }],
    ["rates", { dtype: "float64", shape: [rates.length], data: Float64Array.from(rates) }],
    ["began", { dtype: "int32", shape: [began.length], data: began }],
  ]);
  for (const [name, data] of buffers) tensors.set(BUFFER + name, floatTensor([data.length], data));
  return tensors;
}

/** Writes a file that is not there yet, to the disk. */
async function writeNew(path: string, parts: readonly Uint8Array[]): Promise<Fingerprint> {
  const hash = createHash("sha256");
  let bytes = 0;
  const file = await open(path, "wx");
  try {
    for (const part of parts) {
      hash.update(part);
      bytes += part.length;
      await file.writeFile(part);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Renames the finished folder. One of the same step steps aside first: a folder cannot be renamed onto another. */
async function putInPlace(folder: string, name: string): Promise<void> {
  const final = join(folder, name);
  const aside = `${final}.replaced`;
  if (existsSync(final)) {
    await rm(aside, { recursive: true, force: true });
    await rename(final, aside);
  }
  await rename(`${final}.partial`, final);
  await syncFolder(folder);
}

/** Removes what is no longer needed. A folder is renamed first, so that none is ever found half removed. */
async function prune(folder: string, step: number, keep: number): Promise<void> {
  const found = await checkpointsIn(folder);
  const kept = found.filter((it) => !it.replaced && it.step <= step).slice(0, Math.max(1, keep));
  for (const { name } of found) {
    if (kept.some((it) => it.name === name)) continue;
    await rm(join(folder, `${name}.partial`), { recursive: true, force: true });
    await rename(join(folder, name), join(folder, `${name}.partial`));
  }
  for (const name of await readdir(folder)) {
    if (/^step-\d+.*\.partial$/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

interface Found {
  readonly name: string;
  readonly step: number;
  /** A run was killed while a newer one of the same step took its place, or has not removed it yet. */
  readonly replaced: boolean;
}

/** The finished checkpoints of a folder, the newest first. */
async function checkpointsIn(folder: string): Promise<Found[]> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  const found = names.flatMap((name): Found[] => {
    const [, step, aside] = /^step-(\d+)(\.replaced)?$/.exec(name) ?? [];
    return step === undefined ? [] : [{ name, step: Number(step), replaced: aside !== undefined }];
  });
  return found.sort((a, b) => b.step - a.step || Number(a.replaced) - Number(b.replaced));
}

/** The step of the newest checkpoint, whole or not, or undefined when the folder has none. */
export async function newestStep(folder: string): Promise<number | undefined> {
  return (await checkpointsIn(folder))[0]?.step;
}

/**
 * The newest checkpoint that is whole, or undefined when the folder has none at all.
 *
 * @throws {FormatError} `checkpoint/none` when there are some and every one is damaged
 */
export async function loadLatestCheckpoint(folder: string): Promise<LoadedCheckpoint | undefined> {
  const problems: string[] = [];
  for (const { name, step } of await checkpointsIn(folder)) {
    try {
      const checkpoint = await readCheckpoint(join(folder, name), step);
      if (problems.length === 0) return checkpoint;
      return { ...checkpoint, note: `resuming from ${name}, because ${problems.join("; ")}` };
    } catch (error) {
      // Ours and the system's errors have a code; anything else is a mistake in the program.
      if (!(error instanceof Error && "code" in error)) throw error;
      problems.push(`${name} is damaged: ${error.message}`);
    }
  }
  if (problems.length === 0) return undefined;
  throw new FormatError(
    "checkpoint/none",
    `checkpoints: expected one that is whole, got none: ${problems.join("; ")} (${folder})`,
  );
}

function damageError(code: string, what: string, expected: string, got: unknown, where: string): FormatError {
  const shown = JSON.stringify(got) ?? "nothing";
  return new FormatError(
    `checkpoint/${code}`,
    `${what}: expected ${expected}, got ${shown.slice(0, 100)} (${where})`,
  );
}

/** Reads one folder. @throws {FormatError} `checkpoint/…` when a file is not what was written */
async function readCheckpoint(path: string, step: number): Promise<LoadedCheckpoint> {
  const names = await verify(path);
  const state = await readJsonIfPresent(join(path, STATE));
  if (!isObject(state)) throw damageError("state", STATE, "an object", state, path);
  const progress = parseProgress(own(state, "progress"), path);
  const trainer = { ...(await withFile(join(path, TRAINER), readTrainer)), progress };
  for (const [what, got] of [
    ["step", own(state, "step")],
    ["number of rates", trainer.rates.length],
  ]) {
    if (got !== step) throw damageError("state", `${what}`, `${step}, as the folder's name says`, got, path);
  }
  const [stale, last, extra] = [own(state, "stale"), own(state, "last"), own(state, "extra")];
  if (typeof stale !== "number") throw damageError("state", "stale", "a number", stale, path);
  if (!isObject(extra)) throw damageError("state", "extra", "an object", extra, path);
  const best = names.includes(BEST) ? await readBest(path, own(state, "best")) : undefined;
  const loop: LoopState = {
    stale,
    ...(last === undefined ? {} : { last: parseEvaluated(last, path) }),
    ...(best ? { best } : {}),
  };
  return { trainer, loop, extra, step };
}

/** Compares every file with the manifest; returns their names. */
async function verify(path: string): Promise<string[]> {
  const manifest = await readJsonIfPresent(join(path, MANIFEST));
  if (!isObject(manifest)) throw damageError("manifest", MANIFEST, "an object", manifest, path);
  if (own(manifest, "format") !== FORMAT) {
    throw damageError("format", "format", `${FORMAT}`, own(manifest, "format"), path);
  }
  const files = own(manifest, "files");
  const names = isObject(files) ? Object.keys(files) : [];
  const known = [TRAINER, STATE, BEST];
  if (
    !isObject(files) ||
    !names.includes(TRAINER) ||
    !names.includes(STATE) ||
    !names.every((n) => known.includes(n))
  ) {
    throw damageError("manifest", "files", `${TRAINER}, ${STATE} and maybe ${BEST}`, names, path);
  }
  for (const name of names) await withFile(join(path, name), (file) => compare(file, own(files, name)));
  return names;
}

async function compare(file: ByteSource, expected: unknown): Promise<void> {
  const { bytes, sha256 }: JsonObject = isObject(expected) ? expected : {};
  if (file.byteLength !== bytes)
    throw damageError("length", "file", `${bytes} bytes`, file.byteLength, file.name);
  const hash = createHash("sha256");
  for (let at = 0; at < file.byteLength; at += CHUNK) {
    hash.update(await file.slice(at, Math.min(at + CHUNK, file.byteLength)));
  }
  const found = hash.digest("hex");
  if (found !== sha256) throw damageError("hash", "file", `SHA-256 ${sha256}`, found, file.name);
}

/** Numbers, words and lists of numbers by name. */
function parseProgress(value: unknown, where: string): Progress {
  if (!isObject(value)) throw damageError("state", "progress", "an object", value, where);
  const read = Object.entries(value).map(([name, item]): [string, Progress[string]] => {
    if (typeof item === "number" || typeof item === "string") return [name, item];
    if (Array.isArray(item) && item.every((x): x is number => typeof x === "number")) return [name, item];
    throw damageError("state", `progress ${name}`, "a number, a word or numbers", item, where);
  });
  return Object.fromEntries(read);
}

async function readTrainer(source: ByteSource): Promise<Omit<TrainerState, "progress">> {
  const buffers = new Map<string, Float32Array>();
  const rest = new Map<string, Tensor["data"]>();
  for (const [name, entry] of (await readHeader(source)).tensors) {
    const { data } = await readTensor(source, entry);
    if (name.startsWith(BUFFER) && data instanceof Float32Array) buffers.set(name.slice(BUFFER.length), data);
    else rest.set(name, data);
  }
  const isCounts = (data: Tensor["data"] | undefined): data is Int32Array => data instanceof Int32Array;
  const { current, touched, rates, began } = Object.fromEntries(rest);
  if (isCounts(current) && isCounts(touched) && isCounts(began) && rates instanceof Float64Array) {
    return { buffers, current, touched, rates: [...rates], began };
  }
  throw damageError("state", TRAINER, "current, touched, rates and began", [...rest.keys()], source.name);
}

async function readBest(path: string, evaluated: unknown): Promise<Best> {
  const tensors = await withFile(join(path, BEST), async (source) => {
    const read = new Map<string, FloatTensor>();
    for (const [name, entry] of (await readHeader(source)).tensors) {
      const { data, shape } = await readTensor(source, entry);
      if (!(data instanceof Float32Array))
        throw damageError("state", name, "float32", entry.dtype, source.name);
      read.set(name, floatTensor(shape, data));
    }
    return read;
  });
  return { ...parseEvaluated(evaluated, path), tensors };
}

function parseEvaluated(value: unknown, where: string): Evaluated {
  const { step, primary, loss, constant, metrics }: JsonObject = isObject(value) ? value : {};
  if (typeof step !== "number" || !isMetric(primary) || !isMetric(loss) || !isObject(metrics)) {
    throw damageError("state", "evaluation", "step, primary, loss and metrics", value, where);
  }
  const read = Object.entries(metrics).map(([name, metric]): [string, number] => {
    if (isMetric(metric)) return [name, metric ?? Number.NaN];
    throw damageError("state", `metric ${name}`, "a number", metric, where);
  });
  return {
    step,
    primary: primary ?? Number.NaN,
    loss: loss ?? Number.NaN,
    ...(typeof constant === "boolean" ? { constant } : {}),
    metrics: Object.fromEntries(read),
  };
}

function isMetric(value: unknown): value is number | null {
  return typeof value === "number" || value === null;
}
