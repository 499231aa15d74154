/**
 * Tables in which a text may have several labels, or none.
 *
 * They come in three ways: a list in one cell (JSON, Parquet, in CSV as JSON or as Python prints it), in Parquet perhaps of
 * numbers whose names the file has; text in one cell with a sign between the labels (`a|b`); columns of their own with 0 or 1 below each, named with commas between
 * (`toxic,insult`). Every bad cell is an `InputError` naming file, line and column.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type Cell, listIn, missingColumn, show } from "./cells.ts";
import type { NamedColumns } from "./columns.ts";
import type { Dataset, Example } from "./dataset.ts";
import type { Quotes } from "./delimited.ts";
import { classFinder, groupLabels, spellingOf } from "./label-names.ts";
import { declaredName, inOrder, MOST_CLASSES } from "./labels.ts";
import { sameClasses } from "./rows.ts";
import { type FullRecord, type FullTable, openTable } from "./table-records.ts";

/** How such a table is to be understood. */
export interface SeveralOptions {
  /** The labels of the training set, which hold here too. */
  readonly labels?: readonly string[];
  readonly quotes?: Quotes;
  /** What the files are called together; default the first one's name. */
  readonly name?: string | undefined;
  /** Leave rows whose label is null out, and say how many, instead of refusing the file. */
  readonly skipUnlabelled?: boolean;
}

/** A row with its labels as they are spelled. */
interface LabelledRow {
  readonly example: Omit<Example, "label">;
  readonly labels: readonly string[];
}

/** Signs that may stand between the labels of a cell; the first that a file has is the one, in cells that are no known label. */
const SEPARATORS = ["|", ";", ","] as const;

/**
 * Reads a table, in one file or several, of texts with any number of labels each.
 *
 * @throws {InputError} `table/…`, `label/list`, `label/flag`, `label/missing`, `label/unknown`, `label/classes`
 */
export async function readSeveralLabels(
  files: readonly string[],
  columns: NamedColumns,
  { labels: known, quotes = "auto", skipUnlabelled = false, name: given }: SeveralOptions = {},
): Promise<Dataset> {
  const name = given ?? basename(files[0] ?? "");
  const { text, pair } = columns;
  const records: FullRecord[] = [];
  const read: string[] = [];
  const listed: (readonly string[] | undefined)[] = [];
  for (const file of files) {
    const table = await openTable(file, pair === undefined ? [text] : [text, pair], quotes);
    const before = records.length;
    for await (const record of table.records()) records.push(record);
    requireColumn(records.slice(before), columns.label);
    read.push(...table.notes);
    listed.push(classesOf(table, columns.label));
  }
  if (records.length === 0) throw new InputError("table/empty", `${name}: expected rows, got none`);
  const classes = sameClasses(files, listed);
  const { rows, unlabelled, notes, flags } = labelledRows(records, columns.label, classes, known);
  const [first] = unlabelled;
  if (first !== undefined && !skipUnlabelled) {
    const count = `${unlabelled.length} of ${records.length} rows have none`;
    const message = `${first}: expected a list of labels, got null (${count}; --skip-unlabelled leaves them out)`;
    throw new InputError("label/missing", message);
  }
  const names = known ?? flags ?? requireClasses(classes ?? namesOf(rows), name);
  const examples = withNumbers(rows, names);
  const bare = examples.filter(({ label }) => Array.isArray(label) && label.length === 0).length;
  const said = [
    ...read,
    ...notes.map((note) => `${name}: ${note}`),
    ...(unlabelled.length > 0
      ? [`${name}: ${unlabelled.length} of ${records.length} rows have no label and are left out`]
      : []),
    ...(bare > 0 ? [`${name}: no label holds of ${bare} of ${examples.length} rows`] : []),
  ];
  return {
    name,
    task: "multi-label",
    labels: names,
    examples,
    ...(unlabelled.length > 0 ? { unlabelled: unlabelled.length } : {}),
    ...(said.length === 0 ? {} : { notes: said }),
  };
}

/** What the rows of a file say. */
interface ReadRows {
  readonly rows: readonly LabelledRow[];
  /** Where rows without a label stand. */
  readonly unlabelled: readonly string[];
  /** The labels, where each has a column. */
  readonly flags?: readonly string[];
  readonly notes: readonly string[];
}

/** What a file calls the classes whose numbers stand in a column. */
function classesOf({ classes }: FullTable, column: string): readonly string[] | undefined {
  return [...classes].find(([title]) => title.trim() === column.trim())?.[1];
}

function labelledRows(
  records: readonly FullRecord[],
  column: string,
  classes: readonly string[] | undefined,
  known: readonly string[] = [],
): ReadRows {
  const flags = flagsOf(records, column);
  if (flags.length > 0) {
    const rows = records.map((record): LabelledRow => {
      return { example: exampleOf(record), labels: flags.filter((flag) => holds(record, flag)) };
    });
    return { rows, unlabelled: [], flags, notes: [] };
  }
  const cells = records.map((record) => cellOf(record, column) ?? null);
  const { find } = classFinder(known);
  const isOne = (cell: string): boolean => typeof find(cell) === "number";
  const texts = cells.filter((cell) => typeof cell === "string" && listIn(cell) === undefined).map(String);
  const several = texts.filter((cell) => !isOne(cell));
  const separator = SEPARATORS.find((sign) => several.some((cell) => cell.includes(sign)));
  const reading = { column, separator, isOne, classes };
  const rows: LabelledRow[] = [];
  const unlabelled: string[] = [];
  records.forEach((record, i) => {
    const cell = requireItem(cells, i, "cells");
    const isMissing = cell === null || (cell === -1 && classes !== undefined); // one ClassLabel, as in table.ts
    if (isMissing) unlabelled.push(record.where);
    else rows.push({ example: exampleOf(record), labels: labelsIn(cell, record.where, reading) });
  });
  const note = `labels in ${column} are read with ${show(separator)} between them`;
  return { rows, unlabelled, notes: separator === undefined ? [] : [note] };
}

