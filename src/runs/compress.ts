/** `espalier compress`: fine-tune (or take a fine-tuned model), compress it with a method, measure both. */

import { join } from "node:path";
import { fold, keyOf } from "../base/random.ts";
import { encodeDataset } from "../data/batches.ts";
import { taskMetrics } from "../data/metrics.ts";
import { Engine } from "../engine/engine.ts";
import { methodById } from "../methods/registry.ts";
import { openNetwork } from "../network/inference.ts";
import { type Network, withHead } from "../network/network.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { headFor, type LabelledData, readData } from "./data.ts";
import { resolveOptions } from "./fields.ts";
import { writeMeasured } from "./figures.ts";
import { finetune } from "./finetune.ts";
import { folderState, openRun } from "./folder.ts";
import { logitsOf } from "./logits.ts";
import { type LoadedModel, loadModel, measureModel } from "./models.ts";
import { COMPRESS, type CompressOptions, type CompressSettings } from "./options.ts";
import type { RunContext } from "./progress.ts";
import { makeRecipe } from "./recipe.ts";
import { concluded, type ReportedModel, report } from "./reporting.ts";
import type { RunResult } from "./result.ts";
import { checkLength, labelsOf, runTraining } from "./training.ts";

/**
 * Compresses an encoder for a task and leaves a run folder. Without `finetuned` the model is fine-tuned first, with the
 * same training options, in the folder `finetuned/` of the run.
 *
 * @throws as `finetune` does, and {ConfigError} for a method that is unknown or does not fit the model
 * @example await compress({ model: "models/small", method: "theseus", task: "sst2", data: "glue", out: "runs/half" });
 */
export async function compress(options: CompressOptions, context: RunContext = {}): Promise<RunResult> {
  const settings = resolveOptions(COMPRESS, options);
  const started = performance.now();
  const request = {
    set: settings.set,
    ...(settings.sparsity === undefined ? {} : { sparsity: settings.sparsity }),
  };
  const method = methodById(settings.method, request);
  const data = await readData(settings);
  const base = await loadModel(settings.model, context);
  checkLength(base.network, settings.maxLength);
  const recipe = await makeRecipe({ command: "compress", settings, model: [base.path], data: data.files });
  const folder = await openRun(recipe, settings, context);
  const { record } = report(
    folder,
    context,
    `compressing ${base.name} with ${settings.method} on ${data.train.name}`,
  );
  const original = withHead(base.network, headFor(data.train), fold(keyOf(settings.seed), "head"));
  record({ kind: "phase", name: "fine-tuning" });
  const before = await predecessor(settings, context);
  const tokenizer = createTokenizer(original.vocabulary);
  const dev = encodeDataset(data.dev, tokenizer, settings.maxLength);
  const metricsBefore = await evaluateNetwork(before.network, dev, data, settings.threads);
  record({ kind: "evaluation", step: 0, metrics: metricsBefore });
  record({ kind: "phase", name: "compressing" });
  const network = method.from === "fine-tuned" ? before.network : original;
  const trained = await runTraining({
    network,
    method: (steps) =>
      method.bind(network, { steps, key: fold(keyOf(settings.seed), "method"), pretrained: base.network }),
    data: encodeDataset(data.train, tokenizer, settings.maxLength),
    dev,
    measure: data.measure,
    settings,
    checkpoints: folder.paths.checkpoints,
    run: settings.out,
    record,
    context,
  });
  const bytes = await writeMeasured(folder.paths.model, trained.network);
  const models: ReportedModel[] = [
    { stage: "original", network: original, metrics: {}, bytes: await measureModel(base.path) },
    {
      stage: "fine-tuned",
      network: before.network,
      metrics: metricsBefore,
      bytes: await measureModel(before.path),
    },
    { stage: "compressed", network: trained.network, metrics: trained.best.metrics, bytes },
  ];
  return concluded({
    command: "compress",
    settings,
    folder,
    measure: data.measure,
    examples: data.dev.examples.length,
    models,
    method: settings.method,
    started,
    record,
  });
}

/** The fine-tuned model to start from: the user's, the one an earlier part of this run made, or one made now. */
async function predecessor(settings: CompressSettings, context: RunContext): Promise<LoadedModel> {
  if (settings.finetuned !== undefined) return loadModel(settings.finetuned, context);
  const out = join(settings.out, "finetuned");
  const state = await folderState(out);
  if (state !== "finished") {
    const { method: _method, set: _set, sparsity: _sparsity, finetuned: _finetuned, ...shared } = settings;
    await finetune({ ...shared, out, force: false }, { ...context, resume: state === "resumable" });
  }
  return loadModel(out, context);
}

/** Metrics of a network on validation examples. */
async function evaluateNetwork(
  network: Network,
  dev: ReturnType<typeof encodeDataset>,
  { measure }: LabelledData,
  threads: number,
): Promise<Record<string, number>> {
  const engine = new Engine({ threads });
  try {
    const logits = await logitsOf(await openNetwork(engine, network), dev);
    return taskMetrics(measure, logits, labelsOf(dev));
  } finally {
    await engine.close();
  }
}
