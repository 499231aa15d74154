/** A browser, as the runtime's host: web workers and fetch. build/bundles.mjs puts it in the place of node.ts. */

import { RunError } from "../base/errors.ts";
import { fetchBytes, type Handed, type Host, type Port, type Thread } from "./host.ts";
import { kernelBytes, threadCode } from "./inside.ts";

/** What a worker and a worker's own global scope have in common; this project is compiled without a browser's types. */
interface BrowserPort {
  postMessage(message: unknown, transfer?: readonly Handed[]): void;
  addEventListener(
    kind: string,
    heard: (event: { readonly data: unknown; readonly message?: string }) => void,
  ): void;
}

interface BrowserWorker extends BrowserPort {
  terminate(): void;
}

declare const Worker: (new (url: unknown, options: { readonly type: "module" }) => BrowserWorker) | undefined;

/** There in browsers that have Trusted Types, whether the page asks for them or not. */
declare const trustedTypes: TrustedTypes | undefined;

interface TrustedTypes {
  createPolicy(name: string, rules: Rules): Rules;
}

interface Rules {
  readonly createScriptURL: (url: string) => unknown;
}

interface BrowserGlobals extends BrowserPort {
  /** True when the page was served so that its threads may share memory. */
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

/** The global object of a page or of a worker, whichever this runs in. */
declare const self: BrowserGlobals;

/** What a page's policy does to a thread says nothing of itself. */
const BLOCKED = "its code could not be loaded; a Content-Security-Policy has to allow worker-src blob:";

/** Threads that a page takes by itself, at most. */
const PAGE_THREADS = 4;

/** Where the bundle runs. */
export const host: Host = {
  threads: (asked) => {
    if (self.crossOriginIsolated !== true) return 1;
    return asked ?? Math.min(PAGE_THREADS, self.navigator?.hardwareConcurrency ?? 1);
  },
  read: fetchBytes,
  kernels: kernelBytes,
  startThread,
  ownPort,
};

/** One address for all threads; it stays, since a thread may be started at any time. */
let threadAddress: unknown;

/** The address of the thread's code, of the type that a page with `require-trusted-types-for 'script'` starts workers from. */
function addressOf(code: string): unknown {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  if (typeof trustedTypes === "undefined") return url;
  return trustedTypes
    .createPolicy("espalier-runtime", { createScriptURL: (same) => same })
    .createScriptURL(url);
}

/** @throws {RunError} `runtime/threads` where the page's policy has none started */
function startWorker(start: NonNullable<typeof Worker>): BrowserWorker {
  try {
    threadAddress ??= addressOf(threadCode());
    return new start(threadAddress, { type: "module" });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    const expected =
      "a worker, which a Content-Security-Policy has to allow (worker-src blob:, and trusted-types";
    throw new RunError("runtime/threads", `runtime: expected ${expected} espalier-runtime), got: ${got}`, {
      cause,
    });
  }
}

function startThread<Sent, Received>(): Thread<Sent, Received> {
  if (typeof Worker === "undefined") {
    const expected = "a page or worker that can start workers";
    throw new RunError("runtime/threads", `runtime: expected ${expected}, got none`);
  }
  const worker = startWorker(Worker);
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    hold: () => {},
    // What arrives was posted by thread.ts, in the types of protocol.ts.
    listen: (heard) => worker.addEventListener("message", ({ data }) => heard(data as Received)),
    lost: (told) => {
      worker.addEventListener("error", ({ message }) => told(new Error(message ?? BLOCKED)));
      worker.addEventListener("messageerror", () => told(new Error("a message could not be read")));
    },
    end: async () => worker.terminate(),
  };
}

function ownPort<Sent, Received>(): Port<Sent, Received> {
  return {
    post: (message, transfer = []) => self.postMessage(message, transfer),
    listen: (heard) => self.addEventListener("message", ({ data }) => heard(data as Received)), // as above
  };
}
