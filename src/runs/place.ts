/**
 * A place that is written to: claimed for one process, and rid of what a killed one has left there.
 *
 * Not here: the claim itself (formats/claim.ts), what a run's folder holds (folder.ts).
 */

import { randomUUID } from "node:crypto";
import { existsSync, type Stats, statSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ConfigError, InputError } from "../base/errors.ts";
import { claimSoon, describeOwner, isClaimFile } from "../formats/claim.ts";
import { INDEX_FILE, PICKLED_FILE, PICKLED_INDEX } from "../formats/weights.ts";

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
 * @throws {InputError} `run/busy` while another process, or another call, writes there; {ConfigError} as `requireFolder`
 */
export async function claimFolder(folder: string): Promise<AsyncDisposable> {
  requireFolder(folder);
  await mkdir(folder, { recursive: true });
  const claimed = await claimPath(join(folder, CLAIM), folder);
  const isDead = (name: string) => isLeftover(name) && name !== CLAIM;
  await removeFiles(folder, isDead);
  for (const name of INSIDE) await removeFiles(join(folder, name), isTemporary);
  return claimed;
}

/** What a folder may hold of the model that was there before: indexes of shards, pickled weights, and its exports. */
const STALE = [INDEX_FILE, PICKLED_FILE, PICKLED_INDEX, "onnx", "safetensors"];

/**
 * Refuses to write a model where the one lies that it is made of.
 * @throws {ConfigError} `COMMAND/out`
 */
export function refuseOwn(
  command: string,
  out: string,
  { path, run }: { readonly path: string; readonly run?: string },
): void {
  const own = [path, ...(run === undefined ? [] : [run])].map((each) => resolve(each));
  if (!own.includes(resolve(out))) return;
  throw new ConfigError(`${command}/out`, `out: expected another folder than the model's, got ${out}`);
}

/**
 * Refuses a folder that is taken, and clears one whose model is to be replaced.
 * @throws {ConfigError} `COMMAND/exists`
 */
export async function takeModelFolder(
  command: string,
  { out, force }: { readonly out: string; readonly force: boolean },
): Promise<void> {
  const isTaken = (await readdir(out)).some((name) => !isLeftover(name));
  if (isTaken && !(force && existsSync(join(out, "config.json")))) {
    throw new ConfigError(
      `${command}/exists`,
      `out: expected a folder that is absent or empty, or with --force one of a model, got ${out}`,
    );
  }
  for (const name of STALE) await rm(join(out, name), { recursive: true, force: true });
}

/** Claims the place of one file. @throws as `claimFolder` does; `place/kind` where a folder is */
export async function claimFile(path: string): Promise<AsyncDisposable> {
  requireFile(path);
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const claimed = await claimPath(join(folder, `.${basename(path)}.claim`), path);
  const isOurs = (name: string) => name.startsWith(`.${basename(path)}.`) && isTemporary(name);
  await removeFiles(folder, isOurs);
  return claimed;
}

/** A place of ours as the user's own is typed: relative where that is, so that recipes and messages say it as he would. */
export function likeTyped(typed: string, path: string): string {
  return isAbsolute(typed) ? path : relative(process.cwd(), path);
}

/**
 * @throws {ConfigError} `place/kind` for a place where a folder is, or one inside of a file; `place/name` for one that the
 *   system does not take
 */
export function requireFile(path: string): void {
  requireFolder(dirname(path));
  // The longest name that is written beside it: that of a claim on its way.
  at(join(dirname(path), `.${basename(path)}.claim.${randomUUID()}`), path);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new ConfigError("place/kind", `out: expected a place for a file, got a folder (${path})`);
}

/** @throws {ConfigError} as `requireFile` does, for a place where a file is */
export function requireFolder(path: string): void {
  const file = fileAt(path);
  if (file !== undefined)
    throw new ConfigError("place/kind", `out: expected a place for a folder, got a file (${file})`);
}

/** What is there of a path, or of the folders it is to lie in, and is no folder. */
function fileAt(path: string): string | undefined {
  let place = resolve(path);
  let found = at(place);
  while (found === undefined && dirname(place) !== place) {
    place = dirname(place);
    found = at(place);
  }
  return found === undefined || found.isDirectory() ? undefined : place;
}

/** What is there. @throws {ConfigError} `place/name`, of the place that is to be said */
function at(path: string, said = path): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOTDIR") return undefined; // inside of a file
    const got = code === "ENAMETOOLONG" ? "a name that is too long" : code;
    const message = `out: expected a place that the system takes, got ${got} (${said})`;
    throw new ConfigError("place/name", message, { cause });
  }
}

async function claimPath(claim: string, place: string): Promise<AsyncDisposable> {
  // Touched, and removed at the end, wherever the process works by then.
  const release = await claimSoon(resolve(claim));
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
