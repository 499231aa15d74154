/**
 * Rows of a table out of CSV, TSV, JSON or Parquet, with the place of each for error messages.
 *
 * Only the wanted columns come back. What the cells mean is decided in `table.ts` and `glue.ts`.
 */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { FormatError, InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type Column, locate, type Row, type RowSet } from "./cells.ts";
import { type Dialect, findDialect, type Quotes, records, requireWidth } from "./delimited.ts";
import { type JsonRecord, jsonCell, jsonRecords } from "./json-records.ts";
import { parquetRows } from "./parquet/parquet.ts";
import { formatOf, type TableFormat, unreadable } from "./table-text.ts";

/** How records are judged. */
export interface RecordRules {
  /** What quotation marks in CSV and TSV are. Default `auto`. */
  readonly quotes?: Quotes;
  /** Fields of every record of a file without header; absent: as many as the first has. */
  readonly fields?: number;
  /** A column that JSON objects may lack, as those without a label do, though not all of them; it is null there. */
  readonly optional?: Column;
  /** Leave records with too few fields out instead of refusing them; GLUE's QQP has a few. */
  readonly skipShort?: boolean;
}

/**
 * The wanted columns of every row of a file.
 * @throws {InputError} with a `table/…` code, naming file and line.
 * @throws {FormatError} with a `parquet/…` code.
 */
export async function readRows(
  file: string,
  columns: readonly Column[],
  format: TableFormat = formatOf(file),
  rules: RecordRules = {},
): Promise<RowSet> {
  const name = basename(file);
  const found = await rowsOf(file, columns, format, rules);
  if (found.rows.length === 0) throw new InputError("table/empty", `${name}: expected rows, got none`);
  return found;
}

async function rowsOf(
  file: string,
  columns: readonly Column[],
  format: TableFormat,
  rules: RecordRules,
): Promise<RowSet> {
  if (format === "parquet") return parquetRows(await readBytes(file), basename(file), columns);
  if (format === "jsonl")
    return { rows: await jsonRows(file, columns, rules.optional), classes: [], notes: [] };
  const dialect = await findDialect(file, format, columns, rules.quotes);
  return { rows: await delimitedRows(file, dialect, columns, rules), classes: [], notes: dialect.notes };
}

/**
 * As `readRows`, of files that are parts of one table.
 * @throws {FormatError} `parquet/classes` when one lists other classes than the first
 */
export async function readRowsOf(
  files: readonly string[],
  columns: readonly Column[],
  format: TableFormat | undefined,
  rules: RecordRules = {},
): Promise<RowSet> {
  const parts: RowSet[] = [];
  for (const file of files) parts.push(await readRows(file, columns, format, rules));
  const classes = sameClasses(
    files,
    parts.map((part) => part.classes),
  );
  return {
    rows: parts.flatMap(({ rows }) => rows),
    classes: classes ?? [],
    notes: [...new Set(parts.flatMap(({ notes }) => notes))],
  };
}

/**
 * What each of the files that are parts of one table says of its classes.
 * @throws {FormatError} `parquet/classes` when one lists other classes than the first
 */
export function sameClasses<T>(files: readonly string[], classes: readonly T[]): T | undefined {
  const [first] = classes;
  const other = classes.findIndex((each) => JSON.stringify(each) !== JSON.stringify(first));
  if (other < 0) return first;
  const [one, name] = [files[0], files[other]].map((file = "") => basename(file));
  throw new FormatError("parquet/classes", `${name}: expected the classes of ${one}, got others`);
}

/** A whole file. @throws {InputError} `table/missing`, `table/folder` */
export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw unreadable(file, basename(file), cause);
  }
}

async function jsonRows(
  file: string,
  columns: readonly Column[],
  optional: Column | undefined,
): Promise<Row[]> {
  const rows: Row[] = [];
  let first: JsonRecord | undefined;
  let lacking = 0;
  for await (const record of jsonRecords(file)) {
    first ??= record;
    const lacks = optional !== undefined && !record.object.has(String(optional));
    if (lacks) lacking++;
    const cells = columns.map((column) => (lacks && column === optional ? null : jsonCell(record, column)));
    rows.push({ where: record.where, cells });
  }
  if (first !== undefined && optional !== undefined && lacking === rows.length) jsonCell(first, optional);
  return rows;
}

async function delimitedRows(
  file: string,
  dialect: Dialect,
  columns: readonly Column[],
  { fields, skipShort = false }: RecordRules,
): Promise<Row[]> {
  const name = basename(file);
  const hasHeader = columns.some((column) => typeof column === "string");
  const rows: Row[] = [];
  let places: number[] | undefined;
  let width = fields ?? 0;
  for await (const record of records(file, dialect)) {
    if (places === undefined) {
      if (hasHeader || width === 0) width = record.fields.length;
      const header = hasHeader ? record.fields : Array.from({ length: width }, (_, i) => String(i));
      places = locate(columns, header, name);
      if (hasHeader) continue;
    }
    if (skipShort && record.fields.length < width) continue;
    requireWidth(record, width, name);
    rows.push({
      where: `${name}:${record.line}`,
      cells: places.map((place) => requireItem(record.fields, place, "fields")),
    });
  }
  return rows;
}
