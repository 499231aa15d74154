/**
 * A model on threads: texts in, logits or vectors out. One thread keeps to itself; several share one memory and split each pass.
 *
 * Promise: the thread that calls is never blocked, calls may overlap and are answered in their order, and what goes wrong
 * in a thread rejects the call instead of leaving it waiting. Browser-safe. Not here: what answers mean (load.ts).
 */

import {
  ConfigError,
  closedModel,
  type EspalierError,
  FormatError,
  InputError,
  RunError,
} from "../base/errors.ts";
import type { Network } from "../network/network.ts";
import type { EncodedText } from "../sparse/batch.ts";
import type { Rates } from "../sparse/linear.ts";
import { restoreFlags } from "./flags.ts";
import type { ChannelEnd, Handed, Thread } from "./host.ts";
import { host } from "./node.ts";
import type {
  Answer,
  Failure,
  KernelReport,
  Machine,
  Opened,
  Placed,
  Question,
  Replies,
  Request,
} from "./protocol.ts";

/** How a session is opened. */
export interface SessionOptions {
  readonly threads: number;
  /** In place of measuring them. */
  readonly rates?: Rates | null | undefined;
  /** What messages call the file. */
  readonly where: string;
}

/** A file that was read: what is known of it, and the two ways to go on. It owns threads: close it. */
export interface OpenFile {
  readonly opened: Opened;
  /** Puts the model where kernels work on it. @throws {RunError} `runtime/…`, `arena/memory` */
  place(options: Pick<SessionOptions, "threads" | "rates">): Promise<RuntimeSession>;
  /** The network with its zeros; afterwards nothing can be placed. */
  network(): Promise<Network>;
  close(): Promise<void>;
}

