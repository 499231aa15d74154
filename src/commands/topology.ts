/**
 * `espalier topology`: what is left of pruned models, and what two of them share.
 *
 * Every number stands beside what chance gives, or what density alone explains; the formulas and their sources are in the
 * headers of topology/. Not here: what runs the models (study/judged.ts), and the page of many runs (study/study.ts).
 */

import { fold, keyOf } from "../base/random.ts";
import { TOPOLOGY, type TopologyOptions, type TopologySettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { loadModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { judgeModels } from "../study/judged.ts";
import { type FoundStructure, findModels, loadStructure } from "../study/models.ts";
import { writeStudy } from "../study/study.ts";
import { compareHubs, measureDegrees } from "../topology/degrees.ts";
import { isDense, measureDensity } from "../topology/density.ts";
import { compareImportance, type ImportanceAgreement, type Scores, sizesOf } from "../topology/importance.ts";
import { countJunctions } from "../topology/junctions.ts";
import { compareMasks } from "../topology/overlap.ts";
import { findPaths } from "../topology/paths.ts";
import {
  findSpectra,
  type MaskSpectraRecord,
  recordMaskSpectra,
  type SpectraRecord,
} from "../topology/spectra.ts";
import { isSameShape } from "../topology/structure.ts";
import { surveyUnits } from "../topology/units.ts";
import type { ModelTopology, TopologyComparison, TopologyResult } from "./answers.ts";

/** Share of the weights that are kept, in the model that keeps fewer, which count as the largest. */
const TOP = 0.1;

/**
 * Looks at which weights survive in each model and compares them in pairs, or writes the page of a study of many.
 *
 * @throws {ConfigError} for options that do not fit
 * @throws {InputError} `topology/none` for a folder without finished runs, `study/none` for a study without masks, and for a model that
 *   cannot be read; {FormatError} `study/records`; {InterruptedError} `topology/stopped`
 * @example const { models } = await topology({ models: ["runs/pruned"] }); // models[0].density.total.share
 */
export async function topology(options: TopologyOptions, context: RunContext = {}): Promise<TopologyResult> {
  const settings = resolveOptions(TOPOLOGY, options);
  const { models: refs, tasks, spectra, study: page } = settings;
  const work = async (): Promise<TopologyResult> => {
    if (page === undefined) return describeModels(settings, context);
    const { notes, ...study } = await writeStudy({ refs, tasks, spectra, page }, context);
    return { models: [], comparisons: [], study, notes };
  };
  return perform("topology", context, work, { engine: settings.data !== undefined });
}

async function describeModels(settings: TopologySettings, context: RunContext): Promise<TopologyResult> {
  const { models, against, tasks, data } = settings;
  const isMeant = ({ task }: FoundStructure): boolean => tasks === undefined || tasks.includes(task ?? "");
  const load = async (refs: readonly string[]): Promise<FoundStructure[]> => {
    const found: FoundStructure[] = [];
    for (const ref of await findModels(refs)) {
      context.signal?.throwIfAborted();
      found.push(await loadStructure(ref, context));
    }
    return found.filter(isMeant);
  };
  const own = await load(models);
  const others = against === undefined ? undefined : await load(against);
  const pairs = others
    ? own.flatMap((first) => others.map((second) => [first, second] as const))
    : own.flatMap((first, i) => own.slice(i + 1).map((second) => [first, second] as const));
  const described: ModelTopology[] = [];
  for (const found of own) {
    context.signal?.throwIfAborted();
    described.push({
      ...describe(found),
      ...(settings.spectra ? { spectra: await spectraOf(found, settings, context) } : {}),
    });
  }
  const comparisons: TopologyComparison[] = [];
  const sizes = settings.importance ? lastSizes(context) : undefined;
  for (const [first, second] of pairs) {
    context.signal?.throwIfAborted();
    comparisons.push(await compare(first, second, sizes));
  }
  const judged =
    data === undefined || own.length === 0
      ? undefined
      : await judgeModels(own, pairs, { ...settings, data }, context);
  return {
    models: described,
    comparisons,
    ...(judged ? { judged } : {}),
    notes: [...own.flatMap(notesOf), ...missingNotes(own, pairs.length, tasks)],
  };
}

function describe({ structure, hasWeights: _, ...facts }: FoundStructure): ModelTopology {
  return {
    ...facts,
    density: measureDensity(structure),
    units: surveyUnits(structure),
    degrees: measureDegrees(structure),
    junctions: countJunctions(structure),
    paths: findPaths(structure),
  };
}

/** All spectra of a model's weights, or of its masks. Its weights are read again, so that those of one are in memory. */
async function spectraOf(
  { ref, structure, hasWeights }: FoundStructure,
  { seed }: TopologySettings,
  { signal }: RunContext,
): Promise<SpectraRecord | MaskSpectraRecord> {
  const key = fold(keyOf(seed), "spectra");
  if (!hasWeights) return recordMaskSpectra(structure, key);
  const { network } = await loadModel(ref, signal ? { signal } : {});
  return findSpectra(network, { key, whole: true });
}

type SizesOf = (found: FoundStructure) => Promise<Scores>;

/** Reads the sizes of a model's weights; those of two are in memory. */
function lastSizes({ signal }: RunContext): SizesOf {
  const known = new Map<string, Scores>();
  return async ({ ref }) => {
    const sizes = known.get(ref) ?? sizesOf((await loadModel(ref, signal ? { signal } : {})).network);
    known.delete(ref);
    known.set(ref, sizes);
    for (const older of [...known.keys()].slice(0, -2)) known.delete(older);
    return sizes;
  };
}

async function compare(
  first: FoundStructure,
  second: FoundStructure,
  sizes: SizesOf | undefined,
): Promise<TopologyComparison> {
  const names = { first: first.name, second: second.name };
  if (!isSameShape(first.structure, second.structure)) return { ...names, overlap: null, hubs: null };
  return {
    ...names,
    overlap: compareMasks(first.structure, second.structure),
    hubs: compareHubs(first.structure, second.structure),
    ...(sizes ? { importance: await rankSizes(first, second, sizes) } : {}),
  };
}

/** Null where the weights of one are gone, or none is kept. */
async function rankSizes(
  first: FoundStructure,
  second: FoundStructure,
  sizes: SizesOf,
): Promise<ImportanceAgreement | null> {
  if (!(first.hasWeights && second.hasWeights)) return null;
  const [a, b] = [await sizes(first), await sizes(second)];
  const least = Math.min(keptShare(a), keptShare(b));
  return least === 0 ? null : compareImportance(a, b, TOP * least);
}

function keptShare(sizes: Scores): number {
  let [kept, all] = [0, 0];
  for (const data of sizes.values()) {
    all += data.length;
    for (const size of data) if (size > 0) kept++;
  }
  return all === 0 ? 0 : kept / all;
}

/** What a model has too little of to be studied. */
function notesOf({ name, method, structure }: FoundStructure): string[] {
  if (!isDense(measureDensity(structure))) return [];
  const how =
    method === null || method === "finetune" ? "" : `; ${method} made it smaller, if at all, by its shapes`;
  return [`${name} has no pruned weights: what is said of it is what any dense model of its shape has${how}`];
}

function missingNotes(
  own: readonly FoundStructure[],
  pairs: number,
  tasks: readonly string[] | undefined,
): string[] {
  if (own.length === 0) return [`no model is one of ${tasks?.join(", ") ?? "those"}`];
  return pairs === 0 ? ["one model alone has nothing to be compared with; --against names another"] : [];
}
