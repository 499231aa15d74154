/**
 * The worker thread: ONNX Runtime's sessions and every large buffer live here, so that the caller's event loop stays
 * free (`run()` is synchronous native code behind a promise) and weights, gradients and moments never travel.
 *
 * Requests are served strictly in order. Nothing here knows what the numbers mean.
 */

import { parentPort, workerData } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import { sizeOf, type Tensor } from "../base/tensor.ts";
import { SEAL } from "../graph/program.ts";
import type { Call, Fresh, HostMemory, Reply, Request, Results, View, WorkerSettings } from "./protocol.ts";

const settings: WorkerSettings = workerData;
const buffers = new Map<string, Float32Array>();
const sessions = new Map<number, ort.InferenceSession>();
const bindings = new Map<
  number,
  { feeds: Record<string, ort.Tensor>; fetches: Record<string, ort.Tensor> }
>();
const memory: HostMemory = { view: window, state: new Map() };

function window({ buffer, offset, shape }: View): Float32Array {
  const data = buffers.get(buffer);
  const length = sizeOf(shape);
  if (data === undefined || offset + length > data.length) {
    throw new RangeError(
      `buffer ${buffer}: expected at least ${offset + length} elements, got ${data?.length ?? 0}`,
    );
  }
  return data.subarray(offset, offset + length);
}

function bound(source: View | Tensor): ort.Tensor {
  if ("buffer" in source) return new ort.Tensor("float32", window(source), source.shape);
  const { dtype, data, shape } = source;
  // ONNX Runtime's constructor is overloaded by element type; ours are the same names and arrays, bfloat16 apart.
  return new ort.Tensor(dtype as "float32", data as Float32Array, shape);
}

function blank({ dtype, shape }: Fresh): Tensor {
  const n = sizeOf(shape);
  if (dtype === "float64") return { dtype, shape, data: new Float64Array(n) };
  if (dtype === "int64") return { dtype, shape, data: new BigInt64Array(n) };
  if (dtype === "int32") return { dtype, shape, data: new Int32Array(n) };
  if (dtype === "bool") return { dtype, shape, data: new Uint8Array(n) };
  return { dtype: "float32", shape, data: new Float32Array(n) };
}

async function compile(id: number, bytes: Uint8Array): Promise<void> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: [settings.provider],
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    enableCpuMemArena: settings.arena,
    logSeverityLevel: 3,
  });
  sessions.set(id, session);
}

async function run(call: Call): Promise<Results> {
  const session = sessions.get(call.session);
  if (session === undefined) throw new RangeError(`session ${call.session} is not loaded`);
  const fixed = bindings.get(call.binding ?? -1);
  const feeds: Record<string, ort.Tensor> = { ...fixed?.feeds };
  for (const [name, source] of Object.entries(call.feeds)) feeds[name] = bound(source);
  const fetches: Record<string, ort.Tensor | null> = { [SEAL]: null, ...fixed?.fetches };
  const fresh: Record<string, Tensor> = {};
  for (const [name, target] of Object.entries(call.fetches)) {
    if (!("buffer" in target)) fresh[name] = blank(target);
    fetches[name] = bound("buffer" in target ? target : (fresh[name] ?? blank(target)));
  }
  try {
    await session.run(feeds, fetches);
  } catch (error) {
    // The seal (see graph/program.ts): everything was computed, and the copying that would follow is skipped.
    if (!(error instanceof Error && error.message.startsWith("Non tensor type"))) throw error;
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
      buffers.set(request.name, new Float32Array(request.length));
      return;
    case "release":
      buffers.delete(request.name);
      return;
    case "write":
      window(request.view).set(request.data);
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
        Object.fromEntries(Object.entries(views).map(([name, view]) => [name, bound(view)]));
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

let last: Promise<void> = Promise.resolve();
parentPort?.on("message", (request: Request) => {
  last = last.then(async () => {
    let reply: Reply;
    try {
      reply = { id: request.id, ok: true, value: await serve(request) };
    } catch (error) {
      reply = { id: request.id, ok: false, message: error instanceof Error ? error.message : String(error) };
    }
    parentPort?.postMessage(reply, transferable(reply));
  });
});

/** Buffers of a reply that can move instead of being copied. */
function transferable(reply: Reply): ArrayBuffer[] {
  return reply.ok && reply.value instanceof Float32Array && reply.value.buffer instanceof ArrayBuffer
    ? [reply.value.buffer]
    : [];
}
