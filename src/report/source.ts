/**
 * What a report knows of a run: all that its folder holds, and a sentence for each thing that it does not.
 *
 * A folder without a recipe is no run and is refused. Everything else may be missing: a run that was stopped has no result,
 * one of an earlier version no answers, one of `reproduce` no model. The page then says so and shows the rest. Not here:
 * the page.
 */

import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ConfigError, FormatError, InputError } from "../base/errors.ts";
import type { BertConfig, Head } from "../bert/config.ts";
import { readTextIfPresent } from "../formats/files.ts";
import { parseShape, record } from "../formats/json-shape.ts";
import { type ModelPart, partsOf } from "../measure/parts.ts";
import { type RunResult, readResult, VERDICT, type Verdict } from "../measure/result.ts";
import { ZEROS_THRESHOLD } from "../measure/verdict.ts";
import { readFolder } from "../network/folder.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import { type Answers, readAnswers } from "../runs/answers.ts";
import { type FolderState, folderState, type RunPaths, readMetrics, runPaths } from "../runs/folder.ts";
import { resumeCommand } from "../runs/progress.ts";
import { type Recipe, readRecipe } from "../runs/recipe.ts";
import { measureDensity } from "../topology/density.ts";
import { type Structure, structureOf } from "../topology/structure.ts";
import { type History, historyOf } from "./history.ts";

/** The product's inside. */
export interface Product {
  readonly config: BertConfig;
  readonly head: Head;
  readonly structure: Structure;
  readonly parts: readonly ModelPart[];
  /** Whether it has masks, or more zeros in its matrices than a padding row, so that there is something to see. */
  readonly isPruned: boolean;
}

/** A run, as far as it is there. */
export interface RunSource {
  /** Of its anchors in the page. */
  readonly id: string;
  /** The folder's name, with as much of the path as tells it from the others. */
  readonly name: string;
  readonly root: string;
  readonly recipe: Recipe;
  readonly history: History;
  readonly result?: RunResult;
  readonly answers?: Answers;
  readonly product?: Product;
  /** Of the product in 8 bits, where the run has made one. */
  readonly quantized?: Verdict;
  /** What cannot be shown of it, and why. */
  readonly missing: readonly string[];
}

/** What is at hand already, when a run writes its own report. */
export interface AtHand {
  readonly result: RunResult;
  readonly network: Network;
}

/**
 * Reads runs, in the order given.
 *
 * @throws {InputError} `report/missing` for a place where nothing is, `report/foreign` for a folder that holds no run
 */
export async function readRuns(folders: readonly string[], signal?: AbortSignal): Promise<RunSource[]> {
  const roots = folders.map((folder) => resolve(folder));
  for (const [i, root] of roots.entries()) requireRun(root, folders[i] ?? root);
  const names = namesOf(roots);
  const runs: RunSource[] = [];
  // One after the other: a model may be large.
  for (const [i, root] of roots.entries()) {
    signal?.throwIfAborted();
    runs.push(await readRun(root, `r${i + 1}`, names[i] ?? root));
  }
  return runs;
}

function requireRun(root: string, given: string): void {
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    throw new InputError(
      "report/missing",
      `run: expected the folder of a run, got ${existsSync(root) ? "a file" : "nothing"} (${given})`,
    );
  }
  if (existsSync(runPaths(root).recipe)) return;
  const found = existsSync(join(root, "config.json"))
    ? "a model's folder; a report is of the run that made it"
    : "a folder without recipe.json";
  throw new InputError("report/foreign", `run: expected the folder of a run, got ${found} (${given})`);
}

/** The last part of each path, and as many before it as make all of them different. */
export function namesOf(roots: readonly string[]): string[] {
  const parts = roots.map((root) => root.split(/[\\/]/).filter((part) => part !== ""));
  const tail = (path: readonly string[], n: number): string => path.slice(-n).join("/");
  return parts.map((path) => {
    const longest = Math.max(...parts.map(({ length }) => length));
    for (let n = 1; n <= longest; n++) {
      const same = parts.filter((other) => tail(other, n) === tail(path, n));
      if (same.length === 1 || n === path.length) return tail(path, n);
    }
    return basename(path.join("/"));
  });
}

