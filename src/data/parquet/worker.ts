/**
 * The thread that decodes Parquet. It is ended from outside when it does not answer (parquet.ts).
 *
 * Only flat columns of text, numbers and truth values have cells: that is what labelled text is stored as. Integers
 * beyond 2^53 become text, digit for digit; two of them are never rounded to one.
 */

import { parentPort } from "node:worker_threads";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type Compressors, type FileMetaData, parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { Cell } from "../cells.ts";
import { checkPages } from "./pages.ts";

/** What the thread is asked: bytes of a file, which columns, and how many rows from the top; absent: all. */
export interface ParquetRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly columns: readonly (string | number)[] | undefined;
  readonly limit?: number | undefined;
}

/** What it answers, in this order: the names, the cells of each row group, the end; or a failure in place of any. */
export type ParquetReply =
  | {
      readonly kind: "columns";
      readonly names: readonly string[];
      /** Of the wanted columns: the names of a ClassLabel, or of the one that their lists hold. */
      readonly classes: readonly (readonly string[] | undefined)[];
    }
  | { readonly kind: "missing"; readonly column: string | number; readonly names: readonly string[] }
  | { readonly kind: "rows"; readonly rows: readonly (readonly (Cell | Nested)[])[] }
  | { readonly kind: "damaged"; readonly reason: string }
  | { readonly kind: "codec"; readonly codec: string }
  | { readonly kind: "end" };

/** A value that is no cell, as JSON. */
export interface Nested {
  readonly json: string;
}

/** Node's own unpack gzip and Brotli, with the limit that a page's header sets; the others are hyparquet's. */
const COMPRESSORS: Compressors = {
  ...compressors,
  GZIP: (input, outputLength) => gunzipSync(input, { maxOutputLength: outputLength }),
  BROTLI: (input, outputLength) => brotliDecompressSync(input, { maxOutputLength: outputLength }),
};

parentPort?.on("message", (request: ParquetRequest) => {
  const answer = (reply: ParquetReply): void => parentPort?.postMessage(reply);
  decode(request, answer).catch((error: unknown) => {
    answer({ kind: "damaged", reason: error instanceof Error ? error.message : String(error) });
  });
});

async function decode(
  { bytes, columns, limit = Number.POSITIVE_INFINITY }: ParquetRequest,
  answer: (reply: ParquetReply) => void,
): Promise<void> {
  const file = bytes.buffer;
  const metadata = parquetMetadata(file);
  const names = columnNames(metadata);
  const wanted: string[] = [];
  for (const column of columns ?? names) {
    const name = typeof column === "number" ? names[column] : column;
    if (name === undefined || names.indexOf(name) < 0 || names.indexOf(name) !== names.lastIndexOf(name)) {
      return answer({ kind: "missing", column, names });
    }
    wanted.push(name);
  }
  const codec = unknownCodec(metadata, wanted);
  if (codec !== undefined) return answer({ kind: "codec", codec });
  checkPages(bytes, metadata, wanted);
  const classes = classNames(metadata);
  answer({ kind: "columns", names: wanted, classes: wanted.map((name) => classes.get(name)) });
  let rowStart = 0;
  for (const { num_rows } of metadata.row_groups) {
    if (rowStart >= limit) break;
    const rowEnd = Math.min(limit, rowStart + Number(num_rows));
    const options = { file, metadata, columns: [...new Set(wanted)], compressors: COMPRESSORS };
    const objects = await parquetReadObjects({ ...options, rowStart, rowEnd });
    if (objects.length !== rowEnd - rowStart)
      throw new Error(`${objects.length} rows, not ${rowEnd - rowStart}`);
    answer({ kind: "rows", rows: objects.map((row) => wanted.map((name) => cellOf(row[name]))) });
    rowStart = rowEnd;
  }
  answer({ kind: "end" });
}

/** The root's direct children; their own children follow them in the file's flat list. */
function columnNames({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  for (let i = 1; i < schema.length; i = afterSubtree(schema, i)) {
    const name = schema[i]?.name;
    if (name === undefined) throw new Error(`column ${names.length} has no name`);
    names.push(name);
  }
  return names;
}

function afterSubtree(schema: FileMetaData["schema"], index: number): number {
  let next = index + 1;
  const children = schema[index]?.num_children ?? 0; // a column of values says none
  for (let i = 0; i < children && next < schema.length; i++) next = afterSubtree(schema, next);
  return next;
}

/** A compression that hyparquet names and nobody here unpacks; damage to the field itself is found elsewhere. */
function unknownCodec({ row_groups }: FileMetaData, wanted: readonly string[]): string | undefined {
  const chunks = row_groups.flatMap(({ columns }) => columns.map(({ meta_data }) => meta_data));
  return chunks
    .filter((chunk) => wanted.includes(chunk?.path_in_schema[0] ?? ""))
    .map((chunk) => chunk?.codec)
    .find((codec) => codec !== undefined && codec !== "UNCOMPRESSED" && !Object.hasOwn(COMPRESSORS, codec));
}

/**
 * Names of classes by column, as the `datasets` library writes them: key `huggingface`, a feature of the type
 * ClassLabel or a list of it. Other metadata says nothing here, and what cannot be read is left alone: the labels are then
 * numbers.
 */
function classNames({ key_value_metadata }: FileMetaData): Map<string, readonly string[]> {
  const text = key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  let value: unknown;
  try {
    value = JSON.parse(text ?? "null");
  } catch {
    value = null;
  }
  const features = memberOf(memberOf(value, "info"), "features");
  const found = new Map<string, readonly string[]>();
  if (typeof features !== "object" || features === null) return found;
  for (const [column, feature] of Object.entries(features)) {
    const names = namesOf(feature);
    if (names !== undefined) found.set(column, names);
  }
  return found;
}

/** What a feature is called that is a list of another; before `datasets` 4 it was also an array with that one. */
const LISTS: readonly unknown[] = ["List", "LargeList", "Sequence"];

function namesOf(feature: unknown): readonly string[] | undefined {
  if (Array.isArray(feature)) return feature.length === 1 ? namesOf(feature[0]) : undefined;
  const type = memberOf(feature, "_type");
  if (LISTS.includes(type)) return namesOf(memberOf(feature, "feature"));
  const names = memberOf(feature, "names");
  if (type !== "ClassLabel" || !Array.isArray(names) || names.length === 0) return undefined;
  return names.every((name) => typeof name === "string") ? names : undefined;
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(key);
}

function cellOf(value: unknown): Cell | Nested {
  if (typeof value === "bigint") return exact(value);
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  return { json: JSON.stringify(value, (_, part) => (typeof part === "bigint" ? exact(part) : part)) };
}

/** As a number where that is exact, else as its digits. */
function exact(value: bigint): number | string {
  return BigInt.asIntN(54, value) === value ? Number(value) : String(value);
}
