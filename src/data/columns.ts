/**
 * Which columns of a table hold text and label: those that were named, else `text` and `label`, else the ones that are
 * obvious.
 *
 * Obvious means that a header leaves one choice and the cells below agree: one column is called as texts are (`review`,
 * `comment_text`), or two as pairs are (`premise` and `hypothesis`), and one as labels are (`sentiment`, `gold_label`). A
 * file of two columns may also be told by its cells. Two candidates for one place are a question for the user, so nothing
 * is guessed then. What was named is never replaced.
 */

import { basename } from "node:path";
import { EspalierError, InputError } from "../base/errors.ts";
import { named } from "../base/quantity.ts";
import { listIn, show } from "./cells.ts";
import type { Quotes } from "./delimited.ts";
import { isMissing } from "./labels.ts";
import { type FullRecord, openTable } from "./table-records.ts";
import { formatOf } from "./table-text.ts";

/** Names of columns as the user gave them; what is absent was left open. */
export interface AskedColumns {
  readonly text?: string | undefined;
  readonly pair?: string | undefined;
  /** Null where no label is wanted. */
  readonly label?: string | null | undefined;
}

/** Columns that were decided upon. */
export interface NamedColumns {
  readonly text: string;
  readonly pair?: string;
  readonly label: string;
}

/** What columns are called where nobody says otherwise. */
export const USUAL_COLUMNS: NamedColumns = { text: "text", label: "label" };

/** What was read, from which columns, and what to tell the user about them. */
export interface ReadByColumns<T> {
  readonly read: T;
  readonly columns: NamedColumns;
  readonly notes: readonly string[];
}

/** Rows that a guess looks at. */
const SAMPLE = 1000;

/**
 * Reads a table by its columns. Only one that lacks a column that nobody named is looked at for others, in its first file.
 *
 * @param read  reads the file by the columns it is given
 * @throws whatever `read` throws; where nothing is obvious, its `table/column`
 * @throws {InputError} `table/header` for a file that seems to have no line of names
 */
export async function readByColumns<T>(
  files: readonly string[],
  asked: AskedColumns,
  quotes: Quotes,
  read: (columns: NamedColumns) => Promise<T>,
): Promise<ReadByColumns<T>> {
  const [file = ""] = files;
  const { text = USUAL_COLUMNS.text, pair, label } = asked;
  const usual = { text, label: label ?? USUAL_COLUMNS.label, ...(pair === undefined ? {} : { pair }) };
  try {
    return { read: await read(usual), columns: usual, notes: [] };
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== "table/column") throw error;
    const sample = await sampleOf(file, quotes).catch((other: unknown) => {
      throw other instanceof EspalierError ? error : other; // the first thing that is wrong is the one to be told
    });
    const guess = guessColumns(sample, asked);
    if (guess === undefined) throw error;
    const columns = { ...usual, ...guess };
    const notes = [guessNote(guess), ...headerNotes(file, sample, guess.text, columns.label)];
    return { read: await read(columns), columns, notes: notes.map((note) => `${basename(file)}: ${note}`) };
  }
}

/** The top of a table: its header, and the cells of each column. */
export type ColumnSample = ReadonlyMap<string, readonly unknown[]>;

async function sampleOf(file: string, quotes: Quotes): Promise<ColumnSample> {
  const records: FullRecord[] = [];
  const table = await openTable(file, [], quotes, SAMPLE);
  for await (const record of table.records()) {
    records.push(record);
    if (records.length === SAMPLE) break;
  }
  const header = (records[0]?.fields ?? []).map(([name]) => name);
  // Of JSON objects each may lack a key.
  const later = new Set(records.flatMap(({ fields }) => fields.map(([name]) => name)));
  const names = [...header, ...[...later].filter((name) => !header.includes(name))];
  const once = names.filter((name) => names.indexOf(name) === names.lastIndexOf(name));
  const rows = records.map(({ fields }) => new Map<string, unknown>(fields));
  return new Map(once.map((name) => [name, rows.map((row) => row.get(name) ?? null)]));
}

/**
 * The columns that are obvious among those that were left open and are not called as usual; undefined when one of them is
 * not, or when there is none to find.
 */
