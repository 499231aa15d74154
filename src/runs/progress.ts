/**
 * What a run tells its caller while it works, and how the caller tells it to stop.
 *
 * A run never prints. It reports events; the command line draws them, metrics.jsonl keeps them, a program may do
 * as it likes. A run looks at `signal` between steps, saves, and ends with `InterruptedError`; what saves nothing looks
 * at it between batches (perform.ts).
 */

import { InterruptedError } from "../base/errors.ts";
import type { MaskLook } from "../train/mask-watch.ts";

/** One thing that happened. The `kind` says which; every kind is plain JSON. */
export type ProgressEvent =
  | StartEvent
  | PhaseEvent
  | StepEvent
  | EvaluationEvent
  | MaskEvent
  | CountEvent
  | DownloadEvent
  | DataEvent
  | NoteEvent
  | DoneEvent;

/**
 * A run begins, or is resumed: `step` is then that of its newest checkpoint. It has none where training had not begun, or
 * where other runs are its parts, as folds are: those have a start of their own.
 */
export interface StartEvent {
  readonly kind: "start";
  readonly title: string;
  readonly step?: number;
}

/**
 * A part of the work begins. Which parts there are is the command's: `finetune` tells of them from "exporting" on, for what
 * comes before is its steps; `compress` has "fine-tuning" and "compressing" before it.
 */
export interface PhaseEvent {
  readonly kind: "phase";
  /** In words, which may change between versions. */
  readonly name: string;
}

/** One optimizer step is done. */
export interface StepEvent {
  readonly kind: "step";
  /** Steps done in this phase, this one included. */
  readonly step: number;
  readonly total: number;
  /** Passes over the data so far, with a fraction. */
  readonly epoch: number;
  readonly loss: number;
  /** The learning rate of this step. */
  readonly rate: number;
  /** Before clipping. */
  readonly gradNorm: number;
  readonly examplesPerSecond: number;
}

/** The model was evaluated after `step`. */
export interface EvaluationEvent {
  readonly kind: "evaluation";
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean over the judging examples. */
  readonly loss: number;
  /** Whether this is the model to keep, as far as is known. */
  readonly kept: boolean;
}

/**
 * The mask of a method that learns one, at an evaluation, beside those of the evaluations before (topology/recovery.ts). It
 * is told from the second on; a run that is resumed begins to count anew, and `masks` says how many it has seen.
 */
export interface MaskEvent extends MaskLook {
  readonly kind: "mask";
  readonly step: number;
}

/** Part of some work that has no steps is done. */
export interface CountEvent {
  readonly kind: "count";
  /** What is counted, in the plural. */
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

/** A file is being fetched; `total` is absent when the server does not say. */
export interface DownloadEvent {
  readonly kind: "download";
  readonly file: string;
  /** Bytes so far. */
  readonly received: number;
  readonly total?: number;
}

/** What a run trains on and is judged by, told before it begins. */
export interface DataEvent {
  readonly kind: "data";
  /** Examples. */
  readonly train: number;
  readonly dev: number;
  /** Share of the training examples by class; empty for a regression. */
  readonly shares: Readonly<Record<string, number>>;
  /** Least and largest value of a regression's training examples. */
  readonly range: readonly [number, number] | null;
  /** Share of all examples that are longer than `maxLength` tokens, and are cut. */
  readonly cut: number;
  readonly maxLength: number;
  /** Windows of `maxLength` that all examples are read in, where texts are not cut. */
  readonly windows?: number;
}

/** Something the user should know that is no error. */
export interface NoteEvent {
  readonly kind: "note";
  readonly text: string;
}

/** The run is over. */
export interface DoneEvent {
  readonly kind: "done";
  readonly seconds: number;
}

/** Keeps an event of a run, and tells the caller. */
export type Recorder = (event: ProgressEvent) => void;

/** What every run takes beside its options. */
export interface RunContext {
  /** Aborted when the work should save what it can go on from, and stop. Aborted before, nothing is begun. */
  readonly signal?: AbortSignal;
  readonly report?: (event: ProgressEvent) => void;
  /** Resume the stopped run that is in the `out` folder, instead of starting one there. */
  readonly resume?: boolean;
  /** The run that this one is a part of: the one to resume when it was stopped. */
  readonly partOf?: string;
}

/**
 * Ends a run that was asked to stop. Call it between steps, after saving.
 *
 * @throws {InterruptedError} `run/interrupted` when the signal is aborted, with the command that goes on
 */
export function stopIfAsked({ signal }: RunContext, run: string, step: number): void {
  if (signal?.aborted) throw interruptionError(run, step);
}

/** The error of a run that stopped on request with everything saved. */
export function interruptionError(run: string, step: number): InterruptedError {
  return new InterruptedError(
    "run/interrupted",
    `stopped after step ${step}, saved in ${run}; resume with: ${resumeCommand(run)}`,
  );
}

/** What a user types to go on: npx finds the command in a checkout, beside a project's packages, and installed for all. */
export function resumeCommand(run: string): string {
  return `npx espalier resume ${shellWord(run)}`;
}

/** A path as a shell reads it back, in quotes where it must be. */
export function shellWord(path: string): string {
  const plain = path.startsWith("-") ? `./${path}` : path;
  return /^[\w./:@%+=,-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`;
}
