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

import { ConfigError, InputError } from "../base/errors.ts";
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
import type { KernelReport } from "./protocol.ts";
import { type OpenFile, openFile, type RuntimeSession } from "./session.ts";

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
   * Rates of the kernels, from `report.rates` of an earlier load on this machine, in place of measuring them (0.1 s). Within a
   * process they are measured once anyway.
   */
  readonly rates?: Rates | null;
  /** `sparse` or `dense` instead of the faster one; `dense` is ONNX Runtime, where that is installed. */
  readonly path?: "sparse" | "dense";
  /** Called as loading goes on. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

const OPTIONS: readonly (keyof RuntimeOptions)[] = [
  "threads",
  "maxLength",
  "stride",
  "rates",
  "path",
  "onProgress",
];

/** How far loading has come: first the file comes, then it is unpacked, then kernels are tried and the model is put in place. */
export interface LoadProgress {
  readonly stage: "fetch" | "unpack" | "place";
  /** Of the stage, from 0 to 1. */
  readonly share: number;
}

/** What was found out while loading. Where no sparse kernel was needed there are no rates, no kernels and no memory. */
export interface RuntimeReport extends Omit<KernelReport, "rates"> {
  readonly rates: Rates | null;
  readonly path: "sparse" | "dense";
  readonly threads: number;
  /** Milliseconds of both paths for one text of 128 tokens, where both were tried. */
  readonly tried: { readonly sparse: number; readonly dense: number } | null;
}

