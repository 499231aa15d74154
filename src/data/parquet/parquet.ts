/**
 * Rows out of a Parquet file, by hyparquet in a thread of its own: pages that are snappy, gzip, Brotli, zstd, LZ4 or
 * not compressed.
 *
 * Decoding never blocks the caller, and always ends: page headers are checked before (pages.ts), and a thread
 * that falls silent is ended.
 */

import type { EventEmitter } from "node:events";
import { Worker } from "node:worker_threads";
import { builtUrl } from "../../base/built-url.ts";
import { FormatError, InputError } from "../../base/errors.ts";
import { requireItem } from "../../base/present.ts";
import { type Cell, type Column, missingColumn, type Row, type RowSet, show, twiceColumn } from "../cells.ts";
import type { Nested, ParquetReply, ParquetRequest } from "./worker.ts";

/** Whole columns of a file. */
export interface ParquetTable extends RowSet {
  readonly names: readonly string[];
}

/** What becomes of a value that is no cell: an error, or its JSON text. */
type Otherwise = "refuse" | "json";

/**
 * The wanted columns of every row.
 * @throws {FormatError} `parquet/damaged` when the file cannot be decoded, `parquet/codec` for a compression that is
 *   not read.
 * @throws {InputError} `table/column`, `table/twice` or `table/cell`.
 */
export async function parquetRows(
  bytes: Uint8Array,
  name: string,
  columns: readonly Column[],
): Promise<RowSet> {
  return parquetTable(bytes, name, columns, () => "refuse");
}

/**
 * As `parquetRows`, with all columns; what is no text, number or truth value comes as JSON text, but not in `plain` ones.
 * @param limit  rows from the top; absent: all
 */
export async function parquetColumns(
  bytes: Uint8Array,
  name: string,
  plain: readonly Column[] = [],
  limit?: number,
): Promise<ParquetTable> {
  return parquetTable(
    bytes,
    name,
    undefined,
    (column) => (plain.includes(column) ? "refuse" : "json"),
    limit,
  );
}

async function parquetTable(
  bytes: Uint8Array,
  name: string,
  columns: readonly Column[] | undefined,
  otherwise: (column: string) => Otherwise,
  limit?: number,
): Promise<ParquetTable> {
  const rows: Row[] = [];
  let names: readonly string[] = [];
  let classes: RowSet["classes"] = [];
  const take = (reply: ParquetReply): boolean => {
    if (reply.kind === "damaged") throw damageError(name, reply.reason);
    if (reply.kind === "codec") throw unreadCodec(name, reply.codec);
    if (reply.kind === "missing") throw wrongColumn(reply.column, reply.names, name);
    if (reply.kind === "columns") ({ names, classes } = reply);
    if (reply.kind === "rows") {
      for (const row of reply.rows) {
        const where = `${name}:${rows.length + 1}`;
        rows.push({
          where,
          cells: row.map((cell, i) => {
            const column = requireItem(names, i, "columns");
            return flatCell(cell, column, where, otherwise(column));
          }),
        });
      }
    }
    return reply.kind === "end";
  };
  const megabytes = bytes.length / 1e6;
  const worker = new Worker(builtUrl("./worker.js", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 1024 + Math.ceil(60 * megabytes) },
  });
  try {
    const copy = new Uint8Array(bytes);
    const request: ParquetRequest = { bytes: copy, columns, limit };
    worker.postMessage(request, [copy.buffer]);
    await untilAnswered(worker, take, 30_000 + 2000 * megabytes);
  } catch (cause) {
    if (cause instanceof InputError || cause instanceof FormatError) throw cause;
    throw damageError(name, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    await worker.terminate();
  }
  return { rows, names, classes, notes: [] };
}

/**
 * Passes a thread's messages on until `take` says that one was the last.
 * @throws whatever `take` throws, the thread's own failure, or an Error when it is silent for `patience` milliseconds
 */
export function untilAnswered<T>(
  worker: Pick<EventEmitter, "on">,
  take: (message: T) => boolean,
  patience: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const silent = (): void => reject(new Error(`no end of decoding after ${patience / 1000} s`));
    let timer = setTimeout(silent, patience);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      settle();
    };
    worker.on("error", (error) => end(() => reject(error)));
    worker.on("exit", () => end(() => reject(new Error("the thread that decodes it ended"))));
    worker.on("message", (message: T) => {
      clearTimeout(timer);
      try {
        if (take(message)) return resolve();
        timer = setTimeout(silent, patience);
      } catch (error) {
        reject(error);
      }
    });
  });
}

function flatCell(cell: Cell | Nested, column: string, where: string, otherwise: Otherwise): Cell {
  if (cell === null || typeof cell !== "object") return cell;
  if (otherwise === "json") return cell.json;
  const message = `${where}: expected text, a number or a truth value in ${show(column)}, got an object`;
  throw new InputError("table/cell", message);
}

function wrongColumn(column: Column, names: readonly string[], name: string): InputError {
  const places = names.flatMap((other, i) => (other === column ? [i + 1] : []));
  return places.length > 1
    ? twiceColumn(column, name, `columns ${places.join(" and ")}`)
    : missingColumn(column, names, name);
}

function unreadCodec(name: string, codec: string): FormatError {
  const expected = "expected pages of snappy, gzip, brotli, zstd, lz4 or no compression";
  return new FormatError(
    "parquet/codec",
    `${name}: ${expected}, got ${codec}; write the file with one of these`,
  );
}

function damageError(name: string, reason: string, cause?: unknown): FormatError {
  return new FormatError("parquet/damaged", `${name}: expected a readable Parquet file, got: ${reason}`, {
    cause,
  });
}
