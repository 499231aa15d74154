/** `espalier finetune`: a pre-trained encoder and labelled data in, a classifier and its measurements out. */

import { ConfigError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import { usualRate } from "../choice/pace.ts";
import { withDepth } from "../contract/depth.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { truthOf } from "../data/judging/judge.ts";
import { writeMeasured } from "../measure/figures.ts";
import { reachedText } from "../measure/reached.ts";
import type { RunResult } from "../measure/result.ts";
import { judgeSettled, requireSettling } from "../measure/settled.ts";
import { FINETUNE as METHOD } from "../methods/finetune.ts";
import { withLength } from "../network/length.ts";
import { resolveOptions } from "../options/schema.ts";
import { FINETUNE, type FinetuneOptions, type FinetuneSettings } from "../options/training.ts";
import { leaveReport } from "../report/write.ts";
import { concludeRun } from "../runs/conclusion.ts";
import { readData } from "../runs/data.ts";
import { floorsFor, reportData } from "../runs/data-facts.ts";
import { encodeSets } from "../runs/encoded.ts";
import { ENOUGH_TO_FINETUNE, trainingEpochs } from "../runs/epochs.ts";
import { acrossFolds, asksForFolds } from "../runs/folds/across.ts";
import { withHeadFor } from "../runs/head.ts";
import { trainingLength } from "../runs/length.ts";
import { loadModel } from "../runs/models.ts";
import { openRun } from "../runs/open-run.ts";
import { performRun } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { makeRecipe, type RecipeSource } from "../runs/recipe.ts";
import { seenNotes } from "../runs/sources/seen.ts";
import { runTraining, stepsOf } from "../runs/training.ts";
import { objectiveOf } from "../train/objective.ts";
import { quantizeProduct } from "./quantize.ts";

/**
 * Fine-tunes every weight on labelled text and leaves a run folder.
 *
 * @throws {ConfigError} for options that do not fit; {InputError} for data or a model that cannot be read
 * @throws {RunError} `train/diverged`, `train/constant`
 * @throws {InterruptedError} when asked to stop; `context.resume` goes on
 * @example await finetune({ model: "hf:sentence-transformers/all-MiniLM-L6-v2", task: "sst2", data: "glue", out: "runs/sst2" });
 */
export async function finetune(options: FinetuneOptions, context: RunContext = {}): Promise<RunResult> {
  const given = resolveOptions(FINETUNE, options);
  // A run that `compress` chose it for goes on here.
  return performRun(given.out, context, async () => tellWanted(await finetuneWith(given, context), context));
}

/** Says of each aim of a run whether it was reached. */
export function tellWanted(result: RunResult, { report }: RunContext): RunResult {
  for (const each of result.wanted ?? []) report?.({ kind: "note", text: reachedText(each) });
  return result;
}

/** @throws {ConfigError} `finetune/embedding` */
function refuseEmbedding({ embedding }: FinetuneSettings): void {
  if (!embedding) return;
  const message =
    "embedding: expected a task with labels, got vectors: a sentence encoder is taught by a larger one's vectors, by compress";
  throw new ConfigError("finetune/embedding", message);
}

/** As `finetune`, inside of `performRun`; `wanted` are the aims that fine-tuning alone, in 8 bits, was chosen for. */
export async function finetuneWith(
  given: FinetuneSettings,
  context: RunContext,
  wanted?: RecipeSource["wanted"],
): Promise<RunResult> {
  const started = performance.now();
  refuseEmbedding(given);
  const model = await loadModel(given.model, context);
  const maxLength = trainingLength(model.network, given.maxLength, context);
  const data = await readData(given, undefined, context);
  requireSettling(given, data.train, data.measure);
  const objective = objectiveOf(given, data.train);
  if (asksForFolds(given))
    return finetuneFolds(given, { model: [model.path], data: data.files, wanted }, context);
  const epochs = trainingEpochs(given, data.train.examples.length, ENOUGH_TO_FINETUNE, context);
  const { learningRate = usualRate(given.model) } = given;
  const settings = { ...given, ...data.columns, maxLength, epochs, learningRate };
  const { train, dev, measure, files } = data;
  const network = withLength(withHeadFor(model.network, train, settings.seed), maxLength);
  const encoded = encodeSets(network, { train, dev }, settings);
  const bindFor = (steps: number): BoundMethod => {
    const facts = { steps, key: fold(keyOf(settings.seed), "method") };
    return withDepth(bind(METHOD, network, {}, facts), settings);
  };
  // What cannot be done with this network is refused before a folder is made.
  bindFor(stepsOf({ data: encoded.train, settings }));
  const sources = { model: [model.path], data: files, wanted };
  const recipe = await makeRecipe({ command: "finetune", settings, ...sources });
  const title = `fine-tuning ${model.name} on ${train.name}`;
  await using run = await openRun(recipe, settings, { title, started }, context);
  const notes = [...data.notes, ...(await seenNotes(model, given))];
  reportData(run.record, { ...data, notes }, encoded);
  const floors = await floorsFor(data, settings, network, run);
  const trained = await runTraining({
    method: bindFor,
    data: encoded.train,
    dev: encoded.dev,
    measure,
    objective,
    settings,
    run,
  });
  // Of the product itself: what is kept of its answers is what it will answer.
  const judging = { set: encoded.dev, measure, labels: dev.labels };
  const { judged, notes: settled, figures } = await judgeSettled(trained.network, settings, judging);
  for (const text of settled) run.record({ kind: "note", text });
  const bytes = await writeMeasured(run.paths.model, judged.network);
  // Awaited here, so that the folder is this process's until the run has ended.
  return await concludeRun({
    command: "finetune",
    settings,
    run,
    judging: { dev, measure, truth: truthOf(encoded.dev) },
    models: [{ stage: "fine-tuned", ...judged, bytes }],
    floors,
    method: null,
    kept: { step: trained.best.step, steps: trained.steps },
    settled: figures,
    ...(settings.quantize ? { quantize: (result) => quantizeProduct(settings, run, result) } : {}),
    also: (result) => leaveReport(run, settings, { result, network: judged.network }),
  });
}

async function finetuneFolds(
  settings: FinetuneSettings,
  sources: Pick<RecipeSource, "model" | "data" | "wanted">,
  context: RunContext,
): Promise<RunResult> {
  const recipe = await makeRecipe({ command: "finetune", settings, ...sources });
  const title = `fine-tuning in ${settings.folds} folds`;
  return acrossFolds({
    ...{ settings, recipe, title, context },
    run: (own, within) => finetuneWith(own, within),
  });
}
