/**
 * result.json: what a run measured, and the reader that checks it.
 *
 * Promise: every number has a unit in its docstring, every count of parameters says what is zero and what is
 * embedding, every latency was measured on the machine named in the same file, in the same session as the model it
 * is compared with. Not here: the words about it (verdict.ts) and its drawing (cli/table.ts, report/).
 */

import { readFile } from "node:fs/promises";
import { jsonText } from "../formats/json.ts";
import {
  aClaim,
  aCount,
  aNumber,
  anAmount,
  aText,
  ifThere,
  type JsonShape,
  listOf,
  mapOf,
  oneOfValues,
  orNull,
  parseShape,
  record,
} from "../formats/json-shape.ts";
import { WANTED, type WantedFigures } from "./aims.ts";

import {
  CALIBRATION,
  type CalibrationFigures,
  FOLDS,
  type FoldFigures,
  THRESHOLD,
  type ThresholdFigures,
} from "./result-parts.ts";

/** Entries of a model's tensors. */
export interface Parameters {
  readonly total: number;
  /** Of `total`, those that are not exactly zero. */
  readonly nonzero: number;
  /** Of `total`, those of word, position and type embeddings. */
  readonly embeddings: number;
}

/** Bytes of the tensor file. */
export interface FileBytes {
  readonly raw: number;
  /** After gzip level 6: what a download costs. */
  readonly compressed: number;
}

/** Time of one forward pass of a whole batch, in milliseconds. */
export interface Latency {
  readonly batchSize: number;
  /** Tokens of each sequence. */
  readonly length: number;
  readonly p50: number;
  readonly p95: number;
  /** Timed runs behind the two. */
  readonly repetitions: number;
}

/** What was timed with the same batch size and length. */
export function latencyAt(
  latencies: readonly Latency[],
  { batchSize, length }: Pick<Latency, "batchSize" | "length">,
): Latency | undefined {
  return latencies.find((one) => one.batchSize === batchSize && one.length === length);
}

/** Where a model stands on the way: as it came, trained on the data, compressed. */
export type Stage = "original" | "fine-tuned" | "compressed";

/** Everything measured on one model. */
export interface ModelFigures {
  readonly stage: Stage;
  /** By name, on the validation examples; empty when the model was not evaluated. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly parameters: Parameters;
  readonly bytes: FileBytes;
  /** For one example of `RunResult.length` tokens; zeros in a matrix count like any other entry. */
  readonly multiplyAccumulates: number;
  readonly latency: readonly Latency[];
}

/** The product as a packed file, model.esp. */
export interface PackedFigures {
  readonly bytes: FileBytes;
  /** In the sparse runtime, in turn with the models; empty where it was not timed. */
  readonly latency: readonly Latency[];
}

/** Kinds of floors: what needs no Transformer. */
export type FloorKind = "tf-idf" | "static";

/** A model without a Transformer, fitted to the same examples as the product. */
export interface FloorFigures {
  readonly kind: FloorKind;
  readonly metrics: Readonly<Record<string, number>>;
  /** Numbers that its files hold. */
  readonly parameters: number;
  /** Of all of its files. */
  readonly bytes: FileBytes;
  /** The product beside it, on the same examples. */
  readonly paired: PairedComparison;
}

/** The one metric a run is judged by. */
export interface Metric {
  readonly name: string;
  readonly better: "higher" | "lower";
  /** Of the model the product is compared with; null when there is none that knows the task. */
  readonly before: number | null;
  /** Of the product. */
  readonly after: number;
  /** Validation examples (or predicted tokens) behind both. */
  readonly examples: number;
}

/**
 * Two models on the same examples, in the unit of the metric: 0.01 is a point of accuracy. How it is found: paired.ts.
 */
