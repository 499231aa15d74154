/**
 * Downloaded models and data sets on disk.
 *
 *   ROOT/owner--name/refs/REVISION          the commit that a branch or tag was, when it was last asked for
 *   ROOT/owner--name/COMMIT/…               the files of that commit, each checked before it got its name
 *   ROOT/owner--name/COMMIT/.complete.json  their names and sizes; written last: the snapshot is whole
 *   ROOT/owner--name/partial/DIGEST         what has come of a file so far, under the digest of the whole
 *   ROOT/@datasets/…                        the same of data sets, of which splits come one by one: `.parquet.json` in a
 *                                           commit lists all Parquet files that it has, with sizes and digests
 *
 * Nothing here touches the network.
 */

import { mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { readJsonIfPresent, readTextIfPresent, writeFileAtomic } from "../formats/files.ts";
import { isObject } from "../formats/json.ts";
import type { HubName } from "./name.ts";

const COMMIT = /^[0-9a-f]{40}$/;

/** `ESPALIER_CACHE`, or a folder in the user's home; an empty one is none. */
export function defaultCache(): string {
  return process.env.ESPALIER_CACHE || join(homedir(), ".cache", "espalier", "hub");
}

/** True for a full commit hash, which needs no look-up. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

function repoFolder(root: string, repo: string): string {
  return join(root, repo.replace("/", "--"));
}

function refPath(root: string, { repo, revision }: HubName): string {
  return join(repoFolder(root, repo), "refs", encodeURIComponent(revision));
}

/** Where a commit's files lie. */
export function snapshotFolder(root: string, repo: string, commit: string): string {
  return join(repoFolder(root, repo), commit);
}

/** Where a file grows until it is whole; the folder is made. */
export async function partialPath(root: string, repo: string, digest: string): Promise<string> {
  const folder = join(repoFolder(root, repo), "partial");
  await mkdir(folder, { recursive: true });
  return join(folder, digest);
}

/** Sizes of a complete snapshot's files, by name. */
async function manifest(folder: string): Promise<[string, unknown][] | undefined> {
  const json = await readJsonIfPresent(join(folder, ".complete.json"));
  return isObject(json) ? Object.entries(json) : undefined;
}

/** Whether a file is there and as long as it should be; its content was checked when it came. */
export async function hasSize(path: string, size: unknown): Promise<boolean> {
  const found = await stat(path).catch(() => undefined); // whatever the reason, it has to be fetched again
  return found?.size === size;
}

/** The commit that a revision was when it was last asked for. */
export async function knownCommit(root: string, name: HubName): Promise<string | undefined> {
  const known = isCommit(name.revision) ? name.revision : await readTextIfPresent(refPath(root, name));
  return known === undefined || !isCommit(known) ? undefined : known;
}

/** The folder of a model that is here in full, or undefined. Contents were checked when they came; sizes are now. */
export async function findSnapshot(root: string, name: HubName): Promise<string | undefined> {
  const known = await knownCommit(root, name);
  if (known === undefined) return undefined;
  const folder = snapshotFolder(root, name.repo, known);
  const files = await manifest(folder);
  if (files === undefined || files.length === 0) return undefined;
  for (const [file, size] of files) if (!(await hasSize(join(folder, file), size))) return undefined;
  return folder;
}

/** Marks a snapshot as whole: the sizes of its files, by name. */
export async function completeSnapshot(
  root: string,
  repo: string,
  commit: string,
  sizes: ReadonlyMap<string, number>,
): Promise<void> {
  const path = join(snapshotFolder(root, repo, commit), ".complete.json");
  await writeFileAtomic(path, JSON.stringify(Object.fromEntries(sizes)));
}

/** Remembers which commit a branch or tag is, for the next time. */
export async function rememberCommit(root: string, name: HubName, commit: string): Promise<void> {
  if (!isCommit(name.revision)) await writeFileAtomic(refPath(root, name), commit);
}
