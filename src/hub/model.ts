/**
 * Models from the Hugging Face hub: `hf:owner/name` becomes a folder on this machine.
 *
 * Promise: what is already here in full is used without touching the network; what comes is checked against the size
 * and the digest the hub gives; what was interrupted is continued. Only called when a command names such a model.
 */

import { join } from "node:path";
import { InputError } from "../base/errors.ts";
import { readJsonIfPresent } from "../formats/files.ts";
import { isIndex, parseIndex } from "../formats/weights.ts";
import {
  completeSnapshot,
  defaultCache,
  findSnapshot,
  isCommit,
  rememberCommit,
  snapshotFolder,
} from "./cache.ts";
import { chooseFiles, type HubFile, listCommit, resolveCommit } from "./listing.ts";
import { type HubName, parseHubName } from "./name.ts";
import { addressOf, type Fetching, fetchFile, type HubOptions } from "./repository.ts";

/** The shards that a downloaded index names; none for a model in one file. */
async function shardsOf(
  fetching: Fetching,
  files: ReadonlyMap<string, HubFile>,
  first: readonly HubFile[],
): Promise<HubFile[]> {
  const listed = first.find(({ path }) => isIndex(path));
  if (listed === undefined) return [];
  const path = join(snapshotFolder(fetching.root, fetching.repo, fetching.commit), listed.path);
  const index = await readJsonIfPresent(path);
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
  const files = await listCommit({ kind: "model", repo }, commit, address);
  const first = chooseFiles(files, repo);
  for (const file of first) await fetchFile(fetching, file);
  const shards = await shardsOf(fetching, files, first);
  for (const file of shards) await fetchFile(fetching, file);
  await completeSnapshot(root, repo, commit, new Map([...first, ...shards].map((f) => [f.path, f.size])));
}

async function download(name: HubName, root: string, options: HubOptions): Promise<string> {
  const address = addressOf(options);
  const commit = isCommit(name.revision) ? name.revision : await resolveCommit("model", name, address);
  const here = await findSnapshot(root, { ...name, revision: commit });
  if (here === undefined) {
    await fetchSnapshot({ kind: "model", root, repo: name.repo, commit, address, options });
  }
  await rememberCommit(root, name, commit);
  return snapshotFolder(root, name.repo, commit);
}

/**
 * The folder of a model of the hub, fetched when it is not here yet.
 *
 * @param text  `hf:owner/name` or `hf:owner/name@revision`; without one, the branch `main`
 * @throws {InputError} `hub/name`, `hub/token`, `hub/offline`, `hub/not-found`, `hub/denied`, `hub/no-model`,
 *   `hub/no-weights`, `hub/no-tokenizer`, `hub/no-shard`
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
