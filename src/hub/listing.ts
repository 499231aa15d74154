/**
 * What the hub says of a model or a data set: its commit, its files, and which of them make a model folder.
 *
 * Asks through `@huggingface/hub`. Its answers are checked before they become paths or sizes.
 */

import { datasetInfo, HubApiError, listFiles, modelInfo } from "@huggingface/hub";
import { EspalierError, InputError, RunError } from "../base/errors.ts";
import { PICKLED_FILE, WEIGHT_FILES, WEIGHTS_FILE } from "../formats/weights.ts";
import { MASKS_FILE } from "../network/masks.ts";
import { isModuleFile, SENTENCE_FILES } from "../network/sentence-files.ts";
import {
  gotNoPieces,
  PIECE_FILES,
  SENTENCE_PIECE_FILES,
  TEXT_FILES,
  TOKENIZER_FILES,
} from "../text/vocabulary.ts";
import { isCommit } from "./cache.ts";
import type { HubName } from "./name.ts";
import { connectionError, type Digest, statusError } from "./transfer.ts";

/** How to reach the hub. */
export interface HubAddress {
  /** Without a slash at the end. */
  readonly hubUrl: string;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a name stands for: the hub has models and data sets of the same names. */
export interface Repository {
  readonly kind: "model" | "dataset";
  readonly repo: string;
}

/** The address of its page, at which its files lie too. */
export function pageOf({ kind, repo }: Repository, { hubUrl }: Pick<HubAddress, "hubUrl">): string {
  return `${hubUrl}/${kind === "dataset" ? "datasets/" : ""}${repo}`;
}

/** A file as the hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  readonly digest: Digest;
}

/** Beside the weights, what a folder is read from. */
const SMALL_FILES = [
  ...Object.values(TEXT_FILES),
  ...Object.values(TOKENIZER_FILES),
  ...SENTENCE_FILES,
  MASKS_FILE,
];

function params({ hubUrl, token, signal }: HubAddress) {
  const request: typeof fetch = (url, init) => fetch(url, { ...init, signal: signal ?? null });
  return { hubUrl, fetch: request, ...(token === undefined ? {} : { accessToken: token }) };
}

/** Turns what the library throws into this project's errors. */
async function asked<T>(url: string, address: HubAddress, answer: () => Promise<T>): Promise<T> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof EspalierError) throw error;
    if (error instanceof HubApiError) throw statusError(error.statusCode, url);
    // fetch gives every failed connection a cause; what has none is an answer that could not be understood.
    const failed = error instanceof Error && error.cause !== undefined;
    if (failed || address.signal?.aborted) throw connectionError(error, url, address.signal);
    throw badAnswer("an answer of the hub's form", String(error), url);
  }
}

function badAnswer(what: string, got: unknown, url: string): RunError {
  return new RunError("hub/answer", `hub: expected ${what}, got ${JSON.stringify(got)} (${url})`);
}

/** The commit a revision is now. @throws {InputError} `hub/not-found`, `hub/denied` @throws {RunError} `hub/…` */
export async function resolveCommit(
  kind: Repository["kind"],
  { repo, revision }: HubName,
  address: HubAddress,
): Promise<string> {
  const url = pageOf({ kind, repo }, address);
  const infoOf = kind === "dataset" ? datasetInfo<"sha"> : modelInfo<"sha">;
  const { sha } = await asked(url, address, () =>
    infoOf({ ...params(address), name: repo, revision, additionalFields: ["sha"] }),
  );
  if (typeof sha === "string" && isCommit(sha)) return sha;
  throw badAnswer("a commit hash", sha, url);
}

/** All files of a commit, by path, whose size and digest the hub gives. */
export async function listCommit(
  { kind, repo }: Repository,
  commit: string,
  address: HubAddress,
): Promise<Map<string, HubFile>> {
  const url = pageOf({ kind, repo }, address);
  return asked(url, address, async () => {
    const files = new Map<string, HubFile>();
    for await (const entry of listFiles({
      ...params(address),
      repo: { type: kind, name: repo },
      revision: commit,
      recursive: true,
    })) {
      if (entry.type !== "file") continue;
      const digest: Digest = entry.lfs
        ? { kind: "sha256", hex: entry.lfs.oid }
        : { kind: "git", hex: entry.oid ?? "" };
      const length = digest.kind === "sha256" ? 64 : 40;
      if (
        !Number.isSafeInteger(entry.size) ||
        entry.size < 0 ||
        !/^[0-9a-f]+$/.test(digest.hex) ||
        digest.hex.length !== length
      ) {
        throw badAnswer(`size and digest of ${entry.path}`, entry, url);
      }
      files.set(entry.path, { path: entry.path, size: entry.size, digest });
    }
    return files;
  });
}

/**
 * The files to fetch first: everything but shards, whose names are in the index.
 * @throws {InputError} `hub/no-model` when there is no config.json, `hub/no-weights` when neither safetensors nor PyTorch's,
 *   `hub/no-tokenizer` when no file has pieces
 */
export function chooseFiles(files: ReadonlyMap<string, HubFile>, repo: string): HubFile[] {
  if (!files.has("config.json")) {
    throw new InputError("hub/no-model", `hub: expected config.json in ${repo}, got no such file`);
  }
  const weights = WEIGHT_FILES.find((name) => files.has(name));
  if (weights === undefined) {
    const others = [...files.keys()]
      .filter((name) => /\.(safetensors|bin|h5|msgpack|onnx)$/.test(name))
      .join(", ");
    throw new InputError(
      "hub/no-weights",
      `hub: expected ${WEIGHTS_FILE} or ${PICKLED_FILE} in ${repo}, got ${others || "no weights"}`,
    );
  }
  if (!PIECE_FILES.some((group) => group.every((name) => files.has(name)))) {
    const sentencePiece = SENTENCE_PIECE_FILES.find((name) => files.has(name));
    const message = `hub: expected ${gotNoPieces(sentencePiece, JSON.stringify(repo))} in ${repo}`;
    throw new InputError("hub/no-tokenizer", message);
  }
  const modules = [...files.keys()].filter(isModuleFile);
  return [...SMALL_FILES, ...modules, weights].flatMap((name) => files.get(name) ?? []);
}
