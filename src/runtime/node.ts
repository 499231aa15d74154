/** Node, as the runtime's host: worker threads, files, V8's flags and ONNX Runtime. Not in a bundle for browsers. */

import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { parentPort, Worker } from "node:worker_threads";
import { workerFlags } from "../base/built-url.ts";
import { RunError } from "../base/errors.ts";
import { kernelBytes, threadCode } from "./beside.ts";
import { openDense } from "./engine-path.ts";
import { fetchBytes, type Host, type Port, type Thread } from "./host.ts";

/** The first V8 that joins vectors; older ones know the flag and do nothing, or do not know it. */
const FIRST_WIDE_V8 = 13;
/** The V8 of Node 20, the last that has relaxed SIMD under a flag; Node 22 has it without. */
const LAST_HIDING_V8 = 11;
const [V8 = 0] = process.versions.v8.split(".").map(Number);

/** Where the compiled runtime runs. */
export const host: Host = {
  threads: (asked = 1) => asked,
  read: (source, reading) => {
    const text = String(source);
    if (/^(?:https?|data|blob):/i.test(text)) return fetchBytes(source, reading);
    return readFile(/^file:/i.test(text) ? new URL(text) : source, { signal: reading.signal });
  },
  kernels: kernelBytes,
  startThread,
  ownPort,
  flags: {
    set: (flag, on) => setFlagsFromString(`--${on ? "" : "no-"}${flag}`),
    joinsVectors: process.arch === "x64" && V8 >= FIRST_WIDE_V8,
    hidesRelaxed: V8 <= LAST_HIDING_V8,
  },
  ...(openDense ? { openDense } : {}),
};

function startThread<Sent, Received>(): Thread<Sent, Received> {
  const code = threadCode();
  const worker = new Worker(code, { ...workerFlags(), eval: typeof code === "string" });
  worker.unref();
  let ended = false;
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    hold: (isAwaited) => {
      if (isAwaited || ended) worker.ref();
      else worker.unref();
    },
    listen: (heard) => {
      worker.on("message", heard);
    },
    lost: (told) => {
      worker.on("error", (error) => told(isMissing(error) ? new Error(error.message + BUNDLED) : error));
      worker.on("exit", (code) => {
        if (!ended) told(new Error(`it ended with code ${code}`));
      });
    },
    end: async () => {
      ended = true;
      worker.ref(); // until it is gone: whoever closes a model may wait for that alone
      await worker.terminate();
    },
  };
}

/** A bundler takes no worker along, so that its file is missing where the bundle lies. */
const BUNDLED = "; a bundle for Node keeps espalier external, or has espalier-runtime, which is one file";

function isMissing(error: Error): boolean {
  return "code" in error && (error.code === "MODULE_NOT_FOUND" || error.code === "ERR_MODULE_NOT_FOUND");
}

function ownPort<Sent, Received>(): Port<Sent, Received> {
  const port = parentPort;
  if (!port) throw new RunError("runtime/threads", "runtime: expected to run as a thread, got the main one");
  return {
    post: (message, transfer = []) => port.postMessage(message, [...transfer]),
    listen: (heard) => {
      port.on("message", heard);
    },
  };
}
