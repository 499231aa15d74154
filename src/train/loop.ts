/**
 * The training loop, on one page: a rate, a batch, a step; now and then an evaluation; a reason to stop.
 *
 * It is a generator: whoever iterates sees every step and evaluation as it happens, saves when it likes, and stops by
 * not asking for the next. It prints nothing, writes no file and knows no method.
 */

import { RunError } from "../base/errors.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { TrainBatch } from "./feeds.ts";
import type { Trainer } from "./trainer.ts";

/**
 * What an evaluation found. `primary` decides which model is the best, and grows with quality; of equal ones, which a
 * small judging set has often, the one of less loss is better. One that answers all alike is never better
 * than one that does not.
 */
export interface Evaluation {
  readonly metrics: Readonly<Record<string, number>>;
  readonly primary: number;
  /** Mean over the judging examples. */
  readonly loss: number;
  /** Whether every judging example was answered alike, where that is asked. */
  readonly constant?: boolean;
}

export interface LoopPlan {
  /** Optimizer steps in all. */
  readonly steps: number;
  /** Learning rate of step `step`, from 0. */
  readonly rate: (step: number) => number;
  /** The batches whose gradients make step `step`: more than one when gradients are accumulated. */
  readonly batches: (step: number) => readonly TrainBatch[];
  /** Evaluate after this many steps, and after the last. */
  readonly evaluateEvery: number;
  readonly evaluate: (trainer: Trainer) => Promise<Evaluation>;
  /** Evaluations without a better one before the loop stops; absent: never. */
  readonly patience?: number;
}

/** An evaluation and when it was made. */
export interface Evaluated extends Evaluation {
  /** Steps done. */
  readonly step: number;
}

/** The best model so far, kept whole. */
export interface Best extends Evaluated {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

/** What the loop must remember beside the trainer's state. */
export interface LoopState {
  readonly best?: Best;
  /** The latest evaluation: a run that stopped just before one makes it when it goes on. */
  readonly last?: Evaluated;
  /** Evaluations since the best. */
  readonly stale: number;
}

export type LoopEvent =
  | {
      readonly kind: "step";
      /** Steps done. */
      readonly step: number;
      readonly loss: number;
      readonly gradNorm: number;
      readonly rate: number;
      readonly examples: number;
    }
  | {
      readonly kind: "evaluation";
      readonly step: number;
      readonly evaluation: Evaluated;
      readonly state: LoopState;
    };

/**
 * Trains from where `trainer` stands to the end of the plan. Yields after every step and every evaluation.
 *
 * @throws {RunError} `train/diverged` when a loss or a gradient is not finite; what is trained is as before that step, what a method keeps is not
 */
export async function* train(
  trainer: Trainer,
  plan: LoopPlan,
  start: LoopState = { stale: 0 },
): AsyncGenerator<LoopEvent, LoopState> {
  let state = start;
  for (;;) {
    const done = trainer.steps;
    if (isDue(plan, done) && state.last?.step !== done) {
      const evaluation = { ...(await plan.evaluate(trainer)), step: done };
      state = await judge(trainer, state, evaluation);
      yield { kind: "evaluation", step: done, evaluation, state };
    }
    const isStale = plan.patience !== undefined && state.stale >= plan.patience;
    if (done >= plan.steps || isStale) return state;
    yield await oneStep(trainer, plan);
  }
}

/** Whether an evaluation belongs after `done` steps. */
function isDue({ evaluateEvery, steps }: LoopPlan, done: number): boolean {
  return done > 0 && (done % evaluateEvery === 0 || done === steps);
}

/** The next optimizer step. */
async function oneStep(trainer: Trainer, plan: LoopPlan): Promise<LoopEvent> {
  const step = trainer.steps;
  const rate = plan.rate(step);
  const parts = plan.batches(step);
  const { loss, gradNorm } = await trainer.step(parts, rate);
  if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) throw divergenceError(step, loss, gradNorm, rate);
  const examples = parts.reduce((n, part) => n + part.size, 0);
  return { kind: "step", step: step + 1, loss, gradNorm, rate, examples };
}

/** The state after an evaluation: a better model is copied, a worse one counted. */
async function judge(trainer: Trainer, state: LoopState, last: Evaluated): Promise<LoopState> {
  if (!trainer.ready) return { ...state, last };
  const order = state.best === undefined ? 1 : compareEvaluations(last, state.best);
  if (order < 0) return { ...state, last, stale: state.stale + 1 };
  // Of two that cannot be told apart the later has learnt from more, but no progress was made: it is stale all the same.
  const stale = order === 0 ? state.stale + 1 : 0;
  return { best: { ...last, tensors: await trainer.tensors() }, last, stale };
}

/** Above 0 when `a` is the better one, 0 when neither is. */
function compareEvaluations(a: Evaluation, b: Evaluation): number {
  // A model that answers all alike is no model, however good the commonest answer is.
  const [same, other] = [a.constant === true, b.constant === true];
  if (same !== other) return same ? -1 : 1;
  return a.primary === b.primary ? Math.sign(b.loss - a.loss) : Math.sign(a.primary - b.primary);
}

function divergenceError(step: number, loss: number, gradNorm: number, rate: number): RunError {
  return new RunError(
    "train/diverged",
    `training: expected a finite loss, got loss ${loss} and gradient norm ${gradNorm} at step ${step + 1}, learning rate ${rate.toExponential(2)}. A lower learning rate or a longer warm-up usually helps.`,
  );
}
