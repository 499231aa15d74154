/**
 * One training phase of a run: the loop of train/ with data, evaluation, checkpoints, events and a way to stop.
 *
 * Not here: reading models and data, what is measured afterwards, the folder's recipe and result.
 */

import { rm } from "node:fs/promises";
import { RunError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import { labelsOf } from "../bert/config.ts";
import type { Objective } from "../bert/objective.ts";
import type { BoundMethod } from "../contract/method.ts";
import { type EncodedSet, trainBatches } from "../data/batches.ts";
import type { Measure } from "../data/dataset.ts";
import { truthOf } from "../data/judging/judge.ts";
import { growsWithQuality, primaryOf } from "../data/judging/metrics.ts";
import { Engine } from "../engine/engine.ts";
import { judgingNotes, saysNothing } from "../measure/alike.ts";
import { judgeLogits, logitsOf } from "../measure/logits.ts";
import { withTrueMasks } from "../network/masks.ts";
import type { Network } from "../network/network.ts";
import type { FinetuneSettings } from "../options/training.ts";
import { ADAMW } from "../train/adamw.ts";
import { loadLatestCheckpoint } from "../train/checkpoint.ts";
import type { Best, Evaluated, Evaluation, LoopPlan, LoopState } from "../train/loop.ts";
import { objectiveNotes } from "../train/objective.ts";
import { Trainer } from "../train/trainer.ts";
import { type Followed, follow } from "./checkpointing.ts";
import { type ConstancyWatch, type WatchFacts, watchConstancy } from "./constancy.ts";
import type { ProgressEvent } from "./progress.ts";

/** The training options, which several commands share. */
export type TrainingSettings = { readonly epochs: number; readonly learningRate: number } & Pick<
  FinetuneSettings,
  | "batchSize"
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
  /** Default: the task's own loss. */
  readonly objective?: Objective | undefined;
  readonly settings: TrainingSettings;
  readonly run: Followed;
  /** A compression, which may take too much away. */
  readonly removes?: boolean;
}

export interface Trained {
  /** The best model, the method's masks and modules folded in. */
  readonly network: Network;
  /** The evaluation that chose it. */
  readonly best: Evaluated;
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
  } catch (error) {
    // Training is a function of its recipe: resumed, it would fail in the same way, so no checkpoint is left.
    if (error instanceof RunError && /^(train|method)\//.test(error.code))
      await rm(job.run.paths.checkpoints, { recursive: true, force: true });
    throw error;
  } finally {
    await engine.close();
  }
}

async function trainOn(engine: Engine, job: TrainingJob): Promise<Trained> {
  const { settings, objective, run } = job;
  const { record, paths } = run;
  const steps = stepsOf(job);
  const method = job.method(steps);
  const unsure = judgingNotes({ truth: truthOf(job.dev), task: job.measure.task });
  for (const text of unsure) record({ kind: "note", text });
  const saved = await loadLatestCheckpoint(paths.checkpoints);
  if (saved?.note) record({ kind: "note", text: saved.note });
  const trainer = await Trainer.open(
    engine,
    {
      method,
      adamw: { ...ADAMW, decay: settings.weightDecay },
      clip: settings.clip === 0 ? Number.POSITIVE_INFINITY : settings.clip,
      key: fold(keyOf(settings.seed), "dropout"),
      ...(objective ? { objective } : {}),
    },
    saved?.trainer,
  );
  for (const text of objective ? notesOf(objective, trainer, method, steps) : [])
    record({ kind: "note", text });
  const perEpoch = steps / settings.epochs;
  const watch = settings.allowConstant
    ? undefined
    : watchConstancy(factsOf(job, steps, trainer.hasOwnLoss), hasVaried(saved?.loop));
  const heard = (event: ProgressEvent): void => {
    if (event.kind === "step") watch?.hear(event.loss);
    record(event);
  };
  const plan = planOf(job, method, steps, watch);
  const epochs = (done: number): number => done / perEpoch;
  const state = await follow(trainer, plan, { ...run, record: heard }, epochs, saved?.loop);
  watch?.end();
  if (state.best === undefined)
    throw new RunError("train/none", "training: no evaluation could be chosen as the best");
  record({ kind: "note", text: keptText(job.measure, state.best, trainer.steps, steps) });
  return {
    network: withTrueMasks(trainer.finish(state.best.tensors)),
    best: state.best,
    last: state.last ?? state.best,
    steps: trainer.steps,
  };
}

