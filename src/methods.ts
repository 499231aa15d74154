/**
 * `espalier/methods`: the compression methods, and what one needs to write another.
 *
 *   contract     Method, bind, contractTests: what a method is, and whether a value is one
 *   methods      every built-in method, to read, to bind, to take parts of
 *   parts        what methods share: matrices, ramps, pruning, distillation, units, students
 *   networks     what a method is given and gives back
 *   graphs       the operations that `sites` builds graphs of
 *   numbers      keys, draws and tensors
 *
 * A method is a plain value: `compress({ method: MINE })` and `espalier compress --method ./mine.js` take it like a
 * built-in one. CONTRIBUTING.md has the way there in four steps, examples/own-method.mjs a whole one.
 */

export { type BlockShape, type BlockSize, blockGrid, blockSize, type Ranking } from "./base/blocks.ts";
export { ConfigError, RunError } from "./base/errors.ts";
export { fold, type Key, keyOf, normals, permutation, randint, uniform } from "./base/random.ts";
export { type FloatTensor, floatTensor, sizeOf, type Tensor } from "./base/tensor.ts";
export type { BertConfig, Head, LayerConfig } from "./bert/config.ts";
export type { Reader } from "./bert/facts.ts";
export { biasOf, EMBEDDINGS, layerNames, layerStem, parameters, weightOf } from "./bert/names.ts";
export {
  type GateSite,
  type LayerFn,
  type LayerPlace,
  type ModuleSite,
  type Sites,
  SKIP,
  type Tokens,
} from "./bert/sites.ts";
export type { ConfiguredMethod } from "./contract/configured.ts";
export {
  type Answers,
  type BoundMethod,
  bind,
  type Citation,
  type HostWork,
  type LossInputs,
  type Method,
  type MethodState,
  type Pass,
  type Progress,
  type PruneRequest,
  type RunFacts,
  type Setting,
  type SettingTable,
  TEACHER,
  type Teacher,
  type Tools,
  type UpdateRule,
  type Workbench,
} from "./contract/method.ts";
export { expand, reshape, sum } from "./graph/ops/broadcast.ts";
export {
  abs,
  add,
  cast,
  clip,
  div,
  equal,
  erf,
  exp,
  gelu,
  less,
  log,
  mul,
  neg,
  relu,
  scale,
  shift,
  sigmoid,
  sign,
  sqrt,
  stop,
  sub,
  surrogate,
  tanh,
  xor,
} from "./graph/ops/elementwise.ts";
export { linear, matmul, meanLast, transpose } from "./graph/ops/linear.ts";
export { layerNorm, logSoftmax, softmax } from "./graph/ops/normal.ts";
export { concat, gather, lookup, oneHot, range, scatterAdd, slice, take } from "./graph/ops/select.ts";
export { roundRows, tokenRounding } from "./graph/quantize.ts";
export { type DropoutKey, draws } from "./graph/uniform.ts";
export { constant, scalar, type Value } from "./graph/value.ts";
export { ADAPTING_BY_PRUNING } from "./methods/adapting-by-pruning.ts";
export { DISTIL } from "./methods/distil.ts";
export { DISTILBERT } from "./methods/distilbert.ts";
export { FEATURES } from "./methods/features.ts";
export { FINETUNE } from "./methods/finetune.ts";
export { HEAD_GATES } from "./methods/head-gates.ts";
export { HEAD_IMPORTANCE } from "./methods/head-importance.ts";
export { L0 } from "./methods/l0.ts";
export { LAYERDROP } from "./methods/layerdrop.ts";
export { LOTTERY } from "./methods/lottery.ts";
export { MAGNITUDE } from "./methods/magnitude.ts";
export { MOVEMENT } from "./methods/movement.ts";
export { PKD } from "./methods/pkd.ts";
export { QUANTIZATION_AWARE } from "./methods/quantization-aware.ts";
export { RANDOM } from "./methods/random.ts";
export { type MethodId, methodById } from "./methods/registry.ts";
export { SNIP } from "./methods/snip.ts";
export { SPARSEBERT } from "./methods/sparsebert.ts";
export { THESEUS } from "./methods/theseus.ts";
export { TINYBERT } from "./methods/tinybert.ts";
export { TRUNCATE } from "./methods/truncate.ts";
export { type LayerSource, withLayers } from "./network/layers.ts";
export { type Network, withHead } from "./network/network.ts";
export { keepUnits, type LayerUnits, WHOLE } from "./network/shrink.ts";
export { type ContractOptions, type ContractTest, contractTests } from "./obligations/contract-tests.ts";
export {
  BLOCK_HELP,
  checkBlock,
  checkChoice,
  checkPositive,
  checkRange,
  checkReached,
  checkSparsity,
  unreachedError,
} from "./parts/checks.ts";
export {
  answerLoss,
  attentionLoss,
  cosineLoss,
  distillationLoss,
  HALF_AND_HALF,
  hiddenLoss,
  isTeacher,
  type LayerMap,
  type Mix,
  patientLoss,
  studentOf,
  type Taught,
  teacherIf,
  teacherOf,
} from "./parts/distil.ts";
export { gateHeads, headOutputs, keepRanges, withoutUnits } from "./parts/gates.ts";
export { type HeadSetting, isHead, withReader } from "./parts/heads.ts";
export { isTable, matricesIn, SCOPES, type Scope, weightsIn } from "./parts/matrices.ts";
export {
  type Choice,
  groupsOf,
  masksOf,
  pruneAtOnce,
  pruneTensors,
  zerosIn,
} from "./parts/prune.ts";
export { finetunedOf, KEEP_ZEROS, keepPruned } from "./parts/pruned.ts";
export { checkRamp, countKept, cubicSparsity, type Ramp } from "./parts/ramp.ts";
export { HALF, HALF_HELP, layersOf, shallower, TAKES, type Take, takeLayers } from "./parts/students.ts";
export {
  ascending,
  finishWithout,
  lowestUnits,
  parseUnits,
  type Unit,
  unitsOf,
  unitsText,
  unreachedRatio,
  weightsOf,
  withoutThe,
} from "./parts/units.ts";