/** An open model. It owns threads: close it. */
export interface RuntimeSession {
  readonly opened: Opened & { readonly report: KernelReport };
  readonly threads: number;
  /** As of a `Path` (host.ts). @throws as `passesOf` does; {RunError} `runtime/…` */
  logits(texts: readonly EncodedText[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** How a file is read. */
export interface FileOptions {
  readonly where: string;
  /** Whether the bytes may be handed over; they cannot be used any more then. */
  readonly handOver?: boolean;
  /** Told which share of the file is decoded; it must not throw. */
  readonly progress?: (share: number) => void;
  /** Aborted when the file is not wanted any more: whatever waits then rejects with the reason. */
  readonly signal?: AbortSignal;
}

/** What was found out about this machine, for one thread and for several, whose kernels are compiled differently. */
const machines = new Map<boolean, Machine>();
/** Settles when no thread is compiling kernels: it sets flags of the whole process for that (module.ts). */
let compiled: Promise<unknown> = Promise.resolve();

/**
 * Opens the bytes of a .esp file.
 * @throws {FormatError} `esp/…`; {ConfigError} `sparse/head`; {RunError} `runtime/…`, `arena/memory`
 */
export async function openSession(file: Uint8Array, options: SessionOptions): Promise<RuntimeSession> {
  const { place, close } = await openFile(file, { where: options.where });
  try {
    return await place(options);
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Reads the bytes of a .esp file on a thread of its own.
 * @throws {FormatError} `esp/…`; {ConfigError} `sparse/head`; {RunError} `runtime/…`; the signal's reason
 */
export async function openFile(file: Uint8Array, options: FileOptions): Promise<OpenFile> {
  const { where, handOver = false, progress, signal } = options;
  signal?.throwIfAborted();
  const team: Thread<Request, Answer>[] = [host.startThread<Request, Answer>()];
  const { ask, fail } = conversation(team, progress);
  signal?.addEventListener("abort", () => fail(signal.reason), { once: true });
  const close = async (): Promise<void> => {
    fail(closedModel("runtime/closed"));
    await Promise.all(team.map((thread) => thread.end()));
  };
  const place = async ({
    threads,
    rates,
  }: Pick<SessionOptions, "threads" | "rates">): Promise<RuntimeSession> => {
    const channels = Array.from({ length: threads - 1 }, () => new MessageChannel());
    const placed = async (): Promise<Placed> => {
      const known = machines.get(threads > 1);
      const given = { ...(known ? { machine: known } : {}), ...(rates ? { rates } : {}) };
      const followers = channels.map(({ port1 }) => port1);
      const answer = await ask({ kind: "place", threads, followers, ...given }, followers);
      if (!rates) machines.set(threads > 1, answer.machine);
      return answer;
    };
    const { report } = machines.has(threads > 1) ? await placed() : await alone(placed, close);
    await followedBy(
      team,
      channels.map(({ port2 }) => port2),
      fail,
    );
    return {
      opened: { ...opened, report },
      threads,
      logits: (texts) => ask({ kind: "run", texts }),
      close,
    };
  };
  let opened: Opened;
  try {
    // A message carries the whole memory an array lies in: a part of something large is copied first, and handed over.
    const isPart = file.byteLength !== file.buffer.byteLength;
    const own = isPart ? file.slice() : file;
    const transfer = isPart || handOver ? [own.buffer as ArrayBuffer] : []; // not shared: it was read, or copied, into here
    opened = await ask({ kind: "open", file: own, where }, transfer);
  } catch (error) {
    await close();
    throw error;
  }
  return { opened, place, network: () => ask({ kind: "network" }), close };
}

/** Does what compiles kernels once no other thread does; where that fails, its own is gone before the next begins. */
function alone<T>(work: () => Promise<T>, close: () => Promise<void>): Promise<T> {
  const done = compiled.then(work).catch(async (error: unknown) => {
    await close();
    restoreFlags();
    throw error;
  });
  compiled = done.catch(() => undefined);
  return done;
}

async function followedBy(
  team: Thread<Request, Answer>[],
  ports: readonly ChannelEnd[],
  fail: (reason: unknown) => void,
): Promise<void> {
  const started = ports.map(async (from, i) => {
    const follower = host.startThread<Request, Answer>();
    team.push(follower);
    follower.hold(true);
    await new Promise<void>((resolve, reject) => {
      follower.lost((cause) => {
        fail(lostThread(cause));
        reject(lostThread(cause));
      });
      follower.listen((answer) => (answer.kind === "failed" ? reject(errorOf(answer.failure)) : resolve()));
      follower.post({ kind: "follow", from, thread: i + 1 }, [from]);
    });
    follower.hold(false); // it is awaited by way of the first thread from now on
  });
  await Promise.all(started);
}

interface Waiting {
  readonly resolve: (reply: Replies[keyof Replies]) => void;
  readonly reject: (reason: unknown) => void;
}

interface Conversation {
  /** Asks the first thread, which the process stays for until it has answered. */
  ask<Q extends Question>(question: Q, transfer?: readonly Handed[]): Promise<Replies[Q["kind"]]>;
  /** Rejects what waits, and whatever is asked from now on. */
  fail(reason: unknown): void;
}

/** Questions and answers, by number. */
function conversation(
  [first]: readonly Thread<Request, Answer>[],
  progress: FileOptions["progress"],
): Conversation {
  const waiting = new Map<number, Waiting>();
  let failure: { readonly reason: unknown } | undefined;
  let next = 0;
  const fail = (reason: unknown): void => {
    failure ??= { reason };
    for (const { reject } of waiting.values()) reject(failure.reason);
    waiting.clear();
    first?.hold(false);
  };
  first?.lost((cause) => fail(lostThread(cause)));
  first?.listen((answer) => {
    if (answer.kind === "progress") progress?.(answer.share);
    if (answer.kind !== "reply" && answer.kind !== "failed") return;
    const asked = answer.id === undefined ? undefined : waiting.get(answer.id);
    if (answer.id !== undefined) waiting.delete(answer.id);
    first?.hold(waiting.size > 0);
    if (answer.kind === "reply") asked?.resolve(answer.reply);
    else asked?.reject(errorOf(answer.failure));
  });
  return {
    ask: <Q extends Question>(question: Q, transfer: readonly ArrayBuffer[] = []) =>
      new Promise<Replies[Q["kind"]]>((resolve, reject) => {
        if (failure) {
          reject(failure.reason);
          return;
        }
        const id = next++;
        // A reply has the number, and so the kind, of its question.
        waiting.set(id, { resolve: (reply) => resolve(reply as Replies[Q["kind"]]), reject });
        first?.hold(true);
        first?.post({ ...question, id }, transfer);
      }),
    fail,
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
