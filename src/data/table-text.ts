/**
 * A table file as text: which format its name tells, and its content in pieces of whole lines.
 *
 * A piece is about a megabyte, so a file is never in memory as a whole. Gzip is known by its first bytes, whatever the
 * name says. Only UTF-8 is read; another encoding is named, because guessing one would change texts without a word.
 */

import { isUtf8 } from "node:buffer";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InputError } from "../base/errors.ts";

/** The kinds of table file. `jsonl` is one object per line, or one array of objects. */
export type TableFormat = "csv" | "tsv" | "jsonl" | "parquet";

const EXTENSIONS: Readonly<Record<string, TableFormat>> = {
  csv: "csv",
  tsv: "tsv",
  tab: "tsv",
  txt: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "jsonl",
  parquet: "parquet",
};

const LINE_FEED = 10;
const PIECE = 1 << 20;

/**
 * The format a file's name tells; `.gz` after it does not count.
 * @throws {InputError} `table/format` for another ending; `table/folder` for a folder that has none.
 */
export function formatOf(file: string): TableFormat {
  const found = formatNamed(file);
  if (found !== undefined) return found;
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw folderError(file);
  const known = Object.keys(EXTENSIONS).join(", ");
  const message = `${basename(file)}: expected a name ending in ${known}, each perhaps with .gz after it, got another`;
  throw new InputError("table/format", message);
}

/** As `formatOf`, or undefined. */
export function formatNamed(file: string): TableFormat | undefined {
  const [, ending] = basename(file).match(/\.([a-z]+)(?:\.gz)?$/i) ?? [];
  return ending !== undefined && Object.hasOwn(EXTENSIONS, ending.toLowerCase())
    ? EXTENSIONS[ending.toLowerCase()]
    : undefined;
}

/**
 * The text of a file in pieces; each but the last ends with a line feed. A byte order mark is dropped.
 * @throws {InputError} `table/missing`, `table/folder`, `table/gzip`, `table/encoding`, `table/utf8`.
 */
export async function* textPieces(file: string): AsyncGenerator<string> {
  const name = basename(file);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let line = 1;
  let isFirst = true;
  for await (const bytes of linePieces(file, name)) {
    if (isFirst) refuseForeign(bytes, name);
    if (!isUtf8(bytes)) {
      const message = `${name}:${lineOfBadByte(bytes, line)}: expected UTF-8 text, got other bytes`;
      throw new InputError("table/utf8", message);
    }
    const text = decoder.decode(bytes);
    yield isFirst ? text.replace(/^\uFEFF/, "") : text;
    isFirst = false;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) line++;
  }
}

/** Cut behind a line feed, because one is never part of a longer UTF-8 sequence. */
async function* linePieces(file: string, name: string): AsyncGenerator<Uint8Array> {
  let open: Uint8Array[] = [];
  try {
    for await (const chunk of await byteStream(file, name)) {
      const bytes: Uint8Array = chunk;
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      if (end > 0) yield Buffer.concat([...open, bytes.subarray(0, end)]);
      open = end > 0 ? [bytes.subarray(end)] : [...open, bytes];
    }
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause) || !String(cause.code).startsWith("Z_")) throw cause;
    const message = `${name}: expected a whole gzip file, got: ${cause.message}`;
    throw new InputError("table/gzip", message, { cause });
  }
  const rest = Buffer.concat(open);
  if (rest.length > 0) yield rest;
}

async function byteStream(file: string, name: string): Promise<Readable> {
  const [first, second] = await firstBytes(file, name);
  const source = createReadStream(file, { highWaterMark: PIECE });
  if (first !== 0x1f || second !== 0x8b) return source;
  // A failure of the file becomes a failure of what reads from it; whoever reads hears of both there.
  return pipeline(source, createGunzip({ chunkSize: PIECE }), () => {});
}

async function firstBytes(file: string, name: string): Promise<Uint8Array> {
  try {
    const handle = await open(file, "r");
    try {
      const { bytesRead, buffer } = await handle.read(new Uint8Array(2), 0, 2, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadable(file, name, cause);
  }
}

/** The error for a file that cannot be opened; of a folder it says what is in it. */
export function unreadable(file: string, name: string, cause: unknown): InputError {
  if (cause instanceof Error && "code" in cause && cause.code === "EISDIR") return folderError(file, cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new InputError("table/missing", `${name}: expected a readable file, got: ${reason}`, { cause });
}

function folderError(folder: string, cause?: Error): InputError {
  const tables = readdirSync(folder).filter((entry) => formatNamed(entry) !== undefined);
  const inside = tables.length === 0 ? "without a table" : `with ${tables.slice(0, 6).join(", ")}`;
  const message = `${basename(folder)}: expected one file, got a folder ${inside}; name the file, or say with --task which GLUE task lies in it`;
  return new InputError("table/folder", message, { cause });
}

const FOREIGN: readonly (readonly [readonly number[], string])[] = [
  [[0xff, 0xfe], "UTF-16"],
  [[0xfe, 0xff], "UTF-16"],
  [[0x50, 0x4b, 3, 4], "a ZIP archive, as Excel's .xlsx files are"],
  [[0x50, 0x41, 0x52, 0x31], "a Parquet file; its name has to end in .parquet"],
];

/** What other programs write under a text file's name. @throws {InputError} `table/encoding` */
function refuseForeign(bytes: Uint8Array, name: string): void {
  const known = FOREIGN.find(([mark]) => mark.every((byte, i) => bytes[i] === byte))?.[1];
  const got = known ?? (looksLikeUtf16(bytes) ? "UTF-16" : undefined);
  if (got === undefined) return;
  const message = `${name}: expected UTF-8 text, got ${got}; save it ${/\.txt(?:\.gz)?$/i.test(name) ? "" : "as CSV "}in UTF-8`;
  throw new InputError(
    "table/encoding",
    got.endsWith(".parquet") ? message.replace(/; save.*$/, "") : message,
  );
}

/** Without a byte order mark: every other byte of plain letters is 0, which is valid UTF-8 too. */
function looksLikeUtf16(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 200);
  return head.length > 1 && head.filter((byte) => byte === 0).length > head.length / 4;
}

function lineOfBadByte(bytes: Uint8Array, first: number): number {
  let line = first;
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found < 0 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
  }
  return line;
}