/** Reads one run. @param hand  what need not be read again */
export async function readRun(root: string, id: string, name: string, hand?: AtHand): Promise<RunSource> {
  const paths = runPaths(root);
  const missing: string[] = [];
  const recipe = await readRecipe(paths.recipe);
  const result = hand?.result ?? (await resultIn(paths, missing));
  const history = historyOf(await readMetrics(paths.metrics), result?.wallSeconds);
  if (result === undefined) missing.push(stoppedText(root, history, await folderState(root)));
  const isAcross = result?.folds !== undefined;
  if (isAcross) missing.push(ACROSS_FOLDS);
  const answers = isAcross ? undefined : await answersOf(paths, result, missing);
  const product = isAcross ? undefined : await productOf(paths, result, hand, missing);
  const quantized = isAcross ? undefined : await quantizedOf(paths, recipe, result, missing);
  return {
    id,
    name,
    root,
    recipe,
    history,
    missing,
    ...(result ? { result } : {}),
    ...(answers ? { answers } : {}),
    ...(product ? { product } : {}),
    ...(quantized ? { quantized } : {}),
  };
}

/** What is missing of a run over folds. */
const ACROSS_FOLDS =
  "Each fold has a model of its own. What it answered and what is inside of it is shown by the report of each, in folds/1 and on.";

/** What is missing of a run without a result; one without a checkpoint has failed, or has only begun. */
function stoppedText(root: string, { steps, total }: History, state: FolderState): string {
  const at = steps.at(-1)?.step;
  const where = at === undefined ? "before its first step" : `after step ${at} of ${total}`;
  const none = "so sizes, times, answers and a verdict are missing.";
  return state === "resumable"
    ? `This run has not ended: it stopped, or still is, ${where}. There is no result yet, ${none} It goes on with: ${resumeCommand(root)}`
    : `This run has no result and no checkpoint: it failed, or has just begun, ${where}; ${none} It has to be started again; the message that it ended with says why.`;
}

async function answersOf(
  { answers: path }: RunPaths,
  result: RunResult | undefined,
  missing: string[],
): Promise<Answers | undefined> {
  if (!existsSync(path)) {
    const judges = result !== undefined && result.command !== "pretrain";
    if (judges)
      missing.push(
        "There is no answers.jsonl: the run was made by an earlier version. Confusion, calibration and the examples that changed cannot be shown.",
      );
    return undefined;
  }
  try {
    return await readAnswers(path);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    missing.push(
      `answers.jsonl cannot be read, so confusion, calibration and changed examples are missing. ${error.message}`,
    );
    return undefined;
  }
}

async function productOf(
  { model }: RunPaths,
  result: RunResult | undefined,
  hand: AtHand | undefined,
  missing: string[],
): Promise<Product | undefined> {
  const network = hand?.network ?? (await networkIn(model, missing));
  if (network === undefined) {
    if (result !== undefined && !existsSync(join(model, "config.json")))
      missing.push("The run's model is gone, so what is inside of it cannot be shown.");
    return undefined;
  }
  const { config, head } = network;
  const parts = partsOf(network, Math.min(result?.length ?? lengthFor(network), config.maxPositions));
  const structure = structureOf(network);
  const { share } = measureDensity(structure).total;
  const isPruned = network.masks !== undefined || (share !== null && share < 1 - ZEROS_THRESHOLD);
  return { config, head, structure, parts, isPruned };
}

/** What `quantize` wrote down, as far as the page speaks of it. */
const IN_8_BITS = record({ verdict: VERDICT });

async function quantizedOf(
  { quantized }: RunPaths,
  { settings }: Recipe,
  result: RunResult | undefined,
  missing: string[],
): Promise<Verdict | undefined> {
  const path = runPaths(quantized).result;
  const text = await readTextIfPresent(path);
  if (text === undefined) {
    if (result !== undefined && settings.quantize === true)
      missing.push(
        "The product in 8 bits is not there: it lost more than `quantize` allows, which a note of the run says, or was deleted.",
      );
    return undefined;
  }
  try {
    return parseShape(IN_8_BITS, text, path, "report/quantized").verdict;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    missing.push(`What is known of the product in 8 bits cannot be read. ${error.message}`);
    return undefined;
  }
}

async function resultIn({ result }: RunPaths, missing: string[]): Promise<RunResult | undefined> {
  if (!existsSync(result)) return undefined;
  try {
    return await readResult(result);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    missing.push(`What the run measured cannot be read. ${error.message}`);
    return undefined;
  }
}

async function networkIn(model: string, missing: string[]): Promise<Network | undefined> {
  if (!existsSync(join(model, "config.json"))) return undefined;
  try {
    return await readFolder(model, () => undefined);
  } catch (error) {
    const isOfFiles =
      error instanceof FormatError || error instanceof InputError || error instanceof ConfigError;
    if (!isOfFiles) throw error;
    missing.push(`The run's model cannot be read, so what is inside of it is missing. ${error.message}`);
    return undefined;
  }
}
