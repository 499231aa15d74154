/**
 * answers.jsonl: what the models of a run said of each example that judged them.
 *
 * The first line says what the numbers are: the kind of task, the classes in the order of the logits, and the stages of
 * both models. Each other line is one example: its text (and the second of a pair), its label, and the logits of the
 * product and of the model before it, where there is one; of a regression its value. Logits are float32, written so that
 * they are read back bit for bit. Not here: what follows from them (report/judgement.ts).
 */

import { readFile } from "node:fs/promises";
import { FormatError } from "../base/errors.ts";
import { classOf, type Dataset, type Example, type TaskKind } from "../data/dataset.ts";
import {
  aNumber,
  aText,
  ifThere,
  type JsonShape,
  listOf,
  oneOfValues,
  orNull,
  parseShape,
  primitive,
  record,
} from "../formats/json-shape.ts";
import type { Stage } from "../measure/result.ts";

/** Both models on the examples that judge. */
export interface Answers {
  readonly task: TaskKind;
  /** Class names in the order of the logits; empty for a regression. */
  readonly labels: readonly string[];
  readonly examples: readonly AnsweredExample[];
  readonly after: Said;
  /** Absent where there is no model before. */
  readonly before?: Said;
}

/** A judging example with the one label that it has. */
export type AnsweredExample = Pick<Example, "text" | "pair"> & { readonly label: number };

/** What one model said. */
export interface Said {
  readonly stage: Stage;
  /** [N, C]; [N] of a regression. */
  readonly logits: Float32Array;
}

interface Head {
  readonly version: 1;
  readonly task: TaskKind;
  readonly labels: readonly string[];
  readonly before: Stage | null;
  readonly after: Stage;
}

interface Line {
  readonly text: string;
  readonly pair?: string;
  /** A class by name, or the value of a regression. */
  readonly label: string | number;
  readonly before?: readonly number[];
  readonly after: readonly number[];
}

const STAGE: JsonShape<Stage> = oneOfValues("original", "fine-tuned", "compressed");

const HEAD: JsonShape<Head> = record<Head>({
  version: oneOfValues(1),
  task: oneOfValues("classification", "regression"),
  labels: listOf(aText),
  before: orNull(STAGE),
  after: STAGE,
});

const LINE: JsonShape<Line> = record<Line>({
  text: aText,
  pair: ifThere(aText),
  label: primitive("a class or a number", (v) => typeof v === "string" || Number.isFinite(v)),
  before: ifThere(listOf(aNumber, 1)),
  after: listOf(aNumber, 1),
});

/** The answers of a run's models to its judging examples. @param models  the product, and the model before it */
export function answersOf(
  { task, labels, examples }: Dataset,
  { after, before }: Pick<Answers, "after" | "before">,
): Answers {
  const labelled = examples.map((example) => ({ ...example, label: classOf(example) }));
  return { task, labels, examples: labelled, after, ...(before ? { before } : {}) };
}

/** The text of the file. */
export function answersText({ task, labels, examples, before, after }: Answers): string {
  const head: Head = { version: 1, task, labels, before: before?.stage ?? null, after: after.stage };
  const width = Math.max(1, labels.length);
  // Nine digits tell every float32 from its neighbours.
  const row = ({ logits }: Said, i: number): number[] =>
    Array.from(logits.subarray(i * width, (i + 1) * width), (x) => Number(x.toPrecision(9)));
  const lines = examples.map(({ text, pair, label }, i): Line => {
    return {
      text,
      ...(pair === undefined ? {} : { pair }),
      label: task === "regression" ? label : (labels[label] ?? label),
      ...(before ? { before: row(before, i) } : {}),
      after: row(after, i),
    };
  });
  return [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/**
 * Reads the file.
 *
 * @throws {FormatError} `answers/format` for a line of another shape, a class that is not among the labels, or logits that
 *   are not one for each class: the message says in which line
 */
export async function readAnswers(path: string): Promise<Answers> {
  const [first = "", ...lines] = (await readFile(path, "utf8")).trimEnd().split("\n");
  const head = parseShape(HEAD, first, `${path}:1`, "answers/format");
  const width = Math.max(1, head.labels.length);
  const places = new Map(head.labels.map((label, i) => [label, i]));
  const examples: AnsweredExample[] = [];
  const after = new Float32Array(width * lines.length);
  const before = new Float32Array(head.before === null ? 0 : after.length);
  for (const [i, text] of lines.entries()) {
    const where = `${path}:${i + 2}`;
    const line = parseShape(LINE, text, where, "answers/format");
    examples.push({
      text: line.text,
      ...(line.pair === undefined ? {} : { pair: line.pair }),
      label: labelOf(line, head, places, where),
    });
    after.set(rowOf(line.after, width, where), i * width);
    if (head.before !== null) before.set(rowOf(line.before, width, where), i * width);
  }
  return {
    task: head.task,
    labels: head.labels,
    examples,
    after: { stage: head.after, logits: after },
    ...(head.before === null ? {} : { before: { stage: head.before, logits: before } }),
  };
}

function labelOf(
  { label }: Line,
  { task }: Head,
  places: ReadonlyMap<string, number>,
  where: string,
): number {
  if (task === "regression" && typeof label === "number") return label;
  const place = places.get(String(label));
  if (task === "classification" && place !== undefined) return place;
  const expected = task === "regression" ? "a number" : "one of the labels of the first line";
  throw new FormatError(
    "answers/format",
    `label: expected ${expected}, got ${JSON.stringify(label)} (${where})`,
  );
}

function rowOf(row: readonly number[] | undefined, width: number, where: string): readonly number[] {
  if (row?.length === width) return row;
  const message = `logits: expected ${width}, got ${row?.length ?? "none"} (${where})`;
  throw new FormatError("answers/format", message);
}
