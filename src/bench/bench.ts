/**
 * `espalier bench`: models and engines side by side on this machine: bytes, load time, memory, latency and throughput.
 *
 * Each contender, one model in one engine, is written to a file and lives in a process of its own (contender.ts).
 * Where a dense engine and the sparse runtime meet, copies of the model with more zeros find the share at which they are even.
 * Loading is timed in fresh processes, one contender after the other and again; then all are loaded, and take turns.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { keyOf } from "../base/random.ts";
import { quantile } from "../base/statistics.ts";
import { largestGap } from "../base/tensor.ts";
import { poolingOf } from "../bert/config.ts";
import { timeContenders } from "../measure/latency.ts";
import { describeMachine, measureFile } from "../measure/machine.ts";
import type { Latency } from "../measure/result.ts";
import { checkLength } from "../network/inference.ts";
import { countParameters } from "../network/network.ts";
import { BENCH, type BenchOptions, type BenchSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { isEsp, type LoadedModel, loadModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import type { BenchContender, BenchResult, BreakEven, Throughput } from "./answer.ts";
import { breakEvens } from "./break-even.ts";
import { type ContenderSpec, type OpenContender, openContender } from "./contender.ts";
import { ENGINE_NAMES, ENGINES, type EngineName, type EngineSource } from "./engines.ts";
import { encoderZeros, isOnLine, probeShares, withRandomZeros } from "./probe.ts";
import { benchVerdict } from "./verdict.ts";

/** Processes that load a file before the one that stays; none where so few timed runs were asked for that a rough answer will do. */
const EXTRA_LOADS = 2;
const ROUGH = 10;
/** Tokens of the text that is answered first; fewer when the model has fewer positions. */
const PROBE = 32;

/** Tokens of the timed texts, where none are typed and no model takes fewer. */
const LENGTHS = [32, 128];

/** A contender's file, with what is known without running it. */
interface Entry extends Pick<BenchContender, "model" | "engine" | "parameters" | "sparsity" | "bytes"> {
  readonly spec: ContenderSpec;
  /** The most tokens that the model takes. */
  readonly positions: number;
  /** Timed for the break-even alone: the model with more zeros. */
  readonly isProbe: boolean;
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
 * @throws {ConfigError} for options that do not fit, `bench/engine` for an engine that cannot run a model
 * @throws {InputError} `inference/length` for a length that a model cannot take; for a model that cannot be read
 * @throws {RunError} `bench/contender` when an engine fails; {InterruptedError} `bench/stopped`
 * @example await bench({ models: ["runs/half"], engines: ["onnx", "int8"], batchSizes: [1, 32] });
 */
export async function bench(options: BenchOptions, context: RunContext = {}): Promise<BenchResult> {
  const settings = resolveOptions(BENCH, options);
  return perform("bench", context, () => benchModels(settings, context));
}

async function benchModels(settings: BenchSettings, context: RunContext): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), "espalier-bench-"));
  try {
    const entries = await writeEntries(settings, folder, context);
    const measured = await measure(entries, settings, context);
    return { machine: describeMachine(settings.threads), ...measured };
  } catch (error) {
    // An interrupt from the terminal reaches the processes too: their end is then no failure.
    context.signal?.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeEntries(settings: BenchSettings, folder: string, context: RunContext): Promise<Entry[]> {
  const entries: Entry[] = [];
  const write = async (model: string, engine: EngineName, source: EngineSource, isProbe: boolean) => {
    context.signal?.throwIfAborted();
    context.report?.({ kind: "phase", name: `writing ${model} for ${engine}` });
    const place = join(folder, String(entries.length));
    entries.push(await writeEntry({ model, engine, source, isProbe }, place, settings));
  };
  for (const model of settings.models) {
    const loaded = await loadModel(model, context);
    const { network } = loaded;
    for (const length of settings.lengths ?? []) checkLength(length, network.config.maxPositions);
    const engines = enginesFor(settings, loaded, context);
    const source = isEsp(loaded.path) ? { network, esp: loaded.path } : { network };
    for (const engine of engines) await write(model, engine, source, false);
    const isLine = engines.includes("sparse") && engines.some((engine) => ENGINES[engine].isDense);
    if (!isLine || entries.some(({ isProbe }) => isProbe)) continue;
    for (const share of probeShares(encoderZeros(network))) {
      await write(model, "sparse", { network: withRandomZeros(network, share, keyOf(settings.seed)) }, true);
    }
  }
  return entries;
}

async function writeEntry(
  { source, ...named }: Pick<Entry, "model" | "engine" | "isProbe"> & { readonly source: EngineSource },
  place: string,
  { threads, device }: BenchSettings,
): Promise<Entry> {
  const { network } = source;
  const { engine } = named;
  const { vocabSize, maxPositions } = network.config;
  const { write, file: name, beside } = ENGINES[engine];
  const file = join(place, name);
  const { total, nonzero, embeddings, nonzeroEmbeddings } = countParameters(network);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await write(source));
  for (const [other, text] of Object.entries(beside?.(network) ?? {}))
    await writeFile(join(place, other), text);
  const pooling = poolingOf(network.head);
  return {
    ...named,
    parameters: { total, nonzero, embeddings },
    sparsity: 1 - (nonzero - nonzeroEmbeddings) / Math.max(1, total - embeddings),
    bytes: await measureFile(file),
    positions: maxPositions,
    spec: { engine, file, vocabSize, length: Math.min(PROBE, maxPositions), threads, device, pooling },
  };
}

