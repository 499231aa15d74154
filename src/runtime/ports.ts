/**
 * Threads, the same in Node and in a browser: start one, send it values, receive what it answers.
 *
 * Browser-safe: Node's module is only imported where there is Node. Not here: what is said (protocol.ts).
 */

import { RunError } from "../base/errors.ts";
import { builtUrl } from "../engine/built-url.ts";

/** One end of a conversation between two threads. */
export interface Port<Sent, Received> {
  post(message: Sent, transfer?: readonly ArrayBuffer[]): void;
  /** Called for every message from now on. */
  listen(heard: (message: Received) => void): void;
}

/** A thread that was started. */
export interface Thread<Sent, Received> extends Port<Sent, Received> {
  /** Called once when the thread is lost; not after `end`. */
  lost(told: (cause: Error) => void): void;
  end(): Promise<void>;
}

/** True in Node, whose threads and files are not a browser's. */
export function inNode(): boolean {
  return typeof process === "object" && typeof process.versions?.node === "string";
}

/** What a browser's `Worker` and a worker's own global scope have in common; this project is compiled without their types. */
interface BrowserPort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  addEventListener(
    kind: string,
    heard: (event: { readonly data: unknown; readonly message?: string }) => void,
  ): void;
}

interface BrowserWorker extends BrowserPort {
  terminate(): void;
}

interface BrowserGlobals extends BrowserPort {
  readonly Worker?: new (url: URL, options: { readonly type: "module" }) => BrowserWorker;
}

// The global object of whichever place this runs in; every use checks what it takes.
const browser = globalThis as unknown as BrowserGlobals;

/** Starts thread.ts. */
export async function startThread<Sent, Received>(): Promise<Thread<Sent, Received>> {
  return inNode() ? startNodeThread() : startBrowserThread();
}

async function startNodeThread<Sent, Received>(): Promise<Thread<Sent, Received>> {
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(builtUrl("./thread.js", import.meta.url));
  let ended = false;
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    listen: (heard) => {
      worker.on("message", heard);
    },
    lost: (told) => {
      worker.on("error", told);
      worker.on("exit", (code) => {
        if (!ended) told(new Error(`it ended with code ${code}`));
      });
    },
    end: async () => {
      ended = true;
      await worker.terminate();
    },
  };
}

function startBrowserThread<Sent, Received>(): Thread<Sent, Received> {
  if (!browser.Worker) {
    throw new RunError(
      "runtime/threads",
      "runtime: expected a page or worker that can start workers, got none",
    );
  }
  const worker = new browser.Worker(new URL("./thread.js", import.meta.url), { type: "module" });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    // What arrives was posted by thread.ts, in the types of protocol.ts.
    listen: (heard) => worker.addEventListener("message", ({ data }) => heard(data as Received)),
    lost: (told) =>
      worker.addEventListener("error", ({ message }) => told(new Error(message ?? "it could not be loaded"))),
    end: async () => worker.terminate(),
  };
}

/** The port of the thread that this runs in to the one that started it. */
export async function ownPort<Sent, Received>(): Promise<Port<Sent, Received>> {
  if (!inNode()) {
    return {
      post: (message, transfer = []) => browser.postMessage(message, transfer),
      listen: (heard) => browser.addEventListener("message", ({ data }) => heard(data as Received)), // as above
    };
  }
  const { parentPort } = await import("node:worker_threads");
  if (!parentPort)
    throw new RunError("runtime/threads", "runtime: expected to run as a thread, got the main one");
  return {
    post: (message, transfer = []) => parentPort.postMessage(message, [...transfer]),
    listen: (heard) => {
      parentPort.on("message", heard);
    },
  };
}
