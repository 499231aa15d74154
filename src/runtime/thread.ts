/**
 * A thread of the runtime. The first opens the model, is given texts and leaves logits; the others follow it through
 * each pass, on the memory that they share.
 */

import { EspalierError, RunError } from "../base/errors.ts";
import { countNonzero } from "../base/tensor.ts";
import { readAnswers } from "../sparse/answers.ts";
import { Arena } from "../sparse/arena.ts";
import { type EncodedText, passesOf, writeBatch } from "../sparse/batch.ts";
import { decodeEsp, type EspModel, networkOf } from "../sparse/esp/model.ts";
import { forward } from "../sparse/forward.ts";
import { type CompiledKernels, type Kernels, kernelsOf } from "../sparse/kernels.ts";
import type { Rates } from "../sparse/linear.ts";
import { isPacked } from "../sparse/matrix.ts";
import { outputsOf, placeModel } from "../sparse/model.ts";
import type { PlacedLayer, PlacedModel } from "../sparse/placed.ts";
import type { PlacedProduct } from "../sparse/product.ts";
import type { Worker } from "../sparse/work.ts";
import type { ChannelEnd, Port } from "./host.ts";
import { MEETING_BYTES, type Meeting, meetingAt } from "./meeting.ts";
import { compileKernels, TRIAL_PAGES } from "./module.ts";
import { host } from "./node.ts";
import type {
  Answer,
  Failure,
  KernelReport,
  Machine,
  Opened,
  Placed,
  Question,
  Replies,
  Request,
  Shared,
} from "./protocol.ts";
import { measureRates, usableRates } from "./rates.ts";

type Own = Port<Answer, Request>;

/** The first thread's part, once a model is open. */
interface Leader {
  readonly worker: Worker;
  readonly meeting: Meeting;
}

/** What the first thread holds. */
interface State {
  /** From `open` to the first `run`, unless it was handed over. */
  model?: EspModel;
  density: number;
  leader?: Leader;
}

async function open(question: Extract<Question, { kind: "open" }>, port: Own): Promise<[EspModel, Opened]> {
  const report = (share: number): void => port.post({ kind: "progress", share });
  const model = await decodeEsp(question.file, question.where, report);
  const { config, head, vocabulary, metadata } = model;
  outputsOf(model);
  return [model, { config, head, vocabulary, metadata, ...countsOf(model) }];
}

async function place(
  model: EspModel,
  density: number,
  { threads, machine, rates, followers }: Extract<Question, { kind: "place" }>,
): Promise<[Leader, Placed]> {
  const isShared = threads > 1;
  const compiled = machine?.compiled ?? (await compileKernels(isShared));
  const known = rates ?? machine?.rates ?? ratesOf(compiled, isShared);
  const found: Machine = { compiled, rates: usableRates(known, compiled) };
  const arena = new Arena(isShared);
  const placed = placeModel(arena, model, { rates: found.rates, threads });
  const meeting = arena.allocate(MEETING_BYTES);
  const { memory } = arena;
  const shared: Shared = { memory, compiled, model: placed, threads, meeting };
  const leader = joinThread(shared, 0, kernelsOf(compiled, memory));
  const report: KernelReport = {
    rates: found.rates,
    fused: compiled.fused,
    wide: compiled.wide,
    kernels: kernelCounts(placed),
    density,
    memory: arena.bytes,
  };
  for (const port of followers) port.postMessage(shared);
  return [leader, { machine: found, report }];
}

function ratesOf(compiled: CompiledKernels, isShared: boolean): Rates {
  const trial = new Arena(isShared, TRIAL_PAGES);
  return measureRates(kernelsOf(compiled, trial.memory), trial, compiled.dot);
}

function joinThread(
  { memory, model, threads, meeting: at }: Shared,
  thread: number,
  kernels: Kernels,
): Leader {
  const meeting = meetingAt(memory, at, threads);
  return { meeting, worker: { kernels, memory, model, thread, threads, meet: meeting.meet } };
}

/** A port as browsers have it; Node's has this too, which its types leave out. */
type Heard = ChannelEnd & { onmessage: (event: { readonly data: Shared }) => void };

/** What the first thread sends, once. */
function receivedBy(port: ChannelEnd): Promise<Shared> {
  return new Promise((resolve) => {
    (port as Heard).onmessage = ({ data }) => {
      port.close();
      resolve(data);
    };
  });
}