export interface PairedComparison {
  /** The product's metric minus that of the model before. */
  readonly difference: number;
  /** Where the difference lies with 95 % confidence. */
  readonly interval: { readonly low: number; readonly high: number };
  /** Models whose whole interval is nearer than this are called the same. */
  readonly margin: number;
  /** Labelled examples that both answered. */
  readonly examples: number;
  /** Examples that the model before had right and the product has wrong; null for a regression. */
  readonly lost: number | null;
  /** Examples that the model before had wrong and the product has right; null for a regression. */
  readonly gained: number | null;
  /** Of McNemar's exact test; null for a metric other than accuracy. */
  readonly p: number | null;
  /** Draws of the bootstrap behind the interval; null for accuracy, which needs none. */
  readonly resamples: number | null;
}

/** The model that training chose: the best evaluation, of equal ones the least loss, of these the latest. */
export interface KeptStep {
  /** Optimizer steps done when it was evaluated. */
  readonly step: number;
  /** Of so many. */
  readonly steps: number;
}

/** Where the numbers were measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Threads the engine was given. */
  readonly threads: number;
  /** Node's version, with its v. */
  readonly node: string;
  readonly platform: string;
}

/** A result in words. */
export interface Verdict {
  /** The tensor file is smaller by more than the threshold. */
  readonly smaller: boolean;
  /** A pass is faster by more than the noise at every batch size: in ONNX Runtime, or packed in the sparse runtime. */
  readonly faster: boolean;
  readonly text: string;
}

/** The commands that leave a result. */
export type RunCommand = "finetune" | "compress" | "pretrain" | "demo";

/** The product in 8 bits, as its .esp file in `quantized/`. */
export interface QuantizedFigures {
  readonly bytes: FileBytes;
  /** By the run's metric, by what runs the file; null where 8 bits were judged otherwise: of vectors, in windows, by an error. */
  readonly after: number | null;
  /**
   * Times as fast as the product in float32 in ONNX Runtime, one text at a time, in turns: the packed file, or the QDQ file
   * beside it, whichever is faster. Null where they were not timed.
   */
  readonly faster: number | null;
}

/** The content of result.json. */
export interface RunResult {
  readonly version: 1;
  readonly command: RunCommand;
  /** Version of Espalier. */
  readonly code: string;
  readonly task: string | null;
  readonly method: string | null;
  readonly metric: Metric;
  /** The product beside the model before, by `metric`; absent where there is no such model. */
  readonly paired?: PairedComparison;
  /** Absent in results of earlier versions. */
  readonly kept?: KeptStep;
  /** Absent where the method was named, and in results of earlier versions. */
  readonly wanted?: readonly WantedFigures[];
  /** Absent for one run. */
  readonly folds?: FoldFigures;
  /** Of the product, where it was asked for and one fits. */
  readonly calibration?: CalibrationFigures;
  readonly threshold?: ThresholdFigures;
  /** In the order of their making; a product is held to the one before it. */
  readonly models: readonly ModelFigures[];
  /** Absent where the product labels no texts, and in results of earlier versions. */
  readonly packed?: PackedFigures;
  /** Absent where it was not asked for or loses too much, and in results of earlier versions. */
  readonly quantized?: QuantizedFigures;
  /** Absent where none was asked for, and in results of earlier versions. */
  readonly floors?: readonly FloorFigures[];
  /** Tokens of the sequence that latency and operations are counted for. */
  readonly length: number;
  /** Tokens that neighbouring windows of a longer text share; absent where longer texts are cut. */
  readonly stride?: number;
  readonly seeds: readonly number[];
  /** Of all calls that made the run, where it was stopped and resumed. */
  readonly wallSeconds: number;
  /** Largest resident memory of the process. */
  readonly peakBytes: number;
  readonly machine: Machine;
  readonly verdict: Verdict;
}

/** Shape of `Parameters`, for the other files that carry them. */
export const PARAMETERS: JsonShape<Parameters> = record<Parameters>({
  total: aCount,
  nonzero: aCount,
  embeddings: aCount,
});

const BYTES: JsonShape<FileBytes> = record<FileBytes>({ raw: aCount, compressed: aCount });

