/** What `bench` returns. Plain JSON: with `--json` the command line prints it as it is. */

import type { FileBytes, Latency, Machine, Parameters } from "../measure/result.ts";
import type { KernelReport } from "../runtime/protocol.ts";
import type { EngineName } from "./engines.ts";

/** The most examples a second at one length. */
export interface Throughput {
  /** Tokens. */
  readonly length: number;
  readonly examplesPerSecond: number;
  /** The batch size that gave it. */
  readonly batchSize: number;
}

/** One contender of a comparison: a model in an engine. */
export interface BenchContender {
  /** The model, as it was given. */
  readonly model: string;
  readonly engine: EngineName;
  readonly parameters: Parameters;
  /** Share of zeros among the weights that are not embeddings. */
  readonly sparsity: number;
  /** Of the file that the engine reads. */
  readonly bytes: FileBytes;
  /** Milliseconds from the file, in the system's cache, to the first answer: the median of a few fresh processes. */
  readonly load: number;
  /** Resident bytes of its process, beyond those before it loaded. */
  readonly memory: {
    /** After the first text. */
    readonly loaded: number;
    /** The most until the end, loading and the largest batch included. */
    readonly peak: number;
  };
  /** Largest difference of a logit, or a number of a vector, from the same model's first contender, on one text; null for that one. */
  readonly difference: number | null;
  /** Kernels of the sparse runtime, their rates and what they rest on; null for other engines. */
  readonly kernels: KernelReport | null;
  /** One entry per batch size and length, in the same order for every contender. */
  readonly latency: readonly Latency[];
  /** One entry per length. */
  readonly throughput: readonly Throughput[];
}

/** Where an engine that skips zeros takes as long as one that does not: it is faster above this sparsity. */
export interface BreakEven {
  /** Whose sizes it holds for. */
  readonly model: string;
  readonly engine: EngineName;
  readonly against: EngineName;
  readonly batchSize: number;
  readonly length: number;
  /** Share of zeros in the encoder's matrices; 0 when it is faster at any, 1 when at none. */
  readonly sparsity: number;
}

/** Contenders side by side; the first is the reference. */
export interface BenchResult {
  readonly machine: Machine;
  readonly contenders: readonly BenchContender[];
  /** Of the first model that ran in the sparse runtime and in a dense engine, against each of these; empty when none did. */
  readonly breakEven: readonly BreakEven[];
  /** One sentence each. */
  readonly verdict: readonly string[];
}
