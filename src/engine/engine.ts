/**
 * The engine: ONNX Runtime in a worker thread, with named buffers and a bounded cache of compiled sessions.
 *
 * An `Engine` owns memory and a thread: close it. One that nobody waits for keeps no process alive. Results repeat bit for bit for one thread count, provider and
 * processor family; nothing is promised between them.
 */

import { existsSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { Worker } from "node:worker_threads";
import { builtUrl, workerFlags } from "../base/built-url.ts";
import { ConfigError, RunError } from "../base/errors.ts";
import type { Tensor } from "../base/tensor.ts";
import { type Program, sizesOf } from "../graph/program.ts";
import { evaluate } from "../graph/shape.ts";
import { requireEngine } from "./presence.ts";
import type { Call, Fresh, Provider, Replies, Reply, Requests, Results, Stop, View } from "./protocol.ts";
import { withoutTelemetry } from "./telemetry.ts";

export interface EngineOptions {
  /** Threads of the native engine. Results depend on it, so it is never guessed. */
  readonly threads: number;
  /** Default `cpu`. */
  readonly provider?: Provider;
  /** Sessions kept; each holds an arena as large as its largest run. Default 6. */
  readonly maxSessions?: number;
  /** Bytes of this process from which on the oldest sessions leave, one at a time. Default: half of the machine's. */
  readonly memory?: number;
  /** Keep freed memory for the next run. Off: less memory, 6 to 20 % slower. Default on. */
  readonly arena?: boolean;
}

/** A program under its structure key. It never goes stale: one that was released is compiled again when it runs. */
export interface Session {
  readonly key: string;
  readonly program: Program;
}

/** One run, in terms of the program's own names. Every output is fetched, into a view or to the caller. */
export interface RunRequest {
  readonly session: Session;
  readonly feeds: Readonly<Record<string, View | Tensor>>;
  /** Outputs that are written in place; the others come back. */
  readonly into?: Readonly<Record<string, View>>;
  /** See `Engine.bind`. */
  readonly binding?: Binding;
}

/** Feeds and targets that stay the same from run to run. */
export interface Binding {
  readonly id: number;
  readonly feeds: Readonly<Record<string, View>>;
  readonly into: Readonly<Record<string, View>>;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Sessions that stay however little memory there is: a step and an evaluation take turns. */
const LEAST = 2;

export class Engine {
  private readonly waiting = new Map<number, Waiting>();
  /** Compiled sessions by key, the least recently used first. */
  private readonly loaded = new Map<string, Promise<Session>>();
  private readonly worker: Worker;
  private readonly ended: Promise<void>;
  private readonly maxSessions: number;
  private readonly memory: number;
  private next = 0;
  private failure: Error | undefined;
  /** Somebody waits for the thread's end: it is not let go before. */
  private closing = false;

  constructor(options: EngineOptions) {
    const { threads, provider = "cpu", maxSessions = 6, memory = totalmem() / 2, arena = true } = options;
    requireEngine();
    withoutTelemetry();
    this.maxSessions = Math.max(1, maxSessions);
    this.memory = memory;
    this.worker = new Worker(builtUrl("./worker.js", import.meta.url), {
      ...workerFlags(),
      workerData: { threads, provider, arena },
      resourceLimits: { stackSizeMb: stackSize() },
    });
    this.worker.unref();
    this.worker.on("message", (reply: Reply) => this.settle(reply));
    this.worker.on("error", (error) => this.fail(error));
    this.ended = new Promise((resolve) => {
      this.worker.on("exit", (code) => {
        this.fail(new Error(`worker ended with code ${code}`));
        resolve();
      });
    });
  }

  /** Makes a float32 buffer of zeros in the worker, in place of one of that name; bindings keep the old one. */
  allocate(name: string, length: number): Promise<undefined> {
    return this.ask("allocate", { name, length });
  }

  /**
   * Makes buffers of zeros that lie in one memory, on which WebAssembly kernels work in place (`HostMemory.heap`).
   *
   * @param sizes  name → number of float32 elements; 4 GiB in all
   */
  allocateTogether(sizes: Readonly<Record<string, number>>): Promise<undefined> {
    return this.ask("allocateTogether", { sizes });
  }

  /** Resolves when ONNX Runtime is loaded. @throws {RunError} `engine/worker` where its binary cannot be opened */
  ready(): Promise<undefined> {
    return this.ask("release", { name: "" });
  }

  /** Forgets a buffer. */
  release(name: string): Promise<undefined> {
    return this.ask("release", { name });
  }

  /** Copies `data` into a view of the same size. */
  write(view: View, data: Float32Array): Promise<undefined> {
    return this.ask("write", { view, data: compact(data) });
  }

  /** A copy of a view. */
  read(view: View): Promise<Float32Array> {
    return this.ask("read", { view });
  }

  /** The session of a structure key: built and compiled when it is not loaded, the least recently used released. */
  async session(key: string, build: () => Program): Promise<Session> {
    const known = this.loaded.get(key);
    const session = known ? this.use(key, known) : this.load({ key, program: build() });
    this.evict();
    return session;
  }

  /** Gives back what sessions hold that are not needed any more; one that is run after all is compiled again. */
  unload(keys: readonly string[]): void {
    for (const key of keys) {
      if (!this.loaded.delete(key)) continue;
      // Releasing fails only with the worker, and then every later request says so.
      this.ask("dispose", { session: key }).catch(() => undefined);
    }
  }

  /** Fixes feeds and targets of a program once, so that a step does not send hundreds of names. */
  async bind(feeds: Record<string, View>, into: Record<string, View>): Promise<Binding> {
    const id = this.next++;
    await this.ask("bind", { binding: id, feeds, fetches: into });
    return { id, feeds, into };
  }

  /** Runs sessions one after another in a single round trip; returns each one's fresh results. */
  async run(requests: readonly RunRequest[]): Promise<readonly Results[]> {
    const calls = requests.map(toCall);
    const loads = requests.map(({ session }) => {
      const known = this.loaded.get(session.key);
      return known ? this.use(session.key, known) : this.load(session);
    });
    const run = this.ask("run", { calls });
    this.evict(); // after the run is queued: the worker serves in order, so nothing is released before it ran
    const [results] = await Promise.all([run, ...loads]);
    return results;
  }

  /** Calls `name(memory, argument)` of a built module beside the buffers. `module` is an address from `builtUrl`. */
  host(module: URL, name: string, argument: unknown): Promise<unknown> {
    return this.ask("host", { module: module.href, name, argument });
  }

  /** Rejects what is under way and ends the thread; resolves when it is gone. A run that has begun is finished first. */
  async close(): Promise<void> {
    this.closing = true;
    this.failure ??= new RunError("engine/closed", "engine: used after it was closed");
    this.rejectAll(this.failure);
    const stop: Stop = { kind: "stop" };
    this.worker.ref();
    this.worker.postMessage(stop);
    await this.ended;
  }

  private load(session: Session): Promise<Session> {
    const { key, program } = session;
    const compiled = this.ask("compile", { session: key, bytes: program.bytes }).then(() => session);
    this.use(key, compiled);
    // Whoever awaits it sees the failure; here it is only forgotten, so that the key can be tried again.
    compiled.catch(() => this.loaded.get(key) === compiled && this.loaded.delete(key));
    return compiled;
  }

  /** Makes a session the most recently used one. */
  private use(key: string, session: Promise<Session>): Promise<Session> {
    this.loaded.delete(key);
    this.loaded.set(key, session);
    return session;
  }

  private evict(): void {
    const isFull = process.memoryUsage.rss() > this.memory;
    const kept = Math.min(
      this.maxSessions,
      isFull ? Math.max(LEAST, this.loaded.size - 1) : this.loaded.size,
    );
    this.unload([...this.loaded.keys()].slice(0, -kept));
  }

  private ask<K extends keyof Requests & keyof Replies>(kind: K, request: Requests[K]): Promise<Replies[K]> {
    if (this.failure) return Promise.reject(this.failure);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ kind, id, ...request });
    });
  }

  private settle(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (this.waiting.size === 0 && !this.closing) this.worker.unref();
    // The worker answers each kind of request with that kind's reply; the map between cannot carry the type.
    if (reply.ok) waiting?.resolve(reply.value as never);
    else if (reply.code !== undefined) waiting?.reject(new ConfigError(reply.code, reply.message));
    else waiting?.reject(new RunError("engine/run", `engine: ${reply.message}`));
  }

  private fail(error: Error): void {
    this.failure ??= new RunError("engine/worker", `engine: the worker thread failed: ${error.message}`, {
      cause: error,
    });
    this.rejectAll(this.failure);
  }

  private rejectAll(reason: Error): void {
    for (const { reject } of this.waiting.values()) reject(reason);
    this.waiting.clear();
  }
}