function matricesOf({ layers }: PlacedModel): PlacedProduct[] {
  return layers.flatMap(({ attention, attentionOutput, intermediate, gate, output }: PlacedLayer) => [
    ...(attention ? [attention.query, attention.key, attention.value] : []),
    attentionOutput,
    ...(intermediate ? [intermediate] : []),
    ...(gate ? [gate] : []),
    output,
  ]);
}

function kernelCounts(model: PlacedModel): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kernel } of matricesOf(model)) counts[kernel] = (counts[kernel] ?? 0) + 1;
  return counts;
}

/** Numbers of all tensors, the encoder's weights among them, and the share of these that is not 0. */
function countsOf({ tensors }: EspModel): Pick<Opened, "numbers" | "weights" | "density"> {
  let [numbers, weights, kept] = [0, 0, 0];
  for (const [name, tensor] of tensors) {
    const size = isPacked(tensor) ? tensor.rows * tensor.columns : tensor.data.length;
    numbers += size;
    if (!name.startsWith("bert.encoder.") || !name.endsWith(".weight") || name.includes("LayerNorm"))
      continue;
    weights += size;
    kept += countNonzero(isPacked(tensor) ? tensor.values : tensor.data);
  }
  return { numbers, weights, density: weights === 0 ? 0 : kept / weights };
}

/** All texts, pass by pass. */
function run({ worker, meeting }: Leader, texts: readonly EncodedText[]): Float32Array<ArrayBuffer> {
  const { model, memory } = worker;
  const perText = (text: EncodedText): number => (model.head.kind === "tokens" ? text.ids.length : 1);
  const answers = new Float32Array(model.outputs * texts.reduce((n, text) => n + perText(text), 0));
  let done = 0;
  for (const pass of passesOf(texts, model)) {
    writeBatch(memory, model, pass);
    meeting.begin();
    forward(worker);
    const said = readAnswers(memory, model);
    answers.set(said, done);
    done += said.length;
  }
  return answers;
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
    message: `runtime: expected an answer, got an error: ${message}`,
  };
}

/** The answer to a question, and what of it is handed over instead of being copied. */
async function replyTo(
  question: Question,
  state: State,
  port: Own,
): Promise<readonly [Replies[keyof Replies], readonly ArrayBuffer[]]> {
  if (question.kind === "open") {
    const [model, opened] = await open(question, port);
    state.model = model;
    state.density = opened.density;
    return [opened, []];
  }
  if (question.kind === "run") {
    if (state.model) discard(state.model);
    delete state.model;
    const answers = run(held(state.leader, "a model that was placed"), question.texts);
    return [answers, [answers.buffer]];
  }
  const model = held(state.model, "a model that was opened and not handed over");
  if (question.kind === "place") {
    const [leader, placed] = await place(model, state.density, question);
    state.leader = leader;
    return [placed, []];
  }
  delete state.model;
  const network = networkOf(model);
  const buffers = [...network.tensors.values()].map(({ data }) => data.buffer as ArrayBuffer); // decoded here, not shared
  return [network, [...new Set(buffers)]];
}

/** Gives memory back at once: a thread that only answers makes no garbage, and would not collect it for hours. */
function discard({ tensors }: EspModel): void {
  const parts = [...tensors.values()].flatMap((tensor): unknown[] => Object.values(tensor));
  const buffers = parts.flatMap((part) => (ArrayBuffer.isView(part) ? [part.buffer as ArrayBuffer] : [])); // decoded here, not shared
  const { port1 } = new MessageChannel();
  port1.close();
  port1.postMessage(null, [...new Set(buffers)]);
}

function held<T>(value: T | undefined, expected: string): T {
  if (value !== undefined) return value;
  throw new RunError("runtime/order", `runtime: expected ${expected}, got none`);
}

function start(): void {
  const port: Own = host.ownPort();
  const state: State = { density: 0 };
  const answer = async (request: Request): Promise<void> => {
    if (request.kind === "follow") {
      const { from, thread } = request;
      const shared = await receivedBy(from);
      follow(joinThread(shared, thread, kernelsOf(shared.compiled, shared.memory)), port);
      return;
    }
    const [reply, handedOver] = await replyTo(request, state, port);
    port.post({ kind: "reply", id: request.id, reply }, handedOver);
  };
  port.listen((request) => {
    answer(request).catch((error: unknown) => {
      const id = request.kind === "follow" ? {} : { id: request.id };
      port.post({ kind: "failed", ...id, failure: failureOf(error) });
    });
  });
}

start();
