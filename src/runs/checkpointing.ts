/**
 * Following the training loop of a run: events told, checkpoints written, stopped when asked.
 *
 * Whatever is trained, the loop in train/ is the same and so is what a run owes its user meanwhile. Not here: the
 * plan of the loop, the data, what is done with the result.
 */

import { saveCheckpoint } from "../train/checkpoint.ts";
import { type LoopPlan, type LoopState, train } from "../train/loop.ts";
import { watchMask } from "../train/mask-watch.ts";
import type { Trainer } from "../train/trainer.ts";
import type { RunPaths } from "./folder.ts";
import type { OpenRun } from "./open-run.ts";
import { interruptionError } from "./progress.ts";

/** Seconds between two checkpoints when no evaluation comes sooner. */
const SAVE_EVERY = 300;

/** The run whose loop it is: where it saves, whom it tells, and what stops it. */
export interface Followed extends Pick<OpenRun, "record" | "context" | "resumed"> {
  readonly paths: Pick<RunPaths, "checkpoints">;
}

/**
 * Iterates the loop to its end, saving after every evaluation and every few minutes.
 *
 * @param epochs  passes over the data after so many steps
 * @throws {InterruptedError} `run/interrupted` when asked to stop; everything is saved
 * @throws as `train` does
 */
export async function follow(
  trainer: Trainer,
  plan: LoopPlan,
  { paths: { checkpoints }, record, context, resumed }: Followed,
  epochs: (steps: number) => number,
  start: LoopState = { stale: 0 },
): Promise<LoopState> {
  const speed = speedometer();
  const lookAtMask = watchMask(trainer);
  let state = start;
  let saved = performance.now();
  const save = async (): Promise<void> => {
    await saveCheckpoint(checkpoints, { trainer: await trainer.state(), loop: state, extra: {} });
    saved = performance.now();
  };
  for await (const event of train(trainer, plan, start)) {
    if (event.kind === "step") {
      const { examples, ...step } = event;
      const examplesPerSecond = speed(examples);
      record({ ...step, total: plan.steps, epoch: epochs(step.step), examplesPerSecond });
      if (performance.now() - saved > SAVE_EVERY * 1000) await save();
    } else {
      state = event.state;
      const { metrics, loss } = event.evaluation;
      record({ kind: "evaluation", step: event.step, metrics, loss, kept: state.best?.step === event.step });
      const mask = await lookAtMask();
      if (mask) record({ kind: "mask", step: event.step, ...mask });
      // After the last step too: measuring and writing may take minutes, and may be stopped.
      await save();
    }
    if (context.signal?.aborted && trainer.steps < plan.steps) {
      await save();
      throw interruptionError(resumed, trainer.steps);
    }
  }
  return state;
}

/** Examples per second: a running mean over the last steps. */
function speedometer(): (examples: number) => number {
  let last = performance.now();
  let mean = 0;
  return (examples) => {
    const now = performance.now();
    const current = (1000 * examples) / Math.max(1e-3, now - last);
    last = now;
    mean = mean === 0 ? current : 0.95 * mean + 0.05 * current;
    return mean;
  };
}
