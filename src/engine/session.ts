/** How every ONNX Runtime session of the project is made. */

import * as ort from "onnxruntime-node";
import type { WorkerSettings } from "./protocol.ts";

/** Compiles a model from its bytes or the path of its file. Errors are ONNX Runtime's. */
export function createSession(
  model: Uint8Array | string,
  { threads, provider, arena }: WorkerSettings,
): Promise<ort.InferenceSession> {
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    enableCpuMemArena: arena,
    logSeverityLevel: 3,
  };
  return typeof model === "string"
    ? ort.InferenceSession.create(model, options)
    : ort.InferenceSession.create(model, options);
}
