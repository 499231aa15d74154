/**
 * A place that is written to: claimed for one process, and rid of what a killed one has left there.
 *
 * Not here: the claim itself (formats/claim.ts), what a run's folder holds (folder.ts).
 */

import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { mkdir, readdir, realpath, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ConfigError, InputError } from "../base/errors.ts";
import { claimSoon, describeOwner, isClaimFile } from "../formats/claim.ts";
import { syncFolder } from "../formats/files.ts";
import { INDEX_FILE, PICKLED_FILE, PICKLED_INDEX } from "../formats/weights.ts";

/** Name of the claim in a folder. */
const CLAIM = ".claim";

const CONFIG = "config.json";

/** Folders inside a run or a model's folder that are written with it. */
const INSIDE = ["model", "onnx", "safetensors"];

/** True for the names that `writeFileAtomic` and claims use beside their place. */
export function isLeftover(name: string): boolean {
  return isTemporary(name) || isClaimFile(name);
}

/** What file managers and version control leave in a folder without being asked. */
const UNASKED = [".DS_Store", "Thumbs.db", "desktop.ini", ".gitkeep"];

/** True for names that count for nothing where a folder is asked whether it is empty. */
export function isNothing(name: string): boolean {
  return isLeftover(name) || UNASKED.includes(name);
}

function isTemporary(name: string): boolean {
  return /^\..+\.[0-9a-f-]{36}\.tmp$/.test(name);
}

/**
 * Claims a folder, which is made when absent, until the result is disposed of.
 *
 * @throws {InputError} `run/busy` while another process, or another call, writes there; {ConfigError} as `requireFolder`,
 *   `place/unwritable` where the system lets nothing be written
 */
export async function claimFolder(folder: string): Promise<AsyncDisposable> {
  requireFolder(folder);
  const claimed = await claimIn(folder, CLAIM, folder);
  const isDead = (name: string) => isLeftover(name) && name !== CLAIM;
  await removeFiles(folder, isDead);
  for (const name of INSIDE) await removeFiles(join(folder, name), isTemporary);
  return claimed;
}

/** What a folder may hold of the model that was there before: indexes of shards, pickled weights, and its exports. */
export const STALE = [INDEX_FILE, PICKLED_FILE, PICKLED_INDEX, "onnx", "safetensors", "model.esp"];

/**
 * Refuses to write a model where the one lies that it is made of.
 * @throws {ConfigError} `COMMAND/out`
 */
export async function refuseOwn(
  command: string,
  out: string,
  { path, run }: { readonly path: string; readonly run?: string },
): Promise<void> {
  const own = [path, ...(run === undefined ? [] : [run])];
  const same = await Promise.all(own.map((each) => isSamePlace(each, out)));
  if (!same.includes(true)) return;
  throw new ConfigError(`${command}/out`, `out: expected another folder than the model's, got ${out}`);
}

/** Whether two paths lead to one place, by way of links too. */
export async function isSamePlace(one: string, other: string): Promise<boolean> {
  const placeOf = (path: string): Promise<string> => realpath(path).catch(() => resolve(path));
  return (await placeOf(one)) === (await placeOf(other));
}

/**
 * Refuses a folder that is taken. One whose model is to be replaced stays as it is until there is another (writeAside).
 * @throws {ConfigError} `COMMAND/exists`
 */
export async function refuseTaken(
  command: string,
  { out, force }: { readonly out: string; readonly force: boolean },
): Promise<void> {
  const isTaken = (await readdir(out)).some((name) => !isNothing(name));
  if (isTaken && !(force && existsSync(join(out, CONFIG)))) {
    throw new ConfigError(
      `${command}/exists`,
      `out: expected a folder that is absent or empty, or with --force one of a model, got ${out}`,
    );
  }
}

/** What is to be written aside. */
interface Aside<T> {
  /** What is written: a file's name, whose claim clears what is left of it, or `model`. */
  readonly named: string;
  /** Names that the place must not have, unless `write` has left them. */
  readonly removes?: readonly string[];
  /** Fills a folder that is called as the place is, and may look at what it has written. */
  readonly write: (aside: string) => Promise<T>;
}

/**
 * Writes files into a temporary folder of a claimed place, and moves them there when `write` has ended. Until then the
 * place is as it was, also after a failure or the end of the process; what is left then is known by its name.
 */
export async function writeAside<T>(place: string, { named, removes = [], write }: Aside<T>): Promise<T> {
  const folder = resolve(place);
  const temporary = join(folder, `.${named}.${randomUUID()}.tmp`);
  const aside = join(temporary, basename(folder));
  await mkdir(aside, { recursive: true });
  try {
    const answer = await write(aside);
    moveFiles(aside, folder, removes);
    await syncFolder(folder);
    return answer;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A folder is a model's by its config.json, which therefore goes first and comes last. Nothing is waited for. */
function moveFiles(from: string, to: string, removes: readonly string[]): void {
  const files = readdirSync(from, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(from, name)).isFile(),
  );
  const isModel = files.includes(CONFIG);
  for (const name of [...(isModel ? [CONFIG] : []), ...removes])
    if (name === CONFIG || !files.includes(name)) rmSync(join(to, name), { recursive: true, force: true });
  const last = isModel ? [CONFIG] : [];
  for (const name of [...files.filter((each) => each !== CONFIG), ...last]) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    renameSync(join(from, name), join(to, name));
  }
}

/** Claims the place of one file. @throws as `claimFolder` does; `place/kind` where a folder is */
export async function claimFile(path: string): Promise<AsyncDisposable> {
  requireFile(path);
  const folder = dirname(path);
  const claimed = await claimIn(folder, `.${basename(path)}.claim`, path);
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

/** What the system says of places where this user, or nobody, may write, and of full ones. */
const UNWRITABLE = new Set([
  ...["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EEXIST", "ELOOP"],
  ...["ENOSPC", "EDQUOT"],
]);

async function claimIn(folder: string, name: string, place: string): Promise<AsyncDisposable> {
  const claim = join(folder, name);
  let release: Awaited<ReturnType<typeof claimSoon>>;
  try {
    await mkdir(folder, { recursive: true });
    // Touched, and removed at the end, wherever the process works by then.
    release = await claimSoon(resolve(claim));
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && UNWRITABLE.has(String(cause.code)))) throw cause;
    const message = `out: expected a place that can be written to, got ${cause.message} (${place})`;
    throw new ConfigError("place/unwritable", message, { cause });
  }
  if (release !== undefined) return { [Symbol.asyncDispose]: release };
  throw new InputError(
    "run/busy",
    `out: expected a place that nobody writes to, got one that is being worked on, by ${await describeOwner(claim)} (${place}); if that is not so, delete ${claim}`,
  );
}

async function removeFiles(folder: string, isDead: (name: string) => boolean): Promise<void> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  for (const name of names) if (isDead(name)) await rm(join(folder, name), { recursive: true, force: true });
}
