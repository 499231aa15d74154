/**
 * What `compress` begins with: the fine-tuned model that the user gives, or the one that it makes in OUT/finetuned.
 *
 *   given   its head must have the task's kind and labels; classes in another order are put into the data's
 *   made    one that lies there is used, or resumed, only when it is the very run that would be made now: the same
 *           settings, model and data
 *
 * Not here: compressing (compress.ts), fine-tuning itself (finetune.ts).
 */

import { existsSync } from "node:fs";
import { ConfigError, InputError } from "../base/errors.ts";
import { floatTensor } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { CLASSIFIER } from "../bert/names.ts";
import type { Dataset } from "../data/dataset.ts";
import { classColumns } from "../measure/class-columns.ts";
import type { Network } from "../network/network.ts";
import { resolveOptions } from "../options/schema.ts";
import {
  type CompressSettings,
  FINETUNE,
  type FinetuneOptions,
  type FinetuneSettings,
} from "../options/training.ts";
import { folderState, runPaths } from "../runs/folder.ts";
import { headFor } from "../runs/head.ts";
import { type LoadedModel, loadModel } from "../runs/models.ts";
import type { OpenRun } from "../runs/open-run.ts";
import { likeTyped } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { describeChange, differingSetting, type Recipe, readRecipe } from "../runs/recipe.ts";
import { type Judging, seenNotes } from "../runs/sources/seen.ts";
import { finetune } from "./finetune.ts";

/** A model that was given, and what is to be said about it. */
export interface Given extends LoadedModel {
  readonly notes: readonly string[];
}

/**
 * Reads the model of `--finetuned`.
 *
 * @param base  the model that is compressed
 * @throws {InputError} `compress/finetuned` for one without a head, or with that of another task; `compress/vocabulary`
 * @throws as `loadModel` does
 */
export async function loadGiven(
  ref: string,
  settings: Judging & Pick<CompressSettings, "task">,
  data: Dataset,
  base: Network,
  context: RunContext,
): Promise<Given> {
  const loaded = await loadModel(ref, context);
  requireTokenizer(base, loaded.network, ref);
  const network = withClassesOf(data, loaded.network, ref);
  const bias = network.tensors.get(`${CLASSIFIER}.bias`);
  const notes = [
    ...(bias?.data.every((b) => b === 0)
      ? [`${ref}: every bias of its head is 0, as before any training`]
      : []),
    ...(await otherTask(loaded, settings.task)),
    ...(await seenNotes(loaded, settings)),
  ];
  return { ...loaded, network, notes };
}

/** Both read the same encoded texts. @throws {InputError} `compress/vocabulary` */
function requireTokenizer(base: Network, given: Network, ref: string): void {
  const [own, its] = [base.vocabulary.vocab, given.vocabulary.vocab];
  if (own.length === its.length && own.every((piece, i) => piece === its[i])) return;
  const differs = own.length === its.length ? "others" : String(its.length);
  const message = `finetuned: expected a model with the ${own.length} word pieces of the model that is compressed, got one with ${differs} (${ref})`;
  throw new InputError("compress/vocabulary", message);
}

/** Two tasks may have the same labels: a run says which one it was for. */
async function otherTask({ run, name }: LoadedModel, task: string | undefined): Promise<string[]> {
  if (run === undefined || !existsSync(runPaths(run).recipe)) return [];
  const { settings } = await readRecipe(runPaths(run).recipe);
  if (settings.task === task || typeof settings.task !== "string") return [];
  return [`${name} was fine-tuned on ${settings.task}, not on ${task ?? "this data"}`];
}

/** The network with its classes in the order of the data, under the data's names. */
export function withClassesOf(data: Dataset, network: Network, name: string): Network {
  const columns = columnsFor(data, network.head, name);
  const head = headFor(data);
  if (columns.every((column, i) => column === i)) return { ...network, head };
  const tensors = new Map(network.tensors);
  for (const key of [`${CLASSIFIER}.weight`, `${CLASSIFIER}.bias`]) {
    const tensor = network.tensors.get(key);
    if (tensor === undefined) throw new RangeError(`tensor ${key}: expected one, got none (${name})`);
    const width = tensor.data.length / columns.length;
    const rows = columns.map((column) => tensor.data.subarray(column * width, (column + 1) * width));
    const data = new Float32Array(tensor.data.length);
    rows.forEach((row, i) => {
      data.set(row, i * width);
    });
    tensors.set(key, floatTensor(tensor.shape, data));
  }
  const masks = new Map([...(network.masks ?? [])].filter(([key]) => !key.startsWith(`${CLASSIFIER}.`)));
  return { ...network, head, tensors, ...(network.masks ? { masks } : {}) };
}

