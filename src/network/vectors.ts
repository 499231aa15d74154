/** What a model that is ready answers texts with, and vectors as one of the answers. Browser-safe. */

import { ConfigError } from "../base/errors.ts";
import { type Head, labelsOf, type Pooling, poolingOf } from "../bert/config.ts";
import { type Answerer, answersTo, requireFinite, type Text } from "./predictions.ts";

/** What a model does with a text: it labels it, gives it a number, or a vector. */
export type TextTask = "classification" | "regression" | "embedding";

/** What is known of a model's answers. */
export interface AnswerFacts {
  /** `classify` answers for the first two, `embed` for the third. */
  readonly task: TextTask;
  /** Of a classification, in the order of `scores`; none of another model. */
  readonly labels: readonly string[];
  /** How vectors are made; null where none are. */
  readonly pooling: Pooling | null;
  /** Numbers of a vector; null where none are made. */
  readonly dimensions: number | null;
}

/** The facts of a head. @throws {ConfigError} `model/head` for one that answers no text as a whole */
export function answerFacts(head: Head, hiddenSize: number): AnswerFacts {
  const pooling = poolingOf(head) ?? null;
  const dimensions = pooling && hiddenSize;
  return { task: taskOf(head), labels: labelsOf(head), pooling, dimensions };
}

function taskOf(head: Head): TextTask {
  if (head.kind === "classification" || head.kind === "regression") return head.kind;
  if (poolingOf(head)) return "embedding";
  const got = head.kind === "mlm" ? "a masked language model" : "an encoder whose pooling is not read here";
  throw new ConfigError("model/head", `model: expected one with labels or vectors, got ${got}`);
}

/**
 * Refuses to ask a model for what it does not answer.
 * @throws {ConfigError} `model/task`
 */
export function requireTask({ task }: Pick<AnswerFacts, "task">, asked: "classify" | "embed"): void {
  if ((task === "embedding") === (asked === "embed")) return;
  const [expected, got] =
    asked === "embed"
      ? ["an encoder without a head", `a model for ${task}, which classify asks`]
      : ["a model with labels or a score", "an encoder without a head, which embed asks"];
  throw new ConfigError("model/task", `${asked}: expected ${expected}, got ${got}`);
}

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