/** What a thread of Node has. */
const STACK_MB = 4;

/**
 * ONNX Runtime reads the process's command line when a session is made, by recursion: about 270 bytes of stack for each
 * letter, which a thread lacks from 16,000 letters on. Stack that is not used costs no memory.
 */
function stackSize(): number {
  const letters = existsSync(COMMAND_LINE) ? readFileSync(COMMAND_LINE).length : 0;
  return STACK_MB + Math.ceil((512 * letters) / 2 ** 20);
}

const COMMAND_LINE = "/proc/self/cmdline";

function toCall({ session, feeds, into = {}, binding }: RunRequest): Call {
  const { program } = session;
  const fed = Object.entries({ ...binding?.feeds, ...feeds });
  const sizes = sizesOf(
    program.inputs,
    fed.map(([name, { shape }]) => [name, shape] as const),
  );
  const fetches: Record<string, View | Fresh> = {};
  for (const [name, { dtype, shape }] of program.outputs) {
    if (binding && name in binding.into) continue;
    fetches[name] = into[name] ?? { dtype, shape: evaluate(shape, sizes) };
  }
  return {
    session: session.key,
    feeds: compactFeeds(feeds),
    fetches,
    ...(binding ? { binding: binding.id } : {}),
  };
}

/** A message carries the whole memory an array lies in: a part of something large is copied first. */
function compact<A extends Tensor["data"]>(data: A): A {
  // `slice` gives back an array of its own kind.
  return data.byteLength === data.buffer.byteLength ? data : (data.slice() as A);
}

function compactFeeds(feeds: RunRequest["feeds"]): RunRequest["feeds"] {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, source]) => [
      name,
      "buffer" in source ? source : { ...source, data: compact(source.data) },
    ]),
  );
}
