/**
 * A contender of `espalier bench`: a file and an engine in a process of their own, asked for turns by message.
 *
 * Owns a process: close it. Not here: what the process does (contender-process.ts), which engines there are
 * (engines.ts).
 */

import { type ChildProcess, fork } from "node:child_process";
import { builtUrl } from "../base/built-url.ts";
import { RunError } from "../base/errors.ts";
import { withoutTelemetry } from "../engine/telemetry.ts";
import type { Case, Contender } from "../measure/latency.ts";
import type { KernelReport } from "../runtime/protocol.ts";
import { ENGINES, type EngineName, type EngineSettings } from "./engines.ts";

/** What a process is to load, and the text it first answers. */
export interface ContenderSpec extends EngineSettings {
  readonly engine: EngineName;
  readonly file: string;
  readonly vocabSize: number;
  /** Tokens of the first text. */
  readonly length: number;
}

/** What loading took. */
export interface Opened {
  /** From the file to the first answer. The file has just been written: it is in the system's cache. */
  readonly milliseconds: number;
  /** Resident bytes more than before. */
  readonly memory: number;
  /** The first logits, or the first vector. */
  readonly answers: Float32Array;
  /** What the sparse runtime found; null for other engines. */
  readonly kernels: KernelReport | null;
}

/** A loaded contender. */
export interface OpenContender extends Contender {
  readonly opened: Opened;
  /** The most resident bytes so far, beyond those before loading. */
  peak(): Promise<number>;
  close(): void;
}

/** What travels to the process, one at a time. */
export type ContenderRequest =
  | { readonly kind: "open"; readonly spec: ContenderSpec }
  | { readonly kind: "turn"; readonly at: Case; readonly passes: Parameters<Contender["turn"]>[1] }
  | { readonly kind: "peak" };

/** What comes back. */
export type ContenderReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/**
 * Starts a process and loads a file in it.
 * @throws {RunError} `bench/contender` when the engine refuses the file, or the process ends
 */
export async function openContender(spec: ContenderSpec): Promise<OpenContender> {
  withoutTelemetry();
  const child = fork(builtUrl("./contender-process.js", import.meta.url), {
    execArgv: [...ENGINES[spec.engine].nodeFlags],
    serialization: "advanced",
  });
  const ask = asking(child, spec.engine);
  const close = (): void => {
    child.kill();
  };
  try {
    const opened = await ask<Opened>({ kind: "open", spec });
    return {
      opened,
      turn: (at, passes) => ask({ kind: "turn", at, passes }),
      peak: () => ask({ kind: "peak" }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Sends requests one at a time; each is answered, or fails with whatever became of the process. */
function asking(child: ChildProcess, engine: EngineName): <T>(request: ContenderRequest) => Promise<T> {
  let waiting:
    | { readonly resolve: (value: unknown) => void; readonly fail: (what: string) => void }
    | undefined;
  child.on("error", ({ message }) => waiting?.fail(message));
  child.on("exit", (code, signal) => waiting?.fail(`expected an answer, got its end with ${code ?? signal}`));
  child.on("message", (reply: ContenderReply) => {
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.fail(reply.message);
  });
  return (request) =>
    new Promise((resolve, reject) => {
      const fail = (what: string): void =>
        reject(new RunError("bench/contender", `contender: ${what} (${engine})`));
      // The process answers each kind of request with that kind's value; the message between cannot carry the type.
      waiting = { resolve: (value) => resolve(value as never), fail };
      child.send(request, (error) => {
        if (error) fail(error.message);
      });
    });
}
