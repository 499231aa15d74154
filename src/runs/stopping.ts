/**
 * Work that ends when its caller asks, with one kind of error wherever it was.
 *
 * Whatever takes a `RunContext` does its work in here. Aborted before, nothing is begun; aborted meanwhile, the work
 * ends where it calls `signal.throwIfAborted`, between batches. What that throws is the caller's own reason, which may
 * be anything. Not here: the loop of a run, which saves before it ends (checkpointing.ts).
 */

import { existsSync } from "node:fs";
import { InterruptedError } from "../base/errors.ts";
import { runPaths } from "./folder.ts";
import { type RunContext, resumeCommand } from "./progress.ts";

/**
 * Does work that leaves nothing to go on from.
 *
 * @param command  what does it: the first part of the error's code
 * @throws {InterruptedError} `COMMAND/stopped`; as `work` does
 */
export function stoppable<T>(
  command: string,
  { signal }: Pick<RunContext, "signal">,
  work: () => Promise<T>,
): Promise<T> {
  return unlessAborted(
    signal,
    (cause) =>
      new InterruptedError(`${command}/stopped`, `${command}: stopped before it was done`, { cause }),
    work,
  );
}

/**
 * Does the work of a run, which can be resumed.
 *
 * @param run  its folder
 * @throws {InterruptedError} `run/interrupted`; as `work` does
 */
export function stoppableRun<T>(
  run: string,
  { signal, partOf = run }: RunContext,
  work: () => Promise<T>,
): Promise<T> {
  const stopped = (cause: unknown): InterruptedError => {
    const message = existsSync(runPaths(partOf).recipe)
      ? `stopped, saved in ${partOf}; resume with: ${resumeCommand(partOf)}`
      : "stopped before the first step; the same command begins again";
    return new InterruptedError("run/interrupted", message, { cause });
  };
  return unlessAborted(signal, stopped, work);
}

async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  stopped: (cause: unknown) => InterruptedError,
  work: () => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw stopped(signal.reason);
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted && error === signal.reason ? stopped(error) : error;
  }
}
