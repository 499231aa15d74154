/**
 * A fine-tuned network as a function from texts to labels: what `predict` runs, and what a program calls.
 *
 * Not here: reading texts (cli/), metrics (evaluate.ts).
 */

import { ConfigError, closedModel, RunError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { shown } from "../base/shown.ts";
import { type Head, labelsOf } from "../bert/config.ts";
import { unlabelled } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { logitsOf } from "../measure/logits.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { openNetwork } from "../network/inference.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import {
  type Answerer,
  classifyTexts,
  type Prediction,
  requireTexts,
  type Text,
} from "../network/predictions.ts";
import { LOAD } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { MODEL } from "../options/shared.ts";
import { withinCores } from "./cores.ts";
import { perform } from "./perform.ts";
import type { RunContext } from "./progress.ts";
import { loadUnder } from "./under-mask.ts";

/** How a model is run; everything has a default. */
export interface ClassifierOptions {
  /** Threads of the engine, at most one for each core. Default 1. */
  readonly threads?: number;
  /** Default `cpu`. */
  readonly device?: Provider;
  /** The most texts of one batch, which long texts fill with fewer. Default 32. */
  readonly batchSize?: number;
  /** Longest sequence in tokens; what is longer is cut. Default: what the model was trained with; most: its positions. */
  readonly maxLength?: number | undefined;
}

/** How a model is read and run. */
export interface LoadOptions extends ClassifierOptions {
  /** A mask file, or the run that left one: the model is then the base, under this mask. */
  readonly mask?: string;
}

/** A model that labels texts. It owns a thread: close it. */
export interface Classifier {
  readonly network: Network;
  /** Of a classification, in the order of `scores`; none of a regression. */
  readonly labels: readonly string[];
  /** Tokens at which texts are cut. */
  readonly maxLength: number;
  /**
   * Predictions in the order of the texts. An aborted `signal` ends it before the next batch.
   * @throws {InputError} `predict/none` for no texts; {ConfigError} `texts/kind`; {InterruptedError} `predict/stopped`;
   *   {RunError} `model/closed` after, or while, the model is closed
   */
  classify(texts: readonly Text[], context?: Pick<RunContext, "signal">): Promise<Prediction[]>;
  close(): Promise<void>;
}

/**
 * Reads a fine-tuned model, or a base model with a mask, and keeps it ready.
 *
 * @param ref  a folder, a run, an .esp file, `hf:owner/name` or `embedded`
 * @throws {ConfigError} `model/head` for a model without a classification or regression head; `options/maxLength` for
 *   more than it has positions; `options/…` for an option that is not known or has another kind of value
 * @throws {InterruptedError} `load/stopped`
 * @throws as `loadModel` and `applyMask` do
 * @example
 * const model = await load("runs/sst2");
 * const [first] = await model.classify(["a film to remember"]); // { label: "positive", score: 0.98, … }
 * await model.close();
 */
export async function load(
  ref: string,
  options: LoadOptions = {},
  context: RunContext = {},
): Promise<Classifier> {
  if (!MODEL.accepts(ref)) {
    throw new ConfigError("options/value", `model: expected ${MODEL.expected}, got ${shown(ref)}`);
  }
  requireKnown("load", options, Object.keys(LOAD.fields));
  const { mask, threads, ...how } = resolveOptions(LOAD, { ...options });
  return perform("load", context, async () => {
    const { network } = await loadUnder(ref, mask ?? null, context);
    return openClassifier(network, { ...how, threads: withinCores(threads, context) }, ref);
  });
}

/**
 * As `load`, without masks, for a network that is in memory. `name` is what messages call it.
 * @throws {ConfigError} `model/head`; `options/maxLength` for more than the network has positions
 */
export async function openClassifier(
  network: Network,
  { threads = 1, device = "cpu", batchSize = 32, maxLength }: ClassifierOptions = {},
  name = "network",
): Promise<Classifier> {
  requireLabels(network.head, name);
  const tokenizer = tokenizerOf(network);
  const length = lengthFor(network, maxLength);
  const engine = new Engine({ threads, provider: device });
  try {
    const inference = await openNetwork(engine, network);
    let isClosed = false;
    const answerer = (signal?: AbortSignal): Answerer => ({
      head: network.head,
      tokenizer,
      maxLength: length,
      logits: (texts) => logitsOf(inference, unlabelled(texts, tokenizer.special.pad), batchSize, signal),
    });
    return {
      network,
      labels: labelsOf(network.head),
      maxLength: length,
      classify: async (texts, context = {}) => {
        requireTexts(texts, "predict/none");
        const classify = () => classifyTexts(answerer(context.signal), texts);
        return perform("predict", context, classify).catch((error: unknown) => {
          throw isClosed && error instanceof RunError ? closedModel("model/closed") : error;
        });
      },
      close: () => {
        isClosed = true;
        return engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** What a model is that labels nothing, in words. */
export function unlabelledKind({ kind }: Head): string {
  return kind === "mlm" ? "a masked language model" : "an encoder without a head";
}

/** @throws {ConfigError} `model/head` for a head that says nothing about a text as a whole */
export function requireLabels(head: Head, name: string): void {
  if (head.kind === "classification" || head.kind === "regression") return;
  const message = `model: expected one fine-tuned on labelled text, got ${unlabelledKind(head)} (${name})`;
  throw new ConfigError("model/head", message);
}
