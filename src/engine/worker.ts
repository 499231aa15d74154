/**
 * The worker thread: ONNX Runtime's sessions and every large buffer live here, so that the caller's event loop stays
 * free (`run()` is synchronous native code behind a promise) and weights, gradients and moments never travel.
 *
 * Requests are served strictly in order. Nothing here knows what the numbers mean.
 */

import { parentPort, workerData } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import { ConfigError } from "../base/errors.ts";
import { sizeOf, type Tensor, zeros } from "../base/tensor.ts";
import type { WasmMemory } from "../base/wasm.ts";
import { SEAL } from "../graph/program.ts";
import type { Call, HostMemory, Reply, Request, Results, Stop, View, WorkerSettings } from "./protocol.ts";
import { createSession } from "./session.ts";

const settings: WorkerSettings = workerData;
const buffers = new Map<string, Float32Array>();
const sessions = new Map<string, ort.InferenceSession>();
const bindings = new Map<
  number,
  { feeds: Record<string, ort.Tensor>; fetches: Record<string, ort.Tensor> }
>();
const heaps = new Map<string, WasmMemory>();
const memory: HostMemory = { view: window, heap: heapOf, state: new Map() };

function window({ buffer, offset, shape }: View): Float32Array {
  const data = buffers.get(buffer);
  const length = sizeOf(shape);
  if (!Number.isInteger(length) || !Number.isInteger(offset) || offset < 0) {
    throw new RangeError(`buffer ${buffer}: expected a view, got [${shape}] at ${offset}`);
  }
  if (data === undefined || offset + length > data.length) {
    throw new RangeError(
      `buffer ${buffer}: expected at least ${offset + length} elements, got ${data?.length ?? 0}`,
    );
  }
  return data.subarray(offset, offset + length);
}

function heapOf(buffer: string): WasmMemory {
  const heap = heaps.get(buffer);
  if (heap === undefined) throw new RangeError(`buffer ${buffer}: expected one that was allocated together`);
  return heap;
}

/** Bytes of a page of WebAssembly memory; the first page stays empty, so that no buffer has address 0. */
const PAGE = 65_536;

/** Buffers of zeros in one WebAssembly memory, each at a multiple of 64 bytes. */
function allocateTogether(sizes: Readonly<Record<string, number>>): void {
  const places: [string, number, number][] = [];
  let end = PAGE;
  for (const [name, length] of Object.entries(sizes)) {
    places.push([name, end, length]);
    end = Math.ceil((end + 4 * length) / 64) * 64;
  }
  const pages = Math.ceil(end / PAGE);
  if (pages > 65_536) {
    throw new RangeError(
      `memory: expected at most 4 GiB for ${Object.keys(sizes).join(", ")}, got ${(end / 2 ** 30).toFixed(1)} GiB`,
    );
  }
  const heap = new WebAssembly.Memory({ initial: pages, maximum: pages });
  for (const [name, at, length] of places) {
    buffers.set(name, new Float32Array(heap.buffer, at, length));
    heaps.set(name, heap);
  }
}

function write(view: View, data: Float32Array): void {
  const target = window(view);
  if (target.length !== data.length) {
    throw new RangeError(`buffer ${view.buffer}: expected ${target.length} elements, got ${data.length}`);
  }
  target.set(data);
}

function bindTensor(source: View | Tensor): ort.Tensor {
  if ("buffer" in source) return new ort.Tensor("float32", window(source), source.shape);
  const { dtype, data, shape } = source;
  // ONNX Runtime's constructor is overloaded by element type; ours are the same names and arrays, bfloat16 apart.
  return new ort.Tensor(dtype as "float32", data as Float32Array, shape);
}

async function compile(key: string, bytes: Uint8Array): Promise<void> {
  const session = await createSession(bytes, settings);
  sessions.set(key, session);
}

async function run(call: Call): Promise<Results> {
  const session = sessions.get(call.session);
  if (session === undefined) throw new RangeError(`session ${call.session} is not loaded`);
  const fixed = call.binding === undefined ? undefined : bindings.get(call.binding);
  if (call.binding !== undefined && fixed === undefined) throw new RangeError(`no binding ${call.binding}`);
  const feeds: Record<string, ort.Tensor> = { ...fixed?.feeds };
  for (const [name, source] of Object.entries(call.feeds)) feeds[name] = bindTensor(source);
  const sealed = session.outputNames[0] === SEAL;
  const fetches: Record<string, ort.Tensor | null> = { ...(sealed && { [SEAL]: null }), ...fixed?.fetches };
  const fresh: Record<string, Tensor> = {};
  for (const [name, target] of Object.entries(call.fetches)) {
    const place = "buffer" in target ? target : zeros(target.dtype, target.shape);
    if ("data" in place) fresh[name] = place;
    fetches[name] = bindTensor(place);
  }
  try {
    await session.run(feeds, fetches);
  } catch (error) {
    // The seal (see graph/program.ts): everything was computed, and the copying that would follow is skipped.
    if (!(sealed && error instanceof Error && error.message.startsWith("Non tensor type"))) throw error;
  }
  return fresh;
}

async function host(module: string, name: string, argument: unknown): Promise<unknown> {
  const kernel: unknown = (await import(module))[name];
  if (typeof kernel !== "function") throw new RangeError(`${module} exports no function ${name}`);
  return kernel(memory, argument);
}

async function serve(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "allocate":
      heaps.delete(request.name);
      buffers.set(request.name, new Float32Array(request.length));
      return;
    case "allocateTogether":
      return allocateTogether(request.sizes);
    case "release":
      heaps.delete(request.name);
      buffers.delete(request.name);
      return;
    case "write":
      write(request.view, request.data);
      return;
    case "read":
      return window(request.view).slice();
    case "compile":
      return compile(request.session, request.bytes);
    case "dispose":
      await sessions.get(request.session)?.release();
      sessions.delete(request.session);
      return;
    case "bind": {
      const tensors = (views: Record<string, View>): Record<string, ort.Tensor> =>
        Object.fromEntries(Object.entries(views).map(([name, view]) => [name, bindTensor(view)]));
      bindings.set(request.binding, { feeds: tensors(request.feeds), fetches: tensors(request.fetches) });
      return;
    }
    case "run": {
      const results: Results[] = [];
      for (const call of request.calls) results.push(await run(call));
      return results;
    }
    case "host":
      return host(request.module, request.name, request.argument);
  }
}

/** Answers a request; a result that cannot travel is a failure like any other. */
async function answer(request: Request): Promise<void> {
  const { id } = request;
  const post = (reply: Reply): void => parentPort?.postMessage(reply, transferable(reply));
  try {
    post({ id, ok: true, value: await serve(request) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    post({ id, ok: false, message, ...(error instanceof ConfigError && { code: error.code }) });
  }
}

let last: Promise<void> = Promise.resolve();
let stopped = false;
parentPort?.on("message", (request: Request | Stop) => {
  // The thread ends itself between two runs: one that is terminated inside native code takes the process with it.
  if (request.kind === "stop") {
    stopped = true;
    last = last.then(() => process.exit(0));
  } else last = last.then(() => (stopped ? undefined : answer(request)));
});

/** Memory of a reply that can move instead of being copied: a large array that is no part of a buffer here. */
function transferable(reply: Reply): ArrayBuffer[] {
  const memory = reply.ok && reply.value instanceof Float32Array ? reply.value.buffer : undefined;
  const ours = [...buffers.values()].some(({ buffer }) => buffer === memory);
  return memory instanceof ArrayBuffer && !ours ? [memory] : [];
}
