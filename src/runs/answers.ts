/**
 * What the commands without a run folder return: augment, evaluate, predict, export, bench and inspect.
 *
 * Plain JSON: with `--json` the command line prints them as they are.
 */

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

/** What the model says about one text. */
export interface Prediction {
  readonly text: string;
  /** The second text of a pair. */
  readonly pair: string | null;
  /** The most probable label; null for a regression. */
  readonly label: string | null;
  /** Probability of the label, or the value of a regression. */
  readonly score: number;
  /** Probability of each label, in the order of `PredictResult.labels`; empty for a regression. */
  readonly scores: readonly number[];
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
  readonly to: "onnx" | "safetensors" | "esp";
  /** The folder or file. */
  readonly path: string;
  readonly files: readonly string[];
  readonly bytes: FileBytes;
  /** Largest difference of an output on test inputs; null when the format cannot be run here. */
  readonly difference: number | null;
}

/** One model of a comparison. */
export interface BenchModel {
  readonly name: string;
  readonly parameters: Parameters;
  readonly bytes: FileBytes;
  /** One entry per batch size and length, in the same order for every model. */
  readonly latency: readonly Latency[];
}

/** Models side by side; the first is the reference. */
export interface BenchResult {
  readonly machine: Machine;
  readonly models: readonly BenchModel[];
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
