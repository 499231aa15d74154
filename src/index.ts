/**
 * The package: what `import { finetune, compress, evaluate, load } from "espalier"` gives.
 *
 * Each function is a command of the same name: it takes that command's options as one record and returns what
 * `--json` would print. `load` keeps a model ready for many texts. Nothing here prints, and nothing reads the process's
 * arguments. Methods, and what one needs to write another, are in `espalier/methods`. Everything else under `src/` may change between versions.
 */

export type { Closable } from "./base/closable.ts";
export {
  ConfigError,
  EspalierError,
  FormatError,
  InputError,
  InterruptedError,
  RunError,
} from "./base/errors.ts";
export type { BenchContender, BenchResult, BreakEven, Throughput } from "./bench/answer.ts";
export { bench } from "./bench/bench.ts";
export type { BertConfig, Head, LayerConfig, Pooling, PoolingMode } from "./bert/config.ts";
export type {
  AugmentResult,
  EmbedResult,
  EvaluationResult,
  ExportResult,
  InspectResult,
  MaskPredictions,
  ModelSizes,
  ModelTopology,
  PredictedFile,
  Predictions,
  PredictResult,
  QuantizedFile,
  QuantizedModule,
  QuantizeResult,
  QuantizeTry,
  ReportResult,
  ShrinkEvaluation,
  ShrinkResult,
  TopologyComparison,
  TopologyResult,
} from "./commands/answers.ts";
export { augment } from "./commands/augment.ts";
export { compress, type OwnMethodOptions } from "./commands/compress.ts";
export { embed } from "./commands/embed.ts";
export { evaluate } from "./commands/evaluate.ts";
export { exportModel } from "./commands/export.ts";
export { finetune } from "./commands/finetune.ts";
export { inspect } from "./commands/inspect.ts";
export { predict } from "./commands/predict.ts";
export { pretrain } from "./commands/pretrain.ts";
export { quantize } from "./commands/quantize.ts";
export { report } from "./commands/report.ts";
export { shrink } from "./commands/shrink.ts";
export { topology } from "./commands/topology.ts";
export type { LabelCount, Values } from "./look/labels.ts";
export type { DataInspection, LookedColumns, SetLook } from "./look/look.ts";
export type { ModelLook } from "./look/opinion.ts";
export type { Said, Suspect } from "./look/suspects.ts";
export type { Alike, Lengths, Repeats, Shared, Spread } from "./look/texts.ts";
export type { WantedFigures } from "./measure/aims.ts";
export type { ModelPart } from "./measure/parts.ts";
export type {
  FileBytes,
  FloorFigures,
  FloorKind,
  KeptStep,
  Latency,
  Machine,
  Metric,
  ModelFigures,
  PackedFigures,
  PairedComparison,
  Parameters,
  QuantizedFigures,
  RunCommand,
  RunResult,
  Stage,
  Verdict,
} from "./measure/result.ts";
export type {
  CalibrationFigures,
  FoldFigures,
  ThresholdFigures,
  TrustFigures,
} from "./measure/result-parts.ts";
export type { Aggregation, Entity, Tagged, TagOptions } from "./network/entities.ts";
export type { Network } from "./network/network.ts";
export type { Prediction, Text } from "./network/predictions.ts";
/** `VectorOptions` are those of a model's `embed`; `EmbedOptions`, below, those of the command. */
export type { AnswerFacts, EmbedOptions as VectorOptions, TextTask } from "./network/vectors.ts";
export type { EmbedOptions, PredictOptions } from "./options/answering.ts";
export type {
  BenchOptions,
  EvaluateOptions,
  ExportOptions,
  InspectOptions,
  QuantizeOptions,
  ShrinkOptions,
  TopologyOptions,
} from "./options/models.ts";
export type { ReportOptions } from "./options/reporting.ts";
export type { ReproduceOptions } from "./options/reproducing.ts";
export type {
  AugmentOptions,
  CompressOptions,
  FinetuneOptions,
  PretrainOptions,
} from "./options/training.ts";
export type { PlannedJob, PlannedWork } from "./reproduce/reproduce.ts";
export { planReproduction, reproduce } from "./reproduce/reproduce.ts";
export type { ReproducedModel, ReproducedRow, ReproducedTable, Reproduction } from "./reproduce/table.ts";
export type { ProgressEvent, RunContext } from "./runs/progress.ts";
export { type LoadOptions, load, type TextModel, type TextModelOptions } from "./runs/text-model.ts";
export type { JudgedTopology } from "./study/judged.ts";
export type { StudyAnswer } from "./study/study.ts";
