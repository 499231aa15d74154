/**
 * Short runs of a bound method: whole, or stopped after every step and resumed.
 *
 * They use what real runs use (train/), with batches that are made up. Not here: what a method owes (contract-tests.ts).
 */

import { RunError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import type { BoundMethod } from "../contract/method.ts";
import { Engine } from "../engine/engine.ts";
import { ADAMW } from "../train/adamw.ts";
import { loadLatestCheckpoint, saveCheckpoint } from "../train/checkpoint.ts";
import { type LoopEvent, type LoopPlan, type LoopState, train } from "../train/loop.ts";
import { Trainer, type TrainerSettings, type TrainerState } from "../train/trainer.ts";
import { madeUpBatch } from "./small-network.ts";

/** Settings of a small run; the seed decides dropout. */
export function settingsOf(method: BoundMethod, seed: number | undefined): TrainerSettings {
  return {
    method,
    adamw: { ...ADAMW, decay: 0.1 },
    clip: 1,
    ...(seed === undefined ? {} : { key: fold(keyOf(seed), "dropout") }),
  };
}

/** Gives an engine to whoever uses one. */
export type EngineSource = <T>(use: (engine: Engine) => Promise<T>) => Promise<T>;

/** A new engine for every use. */
const onNewEngine: EngineSource = async (use) => {
  const engine = new Engine({ threads: 1 });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
};

/** The shared engine that was used last, and whose it is. */
let shared: { readonly owner: object; readonly engine: Engine } | undefined;
let turn: Promise<unknown> = Promise.resolve();

/**
 * One engine for all uses through this source, so that equal graphs are compiled once. Uses take turns, for trainers call
 * their buffers alike. Nobody has to close it: idle, it keeps no process alive, and the next source that is used ends it.
 */
export function shareEngine(): EngineSource {
  const owner = {};
  return (use) => {
    const mine = turn.then(async () => {
      if (shared?.owner !== owner) {
        await shared?.engine.close();
        shared = { owner, engine: new KeepingEngine({ threads: 1 }) };
      }
      return use(shared.engine);
    });
    turn = mine.catch((error: unknown) => {
      // An engine that has failed fails whoever comes after.
      if (error instanceof RunError && error.code.startsWith("engine/")) shared = undefined;
    });
    return mine;
  };
}

/** Keeps the graphs that a method is done with: the next run of the same method begins with them again. */
class KeepingEngine extends Engine {
  override unload(): void {}
}

/** Opens a trainer, and uses it. @param on  where it runs; a new engine when absent */
export function withTrainer<T>(
  settings: TrainerSettings,
  use: (trainer: Trainer, engine: Engine) => Promise<T>,
  { state, on = onNewEngine }: { readonly state?: TrainerState; readonly on?: EngineSource } = {},
): Promise<T> {
  return on(async (engine) => use(await Trainer.open(engine, settings, state), engine));
}

/** `steps` steps of two parts each, an evaluation every second step. */
export function smallPlan(head: Head, steps: number): LoopPlan {
  return {
    steps,
    rate: (step) => linearRate({ peak: 1e-2, steps, warmup: 0.2 }, step),
    batches: (step) => [madeUpBatch(head, 2 * step), madeUpBatch(head, 2 * step + 1, 3)],
    evaluateEvery: 2,
    evaluate: async (trainer) => {
      const loss = await trainer.loss(madeUpBatch(head, 1000));
      return { metrics: { loss }, primary: -loss, loss };
    },
  };
}

/** What a run leaves: everything that has to be equal for two runs to be the same. */
export interface Outcome {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  readonly state: TrainerState;
  readonly loop: LoopState;
  readonly events: readonly LoopEvent[];
}

/** Runs a plan to its end. */
export async function runPlan(
  settings: TrainerSettings,
  plan: LoopPlan,
  on: EngineSource = onNewEngine,
): Promise<Outcome> {
  const run = async (trainer: Trainer): Promise<Outcome> =>
    follow(trainer, plan, { stale: 0 }, Number.POSITIVE_INFINITY);
  return withTrainer(settings, run, { on });
}

/** Goes on to the end of the plan, or to the end of its next `limit` steps and evaluations. */
async function follow(trainer: Trainer, plan: LoopPlan, from: LoopState, limit: number): Promise<Outcome> {
  const events: LoopEvent[] = [];
  let loop = from;
  for await (const event of train(trainer, plan, loop)) {
    events.push(event);
    if (event.kind === "evaluation") loop = event.state;
    if (events.length >= limit) break;
  }
  return { tensors: await trainer.tensors(), state: await trainer.state(), loop, events };
}

/** Times a run in pieces goes on in the engine it was stopped in before it gets a new one, which takes longer. */
const PIECES_PER_ENGINE = 5;

/**
 * The same run, stopped after every single step and evaluation, saved in `folder`, and resumed from there by
 * another trainer, every few times in a new engine.
 *
 * @param on  the engine that it begins in; a new one when absent
 */
export async function runInPieces(
  settings: TrainerSettings,
  plan: LoopPlan,
  folder: string,
  on: EngineSource = onNewEngine,
): Promise<Outcome> {
  const events: LoopEvent[] = [];
  const goOn = async (engine: Engine): Promise<Outcome | undefined> => {
    for (let piece = 0; piece < PIECES_PER_ENGINE; piece++) {
      const from = await loadLatestCheckpoint(folder);
      const trainer = await Trainer.open(engine, settings, from?.trainer);
      const outcome = await follow(trainer, plan, from?.loop ?? { stale: 0 }, 1);
      if (outcome.events.length === 0) return { ...outcome, events };
      events.push(...outcome.events);
      await saveCheckpoint(folder, { trainer: outcome.state, loop: outcome.loop, extra: {} });
    }
    return undefined;
  };
  let outcome = await on(goOn);
  while (outcome === undefined) outcome = await onNewEngine(goOn);
  return outcome;
}
