/**
 * The file part of `espalier predict`: every row of a table is labelled, and written again with what the model says.
 *
 * The file is read twice: once to find what is wrong with it before hours of work, once to label it, a thousand rows at
 * a time. The new file appears when it is whole.
 */

import { existsSync } from "node:fs";
import { ConfigError, InputError, InterruptedError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { readByColumns } from "../data/columns.ts";
import { type FullRecord, type FullTable, openTable, recordLines } from "../data/table-records.ts";
import { formatNamed } from "../data/table-text.ts";
import { writeFileAtomic } from "../formats/files.ts";
import type { Prediction, Text } from "../network/predictions.ts";
import type { PredictSettings } from "../options/models.ts";
import { noteCut } from "../runs/length.ts";
import { requireFile } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import type { TextModel } from "../runs/text-model.ts";
import type { PredictedFile } from "./answers.ts";

/** Rows that are labelled and written together. */
const CHUNK = 1024;

/** What the options say about a file to label. */
export type FileJob = Required<Pick<PredictSettings, "data" | "out">> &
  Pick<PredictSettings, "text" | "textPair" | "quotes" | "force">;

/** What labels rows: a network, or a floor, which cuts no text. */
export interface RowLabeller extends Pick<TextModel, "classify"> {
  readonly maxLength: number | null;
}

/** Names of the columns that are added. */
interface AddedNames {
  readonly label: string;
  readonly score: string;
  readonly scores: string;
}

/** Refuses a file to write that is there already. @throws {ConfigError} `predict/exists`, `place/kind` */
export function requirePlace({ out, force }: Pick<FileJob, "out" | "force">): void {
  requireFile(out);
  if (force || !existsSync(out)) return;
  throw new ConfigError("predict/exists", `out: expected a new file, or --force to replace it, got ${out}`);
}

/**
 * Labels the rows of a file.
 * @param tellUsage  is told whether the rows have two texts, before they are labelled
 * @throws {InputError} `table/…`, before anything is labelled
 * @throws {InterruptedError} `predict/stopped`; nothing is written then
 */
export async function predictFile(
  classifier: RowLabeller,
  labels: readonly string[],
  job: FileJob,
  context: RunContext,
  tellUsage: (isPair: boolean) => Promise<void> = async () => {},
): Promise<PredictedFile> {
  const asked = { text: job.text, pair: job.textPair, label: null };
  const { read, notes } = await readByColumns([job.data], asked, job.quotes, async ({ text, pair }) => {
    const table = await openTable(job.data, pair === undefined ? [text] : [text, pair], job.quotes);
    return { table, ...(await look(table, labels, job)), isPair: pair !== undefined };
  });
  const { table, rows, names, isPair } = read;
  await tellUsage(isPair);
  for (const text of [...notes, ...table.notes]) context.report?.({ kind: "note", text });
  if (names.label !== "label") {
    const text = `the file has a column of that name, so what the model says is in ${names.label} and ${names.score}`;
    context.report?.({ kind: "note", text });
  }
  const counts = new Map(labels.map((label) => [label, 0]));
  let cut = 0;
  await writeFileAtomic(job.out, labelledLines());
  if (classifier.maxLength !== null) noteCut(cut, rows, classifier.maxLength, context.report);
  return { path: job.out, data: job.data, rows, counts: Object.fromEntries(counts) };

  async function* labelledLines(): AsyncGenerator<Uint8Array> {
    const lines = recordLines(formatOfOut(job.out));
    const encoder = new TextEncoder();
    let done = 0;
    for await (const chunk of chunks(table.records())) {
      const texts = chunk.map(
        ({ texts: [text = "", pair] }): Text => (pair === undefined ? text : [text, pair]),
      );
      const said = await classifier.classify(texts, context).catch((error: unknown) => {
        if (!(error instanceof InterruptedError)) throw error;
        const message = `stopped after ${done} of ${rows} rows, ${job.out} is not written`;
        throw new InterruptedError("predict/stopped", message, { cause: error });
      });
      const text = chunk.map((record, i) =>
        lines.line(record, addedTo(requireItem(said, i, "predictions"), labels, names)),
      );
      for (const { label } of said) if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1);
      cut += said.filter((each) => each.cut > 0).length;
      done += chunk.length;
      context.report?.({ kind: "count", what: "rows", done, total: rows });
      yield encoder.encode(text.join(""));
    }
  }
}

/** Reads the whole file, and finds names for the new columns that it does not have. */
async function look(
  table: FullTable,
  labels: readonly string[],
  { data, out }: FileJob,
): Promise<{ readonly rows: number; readonly names: AddedNames }> {
  let rows = 0;
  const taken = new Set<string>();
  const lines = recordLines(formatOfOut(out));
  for await (const record of table.records()) {
    rows++;
    lines.line(record, []);
    for (const [name] of record.fields) taken.add(name);
  }
  if (rows === 0) throw new InputError("table/empty", `${data}: expected rows, got none`);
  const isJson = formatOfOut(out) === "jsonl";
  for (const prefix of ["", "predicted_"]) {
    const names = {
      label: `${prefix}label`,
      score: `${prefix}score`,
      scores: prefix + (isJson ? "scores" : "score"),
    };
    const each = isJson ? [names.scores] : labels.map((label) => `${names.scores}_${label}`);
    if (![names.label, names.score, ...each].some((name) => taken.has(name))) return { rows, names };
  }
  const message = `${data}: expected no columns called label, score, predicted_label or predicted_score, got some of each`;
  throw new InputError("predict/columns", message);
}

async function* chunks(records: AsyncIterable<FullRecord>): AsyncGenerator<FullRecord[]> {
  let chunk: FullRecord[] = [];
  for await (const record of records) {
    chunk.push(record);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** Label, its probability and that of each class; of a regression the value alone. */
function addedTo(
  said: Prediction,
  labels: readonly string[],
  names: AddedNames,
): [string, string | number | Record<string, number>][] {
  if (said.label === null) return [[names.score, rounded(said.score)]];
  const scores = Object.fromEntries(
    labels.map((label, i) => [label, rounded(requireItem(said.scores, i, "scores"))]),
  );
  return [
    [names.label, said.label],
    [names.score, rounded(said.score)],
    [names.scores, scores],
  ];
}

/** To the digits that float32 has. */
function rounded(value: number): number {
  return Number(value.toPrecision(7));
}

function formatOfOut(out: string): "csv" | "tsv" | "jsonl" {
  const format = formatNamed(out);
  return format === "tsv" || format === "jsonl" ? format : "csv";
}
