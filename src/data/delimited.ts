/**
 * Records of CSV and TSV files, one after the other, with the line that each begins in. An empty line is none.
 *
 * What separates columns is told from the header. In CSV a cell may be quoted, as RFC 4180 has it; a quotation mark inside
 * of another cell is text, since nothing else can be meant. In TSV there are two customs: GLUE's, where a quotation mark is
 * always text, and that of data frame libraries and spreadsheets, which quote as in CSV. Which one a file follows is told
 * from the whole file, and said. `quotes` overrides all that. csv-parse reads whatever is quoted.
 */

import { basename } from "node:path";
import { pipeline, Readable } from "node:stream";
import { CsvError, type Options, parse } from "csv-parse";
import { parse as parseAtOnce } from "csv-parse/sync";
import { InputError } from "../base/errors.ts";
import type { Column } from "./cells.ts";
import { textPieces } from "./table-text.ts";

/** What a quotation mark at the edge of a cell is: `cells` surrounds it, `text` belongs to it. Of CSV `auto` is `cells`. */
export type Quotes = "auto" | "cells" | "text";

/** One record. */
export interface TextRecord {
  /** Where the record begins. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** How a file is to be read. */
export interface Dialect {
  readonly delimiter: string;
  /** Whether cells may be quoted, and how a quotation mark is written inside one. */
  readonly escape: '"' | "\\" | undefined;
  /** Lines before the header: 1 where Excel's `sep=;` stands above it. */
  readonly skip: number;
  readonly notes: readonly string[];
}

const QUOTE = '"';

const DELIMITERS: Readonly<Record<string, string>> = {
  ",": "commas",
  ";": "semicolons",
  "\t": "tabs",
  "|": "bars",
};

/**
 * Finds out how a file is written.
 * @param columns  the wanted ones; a header that has them shows which delimiter is right. None: whatever there is
 */
export async function findDialect(
  file: string,
  format: "csv" | "tsv",
  columns: readonly Column[],
  quotes: Quotes = "auto",
): Promise<Dialect> {
  const own = format === "csv" ? "," : "\t";
  const first = await firstLine(file);
  const told = first.match(/^sep=([,;|\t])$/i)?.[1];
  const delimiter = told ?? delimiterOf(first, columns, own);
  const place = { delimiter, skip: told === undefined ? 0 : 1 };
  const name = basename(file);
  const notes =
    delimiter === own ? [] : [`${name}: columns are separated by ${DELIMITERS[delimiter]}, read as such`];
  if (quotes === "text") return { ...place, escape: undefined, notes };
  if (format === "csv" || quotes === "cells") return { ...place, escape: QUOTE, notes };
  const { note, ...quoting } = await findQuoting(file, place);
  return { ...place, ...quoting, notes: note === undefined ? notes : [...notes, `${name}: ${note}`] };
}

async function firstLine(file: string): Promise<string> {
  for await (const piece of textPieces(file)) return piece.split(/\r\n|\n|\r/, 1)[0] ?? "";
  return "";
}

/** The first delimiter under which the header has all wanted columns; if none, what cuts it into most fields. */
function delimiterOf(header: string, columns: readonly Column[], own: string): string {
  const names = columns.filter((column) => typeof column === "string");
  if (columns.length > 0 && names.length === 0) return own; // by place, in a file without header
  const cut = [own, ...Object.keys(DELIMITERS).filter((other) => other !== own)].map((delimiter) => ({
    delimiter,
    fields: headerFields(header, delimiter),
  }));
  const fits = (fields: readonly string[]): boolean =>
    names.every((column) => fields.includes(column.trim()));
  const fitting = names.length > 0 ? cut.find(({ fields }) => fits(fields)) : undefined;
  const most = cut.reduce((best, next) => (next.fields.length > best.fields.length ? next : best));
  return (fitting ?? most).delimiter;
}

function headerFields(header: string, delimiter: string): string[] {
  try {
    const [fields = []]: string[][] = parseAtOnce(header, { delimiter });
    return fields.map((field) => field.trim());
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return header.split(delimiter).map((field) => field.trim());
  }
}

type Place = Pick<Dialect, "delimiter" | "skip">;

/** What a reading of the file with quoted cells shows. */
interface QuotingEvidence {
  /** Quoted cells, the header's included. */
  quoted: number;
  /** Of these: in the header. */
  titles: number;
  /** Of these: with a quotation mark inside, which no text has by chance in the form that a quoted cell gives it. */
  marked: number;
  /** Of these: over a delimiter or the end of a line, as two stray marks would make one. */
  joined: number;
  /** Of each column the data cells that are quoted. */
  readonly byColumn: number[];
  rows: number;
  /** Every record has as many fields as the first. */
  even: boolean;
}

/**
 * Quoted, when the file can be read so and there is a reason to: a column is quoted throughout, or marks are written
 * double inside of quoted cells, or without quoting the fields would not fit.
 */
async function findQuoting(
  file: string,
  place: Place,
): Promise<{ readonly escape: Dialect["escape"]; readonly note?: string }> {
  for (const mark of [QUOTE, "\\"] as const) {
    const found = await evidence(file, { ...place, escape: mark });
    if (found === undefined || !found.even) continue;
    if (found.quoted === 0) return { escape: undefined };
    if (isQuoted(found) || !(await fitsUnquoted(file, place))) {
      return {
        escape: mark,
        note: "cells are quoted as in CSV; with --quotes text the marks are part of the texts",
      };
    }
    const cells = found.quoted === 1 ? "a cell begins and ends" : `${found.quoted} cells begin and end`;
    return {
      escape: undefined,
      note: `${cells} with a quotation mark, which is read as text; --quotes cells takes the marks off`,
    };
  }
  return { escape: undefined };
}

function isQuoted({ quoted, titles, marked, joined, byColumn, rows }: QuotingEvidence): boolean {
  const wholeColumn = byColumn.some((cells) => rows > 0 && cells === rows);
  return titles > 0 || marked > 0 || (wholeColumn && quoted > joined);
}

async function evidence(file: string, dialect: Omit<Dialect, "notes">): Promise<QuotingEvidence | undefined> {
  const found: QuotingEvidence = {
    quoted: 0,
    titles: 0,
    marked: 0,
    joined: 0,
    byColumn: [],
    rows: -1,
    even: true,
  };
  let width = 0;
  const options: Options = {
    ...optionsOf(dialect),
    cast: (value, { quoting, index, records }) => {
      if (!quoting) return value;
      found.quoted++;
      const isJoined = /[\r\n]/.test(value) || value.includes(dialect.delimiter);
      if (isJoined) found.joined++;
      else if (value.includes(QUOTE)) found.marked++;
      if (records === 0) found.titles++;
      else found.byColumn[index] = (found.byColumn[index] ?? 0) + 1;
      return value;
    },
  };
  try {
    for await (const fields of pipeline(Readable.from(textPieces(file)), parse(options), () => {})) {
      width ||= fields.length;
      found.even &&= fields.length === width;
      found.rows++;
    }
  } catch (error) {
    if (error instanceof CsvError) return undefined;
    throw error;
  }
  return found;
}

async function fitsUnquoted(file: string, { delimiter, skip }: Place): Promise<boolean> {
  let width = 0;
  for await (const { fields } of unquotedRecords(file, delimiter, skip)) {
    width ||= fields.length;
    if (fields.length !== width) return false;
  }
  return true;
}

/**
 * The records of a file, without empty lines; where nothing is quoted, also without lines of empty cells at its end.
 * @throws {InputError} `table/csv` for broken quoting; what `textPieces` throws.
 */
export function records(file: string, dialect: Dialect): AsyncGenerator<TextRecord> {
  const { delimiter, skip } = dialect;
  return dialect.escape === undefined ? unquotedRecords(file, delimiter, skip) : quotedRecords(file, dialect);
}

async function* unquotedRecords(file: string, delimiter: string, skip: number): AsyncGenerator<TextRecord> {
  let line = 0;
  let blank: TextRecord[] = [];
  for await (const piece of textPieces(file)) {
    const lines = (piece.endsWith("\n") ? piece.slice(0, -1) : piece).split("\n");
    for (const ended of lines) {
      line++;
      const text = ended.endsWith("\r") ? ended.slice(0, -1) : ended;
      if (line <= skip || text === "") continue;
      const record = { line, fields: text.split(delimiter) };
      if (text.trim() === "") {
        blank.push(record);
        continue;
      }
      yield* blank;
      blank = [];
      yield record;
    }
  }
}

/** csv-parse tells the line a record ends in, and takes a CRLF inside quotes for two lines. */
async function* quotedRecords(file: string, dialect: Dialect): AsyncGenerator<TextRecord> {
  let doubled = 0;
  const isChecked = dialect.escape === QUOTE; // with backslashes only what `findQuoting` has read
  const pieces = isChecked ? checkedPieces(file, dialect.delimiter) : textPieces(file);
  const parser = parse({ ...optionsOf(dialect), info: true, relax_quotes: isChecked });
  for await (const { record: fields, info } of pipeline(Readable.from(pieces), parser, () => {})) {
    doubled += countOf(/\r\n/g, fields);
    yield { line: info.lines - doubled - countOf(/\r\n|\r|\n/g, fields), fields };
  }
}

/**
 * The text of a file, after a look at its quotation marks: csv-parse can allow them inside of cells only together with
 * quoted cells that have text behind their closing mark, which may be two cells or one.
 *
 * @throws {InputError} `table/csv`
 */
async function* checkedPieces(file: string, delimiter: string): AsyncGenerator<string> {
  const borders = new Set([undefined, delimiter, "\n", "\r"]);
  let line = 1;
  let opened: number | undefined; // the line of a quoted cell that is open
  for await (const piece of textPieces(file)) {
    let counted = 0;
    const lineAt = (at: number): number => {
      line += countOf(/\r\n|\r|\n/g, [piece.slice(counted, at)]);
      counted = at;
      return line;
    };
    for (let at = piece.indexOf(QUOTE); at >= 0; at = piece.indexOf(QUOTE, at + 1)) {
      if (opened === undefined) {
        let before = at - 1;
        while (piece[before] === " ") before--;
        if (!borders.has(piece[before])) continue;
        opened = lineAt(at);
        if (before < at - 1) throw quotingError(file, opened, "a blank before a quotation mark");
      } else if (piece[at + 1] === QUOTE) at++;
      else if (borders.has(piece[at + 1])) opened = undefined;
      else throw quotingError(file, opened, "a quoted cell with more text behind its closing mark");
    }
    lineAt(piece.length);
    yield piece;
  }
  if (opened !== undefined) throw quotingError(file, opened, "a quoted cell that does not end");
}

function quotingError(file: string, line: number, got: string): InputError {
  const mend = 'in a quoted cell each mark is doubled, "a ""b"" c"; --quotes text reads all marks as text';
  const message = `${basename(file)}:${line}: expected RFC 4180 quoting, got ${got}; ${mend}`;
  return new InputError("table/csv", message);
}

function optionsOf({ delimiter, skip, escape: mark = QUOTE }: Omit<Dialect, "notes">): Options {
  return {
    delimiter,
    escape: mark,
    from_line: skip + 1,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    skip_empty_lines: true,
  };
}

function countOf(pattern: RegExp, fields: readonly string[]): number {
  return fields.reduce((n, field) => n + (field.match(pattern)?.length ?? 0), 0);
}

/** @throws {InputError} `table/fields` for a record that is not as wide as the header */
export function requireWidth({ fields, line }: TextRecord, width: number, name: string): void {
  if (fields.length === width) return;
  throw new InputError("table/fields", `${name}:${line}: expected ${width} fields, got ${fields.length}`);
}
