/**
 * What the commands without a run folder return: augment, evaluate, predict, embed, export, shrink, inspect, topology and report.
 *
 * Plain JSON: with `--json` the command line prints them as they are.
 */

import type { Pooling } from "../bert/config.ts";
import type { ModelPart } from "../measure/parts.ts";
import type { FileBytes, Latency, Machine, Metric, Parameters, Verdict } from "../measure/result.ts";
import type { Tagged } from "../network/entities.ts";
import type { Prediction } from "../network/predictions.ts";
import type { TextTask } from "../network/vectors.ts";
import type { JudgedTopology } from "../study/judged.ts";
import type { RecoveryLook } from "../study/models.ts";
import type { StudyAnswer } from "../study/study.ts";
import type { DegreeStudy, HubOverlap } from "../topology/degrees.ts";
import type { Density } from "../topology/density.ts";
import type { ImportanceAgreement } from "../topology/importance.ts";
import type { Junctions } from "../topology/junctions.ts";
import type { Overlap } from "../topology/overlap.ts";
import type { Paths } from "../topology/paths.ts";
import type { MaskSpectraRecord, SpectraRecord } from "../topology/spectra.ts";
import type { Units } from "../topology/units.ts";

/** The metrics of one model on one labelled data set. */
export interface EvaluationResult {
  readonly model: string;
  /** The mask file, as it was given. */
  readonly mask: string | null;
  readonly task: string | null;
  readonly examples: number;
  /** Tokens at which texts are cut; null of a floor, which reads them whole. */
  readonly length: number | null;
  /** Tokens that neighbouring windows of a longer text share; absent where longer texts are cut. */
  readonly stride?: number;
  /** Examples that were longer. */
  readonly cut: number;
  /** The task's own metric; a key of `metrics`. */
  readonly metric: string;
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean over the labels; null of vectors, which are held to no labels here. */
  readonly loss: number | null;
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

/** What a model says, in the order of the texts. */
export interface Predictions {
  /** Tokens at which texts are cut, and each prediction says whether its text was; null of a floor, which reads them whole. */
  readonly length: number | null;
  readonly task: TextTask;
  readonly labels: readonly string[];
  /** Empty of a model that labels tokens. */
  readonly predictions: readonly Prediction[];
  /** Texts with their entities, of a model that labels tokens; empty of others. */
  readonly tagged: readonly Tagged[];
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
  /** What was written, where a file was labelled; nothing else is answered then. */
  readonly file?: PredictedFile;
}

/** A file with what a model says of each row. */
export interface PredictedFile {
  readonly path: string;
  /** The file that was labelled. */
  readonly data: string;
  readonly rows: number;
  /** Rows by label, or entities by theirs; empty for a regression. */
  readonly counts: Readonly<Record<string, number>>;
  /** Rows that have none of the labels, where a text may have several. */
  readonly unlabelled?: number;
}

/** Vectors in the order of the texts. */
export interface EmbedResult {
  /** Tokens at which texts are cut. */
  readonly length: number;
  readonly pooling: Pooling;
  /** Numbers of a vector. */
  readonly dimensions: number;
  readonly vectors: readonly (readonly number[])[];
}

/** What was written, and how far it is from the model it was written from. */
export interface ExportResult {
  readonly to: "onnx" | "onnx-int8" | "onnx-qdq" | "safetensors" | "esp";
  /** The folder or file. */
  readonly path: string;
  readonly files: readonly string[];
  readonly bytes: FileBytes;
  /** Largest difference of an output on test inputs; null for a network that ONNX Runtime does not take, of 2 GiB or more. */
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
  /** Largest difference of an output on random texts of the pieces that stay; null as of an export. */
  readonly difference: number | null;
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

/** One linear layer of an encoder that could compute in 8 bits. */
export interface QuantizedModule {
  readonly module: string;
  /** How far answers are from float32's when this layer alone is in 8 bits; `QuantizeResult.cost` says in what. */
  readonly cost: number;
  /** Least and largest number that it reads, for files with fixed ranges. */
  readonly input: readonly [number, number];
  readonly bits: 8 | 32;
}

/** One file of a quantized model, as it ships. */
export interface QuantizedFile {
  /** `float32` is the model before, as an ONNX file. */
  readonly form: "float32" | "onnx-qdq" | "esp";
  /** Inside of the folder; null for the model before, which is not written. */
  readonly file: string | null;
  readonly bytes: FileBytes;
  /** Of `QuantizeResult.metric`, as a share of 1, by what runs the file. */
  readonly score: number;
  /** Empty where it was not timed. */
  readonly latency: readonly Latency[];
}

/** What the gate tried: so many of the most sensitive layers in float32. */
export interface QuantizeTry {
  readonly kept: number;
  readonly score: number;
  /** Points lost. */
  readonly drop: number;
}

/** A model whose layers compute in 8 bits, what that costs, and what it gives. */
export interface QuantizeResult {
  readonly model: string;
  /** The folder. */
  readonly path: string;
  readonly task: string | null;
  /** The metric of the gate: of the task, or `cosine`, the mean cosine with the vectors of float32. */
  readonly metric: string;
  /** Texts that judge. */
  readonly examples: number;
  /** Texts that calibrated. */
  readonly calibration: number;
  readonly ranges: "mse" | "percentile" | "minmax";
  readonly maxDrop: number;
  /** Of the model in float32, and of the one in the folder. */
  readonly before: number;
  readonly after: number;
  readonly tries: readonly QuantizeTry[];
  /** In what the cost of a layer is measured. */
  readonly cost: string;
  /** The most sensitive first. */
  readonly layers: readonly QuantizedModule[];
  /** The model before, then the files of the folder. */
  readonly files: readonly QuantizedFile[];
  /** Tokens of the sequence that was timed. */
  readonly length: number;
  readonly machine: Machine;
  readonly verdict: Verdict;
}

/** What is in a model. */
export interface InspectResult {
  readonly model: string;
  /** `model_type` of its configuration. */
  readonly architecture: string;
  readonly head: string;
  readonly parts: readonly ModelPart[];
  readonly parameters: Parameters;
  readonly bytes: FileBytes;
  /** Tokens at which texts are cut, unless another length is asked for. */
  readonly maxLength: number;
  /** The most tokens that the model can take. */
  readonly positions: number;
  /** Tokens that operations are counted for. */
  readonly length: number;
  readonly multiplyAccumulates: number;
}

/** A page or a card that was written. */
export interface ReportResult {
  readonly path: string;
  readonly bytes: number;
  /** Names of the runs that it is about. */
  readonly runs: readonly string[];
  /** What of them cannot be shown, and why. */
  readonly missing: readonly string[];
}

/** What is left of one model. */
export interface ModelTopology {
  readonly name: string;
  readonly ref: string;
  /** Of its run; null for a model that is none. */
  readonly task: string | null;
  readonly method: string | null;
  readonly metric: Metric | null;
  readonly density: Density;
  readonly units: Units;
  readonly degrees: DegreeStudy;
  readonly junctions: Junctions;
  readonly paths: Paths;
  /** Connections of a mask that was learnt which came back, at each evaluation of its run; null where it tells of none. */
  readonly recovery: readonly RecoveryLook[] | null;
  /** Of weights and masks, or of the masks alone where the weights are gone; absent without `spectra`. */
  readonly spectra?: SpectraRecord | MaskSpectraRecord;
}

/** What two models share; nulls for models of different shapes. */
export interface TopologyComparison {
  readonly first: string;
  readonly second: string;
  readonly overlap: Overlap | null;
  readonly hubs: HubOverlap | null;
  /** Whether the sizes of the weights rank alike in both; null where the weights of one are gone; absent without `importance`. */
  readonly importance?: ImportanceAgreement | null;
}

/** Each model, and each pair of them. */
export interface TopologyResult {
  /** Empty for a study, whose numbers are in its records. */
  readonly models: readonly ModelTopology[];
  readonly comparisons: readonly TopologyComparison[];
  /** Absent without `data`. */
  readonly judged?: JudgedTopology;
  /** What was written; absent without `study`. */
  readonly study?: StudyAnswer;
  /** What cannot be said, and why. */
  readonly notes: readonly string[];
}
