/** What a model that is ready answers texts with, and vectors as one of the answers. Browser-safe. */

import { ConfigError } from "../base/errors.ts";
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

/** The facts of a head. @throws {ConfigError} `model/head` for one that does not answer texts */
export function answerFacts(head: Head, hiddenSize: number): AnswerFacts {
  const pooling = poolingOf(head) ?? null;
  const dimensions = pooling && hiddenSize;
  return { task: taskOf(head), labels: labelsOf(head), pooling, dimensions };
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

/**
 * A vector for each text, in their order, each in memory of its own.
 * @throws {RunError} `predict/finite` for numbers that are not finite
 */
export async function embedTexts(answerer: Answerer, texts: readonly Text[]): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for await (const { read, rows, before } of answersTo(answerer, texts)) {
    const width = rows.length / read.length;
    requireFinite("vectors", rows, width, before);
    for (let i = 0; i < read.length; i++) all.push(rows.slice(i * width, (i + 1) * width));
  }
  return all;
}
