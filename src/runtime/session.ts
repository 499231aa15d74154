/**
 * A model on threads: texts in, logits out. One thread keeps to itself; several share one memory and split each pass.
 *
 * Promise: the thread that calls is never blocked, calls may overlap and are answered in their order, and what goes wrong
 * in a thread rejects the call instead of leaving it waiting. Browser-safe. Not here: what logits mean (load.ts).
 */

import { ConfigError, type EspalierError, FormatError, InputError, RunError } from "../base/errors.ts";
import type { EncodedText } from "../sparse/batch.ts";
import type { Rates } from "../sparse/linear.ts";
import type { Thread } from "./host.ts";
import { host } from "./node.ts";
import type { Answer, Failure, Opened, Request, Shared } from "./protocol.ts";

/** How a session is opened. */
export interface SessionOptions {
  readonly threads: number;
  /** In place of measuring them. */
  readonly rates?: Rates | undefined;
  /** What messages call the file. */
  readonly where: string;
}

/** An open model. It owns threads: close it. */
export interface Session {
  readonly opened: Omit<Opened, "shared">;
  readonly threads: number;
  /** Logits [texts, labels]. @throws as `passesOf` does; {RunError} `runtime/…` */
  logits(texts: readonly EncodedText[]): Promise<Float32Array>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (logits: Float32Array) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens the bytes of a .esp file; they are handed over and not to be used any more.
 * @throws {FormatError} `esp/…`; {ConfigError} `sparse/head`; {RunError} `runtime/…`, `arena/memory`
 */
export async function openSession(file: Uint8Array, options: SessionOptions): Promise<Session> {
  const { threads, where, rates } = options;
  const team: Thread<Request, Answer>[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(team.map((thread) => thread.end()));
  };
  try {
    const first = host.startThread<Request, Answer>();
    team.push(first);
    const request: Request = { kind: "open", file, where, threads, ...(rates ? { rates } : {}) };
    const { shared, ...opened } = await openedBy(first, request);
    if (shared) await followedBy(team, shared);
    return { opened, threads, ...conversation(team, close) };
  } catch (error) {
    await close();
    throw error;
  }
}

function openedBy(
  first: Thread<Request, Answer>,
  request: Extract<Request, { kind: "open" }>,
): Promise<Opened> {
  return new Promise((resolve, reject) => {
    first.lost((cause) => reject(lostThread(cause)));
    first.listen((answer) => {
      if (answer.kind === "opened") resolve(answer.opened);
      else if (answer.kind === "failed") reject(errorOf(answer.failure));
    });
    first.post(request);
  });
}

async function followedBy(team: Thread<Request, Answer>[], shared: Shared): Promise<void> {
  const started = Array.from({ length: shared.threads - 1 }, async (_, i) => {
    const follower = host.startThread<Request, Answer>();
    team.push(follower);
    await new Promise<void>((resolve, reject) => {
      follower.lost((cause) => reject(lostThread(cause)));
      follower.listen((answer) => (answer.kind === "failed" ? reject(errorOf(answer.failure)) : resolve()));
      follower.post({ kind: "follow", shared, thread: i + 1 });
    });
  });
  await Promise.all(started);
}

/** Questions and answers, by number. */
function conversation(
  team: readonly Thread<Request, Answer>[],
  close: () => Promise<void>,
): Pick<Session, "logits" | "close"> {
  const waiting = new Map<number, Waiting>();
  let failure: Error | undefined;
  let next = 0;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  const [first] = team;
  for (const thread of team) thread.lost((cause) => fail(lostThread(cause)));
  first?.listen((answer) => {
    if (answer.kind !== "logits" && answer.kind !== "failed") return;
    const asked = answer.id === undefined ? undefined : waiting.get(answer.id);
    if (answer.id !== undefined) waiting.delete(answer.id);
    if (answer.kind === "logits") asked?.resolve(answer.logits);
    else asked?.reject(errorOf(answer.failure));
  });
  return {
    logits: (texts) =>
      new Promise((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        const id = next++;
        waiting.set(id, { resolve, reject });
        first?.post({ kind: "run", id, texts });
      }),
    close: async () => {
      fail(new RunError("runtime/closed", "runtime: expected an open model, got one that was closed"));
      await close();
    },
  };
}

function lostThread(cause: Error): RunError {
  return new RunError("runtime/thread", `runtime: expected the thread to go on, got: ${cause.message}`, {
    cause,
  });
}

const CLASSES = { ConfigError, FormatError, InputError, RunError } as const;

function errorOf({ name, code, message }: Failure): EspalierError {
  const known = Object.entries(CLASSES).find(([kind]) => kind === name);
  return new (known?.[1] ?? RunError)(code, message);
}
