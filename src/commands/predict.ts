/** `espalier predict`: labels for texts or for the rows of a file, from one model or from one base under several masks. */

import { InputError } from "../base/errors.ts";
import { labelsOf } from "../bert/config.ts";
import { floorFolder, openFloor } from "../floor/folder.ts";
import { floorLogits, readWhole } from "../floor/model.ts";
import { maskBase } from "../network/mask-file.ts";
import type { Network } from "../network/network.ts";
import { type Prediction, predictionsOf, type Text } from "../network/predictions.ts";
import { PREDICT, type PredictOptions, type PredictSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { headFor } from "../runs/head.ts";
import { noteCut } from "../runs/length.ts";
import { type LoadedModel, loadModel, type ModelPlace } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { openTextModel, requireLabels, type TextModelOptions } from "../runs/text-model.ts";
import { applyMask, loadUnder } from "../runs/under-mask.ts";
import { usageNotes } from "../runs/usage.ts";
import type { MaskPredictions, Predictions, PredictResult } from "./answers.ts";
import { type FileJob, predictFile, requirePlace } from "./predict-file.ts";

/**
 * Labels texts; a tab separates the two of a pair. With masks the model is their base, is read once, and every mask
 * answers, one after the other. With `data` the rows of a file are labelled and written to `out`.
 *
 * @throws {ConfigError} for options that do not fit, `model/head` for a model that was not fine-tuned,
 *   `predict/exists` for a file that is not to be replaced
 * @throws {InputError} `predict/tabs` for more than one tab in a text; for a model, a mask or a file that cannot be read
 * @throws {InterruptedError} `predict/stopped`
 * @example const { predictions } = await predict({ model: "runs/sst2", texts: ["a film to remember"] });
 * @example const { masks } = await predict({ model: "base", mask: ["sst2.mask", "cola.mask"], texts: ["a film"] });
 * @example await predict({ model: "runs/sst2", data: "reviews.csv", text: "review", out: "labelled.csv" });
 */
export async function predict(options: PredictOptions, context: RunContext = {}): Promise<PredictResult> {
  const settings = resolveOptions(PREDICT, options);
  return perform("predict", context, () => predictWith(settings, context));
}

async function predictWith(settings: PredictSettings, context: RunContext): Promise<PredictResult> {
  const { model, texts = [], mask = [], data, out, threads, device, batchSize, maxLength } = settings;
  const running = { threads, device, batchSize, maxLength };
  const floor = floorFolder(model);
  if (floor !== undefined) return predictByFloor(floor, settings, context);
  if (data !== undefined && out !== undefined) {
    requirePlace({ out, force: settings.force });
    const loaded = await loadUnder(model, mask[0] ?? null, context);
    return labelFile(loaded, running, { ...settings, data, out }, context);
  }
  const given = texts.map((line, i) => toText(line, i, "predict"));
  const loaded = await loadModel(model, context);
  const { network } = loaded;
  const hasPairs = given.some((text) => typeof text !== "string");
  await tellUsage(loaded, hasPairs, context);
  const answer = (masked: Network, name: string): Promise<Predictions> =>
    answers(masked, name, given, { ...running, context });
  const masks = await underEach(network, mask, answer);
  const said = masks[0] ?? (await answer(network, model));
  const { length, labels, predictions } = said;
  const longer = predictions.filter(({ cut }) => cut > 0).length;
  if (length !== null) noteCut(longer, predictions.length, length, context.report);
  return { length, labels, predictions, masks };
}

/** As with a network, but no text is cut, and no mask fits. */
async function predictByFloor(
  folder: string,
  settings: PredictSettings,
  context: RunContext,
): Promise<PredictResult> {
  const { place, model } = await openFloor(folder, settings);
  const head = headFor(model);
  const labels = labelsOf(head);
  const tell = (isPair: boolean): Promise<void> => tellUsage(place, isPair, context);
  const classify = (
    texts: readonly Text[],
    { signal }: Pick<RunContext, "signal"> = {},
  ): Promise<Prediction[]> =>
    perform("predict", signal ? { signal } : {}, async () =>
      predictionsOf(head, texts.map(readWhole), floorLogits(model, texts)),
    );
  const { texts = [], data, out } = settings;
  if (data !== undefined && out !== undefined) {
    requirePlace({ out, force: settings.force });
    const job = { ...settings, data, out };
    const file = await predictFile({ classify, maxLength: null }, labels, job, context, tell);
    return { length: null, labels, predictions: [], masks: [], file };
  }
  const given = texts.map((line, i) => toText(line, i, "predict"));
  await tell(given.some((text) => typeof text !== "string"));
  return { length: null, labels, predictions: await classify(given, context), masks: [] };
}

async function tellUsage(loaded: ModelPlace, isPair: boolean, { report }: RunContext): Promise<void> {
  for (const text of await usageNotes(loaded, { isPair })) report?.({ kind: "note", text });
}

async function labelFile(
  loaded: LoadedModel,
  options: TextModelOptions,
  job: FileJob & Pick<PredictSettings, "model">,
  context: RunContext,
): Promise<PredictResult> {
  const { network } = loaded;
  requireLabels(network.head, job.model);
  const classifier = await openTextModel(network, options);
  try {
    const labels = labelsOf(network.head);
    const tell = (isPair: boolean): Promise<void> => tellUsage(loaded, isPair, context);
    const file = await predictFile(classifier, labels, job, context, tell);
    return { length: classifier.maxLength, labels, predictions: [], masks: [], file };
  } finally {
    await classifier.close();
  }
}

/** One mask after the other: of the networks that they make, each as large as the base, one is there at a time. */
async function underEach(
  network: Network,
  paths: readonly string[],
  use: (masked: Network, path: string) => Promise<Predictions>,
): Promise<MaskPredictions[]> {
  if (paths.length === 0) return [];
  const base = maskBase(network);
  const masks: MaskPredictions[] = [];
  for (const mask of paths) masks.push({ mask, ...(await use(await applyMask(base, mask), mask)) });
  return masks;
}

async function answers(
  network: Network,
  name: string,
  texts: readonly Text[],
  { context, ...options }: TextModelOptions & { readonly context: RunContext },
): Promise<Predictions> {
  requireLabels(network.head, name);
  const classifier = await openTextModel(network, options);
  try {
    const { head } = network;
    const labels = labelsOf(head);
    const predictions = await classifier.classify(texts, context);
    return { length: classifier.maxLength, labels, predictions };
  } finally {
    await classifier.close();
  }
}

/**
 * A text as it is typed, a tab between the two of a pair.
 * @throws {InputError} `predict/tabs`, `embed/tabs`
 */
export function toText(line: string, i: number, command: "predict" | "embed"): Text {
  const [text = "", pair, ...more] = line.split("\t");
  if (more.length > 0) {
    const message = `text ${i + 1}: expected at most one tab, between two texts, got ${more.length + 1}`;
    throw new InputError(`${command}/tabs`, message);
  }
  return pair === undefined ? text : [text, pair];
}
