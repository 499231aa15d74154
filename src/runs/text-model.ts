/**
 * A network as a function from texts to labels, to entities, or to vectors of a bare encoder: what `predict` and `embed`
 * run, and what a program calls.
 *
 * Not here: reading texts (cli/), metrics (evaluate.ts).
 */

import { type Closable, closable } from "../base/closable.ts";
import { ConfigError, closedModel, RunError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { shown } from "../base/shown.ts";
import { type Head, type Pooling, poolingOf } from "../bert/config.ts";
import { unlabelled } from "../data/batches.ts";
import { withinCores } from "../engine/cores.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { requireSingleTexts, type Tagged, type TagOptions, tagTexts } from "../network/entities.ts";
import { answersInOrder, openAnswers } from "../network/inference.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
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
import { LOAD } from "../options/answering.ts";
import { resolveOptions } from "../options/schema.ts";
import { MODEL } from "../options/shared.ts";
import { perform } from "./perform.ts";
import type { RunContext } from "./progress.ts";
import { loadUnder } from "./under-mask.ts";

/** How a model is run; everything has a default. */
export interface TextModelOptions {
  /** Threads of the engine, at most one for each core. Default 1. */
  readonly threads?: number;
  /** Default `cpu`. */
  readonly device?: Provider;
  /** The most texts of one batch, which long texts fill with fewer. Default 32. */
  readonly batchSize?: number;
  /** Longest sequence in tokens; what is longer is cut. Default: what the model was trained with; most: its positions. */
  readonly maxLength?: number | undefined;
  /** Labels a longer text by the mean of windows, of which neighbours share so many tokens. Default: it is cut. */
  readonly stride?: number | undefined;
}

/** How a model is read and run. */
export interface LoadOptions extends TextModelOptions {
  /** A mask file, or the run that left one: the model is then the base, under this mask. */
  readonly mask?: string;
}

/** A model that labels texts or their tokens, or gives them vectors, as its `task` says. It owns a thread: close it. */
export interface TextModel extends AnswerFacts, Closable {
  readonly network: Network;
  /** Tokens at which texts are cut. */
  readonly maxLength: number;
  /**
   * Predictions in the order of the texts. An aborted `signal` ends it before the next batch.
   * @throws {InputError} `predict/none` for no texts; {ConfigError} `texts/kind`, `model/task` for a model that answers
   *   otherwise; {InterruptedError} `predict/stopped`; {RunError} `model/closed` after, or while, the model is closed
   */
  classify(texts: readonly Text[], context?: Pick<RunContext, "signal">): Promise<Prediction[]>;
  /**
   * The entities of each text, in the order of the texts, of a model that labels tokens.
   * @throws as `classify` does, `texts/kind` for pairs; {ConfigError} `tag/aggregation`, `options/unknown`
   */
  tag(
    texts: readonly string[],
    options?: TagOptions,
    context?: Pick<RunContext, "signal">,
  ): Promise<Tagged[]>;
  /**
   * A vector of `dimensions` numbers for each text, in their order. Where `pooling.normalize` is true a vector has length 1,
   * and the cosine of two is their scalar product.
   * @throws as `classify` does: `embed/none`, `embed/dimensions`, `model/task` for a model with labels, `embed/stopped`
   */
  embed(
    texts: readonly Text[],
    options?: EmbedOptions,
    context?: Pick<RunContext, "signal">,
  ): Promise<Float32Array[]>;
}

/**
 * Reads a fine-tuned model, a base model with a mask, or an encoder without a head, and keeps it ready.
 *
 * @param ref  a folder, a run, an .esp file, `hf:owner/name` or `embedded`
 * @throws {ConfigError} `model/head` for a masked language model, and for an encoder whose way to make vectors is not read
 *   here; `options/maxLength` for more than it has positions; `options/stride` for as many as a window has; `options/…` for
 *   an option that is not known or has another kind of value
 * @throws {InterruptedError} `load/stopped`
 * @throws as `loadModel` and `applyMask` do
 * @example
 * const model = await load("runs/sst2");
 * const [first] = await model.classify(["a film to remember"]); // { label: "positive", score: 0.98, … }
 * await model.close();
 * @example
 * const tagger = await load("runs/conll");
 * const [{ entities }] = await tagger.tag(["Angela Merkel was in Paris"]); // [{ label: "PER", start: 0, end: 13, … }, …]
 * @example
 * const encoder = await load("hf:sentence-transformers/all-MiniLM-L6-v2");
 * const [a, b] = await encoder.embed(["first text", "second text"]); // Float32Array of 384 numbers each
 */
export async function load(
  ref: string,
  options: LoadOptions = {},
  context: RunContext = {},
): Promise<TextModel> {
  if (!MODEL.accepts(ref)) {
    throw new ConfigError("options/value", `model: expected ${MODEL.expected}, got ${shown(ref)}`);
  }
  requireKnown("load", options, Object.keys(LOAD.fields));
  const { mask, threads, ...how } = resolveOptions(LOAD, { ...options });
  return perform("load", context, async () => {
    const { network } = await loadUnder(ref, mask ?? null, context);
    return openTextModel(network, { ...how, threads: withinCores(threads, context) });
  });
}

/**
 * As `load`, without masks, for a network that is in memory.
 * @throws {ConfigError} `model/head`; `options/maxLength` for more than the network has positions; `options/stride`,
 *   `stride/task`
 */
export async function openTextModel(
  network: Network,
  { threads = 1, device = "cpu", batchSize = 32, maxLength, stride }: TextModelOptions = {},
): Promise<TextModel> {
  const facts = answerFacts(network.head, network.config.hiddenSize);
  const tokenizer = tokenizerOf(network);
  const reading = { head: network.head, tokenizer, maxLength: lengthFor(network, maxLength), stride };
  requireWindows(reading);
  const engine = new Engine({ threads, provider: device });
  try {
    const inference = await openAnswers(engine, network);
    let isClosed = false;
    const answerer = (signal?: AbortSignal): Answerer => ({
      ...reading,
      logits: (texts) =>
        answersInOrder(inference, network.head, unlabelled(texts, tokenizer.special.pad), batchSize, signal),
    });
    const untilClosed = <T>(answers: Promise<T>): Promise<T> =>
      answers.catch((error: unknown) => {
        throw isClosed && error instanceof RunError ? closedModel("model/closed") : error;
      });
    return {
      network,
      ...facts,
      ...closable(() => {
        isClosed = true;
        return engine.close();
      }),
      maxLength: reading.maxLength,
      classify: async (texts, context = {}) => {
        requireTask(facts, "classify");
        requireTexts(texts, "predict/none");
        return untilClosed(perform("predict", context, () => classifyTexts(answerer(context.signal), texts)));
      },
      tag: async (texts, options = {}, context = {}) => {
        requireTask(facts, "tag");
        requireSingleTexts(texts, "predict/none");
        const tag = (): Promise<Tagged[]> => tagTexts(answerer(context.signal), texts, options);
        return untilClosed(perform("predict", context, tag));
      },
      embed: async (texts, options = {}, context = {}) => {
        requireTask(facts, "embed");
        requireTexts(texts, "embed/none");
        const embed = (): Promise<Float32Array[]> => embedTexts(answerer(context.signal), texts, options);
        return untilClosed(perform("embed", context, embed));
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** What a model is that labels nothing, in words. */
export function unlabelledKind(head: Head): string {
  if (head.kind === "mlm") return "a masked language model";
  return `an encoder without a head${poolingOf(head) ? "" : ", whose way to make vectors is not read here"}`;
}

/** How a model makes vectors. @throws {ConfigError} `model/head` for one that makes none */
export function requireVectors(head: Head, name: string): Pooling {
  const pooling = poolingOf(head);
  if (pooling !== undefined) return pooling;
  const got = head.kind === "mlm" || head.kind === "none" ? unlabelledKind(head) : `one for ${head.kind}`;
  throw new ConfigError("model/head", `model: expected an encoder without a head, got ${got} (${name})`);
}

/** @throws {ConfigError} `model/head` for a head that says nothing about texts or their tokens */
export function requireLabels(head: Head, name: string): void {
  if ("labels" in head || head.kind === "regression") return;
  const hint = poolingOf(head) ? "; embed gives its vectors" : "";
  const message = `model: expected one fine-tuned on labelled text, got ${unlabelledKind(head)} (${name})${hint}`;
  throw new ConfigError("model/head", message);
}
