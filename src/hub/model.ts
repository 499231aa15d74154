/**
 * Models from the Hugging Face hub: `hf:owner/name` becomes a folder on this machine.
 *
 * Promise: what is already here in full is used without touching the network; what comes is checked against the size
 * and the digest the hub gives; what was interrupted is continued. Only called when a command names such a model.
 */

import { join } from "node:path";
import { InputError } from "../base/errors.ts";
import { readJsonIfPresent } from "../formats/files.ts";
import { INDEX_FILE, parseIndex } from "../formats/weights.ts";
import {
  completeSnapshot,
  defaultCache,
  findSnapshot,
  isCommit,
  partialPath,
  rememberCommit,
  snapshotFolder,
} from "./cache.ts";
import { chooseFiles, type HubAddress, type HubFile, listCommit, resolveCommit } from "./listing.ts";
import { type HubName, parseHubName } from "./name.ts";
import { transfer } from "./transfer.ts";

/** How far one file has come. */
export interface HubProgress {
  readonly file: string;
  readonly bytes: number;
  readonly size: number;
}

/** How to fetch a model; everything has a default. */
export interface HubOptions {
  /** Folder of all downloaded models; default `ESPALIER_CACHE`, else `~/.cache/espalier/hub`. */
  readonly cache?: string;
  /** Default `HF_ENDPOINT`, else the hub itself. */
  readonly hubUrl?: string;
  /** For private and gated models; default `HF_TOKEN`. */
  readonly token?: string;
  /** Never touch the network. Default false. */
  readonly offline?: boolean;
  /** Ask the hub whether the branch has moved on, though a copy is here. Default false. */
  readonly refresh?: boolean;
  readonly signal?: AbortSignal;
  /** Tries per file. Default 5. */
  readonly attempts?: number;
  /** Milliseconds before the second try, doubled before each next one. Default 1,000. */
  readonly pause?: number;
  readonly onProgress?: (progress: HubProgress) => void;
}

function addressOf(options: HubOptions): HubAddress {
  const hubUrl = options.hubUrl ?? process.env.HF_ENDPOINT ?? "https://huggingface.co";
  const token = (options.token ?? process.env.HF_TOKEN) || undefined; // an empty variable is none
  if (token !== undefined && !token.startsWith("hf_")) {
    throw new InputError("hub/token", "hub: expected a token that begins with hf_, got another (HF_TOKEN)");
  }
  return { hubUrl: hubUrl.replace(/\/+$/, ""), token, signal: options.signal };
}

/** One model being fetched. */
interface Fetching {
  readonly root: string;
  readonly repo: string;
  readonly commit: string;
  readonly address: HubAddress;
  readonly options: HubOptions;
}

async function fetchFile({ root, repo, commit, address, options }: Fetching, file: HubFile): Promise<void> {
  const job = {
    url: `${address.hubUrl}/${repo}/resolve/${commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`,
    size: file.size,
    digest: file.digest,
    partial: await partialPath(root, repo, file.digest.hex),
    target: join(snapshotFolder(root, repo, commit), file.path),
  };
  await transfer(job, {
    headers: address.token === undefined ? {} : { Authorization: `Bearer ${address.token}` },
    signal: options.signal,
    attempts: options.attempts ?? 5,
    pause: options.pause ?? 1_000,
    onBytes: (bytes) => options.onProgress?.({ file: file.path, bytes, size: file.size }),
  });
}

/** The shards that a downloaded index names; none for a model in one file. */
async function shardsOf(fetching: Fetching, files: ReadonlyMap<string, HubFile>): Promise<HubFile[]> {
  const path = join(snapshotFolder(fetching.root, fetching.repo, fetching.commit), INDEX_FILE);
  const index = await readJsonIfPresent(path);
  if (index === undefined) return [];
  return [...new Set(parseIndex(index, path).values())].map((name) => {
    const file = files.get(name);
    if (file !== undefined) return file;
    throw new InputError(
      "hub/no-shard",
      `hub: expected ${name} in ${fetching.repo}, as its index says, got no such file`,
    );
  });
}

async function fetchSnapshot(fetching: Fetching): Promise<void> {
  const { root, repo, commit, address } = fetching;
  const files = await listCommit(repo, commit, address);
  const first = chooseFiles(files, repo);
  for (const file of first) await fetchFile(fetching, file);
  const shards = await shardsOf(fetching, files);
  for (const file of shards) await fetchFile(fetching, file);
  await completeSnapshot(root, repo, commit, new Map([...first, ...shards].map((f) => [f.path, f.size])));
}

async function download(name: HubName, root: string, options: HubOptions): Promise<string> {
  const address = addressOf(options);
  const commit = isCommit(name.revision) ? name.revision : await resolveCommit(name, address);
  const here = await findSnapshot(root, { ...name, revision: commit });
  if (here === undefined) {
    await fetchSnapshot({ root, repo: name.repo, commit, address, options });
  }
  await rememberCommit(root, name, commit);
  return snapshotFolder(root, name.repo, commit);
}

/**
 * The folder of a model of the hub, fetched when it is not here yet.
 *
 * @param text  `hf:owner/name` or `hf:owner/name@revision`; without one, the branch `main`
 * @throws {InputError} `hub/name`, `hub/token`, `hub/offline`, `hub/not-found`, `hub/denied`, `hub/no-model`,
 *   `hub/no-weights`, `hub/no-shard`
 * @throws {RunError} `hub/network`, `hub/server`, `hub/cut`, `hub/range`, `hub/answer`: a later call continues
 * @throws {FormatError} `hub/checksum`, `hub/size`
 * @throws {InterruptedError} `hub/stopped`
 */
export async function fetchModel(text: string, options: HubOptions = {}): Promise<string> {
  const name = parseHubName(text);
  const root = options.cache ?? defaultCache();
  const here = await findSnapshot(root, name);
  if (here !== undefined && (options.offline || !options.refresh)) return here;
  if (!options.offline) return download(name, root, options);
  throw new InputError(
    "hub/offline",
    `hub: expected ${text} in the cache, got no complete copy (${root}, offline)`,
  );
}
