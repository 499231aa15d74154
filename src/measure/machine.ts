/** What a run says about where it ran and what it left: processor, memory, code version, hashes and sizes of files. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join, relative } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { InputError } from "../base/errors.ts";
import type { FileBytes, Machine } from "./result.ts";

/** One file a run depends on. */
export interface HashedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** This machine, with the threads the engine was given. */
export function describeMachine(threads: number): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    threads: Math.min(threads, availableParallelism()),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
}

/** Largest resident memory of this process so far, in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * As `peakMemory`, for a process that another one started: Linux lets `maxRSS` begin with what its parent had, and knows
 * better in /proc.
 */
export async function ownPeakMemory(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? peakMemory() : Number(kilobytes) * 1024;
}

/** The version in package.json. */
export async function codeVersion(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const parsed: unknown = JSON.parse(text);
  const isNamed = typeof parsed === "object" && parsed !== null && "version" in parsed;
  return isNamed ? String(parsed.version) : "unknown";
}

/** Zeros among float32 weights are the worst case of level 9: half of 51 MB takes 10 s, here 1.3 s and 1 % more bytes. */
const GZIP_LEVEL = 6;

/** Size of a file, and its size after gzip. Reads it in pieces: a model need not fit in memory twice. */
export async function measureFile(path: string): Promise<FileBytes> {
  return measureBytes(createReadStream(path));
}

/** Size of bytes that come in pieces, and their size after gzip. */
export async function measureBytes(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<FileBytes> {
  let [raw, compressed] = [0, 0];
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      raw += piece.length;
      yield piece;
    }
  };
  const count = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      compressed += chunk.length;
      done();
    },
  });
  await pipeline(counted, createGzip({ level: GZIP_LEVEL }), count);
  return { raw, compressed };
}

/**
 * SHA-256 of a file, or of every file below a folder in the order of their names. Names that begin with a dot are
 * left out.
 *
 * @throws {InputError} `input/missing` when there is nothing at `path`
 */
export async function hashFiles(path: string): Promise<HashedFile[]> {
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) {
    throw new InputError("input/missing", `file: expected a file or folder, got nothing (${path})`);
  }
  if (!entry.isDirectory()) return [await hashFile(path, path)];
  const files = await readdir(path, { recursive: true, withFileTypes: true });
  const names = files
    .filter((file) => file.isFile())
    .map((file) => relative(path, join(file.parentPath, file.name)))
    .filter((name) => !name.split(/[\\/]/).some((part) => part.startsWith(".")))
    .sort();
  const hashed: HashedFile[] = [];
  for (const name of names) hashed.push(await hashFile(join(path, name), name));
  return hashed;
}

/** The SHA-256 of a file; undefined of a folder, and where there is nothing. */
export async function digestOf(path: string): Promise<string | undefined> {
  const entry = await stat(path).catch(() => undefined);
  return entry?.isFile() ? (await hashFile(path, path)).sha256 : undefined;
}

async function hashFile(path: string, name: string): Promise<HashedFile> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return { path: name, bytes: (await stat(path)).size, sha256: hash.digest("hex") };
}
