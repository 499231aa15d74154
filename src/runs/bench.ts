/**
 * `espalier bench`: models and engines side by side on this machine: bytes, load time, memory, latency and throughput.
 *
 * Each contender, one model in one engine, is written to a file and lives in a process of its own (contender.ts).
 * Loading is timed in fresh processes, one contender after the other and again; then all are loaded, and take turns.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkLength } from "../network/inference.ts";
import { countParameters } from "../network/network.ts";
import type { BenchContender, BenchResult, Throughput } from "./answers.ts";
import { ENGINES, type EngineName } from "./bench-engines.ts";
import { benchVerdict } from "./bench-verdict.ts";
import { type ContenderSpec, type OpenContender, openContender } from "./contender.ts";
import { resolveOptions } from "./fields.ts";
import { quantile, timeContenders } from "./latency.ts";
import { codeVersion, describeMachine, measureFile } from "./machine.ts";
import { BENCH, type BenchOptions, type BenchSettings } from "./model-options.ts";
import { loadModel } from "./models.ts";
import type { RunContext } from "./progress.ts";
import type { Latency } from "./result.ts";

/** Processes that load a file before the one that stays. */
const EXTRA_LOADS = 2;
/** Tokens of the text that is answered first; fewer when the model has fewer positions. */
const PROBE = 32;

/** A contender's file, with what is known without running it. */
interface Entry extends Pick<BenchContender, "model" | "engine" | "parameters" | "sparsity" | "bytes"> {
  readonly spec: ContenderSpec;
}

/** An entry in its process. */
interface Loaded extends Entry {
  readonly process: OpenContender;
  /** Milliseconds of each loading. */
  readonly loads: readonly number[];
}

/**
 * Compares models and engines; the first is the reference.
 *
 * @throws {ConfigError} for options that do not fit
 * @throws {InputError} `inference/length` for a length that a model cannot take; for a model that cannot be read
 * @throws {RunError} `bench/contender` when an engine fails
 * @example await bench({ models: ["runs/half"], engines: ["onnx", "int8"], batchSizes: [1, 32] });
 */
export async function bench(options: BenchOptions, context: RunContext = {}): Promise<BenchResult> {
  const settings = resolveOptions(BENCH, options);
  const folder = await mkdtemp(join(tmpdir(), "espalier-bench-"));
  try {
    const entries = await writeEntries(settings, folder, context);
    const contenders = await measure(entries, settings, context);
    const machine = describeMachine(settings.threads);
    return { machine, contenders, verdict: benchVerdict(contenders) };
  } catch (error) {
    // An interrupt from the terminal reaches the processes too: their end is then no failure.
    context.signal?.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeEntries(
  { models, engines = enginesFor(models), lengths, threads, device }: BenchSettings,
  folder: string,
  context: RunContext,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const model of models) {
    const { network } = await loadModel(model, context);
    const { vocabSize, maxPositions } = network.config;
    for (const length of lengths) checkLength(length, maxPositions);
    const { total, nonzero, embeddings, nonzeroEmbeddings } = countParameters(network);
    for (const engine of engines) {
      context.signal?.throwIfAborted();
      context.report?.({ kind: "phase", name: `writing ${model} for ${engine}` });
      const file = join(folder, `${entries.length}.${engine}`);
      await writeFile(file, ENGINES[engine].write(network, await codeVersion()));
      entries.push({
        model,
        engine,
        parameters: { total, nonzero, embeddings },
        sparsity: 1 - (nonzero - nonzeroEmbeddings) / Math.max(1, total - embeddings),
        bytes: await measureFile(file),
        spec: { engine, file, vocabSize, length: Math.min(PROBE, maxPositions), threads, device },
      });
    }
  }
  return entries;
}

/** One model is compared with itself, several with each other. */
function enginesFor(models: readonly string[]): readonly EngineName[] {
  return models.length === 1 ? ["onnx", "int8"] : ["onnx"];
}

async function measure(
  entries: readonly Entry[],
  settings: BenchSettings,
  { report, signal }: RunContext,
): Promise<BenchContender[]> {
  const loaded: Loaded[] = [];
  try {
    report?.({ kind: "phase", name: "loading" });
    const loads = await timeLoads(entries, signal);
    for (const [i, entry] of entries.entries()) {
      const process = await openContender(entry.spec);
      loaded.push({ ...entry, process, loads: [...(loads[i] ?? []), process.opened.milliseconds] });
    }
    const { batchSizes, lengths, repetitions, caseSeconds: seconds } = settings;
    const latencies = await timeContenders(
      loaded.map(({ process }) => process),
      { batchSizes, lengths, repetitions, seconds, signal },
      ({ batchSize, length }) =>
        report?.({ kind: "phase", name: `timing batch ${batchSize} × ${length} tokens` }),
    );
    const contenders: BenchContender[] = [];
    for (const [i, one] of loaded.entries())
      contenders.push(await figuresOf(one, latencies[i] ?? [], loaded));
    return contenders;
  } finally {
    for (const { process } of loaded) process.close();
  }
}

/** Milliseconds of each entry's loading in processes that end again; entries take turns. */
async function timeLoads(entries: readonly Entry[], signal: AbortSignal | undefined): Promise<number[][]> {
  const loads = entries.map((): number[] => []);
  for (let round = 0; round < EXTRA_LOADS; round++) {
    for (const [i, { spec }] of entries.entries()) {
      signal?.throwIfAborted();
      const { opened, close } = await openContender(spec);
      loads[i]?.push(opened.milliseconds);
      close();
    }
  }
  return loads;
}

async function figuresOf(
  { spec: _, process, loads, ...entry }: Loaded,
  latency: readonly Latency[],
  all: readonly Loaded[],
): Promise<BenchContender> {
  const first = all.find(({ model }) => model === entry.model)?.process ?? process;
  return {
    ...entry,
    load: quantile(
      [...loads].sort((a, b) => a - b),
      0.5,
    ),
    memory: { loaded: process.opened.memory, peak: await process.peak() },
    difference: first === process ? null : largestDifference(process.opened.logits, first.opened.logits),
    latency,
    throughput: throughputOf(latency),
  };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] ?? Number.NaN))), 0);
}

/** The best batch of each length. */
function throughputOf(latency: readonly Latency[]): Throughput[] {
  const best = new Map<number, Throughput>();
  for (const { length, batchSize, p50 } of latency) {
    const examplesPerSecond = (1000 * batchSize) / p50;
    if (examplesPerSecond > (best.get(length)?.examplesPerSecond ?? 0)) {
      best.set(length, { length, examplesPerSecond, batchSize });
    }
  }
  return [...best.values()];
}
