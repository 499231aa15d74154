/**
 * One file from the hub to the disk: continued where it stopped, and checked before it gets its name.
 *
 * `@huggingface/hub` tells what there is (listing.ts), but its downloads begin anew after an interruption and are not
 * compared with the digest the hub gives. So the transfer itself is done here, from the hub's `resolve` address with
 * a Range request. A server that ignores the range, or answers with another, makes it begin anew; a digest that does
 * not match discards what came.
 *
 * Of two that want the same file at once, in one process or in two, one fetches it and the other waits.
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FormatError, InputError, InterruptedError, RunError } from "../base/errors.ts";
import { claim } from "../formats/claim.ts";

/** How the hub names a file's content: SHA-256 of large files, Git's blob hash (SHA-1) of small ones. */
export interface Digest {
  readonly kind: "sha256" | "git";
  readonly hex: string;
}

/** A file to fetch. */
export interface Transfer {
  readonly url: string;
  /** Exact number of bytes. */
  readonly size: number;
  readonly digest: Digest;
  /** Where it grows; may hold the beginning already. */
  readonly partial: string;
  /** Where it goes when it is whole and right. */
  readonly target: string;
}

/** How to fetch. */
export interface TransferOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Tries in all, each continuing the one before. */
  readonly attempts: number;
  /** Milliseconds before the second try; twice as many before each next one. */
  readonly pause: number;
  /** Called with the bytes of this file that are here. */
  readonly onBytes: (bytes: number) => void;
}

/** The error for an HTTP status that is no success. A server's own trouble (429, 5xx) is worth another try. */
export function statusError(status: number, url: string): InputError | RunError {
  if (status === 404) return new InputError("hub/not-found", `hub: expected ${url}, got 404, no such thing`);
  if (status === 401 || status === 403) {
    const advice = "it does not exist, or is private or gated: set HF_TOKEN to a token that may read it";
    return new InputError("hub/denied", `hub: expected to read ${url}, got ${status}: ${advice}`);
  }
  return new RunError("hub/server", `hub: expected an answer, got status ${status} (${url})`);
}

/** The error for a connection that failed, or that was stopped on request. */
export function connectionError(cause: unknown, url: string, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) {
    return new InterruptedError("hub/stopped", `hub: stopped; what has come of ${url} is kept`, { cause });
  }
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error ? inner.message : String(inner);
  return new RunError("hub/network", `hub: expected a connection, got: ${reason} (${url})`, { cause });
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0; // not there, or not readable: begin anew
}

async function request(job: Transfer, from: number, options: TransferOptions): Promise<Response> {
  // Without `identity` a proxy may compress, and the range would count compressed bytes.
  const range: Record<string, string> = from > 0 ? { Range: `bytes=${from}-` } : {};
  const headers = { ...options.headers, ...range, "Accept-Encoding": "identity" };
  try {
    return await fetch(job.url, { headers, signal: options.signal ?? null });
  } catch (cause) {
    throw connectionError(cause, job.url, options.signal);
  }
}

async function* chunksOf(
  response: Response,
  { url }: Transfer,
  { signal }: TransferOptions,
): AsyncGenerator<Uint8Array> {
  try {
    if (response.body !== null) yield* response.body;
  } catch (cause) {
    throw connectionError(cause, url, signal);
  }
}

/** The byte at which the answer begins: `have`, or 0 from a server that sends the whole file regardless. */
async function startOf(response: Response, have: number, url: string): Promise<number> {
  if (response.status === 200) return 0;
  const continues = response.headers.get("content-range")?.startsWith(`bytes ${have}-`);
  if (response.status === 206 && have > 0 && continues) return have;
  await response.body?.cancel();
  if (response.status !== 206 && response.status !== 416) throw statusError(response.status, url);
  throw new RunError("hub/range", `hub: expected bytes from ${have}, got another range (${url})`);
}

