/**
 * Every column of a table, record by record, and such records written again with columns added.
 *
 * CSV, TSV and JSON lines are read as they come, so a file may be larger than memory; Parquet and an array of objects
 * are held as a whole. An object stays as it was written in JSON, on one line, with members added at its end.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type Column, locate, show, textIn, twiceColumn } from "./cells.ts";
import { findDialect, type Quotes, records, requireWidth } from "./delimited.ts";
import { jsonCell, jsonRecords } from "./json-records.ts";
import { parquetColumns } from "./parquet/parquet.ts";
import { readBytes } from "./rows.ts";
import { formatOf } from "./table-text.ts";

/** One record with all of its columns. */
export interface FullRecord {
  readonly where: string;
  /** The wanted texts, in the order they were asked for. */
  readonly texts: readonly string[];
  /** All columns in the file's order. */
  readonly fields: readonly (readonly [name: string, value: unknown])[];
  /** The object as the file has it, on one line. */
  readonly json?: string;
}

/** A table that can be read from its beginning as often as needed. */
export interface FullTable {
  /** By column the names of the classes whose numbers it or its lists hold, where the file has some. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
  readonly notes: readonly string[];
  /** What separates the columns, where something does. */
  readonly delimiter?: string;
  /** @throws {InputError} `table/…` */
  records(): AsyncGenerator<FullRecord>;
}

/**
 * @param limit  rows that are wanted at most; absent: all
 * @throws {InputError} `table/…`; {FormatError} `parquet/…`
 */
export async function openTable(
  file: string,
  texts: readonly string[],
  quotes: Quotes,
  limit?: number,
): Promise<FullTable> {
  const format = formatOf(file);
  if (format === "jsonl") return { notes: [], classes: new Map(), records: () => fromJson(file, texts) };
  if (format === "parquet") return fromParquet(file, texts, limit);
  const dialect = await findDialect(file, format, texts, quotes);
  const name = basename(file);
  return {
    notes: dialect.notes,
    delimiter: dialect.delimiter,
    classes: new Map(),
    async *records() {
      let header: readonly string[] | undefined;
      let places: readonly number[] = [];
      for await (const record of records(file, dialect)) {
        if (header === undefined) {
          header = record.fields;
          places = locate(texts, header, name);
          continue;
        }
        requireWidth(record, header.length, name);
        const fields = header.map((title, i) => [title, requireItem(record.fields, i, "fields")] as const);
        yield {
          where: `${name}:${record.line}`,
          fields,
          texts: places.map((place) => requireItem(record.fields, place, "fields")),
        };
      }
    },
  };
}

async function* fromJson(file: string, columns: readonly Column[]): AsyncGenerator<FullRecord> {
  for await (const record of jsonRecords(file)) {
    const { where, object, text } = record;
    const texts = columns.map((column) => textIn(jsonCell(record, column), where));
    yield { where, texts, fields: [...object], json: text.trim() };
  }
}

async function fromParquet(file: string, texts: readonly string[], limit?: number): Promise<FullTable> {
  const name = basename(file);
  const { names, rows, classes } = await parquetColumns(await readBytes(file), name, texts, limit);
  const places = locate(texts, names, name);
  return {
    notes: [],
    classes: new Map(
      names.flatMap((title, i) => {
        const own = classes[i];
        return own === undefined ? [] : [[title, own]];
      }),
    ),
    async *records() {
      for (const { where, cells } of rows) {
        const fields = names.map((title, i) => [title, cells[i] ?? null] as const);
        yield { where, fields, texts: places.map((place) => textIn(cells[place] ?? null, where)) };
      }
    },
  };
}

/** The kinds of file that records are written to. */
export type WrittenFormat = "csv" | "tsv" | "jsonl";

/**
 * A value beside a record. Of an object each member is a column `name_member`, unless it is written as JSON; a list is JSON in
 * any file.
 */
export type AddedValue = string | number | Readonly<Record<string, number>> | readonly unknown[];

/** Records as lines of a file; the first decides what the columns are. */
export interface RecordLines {
  /** With the line end, and before the first one the header. @throws {InputError} `table/column`, `table/twice` */
  line(record: FullRecord, added: readonly (readonly [name: string, value: AddedValue])[]): string;
}

/**
 * Lines of a format.
 * @param like  a table; a CSV file is separated as that is, unless by tabs
 */
export function recordLines(format: WrittenFormat, like: Pick<FullTable, "delimiter"> = {}): RecordLines {
  if (format === "jsonl") return { line: jsonLine };
  const { delimiter: own = "\t" } = like;
  const ofCsv = own === "\t" ? "," : own;
  const delimiter = format === "csv" ? ofCsv : "\t";
  let header: readonly string[] | undefined;
  return {
    line: (record, added) => {
      const all = [...record.fields, ...added.flatMap(flattened)];
      const names = all.map(([name]) => name);
      const isFirst = header === undefined;
      header ??= names;
      const isAlike = names.length === header.length && header.every((name, i) => name === names[i]);
      const own = isAlike ? all : aligned(record.where, header, all);
      const line = own.map(([, value]) => cellText(value, delimiter)).join(delimiter);
      return isFirst
        ? `${header.map((name) => quoted(name, delimiter)).join(delimiter)}\n${line}\n`
        : `${line}\n`;
    },
  };
}

type Field = readonly [name: string, value: unknown];

function flattened([name, value]: readonly [string, AddedValue]): Field[] {
  if (typeof value !== "object" || Array.isArray(value)) return [[name, value]];
  return Object.entries(value).map(([member, each]) => [`${name}_${member}`, each]);
}

/** Objects may leave a member out or have them in another order; one that the first did not have has no place. */
function aligned(where: string, header: readonly string[], fields: readonly Field[]): Field[] {
  const extra = fields.find(([name]) => !header.includes(name));
  if (extra !== undefined) {
    const message = `${where}: expected the columns of the first row, ${header.join(", ")}, got ${show(extra[0])} too; write a .jsonl file`;
    throw new InputError("table/column", message);
  }
  const values = new Map(fields);
  return header.map((name) => [name, values.get(name) ?? ""]);
}

function jsonLine(
  { fields, json, where }: FullRecord,
  added: readonly (readonly [string, AddedValue])[],
): string {
  const names = [...fields, ...added].map(([name]) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw twiceColumn(twice, where, "which an object cannot hold");
  const own = json?.slice(1, -1).trim() ?? membersText(fields);
  return `{${[own, membersText(added)].filter((part) => part !== "").join(",")}}\n`;
}

function membersText(fields: readonly Field[]): string {
  return fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
}

function cellText(value: unknown, delimiter: string): string {
  if (value === null || value === undefined) return "";
  return quoted(typeof value === "object" ? JSON.stringify(value) : String(value), delimiter);
}

/** As RFC 4180 has it. */
function quoted(text: string, delimiter: string): string {
  const needs = text.includes(delimiter) || /["\r\n]/.test(text);
  return needs ? `"${text.replaceAll('"', '""')}"` : text;
}
