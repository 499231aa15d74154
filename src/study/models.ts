/**
 * The structures that `topology` looks at: of models, of runs, and of a folder of runs, each with what its run says of
 * it. A run of which only the masks were kept is as good as one with its weights.
 */

import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { InputError } from "../base/errors.ts";
import { WEIGHTS_FILE } from "../formats/weights.ts";
import { type Metric, readResult } from "../measure/result.ts";
import { readMaskedConfig } from "../network/folder.ts";
import { MASKS_FILE } from "../network/masks.ts";
import { readMetrics, runPaths } from "../runs/folder.ts";
import { loadModel } from "../runs/models.ts";
import type { MaskEvent, RunContext } from "../runs/progress.ts";
import { readRecipe } from "../runs/recipe.ts";
import { type Structure, structureOf, structureOfMasks } from "../topology/structure.ts";

/** What is left of a model, and where it comes from. */
export interface FoundStructure {
  /** Of the model, or of the run's folder. */
  readonly name: string;
  /** As it was given, or the folder that was found. */
  readonly ref: string;
  /** Null for a model that is no run. */
  readonly task: string | null;
  readonly method: string | null;
  readonly metric: Metric | null;
  /** The looks at a mask that was learnt, by step; null where the run has told of none. */
  readonly recovery: readonly RecoveryLook[] | null;
  /** Whether its weights are there, not its masks alone. */
  readonly hasWeights: boolean;
  readonly structure: Structure;
}

/** A look at the mask of a run, see train/mask-watch.ts. */
export type RecoveryLook = Omit<MaskEvent, "kind">;

/**
 * The models that are meant: each reference, and for a folder of runs every finished one in it.
 *
 * @throws {InputError} `topology/none` for a folder that has no runs; {InputError} as `loadModel` later does
 */
export async function findModels(refs: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    refs.map(async (ref) => {
      if (!isFolderOfRuns(ref)) return [ref];
      const names = (await readdir(ref)).sort();
      return names.map((name) => join(ref, name)).filter(isFinished);
    }),
  );
  const none = refs.filter((_, i) => found[i]?.length === 0);
  if (none.length === 0) return [...new Set(found.flat())];
  throw new InputError(
    "topology/none",
    `models: expected a model, a run or a folder of finished runs, got a folder without any (${none.join(", ")})`,
  );
}

/** A folder that is neither a model's nor a run's. */
function isFolderOfRuns(ref: string): boolean {
  const root = resolve(ref);
  if (!existsSync(root) || !statSync(root).isDirectory()) return false;
  const { model, recipe } = runPaths(root);
  return ![join(root, "config.json"), recipe, join(model, "config.json")].some((path) => existsSync(path));
}

function isFinished(folder: string): boolean {
  const { result, model } = runPaths(folder);
  return existsSync(result) && existsSync(join(model, "config.json"));
}

/** @throws as `loadModel` and `readMaskedConfig` do */
export async function loadStructure(ref: string, context: RunContext = {}): Promise<FoundStructure> {
  const facts = await factsOf(ref);
  const { model } = runPaths(resolve(ref));
  const hasMasksAlone = existsSync(join(model, MASKS_FILE)) && !existsSync(join(model, WEIGHTS_FILE));
  if (hasMasksAlone) {
    return {
      name: basename(resolve(ref)),
      ref,
      ...facts,
      hasWeights: false,
      structure: structureOfMasks(await readMaskedConfig(model)),
    };
  }
  const { name, network } = await loadModel(ref, context);
  return { name, ref, ...facts, hasWeights: true, structure: structureOf(network) };
}

type RunFacts = Pick<FoundStructure, "task" | "method" | "metric" | "recovery">;

async function factsOf(ref: string): Promise<RunFacts> {
  const paths = runPaths(resolve(ref));
  if (!existsSync(paths.recipe)) return { task: null, method: null, metric: null, recovery: null };
  const { settings, command } = await readRecipe(paths.recipe);
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  const metric = existsSync(paths.result) ? (await readResult(paths.result)).metric : null;
  const method = command === "finetune" ? "finetune" : text(settings.method);
  return {
    task: text(settings.task),
    method,
    metric,
    recovery: recoveryIn(await readMetrics(paths.metrics)),
  };
}

/** Looks at masks among a run's events; of a step that was taken again after a resume, the later. */
function recoveryIn(events: readonly Readonly<Record<string, unknown>>[]): RecoveryLook[] | null {
  const looks = new Map<number, RecoveryLook>();
  for (const event of events) {
    if (event.kind !== "mask") continue;
    const of = (name: keyof RecoveryLook): number => {
      const value = event[name];
      return typeof value === "number" ? value : Number.NaN;
    };
    const look: RecoveryLook = {
      ...{ step: of("step"), masks: of("masks"), size: of("size"), kept: of("kept") },
      ...{ pruned: of("pruned"), returned: of("returned") },
      ...{ recovered: of("recovered"), recoveredByChance: of("recoveredByChance") },
    };
    if (!Object.values(look).some(Number.isNaN)) looks.set(look.step, look);
  }
  return looks.size === 0 ? null : [...looks.values()].sort((a, b) => a.step - b.step);
}
