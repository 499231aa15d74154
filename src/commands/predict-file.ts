/**
 * The file part of `espalier predict`: every row of a table is labelled, and written again with what the model says.
 *
 *   classification   label, score, and the score of each label: `score_good` in CSV and TSV, an object in JSON lines
 *   regression       score
 *   multi-label      labels, with `|` between them or as a list, and the score of each label
 *   tokens           entities, a list of objects, which is JSON in a cell of CSV and TSV
 *
 * CSV that is separated by semicolons stays so.
 * Training reads the columns of labels and entities back (data/several-labels.ts, data/word-labels.ts).
 * The file is read twice: once to find what is wrong with it before hours of work, once to label it, a thousand rows at
 * a time. The new file appears when it is whole.
 */

import { existsSync } from "node:fs";
import { ConfigError, InputError, InterruptedError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { readByColumns } from "../data/columns.ts";
import {
  type AddedValue,
  type FullRecord,
  type FullTable,
  openTable,
  recordLines,
} from "../data/table-records.ts";
import { formatNamed } from "../data/table-text.ts";
import { writeFileAtomic } from "../formats/files.ts";
import type { Tagged } from "../network/entities.ts";
import type { Prediction, Text } from "../network/predictions.ts";
import type { TextTask } from "../network/vectors.ts";
import type { PredictSettings } from "../options/answering.ts";
import { isBlank, noteBlank, noteCut } from "../runs/length.ts";
import { claimFile, requireFile } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import type { TextModel } from "../runs/text-model.ts";
import type { PredictedFile } from "./answers.ts";

/** Rows that are labelled and written together. */
const CHUNK = 1024;

/** What the options say about a file to label. */
export type FileJob = Required<Pick<PredictSettings, "data" | "out">> &
  Pick<PredictSettings, "text" | "textPair" | "quotes" | "force">;

/** What a model says of one row. */
export type Said = Prediction | Tagged;

/** The names of columns that may be added, by what stands in them. */
type AddedNames = Readonly<Record<"label" | "labels" | "score" | "scores" | "entities", string>>;

/** The columns that a model's answers make. */
const ADDED: Readonly<Record<Exclude<TextTask, "embedding">, readonly (keyof AddedNames)[]>> = {
  classification: ["label", "score", "scores"],
  regression: ["score"],
  "multi-label": ["labels", "scores"],
  tokens: ["entities"],
};

/** What labels rows: a network, or a floor, which cuts no text. */
export interface RowLabeller extends Pick<TextModel, "task" | "labels"> {
  readonly maxLength: number | null;
  /** In the order of the texts. */
  answer(texts: readonly Text[], context: RunContext): Promise<readonly Said[]>;
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
 * @throws {InputError} `table/…`, before anything is labelled; `run/busy` while another call writes the file
 * @throws {ConfigError} `place/unwritable`
 * @throws {InterruptedError} `predict/stopped`; nothing is written then
 */
export async function predictFile(
  labeller: RowLabeller,
  job: FileJob,
  context: RunContext,
  tellUsage: (isPair: boolean) => Promise<void> = async () => {},
): Promise<PredictedFile> {
  const asked = { text: job.text, pair: job.textPair, label: null };
  const { read, notes } = await readByColumns([job.data], asked, job.quotes, async ({ text, pair }) => {
    requireSingle(labeller, text, pair);
    const table = await openTable(job.data, pair === undefined ? [text] : [text, pair], job.quotes);
    return { table, ...(await look(table, labeller, job, context)), isPair: pair !== undefined };
  });
  const { table, rows, names, isPair } = read;
  // Also for the temporary file of a call that was killed here.
  await using _place = await claimFile(job.out);
  await tellUsage(isPair);
  for (const text of [...notes, ...table.notes, ...renamed(labeller, names)])
    context.report?.({ kind: "note", text });
  const counts = new Map<string, number>();
  const isCounted = labeller.task === "classification" || labeller.task === "multi-label";
  for (const label of isCounted ? labeller.labels : []) counts.set(label, 0);
  let [cut, blank, unlabelled] = [0, 0, 0];
  await writeFileAtomic(job.out, labelledLines());
  if (labeller.maxLength !== null) noteCut(cut, rows, labeller.maxLength, context.report);
  noteBlank(blank, rows, context.report);
  const unlabelledRows = labeller.task === "multi-label" ? { unlabelled } : {};
  return { path: job.out, data: job.data, rows, counts: Object.fromEntries(counts), ...unlabelledRows };

  async function* labelledLines(): AsyncGenerator<Uint8Array> {
    const lines = recordLines(formatOfOut(job.out), table);
    const encoder = new TextEncoder();
    let done = 0;
    for await (const chunk of chunks(table.records())) {
      const texts = chunk.map(
        ({ texts: [text = "", pair] }): Text => (pair === undefined ? text : [text, pair]),
      );
      const said = await labeller.answer(texts, context).catch((error: unknown) => {
        if (!(error instanceof InterruptedError)) throw error;
        const message = `stopped after ${done} of ${rows} rows, ${job.out} is not written`;
        throw new InterruptedError("predict/stopped", message, { cause: error });
      });
      const text = chunk.map((record, i) =>
        lines.line(record, addedTo(requireItem(said, i, "predictions"), labeller, job, names)),
      );
      for (const label of said.flatMap(countedOf)) counts.set(label, (counts.get(label) ?? 0) + 1);
      unlabelled += said.filter((each) => countedOf(each).length === 0).length;
      blank += texts.filter(isBlank).length;
      cut += said.filter((each) => each.cut > 0).length;
      done += chunk.length;
      context.report?.({ kind: "count", what: "rows", done, total: rows });
      yield encoder.encode(text.join(""));
    }
  }
}

/** @throws {ConfigError} `predict/pairs` for two texts in a row whose tokens are to be labelled */
function requireSingle({ task }: RowLabeller, text: string, pair: string | undefined): void {
  if (task !== "tokens" || pair === undefined) return;
  const message = `text: expected one column for a model that labels tokens, got ${text} and ${pair}`;
  throw new ConfigError("predict/pairs", message);
}

/** Labels, once for each row or entity that has them. */
function countedOf(said: Said): readonly string[] {
  return "entities" in said ? said.entities.map(({ label }) => label) : said.labels;
}

/** What is said where a file has such columns already. */
function renamed({ task }: RowLabeller, names: AddedNames): string[] {
  if (names.score === "score") return [];
  const own = keysOf(task).filter((key) => key !== "scores");
  return [
    `the file has a column of that name, so what the model says is in ${own.map((key) => names[key]).join(" and ")}`,
  ];
}

function keysOf(task: TextTask): readonly (keyof AddedNames)[] {
  return task === "embedding" ? [] : ADDED[task];
}

/** Reads the whole file, and finds names for the new columns that it does not have. */
async function look(
  table: FullTable,
  { task, labels }: RowLabeller,
  { data, out }: FileJob,
  { signal }: RunContext,
): Promise<{ readonly rows: number; readonly names: AddedNames }> {
  let rows = 0;
  const taken = new Set<string>();
  const lines = recordLines(formatOfOut(out), table);
  for await (const record of table.records()) {
    signal?.throwIfAborted();
    rows++;
    lines.line(record, []);
    for (const [name] of record.fields) taken.add(name);
  }
  if (rows === 0) throw new InputError("table/empty", `${data}: expected rows, got none`);
  const isJson = formatOfOut(out) === "jsonl";
  for (const prefix of ["", "predicted_"]) {
    const names: AddedNames = {
      label: `${prefix}label`,
      labels: `${prefix}labels`,
      score: `${prefix}score`,
      scores: prefix + (isJson ? "scores" : "score"),
      entities: `${prefix}entities`,
    };
    const titles = keysOf(task).flatMap((key) =>
      key === "scores" && !isJson ? labels.map((label) => `${names.scores}_${label}`) : [names[key]],
    );
    if (!titles.some((title) => taken.has(title))) return { rows, names };
  }
  const called = keysOf(task).filter((key) => key !== "scores");
  const all = [...called, ...called.map((key) => `predicted_${key}`)];
  const message = `${data}: expected no columns called ${all.slice(0, -1).join(", ")} or ${all.at(-1)}, got some of each`;
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

/** The columns of one row, as `ADDED` has them. */
function addedTo(
  said: Said,
  { task, labels }: RowLabeller,
  { out }: FileJob,
  names: AddedNames,
): (readonly [string, AddedValue])[] {
  if ("entities" in said) {
    return [[names.entities, said.entities.map((entity) => ({ ...entity, score: rounded(entity.score) }))]];
  }
  const values: Readonly<Record<keyof AddedNames, AddedValue>> = {
    label: said.label ?? "",
    labels: formatOfOut(out) === "jsonl" ? said.labels : said.labels.join("|"),
    score: rounded(said.score),
    scores: Object.fromEntries(said.scores.map((score, i) => [labels[i], rounded(score)])),
    entities: [],
  };
  return keysOf(task).map((key) => [names[key], values[key]] as const);
}

/** To the digits that float32 has. */
function rounded(value: number): number {
  return Number(value.toPrecision(7));
}

function formatOfOut(out: string): "csv" | "tsv" | "jsonl" {
  const format = formatNamed(out);
  return format === "tsv" || format === "jsonl" ? format : "csv";
}
