/**
 * What the commands without a run folder return: augment, evaluate, predict, export, shrink, bench and inspect.
 *
 * Plain JSON: with `--json` the command line prints them as they are.
 */

import type { Prediction } from "../network/predictions.ts";
import type { KernelReport } from "../runtime/protocol.ts";
import type { EngineName } from "./bench-engines.ts";
import type { FileBytes, Latency, Machine, Parameters } from "./result.ts";

/** The metrics of one model on one labelled data set. */
export interface EvaluationResult {
  readonly model: string;
  /** The mask file, as it was given. */
  readonly mask: string | null;
  readonly task: string | null;
  readonly examples: number;
  /** The task's own metric; a key of `metrics`. */
  readonly metric: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly loss: number;
  readonly seconds: number;
}

/** A file of training examples and their copies. */
export interface AugmentResult {
  readonly model: string;
  /** Name of the data set. */
  readonly data: string;
  readonly path: string;
  /** Examples before. */
  readonly examples: number;
  /** Examples in the file: the same and their copies. */
  readonly written: number;
  /** Different texts among the examples. */
  readonly texts: number;
  /** Of `texts`, those whose candidates were not known from before. */
  readonly proposed: number;
  readonly seconds: number;
}

/** Predictions in the order of the texts. */
export interface Predictions {
  readonly labels: readonly string[];
  readonly predictions: readonly Prediction[];
}

/** Predictions of a base model under a mask. */
export interface MaskPredictions extends Predictions {
  /** The mask file, as it was given. */
  readonly mask: string;
}

/** Predictions of a model; with masks, those under the first. */
export interface PredictResult extends Predictions {
  /** Of each mask, in the order given; empty without. */
  readonly masks: readonly MaskPredictions[];
}

/** What was written, and how far it is from the model it was written from. */
export interface ExportResult {
  readonly to: "onnx" | "onnx-int8" | "safetensors" | "esp";
  /** The folder or file. */
  readonly path: string;
  readonly files: readonly string[];
  readonly bytes: FileBytes;
  /** Largest difference of an output on test inputs; null when the format cannot be run here. */
  readonly difference: number | null;
}

/** What a model is made of. */
export interface ModelSizes {
  readonly heads: number;
  readonly neurons: number;
  /** Attention and feed-forward modules with a head or neuron left. */
  readonly modules: number;
  /** Rows of the word embeddings. */
  readonly pieces: number;
  readonly parameters: Parameters;
  /** Of the tensor file in float32. */
  readonly bytes: FileBytes;
}

/** A model without what does nothing, and how far it is from the one it was made of. */
export interface ShrinkResult {
  readonly model: string;
  /** The folder of the smaller model. */
  readonly path: string;
  readonly before: ModelSizes;
  readonly after: ModelSizes;
  /** Largest difference of an output on random texts of the pieces that stay. */
  readonly difference: number;
  /** On the labelled text given; null without. */
  readonly evaluation: ShrinkEvaluation | null;
}

/** Both models on the same examples. */
export interface ShrinkEvaluation {
  readonly before: EvaluationResult;
  readonly after: EvaluationResult;
  /** Examples that are cut into other pieces than before, because a piece of theirs has left. */
  readonly recut: number;
}

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
  /** Milliseconds from the file, in the system's cache, to the first logits: the median of a few fresh processes. */
  readonly load: number;
  /** Resident bytes of its process, beyond those before it loaded. */
  readonly memory: {
    /** After the first text. */
    readonly loaded: number;
    /** The most until the end, loading and the largest batch included. */
    readonly peak: number;
  };
  /** Largest difference of a logit from the same model's first contender, on one text; null for that one. */
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
  /** Of the first model that ran both in ONNX Runtime and in the sparse runtime; empty when none did. */
  readonly breakEven: readonly BreakEven[];
  /** One sentence each. */
  readonly verdict: readonly string[];
}

/** One part of a model: embeddings, one layer, pooler, head. */
export interface ModelPart {
  readonly name: string;
  /** Its structure in words, such as `12 heads × 64, ffn 3072`; `""` when there is nothing to say. */
  readonly structure: string;
  readonly parameters: number;
  readonly nonzero: number;
  /** For one example of `InspectResult.length` tokens. */
  readonly multiplyAccumulates: number;
}

/** What is in a model. */
export interface InspectResult {
  readonly model: string;
  readonly head: string;
  readonly parts: readonly ModelPart[];
  readonly parameters: Parameters;
  readonly bytes: FileBytes;
  readonly length: number;
  readonly multiplyAccumulates: number;
}
