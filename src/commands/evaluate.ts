/**
 * `espalier evaluate`: the metrics and the loss of a fine-tuned model on labelled text.
 *
 * A model from elsewhere may number its classes otherwise, or call them `LABEL_0` and `LABEL_1`: labels are matched by
 * what they mean (data/label-names.ts), a task's also by their letters and digits alone, or by number where the model
 * has no names. They are never guessed.
 */

import { ConfigError, InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type Head, labelsOf, poolingOf } from "../bert/config.ts";
import { encodeDataset, encodeInWindows } from "../data/batches.ts";
import { type Dataset, measureOf } from "../data/dataset.ts";
import { countExamples, truthOf } from "../data/judging/judge.ts";
import { classFinder } from "../data/label-names.ts";
import { Engine } from "../engine/engine.ts";
import { floorFolder, openFloor } from "../floor/folder.ts";
import { truthOfTexts } from "../floor/measure.ts";
import { asText, floorLogits } from "../floor/model.ts";
import { judgeLogits, logitsOf } from "../measure/logits.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { openAnswers } from "../network/inference.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import { cutVectors } from "../network/vectors.ts";
import { EVALUATE, type EvaluateOptions, type EvaluateSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { readValidation } from "../runs/data.ts";
import { headFor, labellingOf } from "../runs/head.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { requireLabels } from "../runs/text-model.ts";
import { loadUnder } from "../runs/under-mask.ts";
import { usageNotes } from "../runs/usage.ts";
import type { EvaluationResult } from "./answers.ts";

/**
 * Evaluates a model, or a base model under a mask, on a GLUE task's development set, or on a file of one's own.
 *
 * @throws {ConfigError} for options that do not fit, `model/head` for a model that was not fine-tuned
 * @throws {InputError} `evaluate/task`, `evaluate/labels` for data the model has no answers to; for a model, a mask
 *   or data that cannot be read
 * @throws {InterruptedError} `evaluate/stopped`
 * @example await evaluate({ model: "runs/sst2", task: "sst2", data: "glue" }); // { metrics: { accuracy: … }, … }
 */
export async function evaluate(
  options: EvaluateOptions,
  context: RunContext = {},
): Promise<EvaluationResult> {
  const settings = resolveOptions(EVALUATE, options);
  return perform("evaluate", context, () => evaluateModel(settings, context));
}

async function evaluateModel(settings: EvaluateSettings, context: RunContext): Promise<EvaluationResult> {
  const started = performance.now();
  const { mask = null } = settings;
  const floor = floorFolder(settings.model);
  if (floor !== undefined) return evaluateFloor(floor, settings, context);
  const loaded = await loadUnder(settings.model, mask, context);
  const { network, name } = loaded;
  if (!poolingOf(network.head)) requireLabels(network.head, settings.model);
  const dataset = await readValidation(settings, labellingOf(network.head), context);
  const usage = await usageNotes(loaded, { ...settings, isPair: dataset.examples[0]?.pair !== undefined });
  for (const text of [...(dataset.notes ?? []), ...usage]) context.report?.({ kind: "note", text });
  const columns = columnsOf(network.head, dataset);
  const length = lengthFor(network, settings.maxLength);
  const { stride } = settings;
  const tokenizer = tokenizerOf(network);
  const set =
    stride === undefined
      ? encodeDataset(dataset, tokenizer, length)
      : encodeInWindows(dataset, tokenizer, { length, stride });
  const engine = new Engine({ threads: settings.threads, provider: settings.device });
  try {
    const inference = await openAnswers(engine, network);
    const answered = await logitsOf(inference, set, settings.batchSize, context.signal);
    const logits = reorderColumns(cutTo(settings.dimensions, network, answered), columns);
    const truth = truthOf(set);
    const measure = measureOf(dataset);
    const { metrics, loss } = judgeLogits(measure, logits, truth);
    return {
      model: name,
      mask,
      task: settings.task ?? null,
      examples: countExamples(truth),
      length,
      ...(stride === undefined ? {} : { stride }),
      cut: set.cut,
      metric: measure.primary,
      metrics,
      loss: dataset.task === "embedding" ? null : loss,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await engine.close();
  }
}

/** Vectors at the length that was asked for. @throws {ConfigError} `embed/dimensions`, for a model without vectors too */
function cutTo(dimensions: number | undefined, { config, head }: Network, rows: Float32Array): Float32Array {
  if (dimensions === undefined) return rows;
  const pooling = poolingOf(head);
  if (pooling) return cutVectors(rows, config.hiddenSize, dimensions, pooling.normalize);
  const message = `dimensions: expected an encoder without a head, got one for ${head.kind}`;
  throw new ConfigError("embed/dimensions", message);
}

/** As with a network, but no text is cut, and no mask fits. */
async function evaluateFloor(
  folder: string,
  settings: EvaluateSettings,
  context: RunContext,
): Promise<EvaluationResult> {
  const started = performance.now();
  const { place, model } = await openFloor(folder, settings);
  const head = headFor(model);
  const dataset = await readValidation(settings, labellingOf(head), context);
  const isPair = dataset.examples[0]?.pair !== undefined;
  const usage = await usageNotes(place, { ...settings, isPair });
  for (const text of [...(dataset.notes ?? []), ...usage]) context.report?.({ kind: "note", text });
  const columns = columnsOf(head, dataset);
  const logits = reorderColumns(floorLogits(model, dataset.examples.map(asText)), columns);
  const truth = truthOfTexts(dataset);
  const measure = measureOf(dataset);
  const { metrics, loss } = judgeLogits(measure, logits, truth);
  return {
    model: place.name,
    mask: null,
    task: settings.task ?? null,
    examples: countExamples(truth),
    length: null,
    cut: 0,
    metric: measure.primary,
    metrics,
    loss,
    seconds: (performance.now() - started) / 1000,
  };
}

/** False for the names that stand for having none. */
function hasNames(labels: readonly string[]): boolean {
  return labels.some((label, i) => label !== `LABEL_${i}` && label !== String(i));
}

/**
 * For each class of the data the column of the model's logits; none where answers are no logits.
 * @throws {InputError} `evaluate/task`, `evaluate/labels`
 */
export function columnsOf(
  head: Head,
  { task, labels, name }: Pick<Dataset, "task" | "labels" | "name">,
): number[] {
  const own = labelsOf(head);
  if (task !== (head.kind === "none" ? "embedding" : head.kind)) {
    const message = `model: expected one for ${task}, as ${name} is, got one for ${head.kind}`;
    throw new InputError("evaluate/task", message);
  }
  if (task === "regression") return [0];
  if (task === "embedding") return [];
  if (own.length === labels.length && !hasNames(own)) return labels.map((_, i) => i);
  const finder = classFinder(own);
  const plain = own.map(plainLabel);
  const byMeaning = labels.map((label) => finder.find(label));
  const byLetters = labels.map((label) => plain.indexOf(plainLabel(label)));
  for (const columns of [byMeaning, byLetters]) {
    const places = columns.filter((place) => typeof place === "number" && place >= 0);
    if (new Set(places).size === own.length && labels.length === own.length) return places.map(Number);
  }
  const message = `labels: expected those of the model, ${own.join(", ")}, got ${labels.join(", ")} (${name})`;
  throw new InputError("evaluate/labels", message);
}

function plainLabel(label: string): string {
  return label.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "") || label;
}

/** The columns of [N, C] in another order; as they are where none is named. */
export function reorderColumns(logits: Float32Array, columns: readonly number[]): Float32Array {
  const width = columns.length;
  if (width === 0) return logits;
  return logits.map((_, i) => {
    const column = requireItem(columns, i % width, "columns");
    return requireItem(logits, i - (i % width) + column, "logits");
  });
}
