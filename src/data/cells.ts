/** What the table readers share: cells, rows with their place, and finding the wanted columns. */

import { InputError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";

/** What a cell can hold; everything is text in CSV and TSV. */
export type Cell = string | number | boolean | null;

/** The wanted cells of one row, in the order they were asked for. */
export interface Row {
  /** `file:line`; `file:row` (from 1) in Parquet and JSON arrays, where lines say nothing. */
  readonly where: string;
  readonly cells: readonly Cell[];
}

/** By header name, or by place (from 0) in a file without header. */
export type Column = string | number;

/** What a file gave: its rows, and what was decided on the way. */
export interface RowSet {
  readonly rows: readonly Row[];
  /** Of each wanted column the names of the classes whose numbers it or its lists hold, where the file has some. */
  readonly classes: readonly (readonly string[] | undefined)[];
  /** What the user should know about how the file was read. */
  readonly notes: readonly string[];
}

/**
 * The places of the wanted columns in a header. Spaces around a name do not count where only one fits.
 * @throws {InputError} `table/column` listing the columns there are, `table/twice`.
 */
export function locate(columns: readonly Column[], header: readonly string[], where: string): number[] {
  return columns.map((column) => {
    if (typeof column === "number") {
      if (column >= 0 && column < header.length) return column;
      throw missingColumn(column, header, where);
    }
    const exact = placesOf(column, header);
    const places =
      exact.length > 0
        ? exact
        : placesOf(
            column.trim(),
            header.map((name) => name.trim()),
          );
    const [place, another] = places;
    if (place === undefined) throw missingColumn(column, header, where);
    if (another !== undefined) throw twiceColumn(column, where, `fields ${place + 1} and ${another + 1}`);
    return place;
  });
}

function placesOf(name: string, header: readonly string[]): number[] {
  return header.flatMap((other, i) => (other === name ? [i] : []));
}

/** The error for a column that is not there. */
export function missingColumn(column: Column, found: readonly string[], where: string): InputError {
  const names = found.slice(0, 40).map((name) => (name.length > 40 ? `${name.slice(0, 40)}…` : name));
  const got = `${names.join(", ")}${found.length > 40 ? ", …" : ""}`;
  const near = typeof column === "string" ? nearest(column, found) : undefined;
  const other = column === "text" || column === "label" ? `; --${column} names another` : "";
  const hinted = near === undefined ? other : `; did you mean ${show(near)}?`;
  const list = isList(column, found) ? "; columns of several labels need --multi-label" : undefined;
  const words = isWords(column, found) ? "; rows of words with a label each need --tokens" : undefined;
  const hint = list ?? words ?? hinted;
  return new InputError("table/column", `${where}: expected a column ${show(column)}, got ${got}${hint}`);
}

/** True for a text or a label that is missed where each row has its words. */
function isWords(column: Column, found: readonly string[]): boolean {
  return (column === "text" || column === "label") && (found.includes("tokens") || found.includes("spans"));
}

/** True for the names of two or more columns that are there, with commas between. */
function isList(column: Column, found: readonly string[]): boolean {
  const names = typeof column === "string" ? column.split(",") : [];
  return names.length > 1 && names.every((name) => found.includes(name.trim()));
}

/** The error for a column that is there more than once: which one is meant, nobody can tell. */
export function twiceColumn(column: Column, where: string, places: string): InputError {
  return new InputError("table/twice", `${where}: expected one column ${show(column)}, got two (${places})`);
}

/** The text of a cell that must hold one. @throws {InputError} `table/text` */
export function textIn(cell: Cell, where: string): string {
  if (typeof cell === "string") return cell;
  throw new InputError("table/text", `${where}: expected text, got ${show(cell)}`);
}

/** In a list that Python or NumPy printed: a text in marks, and what comes before the next one. */
const PRINTED = /\s*(['"])((?:(?!\1)[^\\]|\\['"\\])*)\1(?:\s*,\s*|\s+|(?=\]))/y;

/**
 * What is in a list that stands in a cell as text: in JSON, as which lists come out of Parquet, or texts as Python prints
 * them, `['a', 'b']`, as which pandas writes lists to CSV. Undefined for any other text.
 */
export function listIn(text: string): readonly unknown[] | undefined {
  const list = text.trim();
  if (!list.startsWith("[") || !list.endsWith("]")) return undefined;
  try {
    const value: unknown = JSON.parse(list);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return printedTexts(list);
  }
}

function printedTexts(list: string): readonly string[] | undefined {
  const texts: string[] = [];
  PRINTED.lastIndex = 1;
  let end = 1;
  for (let found = PRINTED.exec(list); found; found = PRINTED.exec(list)) {
    texts.push((found[2] ?? "").replaceAll(/\\(.)/g, "$1"));
    end = PRINTED.lastIndex;
  }
  return list.slice(end) === "]" ? texts : undefined;
}

/** A value as error messages quote it: JSON, cut to 60 characters. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