/** The usual lengths; those that a model cannot take are the most that all can. */
function lengthsFor(entries: readonly Entry[]): number[] {
  const most = Math.min(...entries.map(({ positions }) => positions));
  return [...new Set(LENGTHS.map((length) => Math.min(length, most)))];
}

/** One model is compared with itself, several with each other. @throws {ConfigError} `bench/engine` */
function enginesFor(
  { models, engines }: BenchSettings,
  { network, name }: LoadedModel,
  { report }: RunContext,
): readonly EngineName[] {
  if (engines === undefined && models.length > 1) return ["onnx"];
  return (engines ?? ENGINE_NAMES).filter((engine) => {
    const lack = ENGINES[engine].lack(network);
    if (lack === undefined) return true;
    const message = `${engine}: expected ${lack.expected}, got ${lack.got} (${name})`;
    if (engines !== undefined) throw new ConfigError("bench/engine", message);
    report?.({ kind: "note", text: `left out: ${message}` });
    return false;
  });
}

async function measure(
  entries: readonly Entry[],
  settings: BenchSettings,
  { report, signal }: RunContext,
): Promise<Pick<BenchResult, "contenders" | "breakEven" | "verdict">> {
  const loaded: Loaded[] = [];
  try {
    report?.({ kind: "phase", name: "loading" });
    const loads = await timeLoads(entries, settings.repetitions, signal);
    for (const [i, entry] of entries.entries()) {
      const process = await openContender(entry.spec);
      loaded.push({
        ...entry,
        process,
        loads: [...requireItem(loads, i, "loads"), process.opened.milliseconds],
      });
    }
    const { batchSizes, lengths = lengthsFor(entries), repetitions, caseSeconds: seconds } = settings;
    const latencies = await timeContenders(
      loaded.map(({ process }) => process),
      { batchSizes, lengths, repetitions, seconds, signal },
      ({ batchSize, length }) =>
        report?.({ kind: "phase", name: `timing batch ${batchSize} × ${length} tokens` }),
    );
    const contenders: BenchContender[] = [];
    for (const [i, one] of loaded.entries())
      if (!one.isProbe) contenders.push(await figuresOf(one, requireItem(latencies, i, "timings"), loaded));
    const breakEven = breakEvenOf(loaded, latencies);
    return { contenders, breakEven, verdict: benchVerdict(contenders, breakEven) };
  } finally {
    for (const { process } of loaded) process.close();
  }
}

/** From the model that was probed: its times in each dense engine, and the sparse times with many zeros. */
function breakEvenOf(loaded: readonly Loaded[], latencies: readonly (readonly Latency[])[]): BreakEven[] {
  const model = loaded.find(({ isProbe }) => isProbe)?.model;
  if (model === undefined) return [];
  const ours = loaded.flatMap((one, i) =>
    one.model === model ? [{ ...one, latency: requireItem(latencies, i, "timings") }] : [],
  );
  const sparse = ours.flatMap(({ process, latency }) => {
    const { kernels } = process.opened;
    return kernels === null ? [] : [{ zeros: 1 - kernels.density, latency }];
  });
  const line = {
    sparse: sparse.filter(({ zeros }) => isOnLine(zeros)),
    full: sparse.find(({ zeros }) => !isOnLine(zeros))?.latency,
  };
  return ours
    .filter(({ engine }) => ENGINES[engine].isDense)
    .flatMap((dense) => breakEvens(model, line, dense));
}

/** Milliseconds of each entry's loading in processes that end again; entries take turns. Probes are not among them. */
async function timeLoads(
  entries: readonly Entry[],
  repetitions: number,
  signal: AbortSignal | undefined,
): Promise<number[][]> {
  const loads = entries.map((): number[] => []);
  const rounds = repetitions < ROUGH ? 0 : EXTRA_LOADS;
  for (let round = 0; round < rounds; round++) {
    for (const [i, { spec, isProbe }] of entries.entries()) {
      if (isProbe) continue;
      signal?.throwIfAborted();
      const { opened, close } = await openContender(spec);
      requireItem(loads, i, "loads").push(opened.milliseconds);
      close();
    }
  }
  return loads;
}

async function figuresOf(
  { spec: _spec, isProbe: _isProbe, positions: _positions, process, loads, ...entry }: Loaded,
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
    difference: first === process ? null : largestGap(process.opened.answers, first.opened.answers),
    kernels: process.opened.kernels,
    latency,
    throughput: throughputOf(latency),
  };
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
