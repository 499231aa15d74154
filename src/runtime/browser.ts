/**
 * A browser, as the runtime's host: web workers and fetch. build/bundles.mjs puts it in the place of node.ts.
 *
 * The bundle is one file that looks for nothing beside itself: the thread's code and the kernels are inside, because
 * bundlers move files (Vite's development server bundles what it imports and leaves workers behind).
 */

import { RunError } from "../base/errors.ts";
import { kernelFile } from "../sparse/kernel-files.ts";
import { fetchBytes, type Host, type Port, type Thread } from "./host.ts";

/** The code of thread.ts, bundled; empty in the thread itself. Put in by build/bundles.mjs, as is the next. */
declare const ESPALIER_THREAD: string;
/** The kernels' files, one after the other, in gzip and base64, and how long each is; empty in the page. */
declare const ESPALIER_KERNELS: { readonly packed: string; readonly sizes: Readonly<Record<string, number>> };

/** What a worker and a worker's own global scope have in common; this project is compiled without a browser's types. */
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

declare const Worker: (new (url: string, options: { readonly type: "module" }) => BrowserWorker) | undefined;

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
  kernels: async (build) => kernelBytes(kernelFile(build)),
  startThread,
  ownPort,
};

/** All four differ little, so that together they are packed to a seventh; what can run them can unpack them. */
async function kernelBytes(file: string): Promise<Uint8Array> {
  const { packed, sizes } = ESPALIER_KERNELS;
  const size = sizes[file];
  if (size === undefined)
    throw new RunError("runtime/kernels", "kernels: expected them in the thread, got none");
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const before = Object.values(sizes).slice(0, Object.keys(sizes).indexOf(file));
  const start = before.reduce((sum, length) => sum + length, 0);
  return new Uint8Array(await new Response(unpacked).arrayBuffer(), start, size);
}

/** One address for all threads; it stays, since a thread may be started at any time. */
let threadAddress: string | undefined;

function startThread<Sent, Received>(): Thread<Sent, Received> {
  if (typeof Worker === "undefined") {
    const expected = "a page or worker that can start workers";
    throw new RunError("runtime/threads", `runtime: expected ${expected}, got none`);
  }
  threadAddress ??= URL.createObjectURL(new Blob([ESPALIER_THREAD], { type: "text/javascript" }));
  const worker = new Worker(threadAddress, { type: "module" });
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
