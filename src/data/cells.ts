/** What the table readers share: cells, rows with their place, and finding the wanted columns. */

import { InputError } from "../base/errors.ts";

/** What a cell can hold; everything is text in CSV and TSV. */
export type Cell = string | number | boolean | null;

/** The wanted cells of one row, in the order they were asked for. */
export interface Row {
  /** `file:line`; `file:row` (from 1) in Parquet, which has no lines. */
  readonly where: string;
  readonly cells: readonly Cell[];
}

/** By header name, or by place (from 0) in a file without header. */
export type Column = string | number;

/**
 * The places of the wanted columns in a header.
 * @throws {InputError} `table/column` listing the columns there are.
 */
export function locate(columns: readonly Column[], header: readonly string[], where: string): number[] {
  return columns.map((column) => {
    const place = typeof column === "number" ? column : header.indexOf(column);
    if (place >= 0 && place < header.length) return place;
    throw missingColumn(column, header, where);
  });
}

/** The error for a column that is not there. */
export function missingColumn(column: Column, found: readonly string[], where: string): InputError {
  const names = found.slice(0, 40).map((name) => (name.length > 40 ? `${name.slice(0, 40)}…` : name));
  const got = `${names.join(", ")}${found.length > 40 ? ", …" : ""}`;
  return new InputError("table/column", `${where}: expected a column ${show(column)}, got ${got}`);
}

/** A value as error messages quote it: JSON, cut to 60 characters. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