function columnsFor(data: Dataset, head: Head, name: string): number[] {
  try {
    return classColumns(head, data);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const expected = `expected a model fine-tuned on ${data.name}, ${wordsOf(headFor(data))}`;
    throw new InputError(
      "compress/finetuned",
      `finetuned: ${expected}, got one with ${wordsOf(head)} (${name})`,
      { cause: error },
    );
  }
}

function wordsOf(head: Head): string {
  if ("labels" in head) {
    const of = {
      classification: "the labels",
      "multi-label": "any of the labels",
      tokens: "the labels of tokens",
    };
    return `${of[head.kind]} ${head.labels.join(", ")}`;
  }
  if (head.kind === "regression") return "a number as its answer";
  return head.kind === "mlm" ? "a masked language model's head" : "no head";
}

/**
 * Makes the fine-tuned model of a run in its folder `finetuned/`, or takes the one that is there.
 *
 * @param run  the compression
 * @throws {ConfigError} `compress/stale` when another run's model is there
 * @throws as `finetune` does
 */
export async function madeModel(
  settings: CompressSettings,
  { paths, recipe, resumed }: OpenRun,
  context: RunContext,
): Promise<LoadedModel> {
  const out = likeTyped(settings.out, paths.finetuned);
  const options = predecessorOf(settings, out);
  const state = await folderState(out);
  if (state === "finished" || state === "resumable") await requireOwn(out, options, recipe);
  if (state !== "finished") {
    await finetune(options, { ...context, resume: state === "resumable", partOf: resumed });
  }
  // The program may have changed its working folder meanwhile.
  return loadModel(likeTyped(settings.out, paths.finetuned), context);
}

/** The settings of a compression as those of fine-tuning: what it has of its own for that comes before what both have. */
export function finetuningOf(settings: CompressSettings): FinetuneSettings {
  const {
    method: _method,
    set: _set,
    sparsity: _sparsity,
    finetuned: _finetuned,
    widths: _widths,
    finetuneEpochs: epochs = settings.epochs,
    finetuneRate: learningRate = settings.learningRate,
    finetuneBatchSize: batchSize = settings.batchSize,
    ...shared
  } = settings;
  return resolveOptions(FINETUNE, { ...shared, epochs, learningRate, batchSize });
}

/** Of the model that a compression begins with. */
function predecessorOf(settings: CompressSettings, out: string): FinetuneOptions {
  // Copies with words replaced are for the student; what teaches it learns from the examples themselves. A temperature and
  // a threshold are the product's: a teacher's answers are taken as training left them.
  const {
    augmented: _augmented,
    calibrate: _calibrate,
    threshold: _threshold,
    ...own
  } = finetuningOf(settings);
  return { ...own, out, force: false, floor: ["none"], quantize: false };
}

/** @throws {ConfigError} `compress/stale` */
async function requireOwn(out: string, options: FinetuneOptions, recipe: Recipe): Promise<void> {
  const found = await readRecipe(runPaths(out).recipe);
  // Fine-tuning knows neither of these.
  const { finetuned: _finetuned, method: _method, ...shared } = recipe;
  const data = recipe.data.filter(({ path }) => path !== recipe.settings.augmented);
  const own: Recipe = { ...shared, command: "finetune", settings: resolveOptions(FINETUNE, options), data };
  const setting = differingSetting(found, own);
  const change = describeChange(found, own);
  if (setting === undefined && change === undefined) return;
  const what =
    setting === undefined
      ? `one made with ${describeChange(own, found)}`
      : `one with ${setting} ${JSON.stringify(found.settings[setting]) ?? "at its default"}`;
  throw new ConfigError(
    "compress/stale",
    `finetuned: expected the fine-tuned model of this run, got ${what} (${out}); start again with --force`,
  );
}
