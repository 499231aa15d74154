/**
 * Files as byte sources, and files that appear whole or not at all.
 *
 * This is one of the few places that touch the disk; decoders take a `ByteSource`.
 */

import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FormatError, InputError, RunError } from "../base/errors.ts";
import type { ByteSource } from "../base/source.ts";
import { parseJson } from "./json.ts";

/** Whether the system gave an error this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Node reads less than 2 GiB in one call. */
const MOST_AT_ONCE = 2 ** 30;

/** Fills `bytes` from position `start`; one read may give less than was asked for. */
async function readFully(
  file: FileHandle,
  bytes: Uint8Array,
  start: number,
  name: string,
): Promise<Uint8Array> {
  let done = 0;
  while (done < bytes.length) {
    const part = Math.min(bytes.length - done, MOST_AT_ONCE);
    const { bytesRead } = await file.read(bytes, done, part, start + done);
    if (bytesRead === 0) {
      throw new FormatError(
        "file/shrunk",
        `file: expected ${bytes.length} bytes from ${start}, got ${done} (${name})`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}

/**
 * Opens a file for the time of `use` and closes it whatever happens.
 *
 * @throws {InputError} `file/missing`
 * @throws {FormatError} `file/shrunk` from a slice, when the file is shorter than it was
 */
export async function withFile<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw missing(path, error);
  });
  try {
    const { size } = await file.stat();
    return await use({
      name: path,
      byteLength: size,
      slice: (start, end) => readFully(file, new Uint8Array(end - start), start, path),
    });
  } finally {
    await file.close();
  }
}

/** All bytes of a file, of one of 2 GiB and more too. @throws as `withFile` does */
export function readBytes(path: string): Promise<Uint8Array> {
  return withFile(path, (source) => source.slice(0, source.byteLength));
}

/** Whether two files hold the same. @throws as `withFile` does */
export function haveSameBytes(one: string, other: string): Promise<boolean> {
  return withFile(one, (a) =>
    withFile(other, async (b) => {
      if (a.byteLength !== b.byteLength) return false;
      for (let start = 0; start < a.byteLength; start += COMPARED) {
        const end = Math.min(a.byteLength, start + COMPARED);
        const [here, there] = [await a.slice(start, end), await b.slice(start, end)];
        if (!Buffer.from(here).equals(there)) return false;
      }
      return true;
    }),
  );
}

const COMPARED = 2 ** 24;

/** The error to give for a file that could not be opened: ours when it is not there, else the system's. */
function missing(path: string, error: unknown): unknown {
  if (!hasCode(error, "ENOENT")) return error;
  return new InputError("file/missing", `file: expected ${path}, got nothing there`, { cause: error });
}

/** The text of a UTF-8 file, or undefined when there is none. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The value of a JSON file, or undefined when there is none. @throws {FormatError} `json/…` */
export async function readJsonIfPresent(path: string): Promise<unknown> {
  const text = await readTextIfPresent(path);
  return text === undefined ? undefined : parseJson(text, path);
}

/** Makes a rename in a folder durable. Windows cannot open a folder, and needs no such step. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
}

/** What the system calls when it puts bytes into a file that is open. */
const WRITING: readonly unknown[] = ["write", "fsync", "close"];

/** What is thrown where a file cannot be written. Of a full disk the system's own error names none. */
export function writeError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && "syscall" in error && WRITING.includes(error.syscall))) return error;
  const message = `file: expected to write it, got ${error.message} (${path})`;
  return new RunError("file/write", message, { cause: error });
}

/**
 * Writes a file so that its name shows either the old content or all of the new: into a temporary file of the same
 * folder, to the disk, then renamed. The folder is made when missing; after a failure nothing is left behind.
 *
 * @throws {RunError} `file/write` where the disk is full
 */
export async function writeFileAtomic(
  place: string,
  content: string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  // Content may take long to come, and the working folder be another by then.
  const path = resolve(place);
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      const parts = typeof content === "string" ? [new TextEncoder().encode(content)] : content;
      for await (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(error, place);
  }
  await syncFolder(folder);
}
