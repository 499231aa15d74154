/**
 * One training phase of a run: the loop of train/ with data, evaluation, checkpoints, events and a way to stop.
 *
 * Not here: reading models and data, what is measured afterwards, the folder's recipe and result.
 */

import { ConfigError, RunError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import type { BoundMethod } from "../contract/method.ts";
import { type EncodedSet, trainBatches } from "../data/batches.ts";
import type { Measure } from "../data/dataset.ts";
import { argmaxRows, primaryOf, taskMetrics } from "../data/metrics.ts";
import { Engine } from "../engine/engine.ts";
import { logitsOf } from "../measure/logits.ts";
import type { Network } from "../network/network.ts";
import type { FinetuneSettings } from "../options/training.ts";
import { ADAMW } from "../train/adamw.ts";
import { loadLatestCheckpoint } from "../train/checkpoint.ts";
import type { Evaluation, LoopPlan } from "../train/loop.ts";
import { Trainer } from "../train/trainer.ts";
import { follow } from "./checkpointing.ts";
import type { ProgressEvent, RunContext } from "./progress.ts";

/** The training options, which several commands share. */
export type TrainingSettings = Pick<
  FinetuneSettings,
  | "epochs"
  | "batchSize"
  | "learningRate"
  | "weightDecay"
  | "warmup"
  | "clip"
  | "accumulate"
  | "evalEvery"
  | "patience"
  | "bucket"
  | "allowConstant"
  | "seed"
  | "threads"
  | "device"
>;

export interface TrainingJob {
  /** Given the number of optimizer steps. */
  readonly method: (steps: number) => BoundMethod;
  readonly data: EncodedSet;
  readonly dev: EncodedSet;
  readonly measure: Measure;
  readonly settings: TrainingSettings;
  /** Folder of this phase's checkpoints. */
  readonly checkpoints: string;
  /** The run's folder, named when it stops. */
  readonly run: string;
  readonly record: (event: ProgressEvent) => void;
  readonly context: RunContext;
  /** See LoopPlan.eligible; given the number of optimizer steps. */
  readonly eligible?: (done: number, steps: number) => boolean;
}

export interface Trained {
  /** The best model, the method's masks and modules folded in. */
  readonly network: Network;
  readonly best: Evaluation;
  /** After the last step, whether it was the best or not. */
  readonly last: Evaluation;
  readonly steps: number;
}

/** Optimizer steps of a job. */
export function stepsOf({ data, settings }: Pick<TrainingJob, "data" | "settings">): number {
  const { batchSize, epochs, accumulate } = settings;
  return Math.max(1, Math.round((Math.ceil(data.examples.length / batchSize) * epochs) / accumulate));
}

/**
 * Trains to the end, or to where an earlier run of the same job stopped and from there to the end.
 *
 * @throws {InterruptedError} `run/interrupted` when asked to stop; everything is saved
 * @throws {RunError} `train/diverged`, `train/constant`
 */
export async function runTraining(job: TrainingJob): Promise<Trained> {
  const { settings } = job;
  const engine = new Engine({ threads: settings.threads, provider: settings.device, maxSessions: 16 });
  try {
    return await trainOn(engine, job);
  } finally {
    await engine.close();
  }
}

async function trainOn(engine: Engine, job: TrainingJob): Promise<Trained> {
  const { settings, checkpoints, record } = job;
  const steps = stepsOf(job);
  const method = job.method(steps);
  const saved = await loadLatestCheckpoint(checkpoints);
  if (saved?.note) record({ kind: "note", text: saved.note });
  const trainer = await Trainer.open(
    engine,
    {
      method,
      adamw: { ...ADAMW, decay: settings.weightDecay },
      clip: settings.clip === 0 ? Number.POSITIVE_INFINITY : settings.clip,
      key: fold(keyOf(settings.seed), "dropout"),
    },
    saved?.trainer,
  );
  const perEpoch = steps / settings.epochs;
  const following = { ...job, epochs: (done: number) => done / perEpoch };
  const state = await follow(trainer, planOf(job, method, steps), following, saved?.loop);
  if (state.best === undefined)
    throw new RunError("train/none", "training: no evaluation could be chosen as the best");
  return {
    network: trainer.finish(state.best.tensors),
    best: state.best,
    last: state.last ?? state.best,
    steps: trainer.steps,
  };
}

function planOf(job: TrainingJob, method: BoundMethod, steps: number): LoopPlan {
  const { data, dev, measure, settings, eligible } = job;
  const { batchSize, accumulate, bucket, seed, learningRate, warmup, patience } = settings;
  const key = fold(keyOf(seed), "order");
  const perEpoch = Math.ceil(data.examples.length / batchSize);
  const epochs = new Map<number, ReturnType<typeof trainBatches>>();
  const batchAt = (number: number) => {
    const epoch = Math.floor(number / perEpoch);
    const known = epochs.get(epoch);
    const batches = known ?? trainBatches(data, { batchSize, key, epoch, bucket });
    if (known === undefined) epochs.clear();
    epochs.set(epoch, batches);
    return batches.at(number % perEpoch);
  };
  const watch = settings.allowConstant ? () => {} : constancy(measure, dev);
  return {
    steps,
    rate: (step) =>
      method.rate
        ? learningRate * method.rate(step)
        : linearRate({ peak: learningRate, steps, warmup }, step),
    batches: (step) => Array.from({ length: accumulate }, (_, i) => batchAt(step * accumulate + i)),
    evaluateEvery: settings.evalEvery ?? Math.max(1, Math.round(perEpoch / accumulate)),
    evaluate: async (trainer) => {
      const logits = await logitsOf(trainer, dev);
      if (trainer.ready) watch(logits, trainer.steps, steps); // a stage may train all but the head
      const metrics = taskMetrics(measure, logits, labelsOf(dev));
      return { metrics, primary: primaryOf(measure, metrics) };
    },
    ...(patience === undefined ? {} : { patience }),
    ...(eligible ? { eligible: (done: number) => eligible(done, steps) } : {}),
  };
}

/** The gold labels of a set. */
export function labelsOf({ examples }: EncodedSet): number[] {
  return examples.map(({ label }) => label);
}

/**
 * Watches for a model that says the same of everything: a failure that no metric shows plainly on unbalanced data.
 * It may happen early on; it must not be so twice running after predictions had varied, nor at every evaluation to the end.
 */
function constancy(
  { task }: Measure,
  dev: EncodedSet,
): (logits: Float32Array, step: number, steps: number) => void {
  let varied = false;
  let constantRuns = 0;
  return (logits, step, steps) => {
    const constant = task === "regression" ? isFlat(logits) : isOneClass(logits, dev);
    constantRuns = constant ? constantRuns + 1 : 0;
    varied ||= !constant;
    if (varied ? constantRuns < 2 : step < steps) return;
    throw new RunError(
      "train/constant",
      `training: expected predictions that differ between examples, got the same for all ${dev.examples.length} after step ${step}. The model has learnt nothing or has collapsed: try a lower learning rate, more epochs or more data.`,
    );
  };
}

function isOneClass(logits: Float32Array, { examples }: EncodedSet): boolean {
  const predicted = argmaxRows(logits, logits.length / examples.length);
  return examples.length > 1 && predicted.every((label) => label === predicted[0]);
}

function isFlat(values: Float32Array): boolean {
  return values.length > 1 && values.every((value) => Math.abs(value - (values[0] ?? 0)) < 1e-6);
}

/** Refuses a maximum length that the model's positions cannot hold. @throws {ConfigError} `options/maxLength` */
export function checkLength({ config }: Network, maxLength: number): void {
  if (maxLength > config.maxPositions) {
    throw new ConfigError(
      "options/maxLength",
      `maxLength: expected at most the model's ${config.maxPositions} positions, got ${maxLength}`,
    );
  }
}
