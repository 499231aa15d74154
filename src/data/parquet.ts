/**
 * Rows out of a Parquet file, by hyparquet; snappy, gzip and brotli pages are read, other compressions refused.
 *
 * Only flat columns of text, numbers and truth values are accepted: that is what labelled text is stored as.
 */

import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type Compressors, type FileMetaData, parquetMetadata, parquetReadObjects } from "hyparquet";
import { FormatError, InputError } from "../base/errors.ts";
import { type Cell, type Column, missingColumn, type Row, show } from "./cells.ts";

/** Limits on what a page may unpack to come from the file's own header, which hyparquet passes on. */
const COMPRESSORS: Compressors = {
  GZIP: (input, outputLength) => gunzipSync(input, { maxOutputLength: outputLength }),
  BROTLI: (input, outputLength) => brotliDecompressSync(input, { maxOutputLength: outputLength }),
};

/**
 * The wanted columns of every row.
 * @throws {FormatError} `parquet/damaged` when the file cannot be decoded.
 * @throws {InputError} `table/column` or `table/cell`.
 */
export async function parquetRows(
  bytes: Uint8Array,
  name: string,
  columns: readonly Column[],
): Promise<Row[]> {
  const buffer = new Uint8Array(bytes).buffer;
  const metadata = readable(name, () => parquetMetadata(buffer));
  const names = columnNames(metadata);
  const wanted = columns.map((column) => {
    const found = typeof column === "number" ? names[column] : column;
    if (found === undefined || !names.includes(found)) throw missingColumn(column, names, name);
    return found;
  });
  let rows: Record<string, unknown>[];
  try {
    rows = await parquetReadObjects({
      file: buffer,
      metadata,
      columns: [...new Set(wanted)],
      compressors: COMPRESSORS,
    });
  } catch (cause) {
    throw damaged(name, cause);
  }
  return rows.map((row, i) => {
    const where = `${name}:${i + 1}`;
    return { where, cells: wanted.map((column) => cellOf(row[column], column, where)) };
  });
}

/** The root's direct children; their own children follow them in the file's flat list. */
function columnNames(metadata: FileMetaData): string[] {
  const names: string[] = [];
  for (let i = 1; i < metadata.schema.length; i = afterSubtree(metadata, i)) {
    names.push(metadata.schema[i]?.name ?? "");
  }
  return names;
}

function afterSubtree(metadata: FileMetaData, index: number): number {
  let next = index + 1;
  const children = metadata.schema[index]?.num_children ?? 0;
  for (let i = 0; i < children && next < metadata.schema.length; i++) next = afterSubtree(metadata, next);
  return next;
}

function cellOf(value: unknown, column: string, where: string): Cell {
  if (typeof value === "bigint") return Number(value);
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  const message = `${where}: expected text, a number or a truth value in ${show(column)}, got an object`;
  throw new InputError("table/cell", message);
}

function readable<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw damaged(name, cause);
  }
}

function damaged(name: string, cause: unknown): FormatError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FormatError("parquet/damaged", `${name}: expected a readable Parquet file, got: ${reason}`, {
    cause,
  });
}