async function append(
  file: FileHandle,
  from: number,
  response: Response,
  job: Transfer,
  options: TransferOptions,
): Promise<void> {
  let done = from;
  for await (const chunk of chunksOf(response, job, options)) {
    if (done + chunk.length > job.size) throw wrongSize(job, "more");
    await file.writeFile(chunk);
    done += chunk.length;
    options.onBytes(done);
  }
  await file.sync();
  if (done < job.size)
    throw new RunError("hub/cut", `hub: expected ${job.size} bytes, got ${done} (${job.url})`);
}

function wrongSize({ size, url }: Transfer, got: string): FormatError {
  return new FormatError("hub/size", `hub: expected ${size} bytes, got ${got} (${url})`);
}

/** Fetches what is missing of the partial file. */
async function fetchRest(job: Transfer, options: TransferOptions): Promise<void> {
  const found = await sizeOf(job.partial);
  const have = found > job.size ? 0 : found;
  options.onBytes(have);
  if (have === job.size && have > 0) return;
  const response = await request(job, have, options);
  const from = await startOf(response, have, job.url);
  const file = await open(job.partial, from > 0 ? "a" : "w");
  try {
    await append(file, from, response, job, options);
  } finally {
    await file.close();
  }
}

async function digestOf(path: string, { kind }: Digest, size: number): Promise<string> {
  const hash = createHash(kind === "sha256" ? "sha256" : "sha1");
  if (kind === "git") hash.update(`blob ${size}\0`); // Git hashes a file with this in front
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

async function check(job: Transfer): Promise<void> {
  const hex = await digestOf(job.partial, job.digest, job.size);
  if (hex === job.digest.hex) return;
  throw new FormatError(
    "hub/checksum",
    `hub: expected ${job.digest.kind} ${job.digest.hex}, got ${hex} (${job.url})`,
  );
}

/** True when an earlier call that was interrupted among other files has left this one whole. */
async function isHere({ target, size, digest }: Transfer): Promise<boolean> {
  const found = await stat(target).catch(() => undefined); // not there, or not readable: fetch it
  return found?.size === size && (await digestOf(target, digest, size)) === digest.hex;
}

/** One try. What came is kept when only the connection failed, and dropped when it is wrong. */
async function attemptOnce(job: Transfer, options: TransferOptions): Promise<void> {
  try {
    await fetchRest(job, options);
    await check(job);
  } catch (error) {
    const wrong = error instanceof FormatError || (error instanceof RunError && error.code === "hub/range");
    if (wrong) await rm(job.partial, { force: true });
    throw error;
  }
}

/**
 * Fetches one file. When it returns, `target` holds exactly the content of the digest.
 *
 * @throws {InputError} `hub/not-found`, `hub/denied`
 * @throws {RunError} `hub/network`, `hub/server`, `hub/cut`, `hub/range`: the next call continues
 * @throws {FormatError} `hub/checksum`, `hub/size`: the hub sent something else, more than once
 * @throws {InterruptedError} `hub/stopped`
 */
export async function transfer(job: Transfer, options: TransferOptions): Promise<void> {
  await mkdir(dirname(job.partial), { recursive: true });
  for (;;) {
    if (await isHere(job)) return options.onBytes(job.size);
    const release = await claim(`${job.partial}.claim`);
    if (release !== undefined) return fetchClaimed(job, options).finally(release);
    options.onBytes(Math.min(job.size, await sizeOf(job.partial)));
    await pause(WAIT, job, options);
  }
}

/** Milliseconds between two looks at a file that somebody else fetches. */
const WAIT = 500;

async function pause(milliseconds: number, job: Transfer, { signal }: TransferOptions): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch((cause) => {
    throw connectionError(cause, job.url, signal);
  });
}

async function fetchClaimed(job: Transfer, options: TransferOptions): Promise<void> {
  // Whoever had the claim before may have left the file whole.
  if (await isHere(job)) return options.onBytes(job.size);
  for (let attempts = 1; ; attempts++) {
    try {
      await attemptOnce(job, options);
      break;
    } catch (error) {
      const worthwhile = error instanceof RunError || error instanceof FormatError;
      if (!worthwhile || attempts >= options.attempts) throw error;
      await pause(options.pause * 2 ** (attempts - 1), job, options);
    }
  }
  await mkdir(dirname(job.target), { recursive: true });
  await rename(job.partial, job.target);
}
