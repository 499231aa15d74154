/** The end of a run: latencies side by side, result.json, model.onnx and the verdict. */

import { requireItem } from "../base/present.ts";
import { fold, keyOf } from "../base/random.ts";
import type { Dataset, Measure } from "../data/dataset.ts";
import { countExamples, predict, type Truth } from "../data/judging/judge.ts";
import { growsWithQuality } from "../data/judging/metrics.ts";
import type { MeasuredFloor } from "../floor/measure.ts";
import { writeFileAtomic } from "../formats/files.ts";
import { figuresOf } from "../measure/figures.ts";
import { measureLatency } from "../measure/latency.ts";
import { codeVersion, describeMachine, measureBytes, peakMemory } from "../measure/machine.ts";
import { openPacked, packNetwork, runsSparse } from "../measure/packed.ts";
import { comparePaired } from "../measure/paired.ts";
import { reachedOf } from "../measure/reached.ts";
import type {
  FileBytes,
  FloorFigures,
  KeptStep,
  Latency,
  Metric,
  PairedComparison,
  QuantizedFigures,
  RunCommand,
  RunResult,
  Stage,
  Verdict,
} from "../measure/result.ts";
import { type SettledFigures, settledSentences } from "../measure/settled.ts";
import { type Comparison, judge, trainingVerdict, ZEROS_THRESHOLD } from "../measure/verdict.ts";
import { countParameters, type Network } from "../network/network.ts";
import { exportOnnx } from "../network/onnx.ts";
import { answersOf, answersText, type Said } from "./answers.ts";
import type { OpenRun } from "./open-run.ts";
import { stopIfAsked } from "./progress.ts";
import type { Recipe } from "./recipe.ts";

/** One model of a result, before its latency is known. */
export interface ReportedModel {
  readonly stage: Stage;
  readonly network: Network;
  readonly metrics: Readonly<Record<string, number>>;
  /** What it says of the judging examples, [N, C]; absent where it was not asked. */
  readonly logits?: Float32Array;
  readonly bytes: FileBytes;
}

/** The examples that judge, by which measure, and what is known of them. */
export interface Judging {
  readonly dev: Dataset;
  readonly measure: Measure;
  readonly truth: Truth;
}

/** What a run has come to, before it is measured and written down. */
export interface Conclusion {
  readonly command: RunCommand;
  readonly settings: {
    readonly threads: number;
    readonly seed: number;
    readonly maxLength: number;
    readonly stride?: number | undefined;
    readonly task?: string | undefined;
    /** Whether to time the models; without, the result has no latencies and its verdict claims no speed. */
    readonly latency: boolean;
    readonly keepCheckpoints: boolean;
  };
  readonly run: OpenRun;
  readonly judging: Judging;
  /** The last is the product; the one before it, if any, is what it is held to. */
  readonly models: readonly ReportedModel[];
  /** What the same data gives without a Transformer. */
  readonly floors?: readonly MeasuredFloor[];
  /** Of the file that makes the product of the model the run began with, where there is one. */
  readonly maskBytes?: number | undefined;
  readonly method: string | null;
  readonly kept: KeptStep;
  /** What was fitted to the product after training. */
  readonly settled?: SettledFigures;
  /** Writes the product in 8 bits where that was asked for; undefined where it loses too much. */
  readonly quantize?: (result: RunResult) => Promise<QuantizedFigures | undefined>;
  /** Writes what else a run leaves, before it counts as finished. */
  readonly also?: (result: RunResult) => Promise<void>;
}

/**
 * Ends a run: measures latency, writes the product as ONNX and result.json, says that it is done.
 *
 * @throws {InterruptedError} `run/interrupted` when asked to stop: the run, resumed, has only this left to do
 */
export async function concludeRun(job: Conclusion): Promise<RunResult> {
  const { run, settings, kept } = job;
  const stop = (): void => stopIfAsked(run.context, run.resumed, kept.steps);
  stop();
  const measured = await resultOf(job).catch((error: unknown) => {
    stop();
    throw error;
  });
  let result = withWanted(measured, run.recipe);
  try {
    const quantized = await job.quantize?.(measured);
    if (quantized) result = withWanted({ ...measured, quantized }, run.recipe);
  } catch (error) {
    stop();
    await job.also?.(result);
    throw error;
  }
  await job.also?.(result);
  await run.finish(result, settings.keepCheckpoints);
  return result;
}

/** With what became of the aims that chose the run's method, where some did. */
function withWanted(result: RunResult, { wanted = {} }: Pick<Recipe, "wanted">): RunResult {
  const figures = reachedOf(wanted, result);
  return figures.length === 0 ? result : { ...result, wanted: figures };
}

