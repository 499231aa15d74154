/**
 * From masks to records: every finished masked run is measured, and every two that differ in one thing are compared.
 *
 * All masks stay in memory, an eighth of a byte a weight, until the last pair is compared. Of a run that only has records,
 * what they say is taken. Not here: the page.
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { counted } from "../base/quantity.ts";
import { keyOf } from "../base/random.ts";
import { METRIC_NAMES } from "../data/dataset.ts";
import { constantMetrics } from "../measure/constant.ts";
import { type RunResult, readResult } from "../measure/result.ts";
import { readMaskedConfig } from "../network/folder.ts";
import { MASKS_FILE } from "../network/masks.ts";
import { readAnswers } from "../runs/answers.ts";
import { runPaths } from "../runs/folder.ts";
import type { RunContext } from "../runs/progress.ts";
import { type Recipe, readRecipe } from "../runs/recipe.ts";
import { compareMasks, type Overlap, overlapIn } from "../topology/overlap.ts";
import { isSameShape, type Structure, structureOfMasks } from "../topology/structure.ts";
import { distinguish, relationOf } from "./groups.ts";
import { measureMask } from "./measures.ts";
import { findModels } from "./models.ts";
import {
  asWritten,
  joinRecords,
  type PairRecord,
  parseRecords,
  type RunRecord,
  type StudyRecords,
} from "./record.ts";

/** What is to be studied. */
export interface StudyRequest {
  /** Runs, folders of runs, and files of records. */
  readonly refs: readonly string[];
  readonly tasks: readonly string[] | undefined;
  readonly spectra: boolean;
}

/** A run with its mask. */
interface Masked {
  readonly run: RunRecord;
  readonly structure: Structure;
}

/**
 * @returns the records, and notes on what was passed over
 * @throws {InputError} `study/none` where no run has a mask; what `findModels` and `parseRecords` throw
 */
export async function collectRecords(
  { refs, tasks, spectra }: StudyRequest,
  context: RunContext,
): Promise<StudyRecords & { readonly notes: readonly string[] }> {
  const isFile = (ref: string): boolean => ref.endsWith(".jsonl");
  const kept = await Promise.all(
    refs.filter(isFile).map(async (path) => parseRecords(await readFile(path, "utf8"), path)),
  );
  const folders = refs.filter((ref) => !isFile(ref));
  const found = folders.length === 0 ? [] : await findModels(folders);
  const ids = namesOf(found.map((ref) => resolve(ref)));
  const masked: Masked[] = [];
  let maskless = 0;
  for (const [i, ref] of found.entries()) {
    context.signal?.throwIfAborted();
    const run = await readMasked(ref, requireItem(ids, i, "names"), spectra);
    if (run === undefined) maskless++;
    else if (isMeant(run.run, tasks)) masked.push(run);
  }
  const measured = { runs: masked.map(({ run }) => run), pairs: comparePairs(masked, context) };
  const { lost, ...records } = joinRecords([
    ...kept.map((each) => onlyMeant(each, tasks)),
    ...(masked.length === 0 ? [] : [asWritten(measured)]),
  ]);
  if (records.runs.length === 0) {
    throw new InputError(
      "study/none",
      `models: expected finished runs with masks, got none (${[...refs, ...(tasks ?? [])].join(", ")})`,
    );
  }
  return { ...records, notes: notesOf(maskless, lost) };
}

function notesOf(maskless: number, lost: number): string[] {
  const notes: string[] = [];
  if (maskless > 0) {
    notes.push(
      `${maskless} of the runs ${maskless === 1 ? "has" : "have"} no masks: fine-tuned models, or shapes that became smaller`,
    );
  }
  if (lost > 0) {
    notes.push(
      `${counted(lost, "pair")} of the records ${lost === 1 ? "is" : "are"} left out: one of the masks is another now, and the other mask is not at hand`,
    );
  }
  return notes;
}

/** The runs of the tasks that are meant, and the pairs of these. */
function onlyMeant({ runs, pairs }: StudyRecords, tasks: readonly string[] | undefined): StudyRecords {
  const meant = runs.filter((run) => isMeant(run, tasks));
  const ids = new Set(meant.map(({ id }) => id));
  return { runs: meant, pairs: pairs.filter(({ first, second }) => ids.has(first) && ids.has(second)) };
}

function isMeant({ task }: RunRecord, tasks: readonly string[] | undefined): boolean {
  return tasks === undefined || tasks.includes(task);
}

