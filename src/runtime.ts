/**
 * The runtime: what `import { load } from "espalier/runtime"` gives, and the package `espalier-runtime`.
 *
 * `load` makes a packed file a function from texts to labels, entities or vectors, the same in Node and in a browser.
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
export type { Pooling, PoolingMode } from "./bert/config.ts";
export type { Aggregation, Entity, Tagged, TagOptions } from "./network/entities.ts";
export type { Prediction, Text } from "./network/predictions.ts";
export type { AnswerFacts, EmbedOptions, TextTask } from "./network/vectors.ts";
export { load, type RuntimeModel, type RuntimeOptions } from "./runtime/load.ts";
export type { RuntimeReport } from "./runtime/path.ts";
export type { ModelSource } from "./runtime/source.ts";
export type { CallContext, LoadProgress } from "./runtime/stopping.ts";
export type { Rates } from "./sparse/linear.ts";
