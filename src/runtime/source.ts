/** What a packed file is loaded from, as bytes: a path, an address, or what `fetch` and file dialogs give. Browser-safe. */

import { ConfigError, InputError } from "../base/errors.ts";
import { shortened, shown } from "../base/shown.ts";
import { type Reading, responseBytes } from "./host.ts";
import { host } from "./node.ts";

/**
 * A path (Node) or address (in a page also relative to it), a URL of `http:`, `https:`, `file:` (Node), `data:` or `blob:`,
 * the bytes, or a blob or response that has them; a response is read to its end and of no use afterwards.
 */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob | Response;

/** The bytes of a file. */
interface ModelBytes {
  readonly bytes: Uint8Array;
  /** What messages call it. */
  readonly where: string;
  /** Whether they were read here, so that they may be handed over. */
  readonly isOwn: boolean;
}

/** Characters of a path or address that messages show: most are shown whole, one of kind `data:` has the whole file. */
const MOST = 300;

/** A program without types may hand over anything. @throws {ConfigError} `runtime/source` */
export function requireSource(source: unknown): asserts source is ModelSource {
  if ((typeof source === "string" && source !== "") || source instanceof URL) return;
  if ([Uint8Array, ArrayBuffer, Blob, Response].some((kind) => source instanceof kind)) return;
  const expected = "model: expected a path, an address, a URL, bytes, a Blob or a Response";
  throw new ConfigError("runtime/source", `${expected}, got ${shown(source)}`);
}

/** Reads a file. @throws {InputError} `runtime/source`; the signal's reason */
export async function readSource(source: ModelSource, reading: Reading): Promise<ModelBytes> {
  const where = nameOf(source);
  const isOwn = !(source instanceof Uint8Array || source instanceof ArrayBuffer);
  try {
    return { bytes: await bytesOf(source, reading), where, isOwn };
  } catch (cause) {
    reading.signal.throwIfAborted();
    const got = shortened(reasonOf(cause), MOST);
    throw new InputError("runtime/source", `model: expected a .esp file, got: ${got} (${where})`, { cause });
  }
}

/** In Node `fetch` says that it failed, and its cause says why; and who has a run has its file. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ("code" in cause && cause.code === "EISDIR") return "a folder; of a run it is the file model.esp in it";
  const inner = cause.cause instanceof Error ? cause.cause.message : "";
  return inner === "" ? cause.message : `${cause.message}: ${inner}`;
}

async function bytesOf(source: ModelSource, reading: Reading): Promise<Uint8Array> {
  // Before `Response` is named, which in Node loads its HTTP client, and memory for it.
  if (typeof source === "string" || source instanceof URL) return host.read(source, reading);
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  return responseBytes(source, reading);
}

function nameOf(source: ModelSource): string {
  if (typeof source === "string" || source instanceof URL) return shortened(String(source), MOST);
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return "bytes";
  if (source instanceof Blob) return "a blob";
  return source.url === "" ? "a response" : shortened(source.url, MOST);
}
