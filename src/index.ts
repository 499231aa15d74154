/**
 * The package: what `import { finetune, compress, evaluate, load } from "espalier"` gives.
 *
 * Each function is a command of the same name: it takes that command's options as one record and returns what
 * `--json` would print. `load` keeps a model ready for many texts. Nothing here prints, and nothing reads the process's
 * arguments. Everything else under `src/` may change between versions.
 */

export {
  ConfigError,
  EspalierError,
  FormatError,
  InputError,
  InterruptedError,
  RunError,
} from "./base/errors.ts";
export type { BertConfig, Head, LayerConfig } from "./bert/config.ts";
export type { Network } from "./network/network.ts";
export type { Prediction, Text } from "./network/predictions.ts";
export type {
  AugmentResult,
  BenchContender,
  BenchResult,
  BreakEven,
  EvaluationResult,
  ExportResult,
  InspectResult,
  MaskPredictions,
  ModelPart,
  ModelSizes,
  Predictions,
  PredictResult,
  ShrinkEvaluation,
  ShrinkResult,
  Throughput,
} from "./runs/answers.ts";
export { augment } from "./runs/augment.ts";
export { bench } from "./runs/bench.ts";
export {
  type Classifier,
  type ClassifierOptions,
  type LoadOptions,
  load,
} from "./runs/classifier.ts";
export { compress } from "./runs/compress.ts";
export { evaluate } from "./runs/evaluate.ts";
export { exportModel } from "./runs/export.ts";
export { finetune } from "./runs/finetune.ts";
export { inspect } from "./runs/inspect.ts";
export type { BenchOptions, ExportOptions, InspectOptions, ShrinkOptions } from "./runs/model-options.ts";
export type {
  AugmentOptions,
  CompressOptions,
  EvaluateOptions,
  FinetuneOptions,
  PredictOptions,
  PretrainOptions,
  ReproduceOptions,
} from "./runs/options.ts";
export { predict } from "./runs/predict.ts";
export { pretrain } from "./runs/pretrain.ts";
export type { ProgressEvent, RunContext } from "./runs/progress.ts";
export { reproduce } from "./runs/reproduce.ts";
export type { Reproduction } from "./runs/reproduction.ts";
export type {
  FileBytes,
  Latency,
  Machine,
  Metric,
  ModelFigures,
  Parameters,
  RunResult,
  Stage,
  Verdict,
} from "./runs/result.ts";
export { shrink } from "./runs/shrink.ts";
