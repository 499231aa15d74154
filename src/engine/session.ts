/** How every ONNX Runtime session of the project is made. */

import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import { ConfigError } from "../base/errors.ts";
import type { WorkerSettings } from "./protocol.ts";
import { withoutTelemetry } from "./telemetry.ts";

/** What ONNX Runtime says where the libraries of a provider, or a device for it, are not there. */
const ABSENT = /AppendExecutionProvider|Failed to get a WebGPU adapter/;

/**
 * Compiles a model from its bytes or the path of its file.
 * @throws {ConfigError} `engine/device` where the provider has no device here, `engine/threads`; else ONNX Runtime's own
 *   errors
 */
export async function createSession(
  model: Uint8Array | string,
  { threads, provider, arena }: WorkerSettings,
): Promise<ort.InferenceSession> {
  withoutTelemetry();
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: usableThreads(threads),
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    enableCpuMemArena: arena,
    logSeverityLevel: 3,
  };
  try {
    return typeof model === "string"
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  } catch (error) {
    if (!(error instanceof Error && ABSENT.test(error.message))) throw error;
    const reason = error.message.trim().split(": ").at(-1);
    throw new ConfigError(
      "engine/device",
      `device: expected one that ${provider} can use, got none here (${reason}); cpu, the default, needs none`,
      { cause: error },
    );
  }
}

/**
 * Threads that a session is given: one for each core at most. More of them only wait for each other, and where the
 * system gives none the process ends.
 *
 * @throws {ConfigError} `engine/threads`
 */
export function usableThreads(asked: number): number {
  if (Number.isInteger(asked) && asked >= 1) return Math.min(asked, availableParallelism());
  throw new ConfigError("engine/threads", `threads: expected a whole number, 1 or more, got ${asked}`);
}