/** Undefined for a run without masks or without a metric. */
async function readMasked(ref: string, id: string, spectra: boolean): Promise<Masked | undefined> {
  const paths = runPaths(resolve(ref));
  if (!existsSync(join(paths.model, MASKS_FILE)) || !existsSync(paths.result)) return undefined;
  const { settings, model } = await readRecipe(paths.recipe);
  const result = await readResult(paths.result);
  const { metric, task, method } = result;
  if (method === null) return undefined;
  const structure = structureOfMasks(await readMaskedConfig(paths.model));
  const { layers, hiddenSize: hidden } = structure.config;
  const { sparsity, seed } = settings;
  const run: RunRecord = {
    kind: "run",
    id,
    task: task ?? dataName(settings),
    method,
    settings: askedOf(settings),
    sparsity: typeof sparsity === "number" ? sparsity : null,
    seed: typeof seed === "number" ? seed : 0,
    metric: metric.name,
    score: metric.after,
    dense: metric.better === "lower" ? null : metric.before,
    constant: await constantOf(paths.answers, result),
    model: digestOf(model),
    layers: layers.length,
    hidden,
    measures: measureMask(structure, { key: keyOf(0), spectra }),
  };
  return { run, structure };
}

/** What an answer that is always the same scores on the examples that judged a run; undefined where it kept no answers. */
async function constantOf(path: string, { metric, models }: RunResult): Promise<number | undefined> {
  if (metric.better === "lower" || !existsSync(path)) return undefined;
  const { task, labels, examples } = await readAnswers(path);
  const named = models.at(-1)?.metrics ?? {};
  const primary = [...METRIC_NAMES, "mean" as const].find((name) => name === metric.name);
  if (primary === undefined) return undefined;
  const metrics = METRIC_NAMES.filter((name) => name in named);
  const truth = examples.map(({ label }) => label);
  return constantMetrics({ task, metrics, primary }, labels.length, truth)[primary];
}

/** Of the weights: a README beside them changes nothing, nor does a second format of them. */
function digestOf(files: Recipe["model"]): string | undefined {
  const tensors = files.filter(({ path }) => path.endsWith(".safetensors"));
  const [largest] = (tensors.length > 0 ? tensors : files).toSorted((a, b) => b.bytes - a.bytes);
  return largest?.sha256.slice(0, 8);
}

/** Each folder by its last name, or by as many of its last names as it takes to tell it from the others. */
function namesOf(paths: readonly string[]): string[] {
  const last = (path: string, count: number): string => path.split(sep).slice(-count).join("/");
  return paths.map((path) => {
    let count = 1;
    while (paths.filter((other) => other !== path && last(other, count) === last(path, count)).length > 0)
      count++;
    return last(path, count);
  });
}

/** What data of one's own are called by: their file. */
function dataName({ data }: Readonly<Record<string, unknown>>): string {
  return typeof data === "string" ? basename(data) : "own data";
}

function askedOf({ set }: Readonly<Record<string, unknown>>): RunRecord["settings"] {
  if (typeof set !== "object" || set === null) return {};
  const entries = Object.entries(set).filter(
    (entry): entry is [string, string | number | boolean] =>
      typeof entry[1] === "string" || typeof entry[1] === "number" || typeof entry[1] === "boolean",
  );
  return Object.fromEntries(entries);
}

function comparePairs(masked: readonly Masked[], { signal }: RunContext): PairRecord[] {
  const { runs } = distinguish(masked.map(({ run }) => run));
  const structures = new Map(masked.map(({ run, structure }) => [run.id, structure]));
  return runs.flatMap((first, i) => {
    signal?.throwIfAborted();
    return runs.slice(i + 1).flatMap((second) => {
      const [a, b] = [structures.get(first.id), structures.get(second.id)];
      if (relationOf(first, second) === undefined || !a || !b || !isSameShape(a, b)) return [];
      return [pairOf(first.id, second.id, compareMasks(a, b))];
    });
  });
}

function pairOf(first: string, second: string, { total, matrices }: Overlap): PairRecord {
  const encoder = overlapIn(matrices.filter(({ layer }) => layer !== null));
  return {
    kind: "pair",
    first,
    second,
    jaccard: total.jaccard,
    chance: total.chance.jaccard,
    byMatrix: total.chance.byMatrix,
    encoderJaccard: encoder.jaccard,
    encoderByMatrix: encoder.chance.byMatrix,
  };
}
