/**
 * Rows of a table out of CSV, TSV, JSON lines or Parquet, with the place of each for error messages.
 *
 * CSV follows RFC 4180 (csv-parse); in TSV a quotation mark is a character like any other, as in GLUE's files. Only
 * the wanted columns come back. What the cells mean is decided in `table.ts` and `glue.ts`.
 */

import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { CsvError, parse } from "csv-parse/sync";
import { InputError } from "../base/errors.ts";
import { type Cell, type Column, locate, missingColumn, type Row, show } from "./cells.ts";
import { parquetRows } from "./parquet.ts";

/** The kinds of table file. */
export type TableFormat = "csv" | "tsv" | "jsonl" | "parquet";

/** How TSV and CSV records are judged. */
export interface RecordRules {
  /** Fields of every record of a file without header; absent: as many as the first has. */
  readonly fields?: number;
  /** Leave records with too few fields out instead of refusing them; GLUE's QQP has a few. */
  readonly skipShort?: boolean;
}

const EXTENSIONS: Readonly<Record<string, TableFormat>> = {
  csv: "csv",
  tsv: "tsv",
  tab: "tsv",
  txt: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  parquet: "parquet",
};

/**
 * The format a file's name tells.
 * @throws {InputError} `table/format` for another ending.
 */
export function formatOf(file: string): TableFormat {
  const found = EXTENSIONS[file.split(".").at(-1)?.toLowerCase() ?? ""];
  if (found !== undefined) return found;
  const known = Object.keys(EXTENSIONS).join(", ");
  throw new InputError("table/format", `${basename(file)}: expected a name ending in ${known}, got another`);
}

/**
 * The wanted columns of every row of a file.
 * @throws {InputError} with a `table/…` code, naming file and line.
 */
export async function readRows(
  file: string,
  columns: readonly Column[],
  format: TableFormat = formatOf(file),
  rules: RecordRules = {},
): Promise<Row[]> {
  const name = basename(file);
  const bytes = await readBytes(file, name);
  const rows =
    format === "parquet"
      ? await parquetRows(bytes, name, columns)
      : textRows(decodeText(bytes, name), name, columns, format, rules);
  if (rows.length === 0) throw new InputError("table/empty", `${name}: expected rows, got none`);
  return rows;
}

async function readBytes(file: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError("table/missing", `${name}: expected a readable file, got: ${reason}`, { cause });
  }
}

/** UTF-8, strictly; a byte order mark is dropped. */
function decodeText(bytes: Uint8Array, name: string): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  const message = `${name}:${lineOfBadByte(bytes)}: expected UTF-8 text, got other bytes`;
  throw new InputError("table/utf8", message);
}

/** A line feed is never part of a longer UTF-8 sequence, so lines can be judged one by one. */
function lineOfBadByte(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(10, start);
    const end = found < 0 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
  }
  return line;
}

function textRows(
  text: string,
  name: string,
  columns: readonly Column[],
  format: Exclude<TableFormat, "parquet">,
  rules: RecordRules,
): Row[] {
  if (format === "jsonl") return jsonRows(text, name, columns);
  const records = format === "csv" ? csvRecords(text, name) : tsvRecords(text);
  return delimitedRows(records, name, columns, rules);
}

interface TextRecord {
  /** Where the record begins. */
  readonly line: number;
  readonly fields: readonly string[];
}

function tsvRecords(text: string): TextRecord[] {
  const lines = text.split("\n");
  while (lines.at(-1)?.trim() === "") lines.pop();
  return lines.map((line, i) => ({
    line: i + 1,
    fields: (line.endsWith("\r") ? line.slice(0, -1) : line).split("\t"),
  }));
}

/** csv-parse tells the line a record ends in, and takes a CRLF inside quotes for two lines. */
function csvRecords(text: string, name: string): TextRecord[] {
  const records: TextRecord[] = [];
  let doubled = 0;
  try {
    parse(text, {
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (fields: string[], { lines }) => {
        doubled += countOf(/\r\n/g, fields);
        records.push({ line: lines - doubled - countOf(/\r\n|\r|\n/g, fields), fields });
        return null;
      },
    });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new InputError("table/csv", `${name}: expected RFC 4180 quoting, got: ${cause.message}`, { cause });
  }
  return records;
}

function countOf(pattern: RegExp, fields: readonly string[]): number {
  return fields.reduce((n, field) => n + (field.match(pattern)?.length ?? 0), 0);
}

function delimitedRows(
  records: readonly TextRecord[],
  name: string,
  columns: readonly Column[],
  { fields, skipShort = false }: RecordRules,
): Row[] {
  const first = records[0];
  if (first === undefined) return [];
  const hasHeader = columns.some((column) => typeof column === "string");
  const width = hasHeader ? first.fields.length : (fields ?? first.fields.length);
  const header = hasHeader ? first.fields : Array.from({ length: width }, (_, i) => String(i));
  const places = locate(columns, header, name);
  const rows: Row[] = [];
  for (const record of hasHeader ? records.slice(1) : records) {
    const where = `${name}:${record.line}`;
    if (skipShort && record.fields.length < width) continue;
    if (record.fields.length !== width) {
      const message = `${where}: expected ${width} fields, got ${record.fields.length}`;
      throw new InputError("table/fields", message);
    }
    rows.push({ where, cells: places.map((place) => record.fields[place] ?? "") });
  }
  return rows;
}

function jsonRows(text: string, name: string, columns: readonly Column[]): Row[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const where = `${name}:${i + 1}`;
    const object = jsonObject(line, where);
    return [{ where, cells: columns.map((column) => jsonCell(object, column, where)) }];
  });
}

function jsonObject(line: string, where: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new InputError("table/json", `${where}: expected a JSON object, got ${show(line)}`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return new Map(Object.entries(value));
  }
  throw new InputError("table/json", `${where}: expected a JSON object, got ${show(value)}`);
}

function jsonCell(object: ReadonlyMap<string, unknown>, column: Column, where: string): Cell {
  const value = object.get(String(column));
  if (value === undefined) throw missingColumn(column, [...object.keys()], where);
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  if (typeof value === "boolean") return value;
  const message = `${where}: expected text, a number or a truth value in ${show(column)}, got ${show(value)}`;
  throw new InputError("table/cell", message);
}