/** What is said of a loss that was asked for: that no label is read, where a method learns from its teacher alone. */
function notesOf(objective: Objective, trainer: Trainer, method: BoundMethod, steps: number): string[] {
  if ([0, steps - 1].some((step) => trainer.readsLabels(step)))
    return objectiveNotes(objective, labelsOf(method.network.head));
  return [
    `${method.id} learns from the fine-tuned model's answers and states alone and reads no labels: weights of classes, smoothing and losses count for the fine-tuned model, and not for it`,
  ];
}

function planOf(
  job: TrainingJob,
  method: BoundMethod,
  steps: number,
  watch: ConstancyWatch | undefined,
): LoopPlan {
  const { data, dev, measure, settings, run } = job;
  const { batchSize, accumulate, bucket, seed, learningRate, warmup, patience } = settings;
  const key = fold(keyOf(seed), "order");
  const perEpoch = Math.ceil(data.examples.length / batchSize);
  const truth = truthOf(dev);
  const epochs = new Map<number, ReturnType<typeof trainBatches>>();
  const batchAt = (number: number) => {
    const epoch = Math.floor(number / perEpoch);
    const known = epochs.get(epoch);
    const batches = known ?? trainBatches(data, { batchSize, key, epoch, bucket });
    if (known === undefined) epochs.clear();
    epochs.set(epoch, batches);
    return batches.at(number % perEpoch);
  };
  return {
    steps,
    rate: (step) => {
      const own = method.rate?.(step);
      return own === undefined ? linearRate({ peak: learningRate, steps, warmup }, step) : learningRate * own;
    },
    batches: (step) => Array.from({ length: accumulate }, (_, i) => batchAt(step * accumulate + i)),
    evaluateEvery: settings.evalEvery ?? Math.max(1, Math.round(perEpoch / accumulate)),
    evaluate: async (trainer) => {
      const logits = await logitsOf(trainer, dev);
      // A stage may train all but the head.
      const said = trainer.ready ? watch?.look(logits, trainer.steps) : undefined;
      if (said !== undefined) run.record({ kind: "note", text: said });
      const { metrics, loss } = judgeLogits(measure, logits, truth);
      const constant = saysNothing(logits, { truth, task: measure.task });
      const value = primaryOf(measure, metrics);
      // The loop keeps the largest.
      return { metrics, loss, constant, primary: growsWithQuality(measure.primary) ? value : -value };
    },
    ...(patience === undefined ? {} : { patience }),
  };
}

function factsOf(job: TrainingJob, steps: number, ownLoss: boolean): WatchFacts {
  const { measure, data, dev, settings, objective, removes = false } = job;
  const { learningRate, epochs } = settings;
  const { task } = measure;
  const [truth, learnt] = [truthOf(dev), truthOf(data)];
  return { truth, learnt, task, objective, ownLoss, steps, learningRate, epochs, removes };
}

function hasVaried({ best, last }: LoopState = { stale: 0 }): boolean {
  return best?.constant === false || last?.constant === false;
}

/** `kept the model of step 19 of 38: accuracy 0.797, loss 0.44`; only patience lets fewer steps be done than were planned. */
function keptText(
  { primary }: Measure,
  { step, metrics, loss }: Best,
  done: number,
  planned: number,
): string {
  const ended = done < planned ? ` (of ${planned} planned: --patience ended it)` : "";
  const value = metrics[primary] ?? Number.NaN;
  const decided = primary === "loss" ? "" : `${primary} ${value.toFixed(4)}, `;
  return `kept the model of step ${step} of ${done}${ended}: ${decided}loss ${loss.toFixed(4)}`;
}
