/**
 * `espalier predict`: labels for texts, or for their tokens, or for the rows of a file, from one model or from one base under
 * several masks.
 */

import { ConfigError, InputError } from "../base/errors.ts";
import type { Head } from "../bert/config.ts";
import { floorFolder, openFloor } from "../floor/folder.ts";
import { floorLogits, readWhole } from "../floor/model.ts";
import { type Aggregation, requireSingleTexts } from "../network/entities.ts";
import { maskBase } from "../network/mask-file.ts";
import type { Network } from "../network/network.ts";
import { type Prediction, predictionsOf, type Text } from "../network/predictions.ts";
import { PREDICT, type PredictOptions, type PredictSettings } from "../options/answering.ts";
import { resolveOptions } from "../options/schema.ts";
import { headFor } from "../runs/head.ts";
import { isBlank, noteBlank, noteCut } from "../runs/length.ts";
import { type LoadedModel, loadModel, type ModelPlace } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { openTextModel, requireLabels, type TextModel, type TextModelOptions } from "../runs/text-model.ts";
import { applyMask, loadUnder } from "../runs/under-mask.ts";
import { usageNotes } from "../runs/usage.ts";
import type { MaskPredictions, Predictions, PredictResult } from "./answers.ts";
import { type FileJob, predictFile, requirePlace, type Said } from "./predict-file.ts";

/**
 * Labels texts, and pairs of texts as `[text, pair]`. With masks the model is their base, is read once, and every mask
 * answers, one after the other. With `data` the rows of a file are labelled and written to `out`.
 *
 * @throws {ConfigError} for options that do not fit, `model/head` for a model that was not fine-tuned,
 *   `predict/aggregation` for one that does not label tokens, `texts/kind` for pairs where it does, `predict/exists` for
 *   a file that is not to be replaced
 * @throws {InputError} for a model, a mask or a file that cannot be read
 * @throws {InterruptedError} `predict/stopped`
 * @example const { predictions } = await predict({ model: "runs/sst2", texts: ["a film to remember"] });
 * @example const { predictions } = await predict({ model: "runs/mrpc", texts: [["a film", "the film"]] });
 * @example const { tagged } = await predict({ model: "runs/conll", texts: ["Angela Merkel was in Paris"] });
 * @example const { masks } = await predict({ model: "base", mask: ["sst2.mask", "cola.mask"], texts: ["a film"] });
 * @example await predict({ model: "runs/sst2", data: "reviews.csv", text: "review", out: "labelled.csv" });
 */
export async function predict(options: PredictOptions, context: RunContext = {}): Promise<PredictResult> {
  const settings = resolveOptions(PREDICT, options);
  const { texts = [] } = settings;
  return perform("predict", context, () =>
    predictWith(settings, { texts: () => texts, tagged: texts }, context),
  );
}

/**
 * As `predict`, for texts as they are typed, where a tab separates the two of a pair. To the tokens of a text it is white space.
 * @throws {InputError} `predict/tabs` for more than one tab in a text; as `predict` does
 */
export async function predictLines(
  options: PredictOptions,
  context: RunContext = {},
): Promise<PredictResult> {
  const settings = resolveOptions(PREDICT, options);
  const { texts: tagged = [] } = settings;
  const texts = (): Text[] => tagged.map((line, i) => toText(line, i, "predict"));
  return perform("predict", context, () => predictWith(settings, { texts, tagged }, context));
}

/** Texts as they are labelled, and as their tokens are. */
interface Given {
  readonly texts: () => readonly Text[];
  readonly tagged: readonly Text[];
}

async function predictWith(
  settings: PredictSettings,
  { texts, tagged: whole }: Given,
  context: RunContext,
): Promise<PredictResult> {
  const { model, mask = [], data, out, aggregation } = settings;
  const { threads, device, batchSize, maxLength, stride } = settings;
  const running = { threads, device, batchSize, maxLength, stride };
  const floor = floorFolder(model);
  if (floor !== undefined) return predictByFloor(floor, texts(), settings, context);
  if (data !== undefined && out !== undefined) {
    requirePlace({ out, force: settings.force });
    const loaded = await loadUnder(model, mask[0] ?? null, context);
    return labelFile(loaded, running, { ...settings, data, out }, context);
  }
  const loaded = await loadModel(model, context);
  const { network } = loaded;
  requireAggregated(network.head, settings);
  const given = network.head.kind === "tokens" ? whole : texts();
  if (network.head.kind === "tokens") requireSingleTexts(given, "predict/none");
  const hasPairs = given.some((text) => typeof text !== "string");
  await tellUsage(loaded, hasPairs, context);
  const answer = (masked: Network, name: string): Promise<Predictions> =>
    answers(masked, name, given, { ...running, aggregation, context });
  const masks = await underEach(network, mask, answer);
  const said = masks[0] ?? (await answer(network, model));
  const longer = [...said.predictions, ...said.tagged].filter(({ cut }) => cut > 0).length;
  const { length, task, labels, predictions, tagged } = said;
  if (length !== null) noteCut(longer, given.length, length, context.report);
  noteBlank(given.filter(isBlank).length, given.length, context.report);
  return { length, task, labels, predictions, tagged, masks };
}