function exampleOf({ where, texts }: FullRecord): Omit<Example, "label"> {
  const [text = "", pair] = texts;
  return { text, where, ...(pair === undefined ? {} : { pair }) };
}

/** Undefined where a JSON object does not have the key. */
function cellOf({ fields }: FullRecord, column: string): unknown {
  return fields.find(([title]) => title.trim() === column.trim())?.[1];
}

/** The columns that are named with commas between, where none is called so as a whole. */
function flagsOf(records: readonly FullRecord[], column: string): readonly string[] {
  const names = column.split(",").map((each) => each.trim());
  const isOne = names.length === 1 || records.some((record) => cellOf(record, column) !== undefined);
  return isOne ? [] : names;
}

/** Some JSON objects of a file may lack the column of labels, not all. @throws {InputError} `table/column` */
function requireColumn(records: readonly FullRecord[], column: string): void {
  const [first] = records;
  const isThere = records.some((record) => cellOf(record, column) !== undefined);
  if (first === undefined || isThere || flagsOf(records, column).length > 0) return;
  throw missingColumn(column, titlesOf(first), first.where);
}

function titlesOf({ fields }: FullRecord): string[] {
  return fields.map(([title]) => title);
}

/** @throws {InputError} `table/column`, `label/flag` */
function holds(record: FullRecord, flag: string): boolean {
  const cell = cellOf(record, flag);
  if (cell === undefined) throw missingColumn(flag, titlesOf(record), record.where);
  const spelled = String(cell).trim().toLowerCase();
  if (["1", "1.0", "true"].includes(spelled)) return true;
  if (["0", "0.0", "false"].includes(spelled)) return false;
  throw new InputError("label/flag", `${record.where}: expected 0 or 1 in column ${flag}, got ${show(cell)}`);
}

/** How the cells of a column are read. */
interface ListReading {
  readonly column: string;
  /** Between labels; undefined where each cell has one at most. */
  readonly separator: string | undefined;
  /** Whether a cell is a known label as a whole, which the sign may stand in. */
  readonly isOne: (cell: string) => boolean;
  /** What the numbers in it stand for, where the file says it. */
  readonly classes: readonly string[] | undefined;
}

/** @throws {InputError} `label/list`, `label/unknown` */
function labelsIn(cell: unknown, where: string, reading: ListReading): string[] {
  const { column, classes } = reading;
  const wrong = (): InputError =>
    new InputError(
      "label/list",
      `${where}: expected a list of labels in column ${column}, got ${show(cell)}`,
    );
  if (typeof cell === "string" && isBrokenList(cell, reading)) throw wrong();
  const list: unknown = typeof cell === "string" ? (listIn(cell) ?? parts(cell, reading)) : cell;
  const items: readonly unknown[] = Array.isArray(list) ? list : [list];
  const labels = items.map((item, i) => {
    if (typeof item === "number" && classes !== undefined) {
      return spellingOf(declaredName(classes, item, where, Array.isArray(list) ? ` (place ${i + 1})` : ""));
    }
    if (typeof item === "string" || typeof item === "number") return spellingOf(item);
    throw wrong();
  });
  return [...new Set(labels)];
}

/** A list as a program prints it that is not read here: `[np.str_('a')]`, `('a', 'b')`. */
function isBrokenList(cell: string, { isOne }: ListReading): boolean {
  const [, inside] =
    /^\s*(?:\[(.*)\]|\((.*)\)|\{(.*)\})\s*$/s.exec(cell)?.filter((part) => part !== undefined) ?? [];
  const looksSo = inside !== undefined && /['"]/.test(inside) && /,|\w\(['"]/.test(inside);
  return looksSo && listIn(cell) === undefined && !isOne(cell);
}

function parts(text: string, { separator, isOne }: ListReading): string[] {
  const all = separator === undefined || isOne(text) ? [text] : text.split(separator);
  return all.map((part) => part.trim()).filter((part) => part !== "");
}

/** The labels of a file, those that mean the same once. */
function namesOf(rows: readonly LabelledRow[]): readonly string[] {
  const spelled = rows.flatMap(({ labels, example: { where } }) =>
    labels.map((spelling) => ({ where, spelling })),
  );
  return inOrder(groupLabels(spelled).map((group) => group.name));
}

/** @throws {InputError} `label/classes` */
function requireClasses(labels: readonly string[], name: string): readonly string[] {
  if (labels.length === 0) {
    throw new InputError("label/classes", `${name}: expected labels, got rows without a single one`);
  }
  if (labels.length <= MOST_CLASSES) return labels;
  const message = `${name}: expected at most ${MOST_CLASSES} different labels, got ${labels.length}`;
  throw new InputError("label/classes", message);
}

/** @throws {InputError} `label/unknown` */
function withNumbers(rows: readonly LabelledRow[], names: readonly string[]): Example[] {
  const finder = classFinder(names);
  const numberOf = (label: Cell, where: string): number => {
    const found = finder.find(label);
    if (typeof found === "number") return found;
    const expected = names.length > 12 ? `one of ${names.length} labels` : `labels among ${names.join(", ")}`;
    throw new InputError("label/unknown", `${where}: expected ${expected}, got ${show(label)}`);
  };
  return rows.map(({ example, labels }) => {
    const label = [...new Set(labels.map((each) => numberOf(each, example.where)))];
    return { ...example, label: label.sort((a, b) => a - b) };
  });
}
