/**
 * How every call begins and may end: with a context that can be used, with an engine, and when the caller asks.
 *
 * Whatever takes a `RunContext` does its work in here. Aborted before, nothing is begun; aborted meanwhile, the work
 * ends where it calls `signal.throwIfAborted`, between batches. What that throws is the caller's own reason, which may
 * be anything; the caller gets one kind of error. A missing engine is told before a model or data is read.
 * Not here: the folder of a run (open-run.ts), and its loop, which saves before it ends (checkpointing.ts).
 */

import { resolve } from "node:path";
import { ConfigError, InterruptedError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { shown } from "../base/shown.ts";
import { requireEngine } from "../engine/presence.ts";
import { folderState } from "./folder.ts";
import { type RunContext, resumeCommand } from "./progress.ts";

/** What a call needs. */
interface Needs {
  /** Default true. */
  readonly engine?: boolean;
}

/**
 * Does work that leaves nothing to go on from.
 *
 * @param command  what does it: the first part of the error's code
 * @throws {InterruptedError} `COMMAND/stopped`; {ConfigError} `context/…`, `engine/missing`; as `work` does
 */
export function perform<T>(
  command: string,
  context: RunContext,
  work: () => Promise<T>,
  { engine = true }: Needs = {},
): Promise<T> {
  const stopped = (cause: unknown): InterruptedError =>
    new InterruptedError(`${command}/stopped`, `${command}: stopped before it was done`, { cause });
  return begin(context, stopped, engine, work);
}

/**
 * Does the work of a run, which can be resumed.
 *
 * @param run  its folder
 * @throws {InterruptedError} `run/interrupted`; {ConfigError} `context/…`, `engine/missing`; as `work` does
 */
export function performRun<T>(run: string, context: RunContext, work: () => Promise<T>): Promise<T> {
  const from = process.cwd();
  const stopped = async (cause: unknown): Promise<InterruptedError> => {
    const { partOf = run } = context;
    const isSaved = (await folderState(resolve(from, partOf))) === "resumable";
    const message = isSaved
      ? `stopped, saved in ${partOf}; resume with: ${resumeCommand(partOf)}`
      : "stopped before anything was saved; the same command begins again";
    return new InterruptedError("run/interrupted", message, { cause });
  };
  return begin(context, stopped, true, work);
}

async function begin<T>(
  context: RunContext,
  stopped: (cause: unknown) => InterruptedError | Promise<InterruptedError>,
  engine: boolean,
  work: () => Promise<T>,
): Promise<T> {
  checkContext(context);
  const { signal } = context;
  if (signal?.aborted) throw await stopped(signal.reason);
  if (engine) requireEngine();
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted && error === signal.reason ? await stopped(error) : error;
  }
}

/** A program without types may hand over anything, such as the controller in place of its signal. */
function checkContext(given: unknown): asserts given is RunContext {
  requireKnown("context", given, ["signal", "report", "resume", "partOf"]);
  if (given instanceof AbortSignal)
    throw new ConfigError("context/signal", "context: expected { signal }, got an AbortSignal alone");
  const { signal, report, resume, partOf }: { readonly [name in keyof RunContext]?: unknown } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ConfigError("context/signal", `signal: expected an AbortSignal, got ${shown(signal)}`);
  if (report !== undefined && typeof report !== "function")
    throw new ConfigError("context/report", `report: expected a function, got ${shown(report)}`);
  if (resume !== undefined && typeof resume !== "boolean")
    throw new ConfigError("context/resume", `resume: expected true or false, got ${shown(resume)}`);
  if (partOf !== undefined && (typeof partOf !== "string" || partOf === ""))
    throw new ConfigError("context/partOf", `partOf: expected the folder of a run, got ${shown(partOf)}`);
}
