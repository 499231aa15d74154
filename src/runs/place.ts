/**
 * A place that is written to: claimed for one process, and rid of what a killed one has left there.
 *
 * Not here: the claim itself (formats/claim.ts), what a run's folder holds (folder.ts).
 */

import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError } from "../base/errors.ts";
import { claimSoon, describeOwner, isClaimFile } from "../formats/claim.ts";

/** Name of the claim in a folder. */
const CLAIM = ".claim";

/** Folders inside a run or a model's folder that are written with it. */
const INSIDE = ["model", "onnx", "safetensors"];

/** True for the names that `writeFileAtomic`, `writeWhole` and claims use beside their place. */
export function isLeftover(name: string): boolean {
  return isTemporary(name) || name.endsWith(".json.partial") || isClaimFile(name);
}

function isTemporary(name: string): boolean {
  return /^\..+\.[0-9a-f-]{36}\.tmp$/.test(name);
}

/**
 * Claims a folder, which is made when absent, until the result is disposed of.
 *
 * @throws {InputError} `run/busy` while another process, or another call, writes there
 */
export async function claimFolder(folder: string): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true });
  const claimed = await claimPath(join(folder, CLAIM), folder);
  const isDead = (name: string) => isLeftover(name) && name !== CLAIM;
  await removeFiles(folder, isDead);
  for (const name of INSIDE) await removeFiles(join(folder, name), isTemporary);
  return claimed;
}

/** Claims the place of one file. @throws as `claimFolder` does */
export async function claimFile(path: string): Promise<AsyncDisposable> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const claimed = await claimPath(join(folder, `.${basename(path)}.claim`), path);
  const isOurs = (name: string) => name.startsWith(`.${basename(path)}.`) && isTemporary(name);
  await removeFiles(folder, isOurs);
  return claimed;
}

async function claimPath(claim: string, place: string): Promise<AsyncDisposable> {
  const release = await claimSoon(claim);
  if (release !== undefined) return { [Symbol.asyncDispose]: release };
  throw new InputError(
    "run/busy",
    `out: expected a place that nobody writes to, got one that is being worked on, by ${await describeOwner(claim)} (${place}); if that is not so, delete ${claim}`,
  );
}

async function removeFiles(folder: string, isDead: (name: string) => boolean): Promise<void> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  for (const name of names) if (isDead(name)) await rm(join(folder, name), { force: true });
}