async function resultOf(job: Conclusion): Promise<RunResult> {
  const { settings, models, run } = job;
  const { paths, record } = run;
  const product = models.at(-1);
  if (product === undefined) throw new RangeError("a result needs a model");
  record({ kind: "phase", name: "exporting" });
  await writeFileAtomic(paths.onnx, [exportOnnx(product.network)]);
  const file = runsSparse(product.network.head) ? await packNetwork(product.network) : undefined;
  if (file) await writeFileAtomic(paths.esp, [file]);
  await writeAnswers(job);
  const length = settings.maxLength;
  const latencies = settings.latency ? await timeModels(job, file) : undefined;
  const times = (i: number): readonly Latency[] => (latencies ? requireItem(latencies, i, "timings") : []);
  const figures = models.map(({ stage, network, metrics, bytes }, i) =>
    figuresOf(stage, network, { metrics, bytes, latency: times(i), length }),
  );
  const metric = metricOf(job);
  const paired = pairedOf(job);
  const floors = floorsOf(job);
  // Timed only where it has zeros.
  const packedTimes = latencies !== undefined && latencies.length > models.length ? times(models.length) : [];
  const asFile = file && { bytes: await measureBytes([file]), latency: packedTimes };
  const measured = { metric, models: figures, ...(asFile ? { packed: asFile } : {}) };
  return {
    version: 1,
    command: job.command,
    code: await codeVersion(),
    task: settings.task ?? null,
    method: job.method,
    ...(paired ? { paired } : {}),
    kept: job.kept,
    ...job.settled,
    ...measured,
    ...(floors.length > 0 ? { floors } : {}),
    length,
    ...(settings.stride === undefined ? {} : { stride: settings.stride }),
    seeds: [settings.seed],
    wallSeconds: run.seconds(),
    peakBytes: peakMemory(),
    machine: describeMachine(settings.threads),
    verdict: withSentences(
      verdictOf(figures, { metric, paired, maskBytes: job.maskBytes, packed: asFile, floors }),
      settledSentences(job.settled ?? {}),
    ),
  };
}

/** What the product said of each judging example that has one label, beside what the model before it did. */
async function writeAnswers({ models, judging: { dev }, run }: Conclusion): Promise<void> {
  const said = (model: ReportedModel | undefined): Said | undefined =>
    model?.logits && { stage: model.stage, logits: model.logits };
  const [before, after] = [said(models.at(-2)), said(models.at(-1))];
  if (after === undefined || (dev.task !== "classification" && dev.task !== "regression")) return;
  const answers = answersOf(dev, { after, ...(before ? { before } : {}) });
  await writeFileAtomic(run.paths.answers, answersText(answers));
}

/** The last two models on the same examples, where both have said something of them. */
function pairedOf(job: Conclusion): PairedComparison | undefined {
  const before = job.models.at(-2)?.logits;
  return before && productBeside(job, before);
}

/** The product on the same examples as what gave these answers, where it has said something of them. */
function productBeside(
  { models, judging: { measure, truth }, settings }: Conclusion,
  logits: Float32Array,
): PairedComparison | undefined {
  const own = models.at(-1)?.logits;
  if (own === undefined) return undefined;
  const [before, after] = [predict(measure, logits, truth), predict(measure, own, truth)];
  const answers = { truth, before, after, logits: { before: logits, after: own } };
  return comparePaired(measure, answers, fold(keyOf(settings.seed), "bootstrap"));
}

/** The floors with the product beside each. */
function floorsOf(job: Conclusion): FloorFigures[] {
  return (job.floors ?? []).flatMap(({ kind, metrics, parameters, bytes, logits }) => {
    const paired = productBeside(job, logits);
    return paired ? [{ kind, metrics, parameters, bytes, paired }] : [];
  });
}

/** Of each model, and after them of the product's packed file where it has zeros that a sparse runtime can leave out. */
async function timeModels(
  { settings, models, run }: Conclusion,
  file: Uint8Array | undefined,
): Promise<Latency[][]> {
  run.record({ kind: "phase", name: "measuring the models side by side (--no-latency leaves it out)" });
  const { maxLength, threads } = settings;
  const networks = models.map(({ network }) => network);
  const plan = {
    batchSizes: [1, 32],
    lengths: [maxLength],
    repetitions: 15,
    seconds: 4,
    threads,
    signal: run.context.signal,
  };
  const product = networks.at(-1);
  if (file === undefined || product === undefined || !hasZeros(product))
    return measureLatency(networks, plan);
  const inference = await openPacked(file, threads, "model.esp");
  try {
    const { vocabSize } = product.config;
    return await measureLatency(networks, plan, [{ inference, vocabSize }]);
  } finally {
    await inference.close();
  }
}

/** Whether more than some padding of a network is 0. */
function hasZeros(network: Network): boolean {
  const { total, nonzero } = countParameters(network);
  return nonzero < (1 - ZEROS_THRESHOLD) * total;
}

/** The measure's own number: one of the metrics, or their mean, which stands among them (data/judging/metrics.ts). */
function metricOf({ judging: { measure, truth }, models }: Conclusion): Metric {
  const name = measure.primary;
  const value = (model: ReportedModel | undefined): number | null => model?.metrics[name] ?? null;
  const [before, after] = [value(models.at(-2)), value(models.at(-1))];
  if (after === null) throw new RangeError(`a result needs the product's ${name}`);
  const better = growsWithQuality(name) ? "higher" : "lower";
  return { name, better, before, after, examples: countExamples(truth) };
}

function verdictOf(figures: RunResult["models"], rest: Omit<Comparison, "before" | "after">): Verdict {
  const [before, after] = [figures.at(-2), figures.at(-1)];
  return before && after ? judge({ before, after, ...rest }) : trainingVerdict(rest.metric, rest.floors);
}

function withSentences(verdict: Verdict, sentences: readonly string[]): Verdict {
  return { ...verdict, text: [verdict.text, ...sentences].join(" ") };
}