/** A model that labels texts or their tokens, or gives them vectors, as its `task` says. It owns threads: close it. */
export interface RuntimeModel extends AnswerFacts {
  /** Tokens at which texts are cut. */
  readonly maxLength: number;
  readonly report: RuntimeReport;
  /** What was written into the file: the producer's version and the like. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Predictions in the order of the texts; calls may overlap.
   * @throws {InputError} `runtime/none` for no texts; {ConfigError} `texts/kind`, `model/task` for a model that answers
   *   otherwise; {RunError} `runtime/…` when a thread is lost or the model closed
   */
  classify(texts: readonly Text[]): Promise<Prediction[]>;
  /**
   * The entities of each text, in the order of the texts, of a model that labels tokens; calls may overlap.
   * @throws as `classify` does, `texts/kind` for pairs; {ConfigError} `tag/aggregation`, `options/unknown`
   */
  tag(texts: readonly string[], options?: TagOptions): Promise<Tagged[]>;
  /**
   * A vector of `dimensions` numbers for each text, in their order; calls may overlap. Where `pooling.normalize` is true a
   * vector has length 1, and the cosine of two is their scalar product. With `dimensions` it has its first numbers alone.
   * @throws as `classify` does, `embed/dimensions`, `model/task` for a model with labels
   */
  embed(texts: readonly Text[], options?: EmbedOptions): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** Below this share of weights left no dense path was ever faster, so none is tried; 90 % zeros, rounded either way, lie below. */
const ALWAYS_SPARSE = 0.12;
/** Above this share, and with so many weights that a text takes milliseconds, no sparse path was ever faster. */
const ALWAYS_DENSE = 0.5;
const MANY_WEIGHTS = 2 ** 21;

/**
 * Loads a .esp file.
 *
 * @param source  its bytes, a URL, or a path (Node) or address relative to the page (browser)
 * @throws {FormatError} `esp/…` for a damaged file; {InputError} `runtime/source` for one that cannot be read;
 *   {ConfigError} `options/unknown`, `runtime/source` for what is no source at all, `runtime/threads`, `runtime/path`,
 *   `runtime/rates`, `runtime/progress`, `sparse/head`, `options/maxLength`; {RunError} `runtime/…`
 * @example const model = await load(new URL("./model.esp", import.meta.url), { threads: 2 });
 */
export async function load(
  source: string | URL | Uint8Array,
  options: RuntimeOptions = {},
): Promise<RuntimeModel> {
  requireKnown("load", options, OPTIONS);
  requireSource(source);
  requireTold(options);
  const where = source instanceof Uint8Array ? "bytes" : String(source);
  const threads = threadsFor(options.threads);
  const { path: asked } = options;
  if (asked !== undefined && !["sparse", "dense"].includes(asked)) {
    throw new ConfigError("runtime/path", `path: expected sparse or dense, got ${shown(asked)}`);
  }
  if (asked === "dense" && !host.openDense) {
    throw new ConfigError(
      "runtime/path",
      "path: expected sparse where ONNX Runtime is not installed, got dense",
    );
  }
  const tell = (stage: LoadProgress["stage"], share: number): void =>
    options.onProgress?.({ stage, share: Math.min(1, share) });
  const isOwn = !(source instanceof Uint8Array);
  const bytes = isOwn ? await readSource(source, (share) => tell("fetch", share)) : source;
  tell("fetch", 1);
  const unpacked = (share: number): void => tell("unpack", share);
  const file = await openFile(bytes, { where, handOver: isOwn, progress: unpacked });
  try {
    tell("place", 0);
    const { path, report } = await choosePath(file, threads, options);
    tell("place", 1);
    return modelOf(file, path, report, options);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A program without types may hand over anything. @throws {ConfigError} `runtime/source` */
function requireSource(source: unknown): void {
  if (source instanceof Uint8Array || source instanceof URL) return;
  if (typeof source === "string" && source !== "") return;
  const hint = source instanceof ArrayBuffer ? "; new Uint8Array(buffer) makes one of it" : "";
  const expected = "model: expected a path, an address, a URL or a Uint8Array";
  throw new ConfigError("runtime/source", `${expected}, got ${shown(source)}${hint}`);
}

/** @throws {ConfigError} `runtime/rates`, `runtime/progress` */
function requireTold({ rates, onProgress }: RuntimeOptions): void {
  if (rates !== undefined && rates !== null && !isRates(rates)) {
    const expected = "rates: expected report.rates of an earlier load, a number for each kernel";
    throw new ConfigError("runtime/rates", `${expected}, got ${shown(rates)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new ConfigError("runtime/progress", `onProgress: expected a function, got ${shown(onProgress)}`);
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

/** @throws {InputError} `runtime/source` */
async function readSource(source: string | URL, progress: (share: number) => void): Promise<Uint8Array> {
  try {
    return await host.read(source, progress);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new InputError("runtime/source", `model: expected a .esp file, got: ${got} (${String(source)})`, {
      cause,
    });
  }
}

interface Choice {
  readonly path: Path;
  readonly report: RuntimeReport;
}

async function choosePath(
  file: OpenFile,
  threads: number,
  { path: asked, rates }: RuntimeOptions,
): Promise<Choice> {
  const { density, weights, config } = file.opened;
  // ONNX Runtime has no kernels for this arithmetic: its graph rounds and multiplies float32, which is always slower.
  const isInBytes = config.quantized !== undefined;
  const certain = !isInBytes && density > ALWAYS_DENSE && weights > MANY_WEIGHTS;
  if (host.openDense && (asked === "dense" || (asked === undefined && certain))) {
    const path = await host.openDense(await file.network(), threads);
    await file.close();
    const unused = { rates: null, kernels: {}, fused: false, wide: null, memory: 0 };
    return { path, report: { ...unused, density, path: "dense", threads, tried: null } };
  }
  const session = await file.place({ threads, rates });
  const { report } = session.opened;
  if (asked === "sparse" || !host.openDense || isInBytes || density <= ALWAYS_SPARSE)
    return { path: session, report: { ...report, path: "sparse", threads, tried: null } };
  const dense = await host.openDense(await file.network(), threads);
  try {
    const tried = await timesOf(session, dense);
    const path = tried.sparse <= tried.dense ? "sparse" : "dense";
    await (path === "sparse" ? dense : session).close();
    return { path: path === "sparse" ? session : dense, report: { ...report, path, threads, tried } };
  } catch (error) {
    await dense.close();
    throw error;
  }
}

/** The least of some runs of each, in turn, on one text of up to 128 tokens. */
async function timesOf(session: RuntimeSession, dense: Path): Promise<{ sparse: number; dense: number }> {
  const tokens = Math.min(128, session.opened.config.maxPositions);
  const text = { ids: new Uint32Array(tokens), types: new Uint32Array(tokens) };
  const least = { sparse: Number.POSITIVE_INFINITY, dense: Number.POSITIVE_INFINITY };
  for (let i = 0; i < TRIALS; i++) {
    least.sparse = Math.min(least.sparse, await timeOf(() => session.logits([text])));
    least.dense = Math.min(least.dense, await timeOf(() => dense.logits([text])));
  }
  return least;
}

const TRIALS = 5;

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function modelOf(
  { opened }: OpenFile,
  path: Path,
  report: RuntimeReport,
  { maxLength: asked, stride }: Pick<RuntimeOptions, "maxLength" | "stride">,
): RuntimeModel {
  const { head, metadata, config } = opened;
  const facts = answerFacts(head, config.hiddenSize);
  const tokenizer = tokenizerOf(opened);
  const maxLength = lengthFor(opened, asked);
  requireWindows(head, stride);
  const answerer: Answerer = { head, tokenizer, maxLength, stride, logits: (texts) => path.logits(texts) };
  return {
    ...facts,
    maxLength,
    report,
    metadata,
    classify: async (texts) => {
      requireTask(facts, "classify");
      requireTexts(texts, "runtime/none");
      return classifyTexts(answerer, texts);
    },
    tag: async (texts, options) => {
      requireTask(facts, "tag");
      requireSingleTexts(texts, "runtime/none");
      return tagTexts(answerer, texts, options);
    },
    embed: async (texts, options) => {
      requireTask(facts, "embed");
      requireTexts(texts, "runtime/none");
      return embedTexts(answerer, texts, options);
    },
    close: () => path.close(),
  };
}
