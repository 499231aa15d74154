/**
 * What ends a load or a call before its time: the caller's signal, and what the caller's `onProgress` throws.
 *
 * Promise: the caller waits no longer from then on, whatever a thread is busy with, and `onProgress` is told no more.
 * The work itself has to look at the signal that it is given, and to close what it has opened. Browser-safe.
 */

import { ConfigError, InterruptedError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { shown } from "../base/shown.ts";

/** How far loading has come: first the file comes, then it is unpacked, then kernels are tried and the model is put in place. */
export interface LoadProgress {
  readonly stage: "fetch" | "unpack" | "place";
  /** Of the stage, from 0 to 1. */
  readonly share: number;
}

/** What a call takes beside texts and options. */
export interface CallContext {
  /** Aborted when the answers are not wanted any more. Texts that a thread has begun, up to 4096, it still reads to their end. */
  readonly signal?: AbortSignal;
}

/** What a load's caller hears of it and ends it by. */
export interface LoadListener extends CallContext {
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** A load, to those who do it. */
export interface LoadCourse {
  /** Aborted with what the load rejects with. */
  readonly signal: AbortSignal;
  /** Never throws: what `onProgress` throws aborts the signal. */
  tell(stage: LoadProgress["stage"], share: number): void;
}

/**
 * Does the work of a load.
 * @throws what `onProgress` throws; {InterruptedError} `runtime/stopped`
 */
export function stoppableLoad<T>(
  { onProgress, signal }: LoadListener,
  work: (course: LoadCourse) => Promise<T>,
): Promise<T> {
  return stoppable("load", signal, (stop) => {
    const tell: LoadCourse["tell"] = (stage, share) => {
      if (stop.signal.aborted) return;
      try {
        onProgress?.({ stage, share: Math.min(1, share) });
      } catch (error) {
        stop.abort(error);
      }
    };
    return work({ signal: stop.signal, tell });
  });
}

/**
 * Does the work of a call.
 *
 * @param call  what is called, for messages
 * @throws {InterruptedError} `runtime/stopped`; {ConfigError} `runtime/signal`, `options/unknown`
 */
export async function stoppableCall<T>(
  call: string,
  context: CallContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  requireKnown("context", context, ["signal"]);
  requireSignal(context.signal);
  return stoppable(call, context.signal, ({ signal }) => work(signal));
}

/** A program without types may hand over anything, such as the controller. @throws {ConfigError} `runtime/signal` */
export function requireSignal(given: unknown): void {
  if (given === undefined || given instanceof AbortSignal) return;
  throw new ConfigError("runtime/signal", `signal: expected an AbortSignal, got ${shown(given)}`);
}

/** Work that the caller's signal ends, or the work itself by the controller that it is given. */
function stoppable<T>(
  call: string,
  asked: AbortSignal | undefined,
  work: (stop: AbortController) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const { signal } = stop;
  return new Promise<T>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    const ask = (): void =>
      stop.abort(
        new InterruptedError("runtime/stopped", `${call}: stopped before it was done`, {
          cause: asked?.reason,
        }),
      );
    if (asked?.aborted) {
      ask();
      return;
    }
    const forget = asked && whenAborted(asked, ask);
    work(stop).then(resolve, reject).finally(forget);
  });
}

/** What waits for a signal, and the one listener for all of it. */
interface Waiting {
  readonly all: Set<() => void>;
  readonly tell: () => void;
}

/** Calls share a listener on a signal: Node takes more than ten on one for a leak, and warns. */
const waiting = new WeakMap<AbortSignal, Waiting>();

/** Calls back when a signal is aborted. @returns what ends that; the last one takes the listener away */
function whenAborted(signal: AbortSignal, told: () => void): () => void {
  const { all, tell } = waiting.get(signal) ?? listenTo(signal);
  all.add(told);
  return () => {
    all.delete(told);
    if (all.size > 0) return;
    signal.removeEventListener("abort", tell);
    waiting.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const all = new Set<() => void>();
  const tell = (): void => {
    for (const told of [...all]) told();
  };
  const found = { all, tell };
  waiting.set(signal, found);
  signal.addEventListener("abort", tell, { once: true });
  return found;
}
