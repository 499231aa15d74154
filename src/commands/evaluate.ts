/**
 * `espalier evaluate`: the metrics and the loss of a fine-tuned model on labelled text.
 *
 * Not here: which column of a model's answers is for which class of the data (measure/class-columns.ts).
 */

import { ConfigError } from "../base/errors.ts";
import { poolingOf } from "../bert/config.ts";
import { encodeDataset, encodeInWindows } from "../data/batches.ts";
import { measureOf } from "../data/dataset.ts";
import { countExamples, truthOf } from "../data/judging/judge.ts";
import { Engine } from "../engine/engine.ts";
import { floorFolder, openFloor } from "../floor/folder.ts";
import { truthOfTexts } from "../floor/measure.ts";
import { asText, floorLogits } from "../floor/model.ts";
import { classColumns, reorderColumns } from "../measure/class-columns.ts";
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
  const columns = classColumns(network.head, dataset);
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
  const columns = classColumns(head, dataset);
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