const LATENCY: JsonShape<Latency> = record<Latency>({
  batchSize: aCount,
  length: aCount,
  p50: anAmount,
  p95: anAmount,
  repetitions: aCount,
});

const FIGURES: JsonShape<ModelFigures> = record<ModelFigures>({
  stage: oneOfValues("original", "fine-tuned", "compressed"),
  metrics: mapOf(aNumber),
  parameters: PARAMETERS,
  bytes: BYTES,
  multiplyAccumulates: aCount,
  latency: listOf(LATENCY),
});

/** Shape of `Machine`, shared with recipe.json. */
export const MACHINE: JsonShape<Machine> = record<Machine>({
  cpu: aText,
  cores: aCount,
  threads: aCount,
  node: aText,
  platform: aText,
});

/** Shape of `Metric`, for the ledgers that keep it. */
export const METRIC: JsonShape<Metric> = record<Metric>({
  name: aText,
  better: oneOfValues("higher", "lower"),
  before: orNull(aNumber),
  after: aNumber,
  examples: aCount,
});

const PAIRED: JsonShape<PairedComparison> = record<PairedComparison>({
  difference: aNumber,
  interval: record<PairedComparison["interval"]>({ low: aNumber, high: aNumber }),
  margin: anAmount,
  examples: aCount,
  lost: orNull(aCount),
  gained: orNull(aCount),
  p: orNull(anAmount),
  resamples: orNull(aCount),
});

const FLOOR: JsonShape<FloorFigures> = record<FloorFigures>({
  kind: oneOfValues("tf-idf", "static"),
  metrics: mapOf(aNumber),
  parameters: aCount,
  bytes: BYTES,
  paired: PAIRED,
});

/** The commands that leave a folder behind. */
export const RUN_COMMAND: JsonShape<RunCommand> = oneOfValues("finetune", "compress", "pretrain", "demo");

const QUANTIZED: JsonShape<QuantizedFigures> = record<QuantizedFigures>({
  bytes: BYTES,
  after: orNull(aNumber),
  faster: orNull(anAmount),
});

/** What came of it, in words. */
export const VERDICT: JsonShape<Verdict> = record<Verdict>({ smaller: aClaim, faster: aClaim, text: aText });

const RESULT: JsonShape<RunResult> = record<RunResult>({
  version: oneOfValues(1),
  command: RUN_COMMAND,
  code: aText,
  task: orNull(aText),
  method: orNull(aText),
  metric: METRIC,
  paired: ifThere(PAIRED),
  kept: ifThere(record<KeptStep>({ step: aCount, steps: aCount })),
  wanted: ifThere(listOf(WANTED)),
  folds: ifThere(FOLDS),
  calibration: ifThere(CALIBRATION),
  threshold: ifThere(THRESHOLD),
  models: listOf(FIGURES, 1),
  packed: ifThere(record<PackedFigures>({ bytes: BYTES, latency: listOf(LATENCY) })),
  quantized: ifThere(QUANTIZED),
  floors: ifThere(listOf(FLOOR)),
  length: aCount,
  stride: ifThere(aCount),
  seeds: listOf(aCount, 1),
  wallSeconds: anAmount,
  peakBytes: aCount,
  machine: MACHINE,
  verdict: VERDICT,
});

/**
 * Reads result.json's text.
 *
 * @throws {FormatError} `result/format` when a field is missing or of the wrong kind: the message names it
 */
export function parseResult(text: string, where: string): RunResult {
  return parseShape(RESULT, text, where, "result/format");
}

/** Reads a result file. @throws {FormatError} `result/format` as `parseResult` does. */
export async function readResult(path: string): Promise<RunResult> {
  return parseResult(await readFile(path, "utf8"), path);
}

/** The file's text. Checked before it is written, so that no run leaves a result that cannot be read. */
export function resultText(result: RunResult): string {
  const text = jsonText(result);
  parseResult(text, "result to be written");
  return text;
}
