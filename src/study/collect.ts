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
import { keyOf } from "../base/random.ts";
import { readResult } from "../measure/result.ts";
import { readMaskedConfig } from "../network/folder.ts";
import { MASKS_FILE } from "../network/masks.ts";
import { runPaths } from "../runs/folder.ts";
import type { RunContext } from "../runs/progress.ts";
import { readRecipe } from "../runs/recipe.ts";
import { compareMasks, type Overlap, overlapIn } from "../topology/overlap.ts";
import { isSameShape, type Structure, structureOfMasks } from "../topology/structure.ts";
import { distinguish, relationOf } from "./groups.ts";
import { measureMask } from "./measures.ts";
import { findModels } from "./models.ts";
import { joinRecords, type PairRecord, parseRecords, type RunRecord, type StudyRecords } from "./record.ts";

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
  const records = joinRecords([
    ...kept.map(({ runs, pairs }) => ({ runs: runs.filter((run) => isMeant(run, tasks)), pairs })),
    { runs: masked.map(({ run }) => run), pairs: comparePairs(masked, context) },
  ]);
  if (records.runs.length === 0) {
    throw new InputError(
      "study/none",
      `models: expected finished runs with masks, got none (${[...refs, ...(tasks ?? [])].join(", ")})`,
    );
  }
  const notes =
    maskless === 0
      ? []
      : [
          `${maskless} of the runs ${maskless === 1 ? "has" : "have"} no masks: fine-tuned models, or shapes that became smaller`,
        ];
  return { ...records, notes };
}

function isMeant({ task }: RunRecord, tasks: readonly string[] | undefined): boolean {
  return tasks === undefined || tasks.includes(task);
}

/** Undefined for a run without masks or without a metric. */
async function readMasked(ref: string, id: string, spectra: boolean): Promise<Masked | undefined> {
  const paths = runPaths(resolve(ref));
  if (!existsSync(join(paths.model, MASKS_FILE)) || !existsSync(paths.result)) return undefined;
  const { settings } = await readRecipe(paths.recipe);
  const { metric, task, method } = await readResult(paths.result);
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
    layers: layers.length,
    hidden,
    measures: measureMask(structure, { key: keyOf(0), spectra }),
  };
  return { run, structure };
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
