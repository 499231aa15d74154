/**
 * The process that the user started: it starts another one for the command, and listens to Ctrl-C in its place.
 *
 * A command computes, and while it does its process hears nothing; native code that is ended in the middle takes its
 * process with it, with a message of its own. So the process that hears is one that does nothing else, and ends the other
 * from outside, at any moment. The command's words travel in a message: ONNX Runtime overflows the stack of a thread while
 * it reads a very long command line (engine/engine.ts), and other programs may have such limits too.
 *
 * Not here: the command (command-process.ts), what it does when it is asked to stop.
 */

import { type ChildProcess, fork } from "node:child_process";
import { RunError } from "../base/errors.ts";
import type { CommandMessage, SupervisorMessage } from "./command-process.ts";
import type { Stop } from "./commands.ts";

/** The part of `process` that is needed here. */
export interface Signals {
  on(event: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  off(event: "SIGINT" | "SIGTERM", listener: () => void): unknown;
}

/** A command to run. */
export interface Supervised {
  /** What the process runs. */
  readonly module: URL | string;
  readonly words: readonly string[];
  /** What the command does when it is asked to stop. */
  readonly stop: Stop;
  /** Shows the user what a signal did. */
  readonly tell: (text: string) => void;
}

/** How it ended: the exit code, and a message when nobody has said why. */
export interface Ended {
  readonly exit: number;
  /** Absent where the command said itself what there was to say. */
  readonly interrupted?: string;
}

const INTERRUPTED = 130;
const ENDED =
  "ended at once; espalier resume RUN goes on from the last checkpoint, and without one the same command begins again";
const DONE = "ended when the work was done; what was to be written is there";

/**
 * Runs a command in a process of its own until it ends. The first SIGINT or SIGTERM asks it to stop, or ends it where it
 * would lose nothing; the second always ends it.
 *
 * @throws {RunError} `process/ended` when the process ends by a signal that did not come from here
 */
export async function supervise(job: Supervised, signals: Signals = process): Promise<Ended> {
  const child = fork(job.module, { stdio: "inherit" });
  const asked = { begun: job.stop === "cleans", done: false, times: 0, interrupted: "" };
  const end = (text: string): void => {
    asked.interrupted = text;
    child.kill("SIGKILL");
  };
  const hear = (): void => {
    asked.times += 1;
    if (asked.done) end(DONE);
    else if (asked.times > 1) end(job.stop === "saves" ? ENDED : "ended at once");
    else if (job.stop === "loses nothing") end("stopped; nothing was written");
    else if (!asked.begun)
      end("stopped before anything new was done; the same command goes on or begins again");
    else {
      job.tell("espalier: stopping as soon as nothing is lost; again to end at once\n");
      child.send({ kind: "stop" } satisfies SupervisorMessage);
    }
  };
  child.on("message", (message: CommandMessage) => {
    asked.begun ||= message.kind === "begun";
    asked.done ||= message.kind === "done";
  });
  signals.on("SIGINT", hear);
  signals.on("SIGTERM", hear);
  try {
    const ended = exitOf(child);
    child.send({ kind: "run", words: job.words } satisfies SupervisorMessage, () => undefined);
    const { code, signal } = await ended;
    if (asked.interrupted !== "") return { exit: INTERRUPTED, interrupted: asked.interrupted };
    if (code !== null) return { exit: code };
    if (asked.times > 0) return { exit: INTERRUPTED, interrupted: "stopped" };
    throw new RunError(
      "process/ended",
      `process: expected an answer, got its end by ${signal}${reasonOf(signal)}`,
    );
  } finally {
    signals.off("SIGINT", hear);
    signals.off("SIGTERM", hear);
  }
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
}

function reasonOf(signal: NodeJS.Signals | null): string {
  if (signal === "SIGKILL") return ": the system ends a process so when memory runs out";
  return signal === "SIGSEGV" || signal === "SIGABRT" || signal === "SIGBUS"
    ? ": native code has failed"
    : "";
}