export function guessColumns(
  sample: ColumnSample,
  { text, pair, label }: AskedColumns,
): Partial<NamedColumns> | undefined {
  const names = [...sample.keys()];
  const isThere = (name: string): boolean => names.some((other) => other.trim() === name);
  const opensText = text === undefined && !isThere(USUAL_COLUMNS.text);
  const opensLabel = label === undefined && !isThere(USUAL_COLUMNS.label);
  if (!opensText && !opensLabel) return undefined;
  const taken = [
    ...[text, pair, label],
    ...(opensText || text !== undefined ? [] : [USUAL_COLUMNS.text]),
    ...(opensLabel || label !== undefined ? [] : [USUAL_COLUMNS.label]),
  ].map((name) => name?.trim());
  const free = names.filter((name) => !taken.includes(name.trim()) && !isIndex(name, sample));
  const texts: Partial<NamedColumns> | undefined = opensText
    ? obviousTexts(free, sample, pair !== undefined)
    : {};
  const rest = free.filter((name) => name !== texts?.text && name !== texts?.pair);
  const found = opensLabel ? obviousLabel(rest, sample) : {};
  return texts && found && { ...texts, ...found };
}

/** What is said of a guess. */
function guessNote({ text, pair, label }: Partial<NamedColumns>): string {
  const first = text === undefined ? undefined : named(text);
  const both =
    pair === undefined ? `text in column ${first}` : `texts in columns ${first} and ${named(pair)}`;
  const column = first === undefined ? "label in column" : "label in";
  const said = [
    ...(first === undefined ? [] : [both]),
    ...(label === undefined ? [] : [`${column} ${named(label)}`]),
  ];
  const flags = [
    ...(text === undefined ? [] : ["--text"]),
    ...(pair === undefined ? [] : ["--text-pair"]),
    ...(label === undefined ? [] : ["--label"]),
  ];
  const list =
    flags.length > 2 ? `${flags.slice(0, -1).join(", ")} and ${flags.at(-1)}` : flags.join(" and ");
  return `${said.join(", ")}; ${list} ${flags.length > 1 ? "name others" : "names another"}`;
}

/**
 * What is said where the names of guessed columns are rather the first row of a file without names: the one of the text is
 * called as no text is, and the one of the label stands in its own column.
 *
 * @throws {InputError} `table/header` where the text has four words or more, as hardly a name has
 */
function headerNotes(file: string, sample: ColumnSample, text: string | undefined, label: string): string[] {
  const isNamedByLine = ["csv", "tsv"].includes(formatOf(file));
  if (!isNamedByLine || text === undefined) return [];
  const words = wordsOf(text);
  const isName = !/\p{L}/u.test(text) || (words.length < 4 && TEXT_WORDS.has(words.at(-1) ?? ""));
  const isLabel = [...sample].some(
    ([name, cells]) =>
      name.trim() === label.trim() && cells.some((cell) => String(cell).trim() === label.trim()),
  );
  if (isName || !isLabel) return [];
  const found = `${show(text)} and ${show(label)}, a label of other rows too`;
  if (words.length < 4) return [`is a line of names missing? Its first line, ${found}, was taken for one`];
  const message = `${basename(file)}: expected a line of names such as text,label first, got what looks like a row, ${found}; add one, or name both columns with --text and --label`;
  throw new InputError("table/header", message);
}

/** Last words of what columns of text are called. */
const TEXT_WORDS = new Set(
  (
    "text texts sentence review content message body title headline comment tweet post question query utterance " +
    "document article description passage paragraph snippet email mail sms phrase statement transcript summary abstract " +
    "feedback"
  ).split(" "),
);

/** Likewise of labels. */
const LABEL_WORDS = new Set(
  (
    "label labels sentiment class classes category target score stars rating intent emotion topic y gold polarity " +
    "stance toxic toxicity spam duplicate similarity relatedness entailment"
  ).split(" "),
);

/** Columns that are pairs by their names, the first text first. */
const PAIRS: readonly (readonly [string, string])[] = [
  ["premise", "hypothesis"],
  ["question", "sentence"],
  ["question", "answer"],
  ["question", "passage"],
  ["question", "context"],
  ["query", "passage"],
  ["query", "document"],
  ["claim", "evidence"],
];

/** What the two texts of a pair are called before they are counted: `sentence1` and `sentence2`, `text_a` and `text_b`. */
const COUNTED = /^(sentence|text|question|phrase|query|string|s|q|t) ?(1|2|a|b)$/;

/** A name in lower-case words: `SentimentText` and `sentiment_text` are one. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

/** True for a column that numbers the rows and says nothing else. */
function isIndex(name: string, sample: ColumnSample): boolean {
  if (!/^(|id|idx|index|unnamed 0)$/.test(wordsOf(name).join(" "))) return false;
  return differentOf(sample.get(name) ?? []).size === (sample.get(name) ?? []).length;
}

