/**
 * What models and data sets of the hub have in common: how to reach it, and the way of one file to the disk.
 */

import { join } from "node:path";
import { InputError } from "../base/errors.ts";
import { partialPath, snapshotFolder } from "./cache.ts";
import { type HubAddress, type HubFile, pageOf, type Repository } from "./listing.ts";
import { transfer } from "./transfer.ts";

/** How far one file has come. */
export interface HubProgress {
  readonly file: string;
  readonly bytes: number;
  readonly size: number;
}

/** How to fetch; everything has a default. */
export interface HubOptions {
  /** Folder of everything that was downloaded; default `ESPALIER_CACHE`, else `~/.cache/espalier/hub`. */
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

/** Where to ask, and with which token. @throws {InputError} `hub/token` */
export function addressOf(options: HubOptions): HubAddress {
  const hubUrl = options.hubUrl ?? (process.env.HF_ENDPOINT || "https://huggingface.co");
  const token = (options.token ?? process.env.HF_TOKEN) || undefined; // an empty variable is none
  if (token !== undefined && !token.startsWith("hf_")) {
    throw new InputError("hub/token", "hub: expected a token that begins with hf_, got another (HF_TOKEN)");
  }
  return { hubUrl: hubUrl.replace(/\/+$/, ""), token, signal: options.signal };
}

/** One commit of which files are fetched. */
export interface Fetching extends Repository {
  readonly root: string;
  readonly commit: string;
  readonly address: HubAddress;
  readonly options: HubOptions;
}

/** Fetches one file of a commit into its snapshot. @throws as `transfer` does */
export async function fetchFile(fetching: Fetching, file: HubFile): Promise<void> {
  const { root, repo, commit, address, options } = fetching;
  const job = {
    url: `${pageOf(fetching, address)}/resolve/${commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`,
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
