/** What a model that is ready answers texts with, and vectors as one of the answers. Browser-safe. */

import { ConfigError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { answersTexts, type Head, labelsOf, type Pooling, poolingOf } from "../bert/config.ts";
import { type Answerer, answersTo, requireFinite, type Text } from "./predictions.ts";

/** What a model does with a text: it gives it one label, a number, several labels, a label for each token, or a vector. */
export type TextTask = "classification" | "regression" | "multi-label" | "tokens" | "embedding";

/** What a model is asked. */
type Question = "classify" | "tag" | "embed";

/** What is known of a model's answers. */
export interface AnswerFacts {
  /** `classify` answers for the first three, `tag` for `tokens`, `embed` for `embedding`. */
  readonly task: TextTask;
  /** In the order of `scores`; none of a model without labels. */
  readonly labels: readonly string[];
  /** How vectors are made; null where none are. */
  readonly pooling: Pooling | null;
  /** Numbers of a vector; null where none are made. */
  readonly dimensions: number | null;
}

/**
 * The facts of a head, for a caller to keep: frozen and apart from the head, which a changed list would make answer wrongly.
 * @throws {ConfigError} `model/head` for one that does not answer texts
 */
export function answerFacts(head: Head, hiddenSize: number): AnswerFacts {
  const labels = Object.freeze([...labelsOf(head)]);
  const found = poolingOf(head);
  const pooling = found ? Object.freeze({ ...found }) : null;
  return { task: taskOf(head), labels, pooling, dimensions: pooling && hiddenSize };
}

function taskOf(head: Head): TextTask {
  if (answersTexts(head) || head.kind === "tokens") return head.kind;
  if (poolingOf(head)) return "embedding";
  const got = head.kind === "mlm" ? "a masked language model" : "an encoder whose pooling is not read here";
  throw new ConfigError("model/head", `model: expected one with labels or vectors, got ${got}`);
}

/**
 * Refuses to ask a model for what it does not answer.
 * @throws {ConfigError} `model/task`
 */
export function requireTask({ task }: Pick<AnswerFacts, "task">, asked: Question): void {
  const asks = task === "embedding" ? "embed" : task === "tokens" ? "tag" : "classify";
  if (asks === asked) return;
  const [{ expected }, { got }] = [KINDS[asked], KINDS[asks]];
  throw new ConfigError(
    "model/task",
    `${asked}: expected ${expected}, got ${got ?? `a model for ${task}`}, which ${asks} asks`,
  );
}

/** The models that answer a question, in words. */
const KINDS: Readonly<Record<Question, { readonly expected: string; readonly got?: string }>> = {
  classify: { expected: "a model with labels or a score" },
  tag: { expected: "a model with a label for each token" },
  embed: { expected: "an encoder without a head", got: "an encoder without a head" },
};

/** How vectors are given. */
export interface EmbedOptions {
  /** Numbers of a vector, from its front; default all. An encoder trained with `widths` keeps most of what it knows there. */
  readonly dimensions?: number;
}

/**
 * A vector for each text, in their order, each in memory of its own. One that is cut is brought to length 1 again where the
 * encoder's are.
 *
 * @throws {RunError} `predict/finite` for numbers that are not finite; {ConfigError} `embed/dimensions`, `options/unknown`
 */
export async function embedTexts(
  answerer: Answerer,
  texts: readonly Text[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  requireKnown("embed", options, ["dimensions"]);
  const { dimensions } = options;
  const normalize = poolingOf(answerer.head)?.normalize === true;
  const all: Float32Array[] = [];
  for await (const { read, rows, before } of answersTo(answerer, texts)) {
    const width = rows.length / read.length;
    requireFinite("vectors", rows, width, before);
    const kept = dimensions === undefined ? rows : cutVectors(rows, width, dimensions, normalize);
    const numbers = dimensions ?? width;
    for (let i = 0; i < read.length; i++) all.push(kept.slice(i * numbers, (i + 1) * numbers));
  }
  return all;
}

/**
 * The first `dimensions` numbers of each row of [N, width], at length 1 where they are to be.
 * @throws {ConfigError} `embed/dimensions`
 */
export function cutVectors(
  rows: Float32Array,
  width: number,
  dimensions: number,
  normalize: boolean,
): Float32Array {
  if (!(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= width)) {
    const message = `dimensions: expected a whole number from 1 to ${width}, got ${String(dimensions)}`;
    throw new ConfigError("embed/dimensions", message);
  }
  const texts = rows.length / width;
  const cut = new Float32Array(texts * dimensions);
  for (let i = 0; i < texts; i++) {
    const row = rows.subarray(i * width, i * width + dimensions);
    const length = normalize ? Math.sqrt(row.reduce((sum, x) => sum + x * x, 0)) : 1;
    row.forEach((x, k) => {
      cut[i * dimensions + k] = length === 0 ? x : x / length;
    });
  }
  return cut;
}