type Texts = Pick<NamedColumns, "text" | "pair">;

function obviousTexts(names: readonly string[], sample: ColumnSample, hasPair: boolean): Texts | undefined {
  const written = names.filter((name) => isWritten(sample.get(name) ?? []));
  const pairs = hasPair ? [] : pairsOf(written);
  const [pair, another] = pairs;
  if (another !== undefined) return undefined;
  const candidates = written.filter((name) => {
    const words = wordsOf(name);
    return TEXT_WORDS.has(words.at(-1) ?? "") || (hasPair && isOfPair(words.join(" ")));
  });
  if (pair !== undefined) {
    const beside = candidates.filter((name) => name !== pair.text && name !== pair.pair);
    return beside.length === 0 ? pair : undefined;
  }
  const [only, more] =
    candidates.length > 0 || names.length > 2 ? candidates : written.filter(isLong(sample));
  return only === undefined || more !== undefined ? undefined : { text: only };
}

function isOfPair(words: string): boolean {
  return COUNTED.test(words) || PAIRS.some((pair) => pair.includes(words));
}

function pairsOf(names: readonly string[]): (Texts & { readonly pair: string })[] {
  const called = new Map(names.map((name) => [wordsOf(name).join(" "), name]));
  const counted = [...called.keys()].flatMap((words): [string, string][] => {
    const [, stem, place] = words.match(COUNTED) ?? [];
    if (stem === undefined || (place !== "1" && place !== "a")) return [];
    const second = place === "1" ? "2" : "b";
    return [[words, `${words.slice(0, -1)}${second}`]];
  });
  return [...counted, ...PAIRS].flatMap(([first, second]) => {
    const [text, pair] = [called.get(first), called.get(second)];
    return text === undefined || pair === undefined ? [] : [{ text, pair }];
  });
}

function obviousLabel(
  names: readonly string[],
  sample: ColumnSample,
): Pick<NamedColumns, "label"> | undefined {
  const candidates = names.filter(
    (name) => LABEL_WORDS.has(wordsOf(name).at(-1) ?? "") && isLabelling(sample.get(name) ?? []),
  );
  const alone = names.filter((name) => names.length === 1 && hasFewValues(sample.get(name) ?? []));
  const [only, more] = candidates.length > 0 ? candidates : alone;
  return only === undefined || more !== undefined ? undefined : { label: only };
}

function differentOf(cells: readonly unknown[]): ReadonlySet<unknown> {
  return new Set(cells);
}

/** Cells that somebody wrote: texts with letters, most of them different from each other. */
function isWritten(cells: readonly unknown[]): boolean {
  const texts = cells.filter((cell) => cell !== null && cell !== "");
  const lettered = texts.filter((cell) => typeof cell === "string" && /\p{L}/u.test(cell));
  return lettered.length > texts.length / 2 && differentOf(texts).size > texts.length / 5;
}

/** Of several words each. */
function isLong(sample: ColumnSample): (name: string) => boolean {
  return (name) => {
    const counts = (sample.get(name) ?? []).map(
      (cell) =>
        String(cell ?? "")
          .trim()
          .split(/\s+/).length,
    );
    return counts.reduce((sum, n) => sum + n, 0) >= 3 * counts.length;
  };
}

/** Short cells, or lists of such, that are not texts of their own, one for each row. */
function isLabelling(cells: readonly unknown[]): boolean {
  const labels = labelsIn(cells.flatMap(itemsOf));
  const words = labels.filter((cell) => typeof cell === "string" && Number.isNaN(Number(cell)));
  const isFlat = labels.every((cell) => typeof cell !== "object" && String(cell).length <= 60);
  return isFlat && (words.length < 10 || differentOf(words).size < 0.8 * words.length);
}

/** What a list has in it, be it one of JSON or one that stands in a text; else the cell itself. */
function itemsOf(cell: unknown): readonly unknown[] {
  if (Array.isArray(cell)) return cell;
  return (typeof cell === "string" ? listIn(cell) : undefined) ?? [cell];
}

/** As classes have: each value stands for many rows. */
function hasFewValues(cells: readonly unknown[]): boolean {
  const labels = labelsIn(cells);
  const different = differentOf(labels).size;
  return isLabelling(cells) && different >= 2 && different <= 20 && different <= labels.length / 10;
}

function labelsIn(cells: readonly unknown[]): unknown[] {
  return cells.filter((cell) => {
    if (cell === null) return false;
    return typeof cell === "string" || typeof cell === "number" ? !isMissing(cell) : true;
  });
}
