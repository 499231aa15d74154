/**
 * A thread of the runtime. The first opens the model, is given texts and leaves logits; the others follow it through
 * each pass, on the memory that they share.
 */

import { EspalierError } from "../base/errors.ts";
import { Arena } from "../sparse/arena.ts";
import { passesOf, writeBatch } from "../sparse/batch.ts";
import { decodeEsp, type EspModel } from "../sparse/esp/model.ts";
import { forward, readLogits, type Worker } from "../sparse/forward.ts";
import { type Kernels, kernelsOf } from "../sparse/kernels.ts";
import type { PlacedLinear } from "../sparse/linear.ts";
import { type PlacedLayer, type PlacedModel, placeModel } from "../sparse/model.ts";
import type { Port } from "./host.ts";
import { MEETING_BYTES, type Meeting, meetingAt } from "./meeting.ts";
import { compileKernels } from "./module.ts";
import { host } from "./node.ts";
import type { Answer, Failure, KernelReport, Opened, Request, Shared } from "./protocol.ts";
import { measureRates } from "./rates.ts";

type Own = Port<Answer, Request>;

/** The first thread's part, once a model is open. */
interface Leader {
  readonly worker: Worker;
  readonly meeting: Meeting;
}

async function open(request: Extract<Request, { kind: "open" }>): Promise<[Leader, Opened]> {
  const { file, where, threads } = request;
  const isShared = threads > 1;
  const [model, compiled] = [await decodeEsp(file, where), await compileKernels(isShared)];
  const trial = new Arena(isShared);
  const rates = request.rates ?? measureRates(kernelsOf(compiled, trial.memory), trial);
  const arena = new Arena(isShared);
  const placed = placeModel(arena, model, { rates, threads });
  const meeting = arena.allocate(MEETING_BYTES);
  const { memory } = arena;
  const shared: Shared = { memory, compiled, model: placed, threads, meeting };
  const leader = joined(shared, 0, kernelsOf(compiled, memory));
  const report: KernelReport = {
    rates,
    fused: compiled.fused,
    wide: compiled.wide,
    kernels: kernelCounts(placed),
    density: encoderDensity(placed, model),
    memory: arena.bytes,
  };
  const { config, head, vocabulary, metadata } = model;
  return [leader, { config, head, vocabulary, metadata, report, ...(isShared ? { shared } : {}) }];
}

function joined({ memory, model, threads, meeting: at }: Shared, thread: number, kernels: Kernels): Leader {
  const meeting = meetingAt(memory, at, threads);
  return { meeting, worker: { kernels, memory, model, thread, threads, meet: meeting.meet } };
}

function matricesOf({ layers }: PlacedModel): PlacedLinear[] {
  return layers.flatMap(({ attention, attentionOutput, intermediate, output }: PlacedLayer) => [
    ...(attention ? [attention.query, attention.key, attention.value] : []),
    attentionOutput,
    ...(intermediate ? [intermediate] : []),
    output,
  ]);
}

function kernelCounts(model: PlacedModel): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kernel } of matricesOf(model)) counts[kernel] = (counts[kernel] ?? 0) + 1;
  return counts;
}

/** Of the encoder's weights, the share that is not 0. */
function encoderDensity(model: PlacedModel, { tensors }: EspModel): number {
  const entries = matricesOf(model).reduce((n, { rows, columns }) => n + rows * columns, 0);
  let kept = 0;
  for (const [name, tensor] of tensors) {
    if (!name.startsWith("bert.encoder.") || !name.endsWith(".weight") || name.includes("LayerNorm"))
      continue;
    kept += nonzeroOf("height" in tensor ? tensor.values : tensor.data);
  }
  return entries === 0 ? 0 : kept / entries;
}

function nonzeroOf(numbers: Float32Array): number {
  let nonzero = 0;
  for (let i = 0; i < numbers.length; i++) if (numbers[i] !== 0) nonzero++;
  return nonzero;
}

/** All texts, pass by pass. */
function run({ worker, meeting }: Leader, texts: Extract<Request, { kind: "run" }>["texts"]): Float32Array {
  const { model, memory } = worker;
  const logits = new Float32Array(texts.length * model.labels);
  let done = 0;
  for (const pass of passesOf(texts, model)) {
    writeBatch(memory, model, pass);
    meeting.begin();
    forward(worker);
    logits.set(readLogits(memory, model, pass.length), done * model.labels);
    done += pass.length;
  }
  return logits;
}

/** Never returns: the thread is ended from outside. */
function follow({ worker, meeting }: Leader, port: Own): void {
  let pass = meeting.passes();
  port.post({ kind: "following" });
  try {
    for (;;) {
      pass = meeting.next(pass);
      forward(worker);
    }
  } catch (error) {
    meeting.leave();
    throw error;
  }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof EspalierError) return { name: error.name, code: error.code, message };
  return {
    name: "RunError",
    code: "runtime/failed",
    message: `runtime: expected logits, got an error: ${message}`,
  };
}

function start(): void {
  const port: Own = host.ownPort();
  let leader: Leader | undefined;
  const answer = async (request: Request): Promise<void> => {
    if (request.kind === "follow") {
      const { shared, thread } = request;
      follow(joined(shared, thread, kernelsOf(shared.compiled, shared.memory)), port);
    } else if (request.kind === "open") {
      const [opened, facts] = await open(request);
      leader = opened;
      port.post({ kind: "opened", opened: facts });
    } else if (leader) {
      const logits = run(leader, request.texts);
      port.post({ kind: "logits", id: request.id, logits }, [logits.buffer as ArrayBuffer]); // made above, not shared
    }
  };
  port.listen((request) => {
    answer(request).catch((error: unknown) => {
      const id = request.kind === "run" ? { id: request.id } : {};
      port.post({ kind: "failed", ...id, failure: failureOf(error) });
    });
  });
}

start();
