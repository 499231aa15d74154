/**
 * `espalier/runtime`: a packed file as a function from texts to labels, the same in Node and in a browser.
 *
 *   const model = await load("model.esp");
 *   await model.classify(["a film to remember"]); // [{ label: "positive", score: 0.98, … }]
 *   await model.close();
 *
 * Kernels and threads are chosen when the model is loaded, by measuring. In Node a model with few zeros is also tried in
 * ONNX Runtime, and the faster of the two stays. Needs nothing but the tokenizer. Not here: making files (commands/export.ts).
 */

import { ConfigError, InputError } from "../base/errors.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { type Prediction, predictionsOf, type Text } from "../network/predictions.ts";
import type { EncodedText } from "../sparse/batch.ts";
import type { Rates } from "../sparse/linear.ts";
import type { Path } from "./host.ts";
import { host } from "./node.ts";
import type { KernelReport } from "./protocol.ts";
import { openSession, type Session } from "./session.ts";

/** How a file is loaded; everything has a default. */
export interface RuntimeOptions {
  /**
   * Threads that share the work. Default 1 in Node, up to 4 in a page that is cross-origin isolated; always 1 in one that is
   * not, because its threads cannot share memory.
   */
  readonly threads?: number;
  /** Longest sequence in tokens; what is longer is cut. Default and most: what the model takes. */
  readonly maxLength?: number;
  /** Rates of the kernels, from `report.rates` of an earlier load on this machine, in place of measuring them (0.2 s). */
  readonly rates?: Rates;
  /** `sparse` or `dense` instead of the faster one; `dense` is ONNX Runtime and only there in Node. */
  readonly path?: "sparse" | "dense";
}

/** What was found out while loading. */
export interface RuntimeReport extends KernelReport {
  readonly path: "sparse" | "dense";
  readonly threads: number;
  /** Milliseconds of both paths for one text of 128 tokens, where both were tried. */
  readonly tried: { readonly sparse: number; readonly dense: number } | null;
}

/** A model that labels texts. It owns threads: close it. */
export interface RuntimeModel {
  /** Of a classification, in the order of `scores`; none of a regression. */
  readonly labels: readonly string[];
  readonly report: RuntimeReport;
  /** What was written into the file: the producer's version and the like. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Predictions in the order of the texts; calls may overlap.
   * @throws {InputError} `runtime/none` for no texts; {RunError} `runtime/…` when a thread is lost or the model closed
   */
  classify(texts: readonly Text[]): Promise<Prediction[]>;
  close(): Promise<void>;
}

/** Below this share of weights left no dense path was ever faster, so none is tried. */
const ALWAYS_SPARSE = 0.1;

/**
 * Loads a .esp file.
 *
 * @param source  its bytes, a URL, or a path (Node) or address relative to the page (browser)
 * @throws {FormatError} `esp/…` for a damaged file; {InputError} `runtime/source` for one that cannot be read;
 *   {ConfigError} `runtime/threads`, `runtime/path`, `sparse/head`; {RunError} `runtime/…`
 * @example const model = await load(new URL("./model.esp", import.meta.url), { threads: 2 });
 */
export async function load(
  source: string | URL | Uint8Array,
  options: RuntimeOptions = {},
): Promise<RuntimeModel> {
  const where = source instanceof Uint8Array ? "bytes" : String(source);
  const threads = threadsFor(options.threads);
  if (options.path === "dense" && !host.openDense) {
    throw new ConfigError("runtime/path", "path: expected sparse in a browser, got dense");
  }
  const file = source instanceof Uint8Array ? source : await readSource(source);
  const session = await openSession(file, { threads, where, rates: options.rates });
  try {
    const { path, tried } = await chosenPath(session, file, where, options.path);
    const report: RuntimeReport = { ...session.opened.report, path: tried.path, threads, tried: tried.times };
    return classifier(session, path, report, options.maxLength);
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** @throws {ConfigError} `runtime/threads` */
function threadsFor(asked: number | undefined): number {
  if (asked !== undefined && !(Number.isInteger(asked) && asked >= 1 && asked <= 64)) {
    throw new ConfigError("runtime/threads", `threads: expected 1 to 64, got ${asked}`);
  }
  return host.threads(asked);
}

/** @throws {InputError} `runtime/source` */
async function readSource(source: string | URL): Promise<Uint8Array> {
  try {
    return await host.read(source);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new InputError("runtime/source", `model: expected a .esp file, got: ${got} (${String(source)})`, {
      cause,
    });
  }
}

interface Choice {
  readonly path: Path;
  readonly tried: { readonly path: "sparse" | "dense"; readonly times: RuntimeReport["tried"] };
}

async function chosenPath(
  session: Session,
  file: Uint8Array,
  where: string,
  asked: RuntimeOptions["path"],
): Promise<Choice> {
  const sparse: Choice = { path: session, tried: { path: "sparse", times: null } };
  const doubtful = session.opened.report.density > ALWAYS_SPARSE;
  if (asked === "sparse" || !host.openDense || (asked !== "dense" && !doubtful)) return sparse;
  const dense = await host.openDense(file, where, session.threads);
  try {
    const times = asked ? null : await timesOf(session, dense);
    if (times && times.sparse <= times.dense) {
      await dense.close();
      return { path: session, tried: { path: "sparse", times } };
    }
    await session.close();
    return { path: dense, tried: { path: "dense", times } };
  } catch (error) {
    await dense.close();
    throw error;
  }
}

/** The least of some runs of each, in turn, on one text of up to 128 tokens. */
async function timesOf(session: Session, dense: Path): Promise<{ sparse: number; dense: number }> {
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

function classifier(session: Session, path: Path, report: RuntimeReport, longest = Infinity): RuntimeModel {
  const { head, vocabulary, config, metadata } = session.opened;
  const tokenizer = tokenizerOf({ config, vocabulary });
  const maxLength = Math.min(longest, vocabulary.maxLength, config.maxPositions);
  const encode = (text: Text): EncodedText => {
    const [first, pair] = typeof text === "string" ? [text, undefined] : text;
    return tokenizer.encode(first, pair, maxLength);
  };
  return {
    labels: head.kind === "classification" ? head.labels : [],
    report,
    metadata,
    classify: async (texts) => {
      if (texts.length === 0) throw new InputError("runtime/none", "texts: expected at least one, got none");
      return predictionsOf(head, texts, await path.logits(texts.map(encode)));
    },
    close: () => path.close(),
  };
}