/** @throws {ConfigError} `predict/aggregation` */
function requireAggregated(head: Head, { aggregation }: Pick<PredictSettings, "aggregation">): void {
  if (aggregation === undefined || head.kind === "tokens") return;
  const message = `aggregation: expected a model that labels tokens, got one for ${head.kind}`;
  throw new ConfigError("predict/aggregation", message);
}

/** As with a network, but no text is cut, and no mask fits. */
async function predictByFloor(
  folder: string,
  given: readonly Text[],
  settings: PredictSettings,
  context: RunContext,
): Promise<PredictResult> {
  const { place, model } = await openFloor(folder, settings);
  const head = headFor(model);
  const { task, labels } = model;
  const tell = (isPair: boolean): Promise<void> => tellUsage(place, isPair, context);
  const classify = (
    texts: readonly Text[],
    { signal }: Pick<RunContext, "signal"> = {},
  ): Promise<Prediction[]> =>
    perform("predict", signal ? { signal } : {}, async () =>
      predictionsOf(head, texts.map(readWhole), floorLogits(model, texts)),
    );
  const { data, out } = settings;
  if (data !== undefined && out !== undefined) {
    requirePlace({ out, force: settings.force });
    const job = { ...settings, data, out };
    const file = await predictFile({ task, labels, maxLength: null, answer: classify }, job, context, tell);
    return { length: null, task, labels, predictions: [], tagged: [], masks: [], file };
  }
  await tell(given.some((text) => typeof text !== "string"));
  return { length: null, task, labels, predictions: await classify(given, context), tagged: [], masks: [] };
}

async function tellUsage(loaded: ModelPlace, isPair: boolean, { report }: RunContext): Promise<void> {
  for (const text of await usageNotes(loaded, { isPair })) report?.({ kind: "note", text });
}

async function labelFile(
  loaded: LoadedModel,
  options: TextModelOptions,
  job: FileJob & Pick<PredictSettings, "model" | "aggregation">,
  context: RunContext,
): Promise<PredictResult> {
  const { network } = loaded;
  requireLabels(network.head, job.model);
  requireAggregated(network.head, job);
  const classifier = await openTextModel(network, options);
  try {
    const { task, labels, maxLength: length } = classifier;
    const tell = (isPair: boolean): Promise<void> => tellUsage(loaded, isPair, context);
    const labeller = { task, labels, maxLength: length, answer: askerOf(classifier, job.aggregation) };
    const file = await predictFile(labeller, job, context, tell);
    return { length, task, labels, predictions: [], tagged: [], masks: [], file };
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

/** Asks a model what it is there for. */
function askerOf(
  { task, classify, tag }: TextModel,
  aggregation: Aggregation | undefined,
): (texts: readonly Text[], context: RunContext) => Promise<readonly Said[]> {
  if (task !== "tokens") return classify;
  const how = aggregation === undefined ? {} : { aggregation };
  return (texts, context) =>
    tag(
      texts.map((text) => (typeof text === "string" ? text : text.join("\t"))),
      how,
      context,
    );
}

/** How a model is run, and what its answers become. */
interface AnswerOptions extends TextModelOptions {
  readonly aggregation: Aggregation | undefined;
  readonly context: RunContext;
}

async function answers(
  network: Network,
  name: string,
  texts: readonly Text[],
  { context, aggregation, ...options }: AnswerOptions,
): Promise<Predictions> {
  requireLabels(network.head, name);
  const classifier = await openTextModel(network, options);
  try {
    const { task, labels, maxLength: length } = classifier;
    const said = await askerOf(classifier, aggregation)(texts, context);
    const tagged = said.filter((each) => "entities" in each);
    const predictions = said.filter((each) => "scores" in each);
    return { length, task, labels, predictions, tagged };
  } finally {
    await classifier.close();
  }
}

/**
 * A text as it is typed, a tab between the two of a pair.
 * @throws {InputError} `predict/tabs`, `embed/tabs`
 */
export function toText(line: Text, i: number, command: "predict" | "embed"): Text {
  if (typeof line !== "string") return line;
  const [text = "", pair, ...more] = line.split("\t");
  if (more.length > 0) {
    const message = `text ${i + 1}: expected at most one tab, between two texts, got ${more.length + 1}`;
    throw new InputError(`${command}/tabs`, message);
  }
  return pair === undefined ? text : [text, pair];
}
