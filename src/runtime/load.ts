/**
 * `espalier/runtime`: a packed file as a function from texts to labels, entities or vectors, the same in Node and in a browser.
 *
 *   const model = await load("model.esp");
 *   await model.classify(["a film to remember"]); // [{ label: "positive", score: 0.98, … }]
 *   await model.close();
 *
 *   const encoder = await load("encoder.esp");
 *   const [a, b] = await encoder.embed(["first text", "second text"]); // Float32Array of 384, …
 *
 * Kernels and threads are chosen when the model is loaded, by measuring. In Node a model with few zeros is also tried in
 * ONNX Runtime, and the faster of the two stays. Needs nothing but the tokenizer. Not here: making files (commands/export.ts).
 */

import { type Closable, closable } from "../base/closable.ts";
import { ConfigError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { shown } from "../base/shown.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { requireSingleTexts, type Tagged, type TagOptions, tagTexts } from "../network/entities.ts";
import { lengthFor } from "../network/length.ts";
import {
  type Answerer,
  classifyTexts,
  type Prediction,
  requireTexts,
  requireWindows,
  type Text,
} from "../network/predictions.ts";
import {
  type AnswerFacts,
  answerFacts,
  type EmbedOptions,
  embedTexts,
  requireTask,
} from "../network/vectors.ts";
import { isTwin } from "../sparse/kernels.ts";
import { type Rates, USUAL_RATES } from "../sparse/linear.ts";
import type { Path } from "./host.ts";
import { host } from "./node.ts";
import { choosePath, type RuntimeReport } from "./path.ts";
import { type OpenFile, openFile } from "./session.ts";
import { type ModelSource, readSource, requireSource } from "./source.ts";
import {
  type CallContext,
  type LoadCourse,
  type LoadProgress,
  requireSignal,
  stoppableCall,
  stoppableLoad,
} from "./stopping.ts";

/** How a file is loaded; everything has a default. */
export interface RuntimeOptions {
  /**
   * Threads that share the work. Default 1 in Node, up to 4 in a page that is cross-origin isolated; always 1 in one that is
   * not, because its threads cannot share memory.
   */
  readonly threads?: number;
  /** Longest sequence in tokens; what is longer is cut. Default: what the model was trained with; most: its positions. */
  readonly maxLength?: number;
  /** Labels a longer text by the mean of windows, of which neighbours share so many tokens. Default: it is cut. */
  readonly stride?: number;
  /**
   * Rates of the kernels, from `report.rates` of an earlier load on this machine, in place of measuring them (0.15 to 0.25 s). Within a
   * process they are measured once anyway. Kernels that this engine computes wrongly are not taken, whatever their rates.
   */
  readonly rates?: Rates | null;
  /** `sparse` or `dense` instead of the faster one; `dense` is ONNX Runtime, where that is installed. */
  readonly path?: "sparse" | "dense";
  /** Called as loading goes on; what it throws ends the load, which rejects with it. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Aborted when the model is not wanted any more, as when a download has stalled. */
  readonly signal?: AbortSignal;
}

const OPTIONS: readonly (keyof RuntimeOptions)[] = [
  "threads",
  "maxLength",
  "stride",
  "rates",
  "path",
  "onProgress",
  "signal",
];

/** A model that labels texts or their tokens, or gives them vectors, as its `task` says. It owns threads: close it. */
export interface RuntimeModel extends AnswerFacts, Closable {
  /** Tokens at which texts are cut. */
  readonly maxLength: number;
  readonly report: RuntimeReport;
  /** What was written into the file: the producer's version and the like. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Predictions in the order of the texts; calls may overlap.
   * @throws {InputError} `runtime/none` for no texts; {ConfigError} `texts/kind`, `model/task` for a model that answers
   *   otherwise; {RunError} `runtime/…` when a thread is lost or the model closed; {InterruptedError} `runtime/stopped`
   */
  classify(texts: readonly Text[], context?: CallContext): Promise<Prediction[]>;
  /**
   * The entities of each text, in the order of the texts, of a model that labels tokens; calls may overlap.
   * @throws as `classify` does, `texts/kind` for pairs; {ConfigError} `tag/aggregation`, `options/unknown`
   */
  tag(texts: readonly string[], options?: TagOptions, context?: CallContext): Promise<Tagged[]>;
  /**
   * A vector of `dimensions` numbers for each text, in their order; calls may overlap. Where `pooling.normalize` is true a
   * vector has length 1, and the cosine of two is their scalar product. With `dimensions` it has its first numbers alone.
   * @throws as `classify` does, `embed/dimensions`, `model/task` for a model with labels
   */
  embed(texts: readonly Text[], options?: EmbedOptions, context?: CallContext): Promise<Float32Array[]>;
}

/**
 * Loads a .esp file.
 *
 * @throws {FormatError} `esp/…` for a damaged file, `onnx/too-large` for one that `path: "dense"` does not take; {InputError} `runtime/source` for one that cannot be read;
 *   {ConfigError} `options/unknown`, `runtime/source` for what is no source at all, `runtime/threads`, `runtime/path`,
 *   `runtime/rates`, `runtime/progress`, `runtime/signal`, `sparse/head`, `options/maxLength`, `options/stride`, `stride/task`;
 *   {RunError} `runtime/…`, `arena/memory`; {InterruptedError} `runtime/stopped`; what `onProgress` throws
 * @example const model = await load(new URL("./model.esp", import.meta.url), { threads: 2 });
 */
export async function load(source: ModelSource, options: RuntimeOptions = {}): Promise<RuntimeModel> {
  requireKnown("load", options, OPTIONS);
  requireSource(source);
  requireTold(options);
  requirePath(options.path);
  const threads = threadsFor(options.threads);
  return stoppableLoad(options, (course) => loadFile(source, threads, options, course));
}

async function loadFile(
  source: ModelSource,
  threads: number,
  options: RuntimeOptions,
  { signal, tell }: LoadCourse,
): Promise<RuntimeModel> {
  const fetched = (share: number): void => tell("fetch", share);
  const { bytes, where, isOwn } = await readSource(source, { signal, progress: fetched });
  tell("fetch", 1);
  const unpacked = (share: number): void => tell("unpack", share);
  const file = await openFile(bytes, { where, handOver: isOwn, progress: unpacked, signal });
  try {
    const answering = answeringOf(file.opened, options);
    tell("place", 0);
    const { path, report } = await choosePath(file, threads, options, host.openDense);
    tell("place", 1);
    if (signal.aborted) await path.close();
    signal.throwIfAborted();
    return modelOf(file.opened, answering, path, report);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** @throws {ConfigError} `runtime/path` */
function requirePath(path: RuntimeOptions["path"]): void {
  if (path !== undefined && !["sparse", "dense"].includes(path)) {
    throw new ConfigError("runtime/path", `path: expected sparse or dense, got ${shown(path)}`);
  }
  if (path === "dense" && !host.openDense) {
    const where = "where there is no ONNX Runtime, as in espalier-runtime and in a page";
    throw new ConfigError("runtime/path", `path: expected sparse ${where}, got dense`);
  }
}

/** @throws {ConfigError} `runtime/rates`, `runtime/progress`, `runtime/signal` */
function requireTold({ rates, onProgress, signal }: RuntimeOptions): void {
  if (rates !== undefined && rates !== null && !isRates(rates)) {
    const expected = "rates: expected report.rates of an earlier load, a number for each kernel";
    throw new ConfigError("runtime/rates", `${expected}, got ${shown(rates)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new ConfigError("runtime/progress", `onProgress: expected a function, got ${shown(onProgress)}`);
  requireSignal(signal);
}

function isRates(given: unknown): given is Rates {
  if (typeof given !== "object" || given === null) return false;
  const rates = new Map<string, unknown>(Object.entries(given));
  return Object.keys(USUAL_RATES).every((kernel) => {
    const rate = rates.get(kernel);
    return typeof rate === "number" && (rate > 0 || (rate === 0 && isTwin(kernel)));
  });
}

/** @throws {ConfigError} `runtime/threads` */
function threadsFor(asked: number | undefined): number {
  if (asked !== undefined && !(Number.isInteger(asked) && asked >= 1 && asked <= 64)) {
    throw new ConfigError("runtime/threads", `threads: expected 1 to 64, got ${shown(asked)}`);
  }
  return host.threads(asked);
}

/** All of a model but what computes. */
interface Answering extends Omit<Answerer, "logits"> {
  readonly facts: AnswerFacts;
}

/** @throws {ConfigError} `model/head`, `options/maxLength`, `options/stride`, `stride/task` */
function answeringOf(
  opened: OpenFile["opened"],
  { maxLength: asked, stride }: Pick<RuntimeOptions, "maxLength" | "stride">,
): Answering {
  const { head, config } = opened;
  const facts = answerFacts(head, config.hiddenSize);
  const [tokenizer, maxLength] = [tokenizerOf(opened), lengthFor(opened, asked)];
  const reading = { head, tokenizer, maxLength, stride };
  requireWindows(reading);
  return { facts, ...reading };
}

function modelOf(
  { metadata }: OpenFile["opened"],
  { facts, ...answering }: Answering,
  path: Path,
  report: RuntimeReport,
): RuntimeModel {
  /** Answers, of which no more are begun once the call is stopped. */
  const answered = <T>(
    call: string,
    context: CallContext = {},
    answer: (by: Answerer) => Promise<T>,
  ): Promise<T> =>
    stoppableCall(call, context, (signal) =>
      answer({
        ...answering,
        logits: async (texts) => {
          signal.throwIfAborted();
          return path.logits(texts);
        },
      }),
    );
  return {
    ...facts,
    ...closable(() => path.close()),
    maxLength: answering.maxLength,
    report,
    metadata,
    classify: async (texts, context) => {
      requireTask(facts, "classify");
      requireTexts(texts, "runtime/none");
      return answered("classify", context, (by) => classifyTexts(by, texts));
    },
    tag: async (texts, options, context) => {
      requireTask(facts, "tag");
      requireSingleTexts(texts, "runtime/none");
      return answered("tag", context, (by) => tagTexts(by, texts, options));
    },
    embed: async (texts, options, context) => {
      requireTask(facts, "embed");
      requireTexts(texts, "runtime/none");
      return answered("embed", context, (by) => embedTexts(by, texts, options));
    },
  };
}
