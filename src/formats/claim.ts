/**
 * Claims: which process works at a place, so that no two write there at once.
 *
 * A claim is a file that is there as long as its process works. It is made in one step that fails when it is there, and
 * one that a dead process left is taken over:
 *
 *   same machine       exact: by the process's number and when it started, since numbers are used again
 *   machine restarted  dead: a host of that name has started since
 *   elsewhere          another host or container cannot be asked. The owner touches its file twice a minute, and a file
 *                      that was not touched for ten minutes is left behind. Both times are the file system's own.
 */

import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "./files.ts";
import { aCount, aText, type JsonShape, parseShape, record } from "./json-shape.ts";

/** Gives a claim back. */
export type Release = () => Promise<void>;

/** A process, in words that no other has. Empty where the system does not tell. */
export interface Owner {
  readonly host: string;
  /** Of this start of the machine. */
  readonly boot: string;
  /** Of the numbers' space: two containers both have a process 7. */
  readonly space: string;
  readonly pid: number;
  /** When the process began, in the kernel's clock. */
  readonly started: string;
}

const OWNER: JsonShape<Owner> = record<Owner>({
  host: aText,
  boot: aText,
  space: aText,
  pid: aCount,
  started: aText,
});

const TOUCH_EVERY = 30_000;
const LEFT_AFTER = 600_000;

/** Claims `path` for this process; undefined when somebody who lives has it. Its folder must be there. */
export async function claim(path: string): Promise<Release | undefined> {
  if (await placed(path)) return kept(path);
  const found = await readClaim(path);
  // Given back in this moment: asking again will tell.
  if (found === undefined) return (await placed(path)) ? kept(path) : undefined;
  if (await isAlive(path, found)) return undefined;
  await removeDead(path, found);
  return (await placed(path)) ? kept(path) : undefined;
}

/** As `claim`, but waits a little for a process that is just ending. */
export async function claimSoon(path: string, tries = 20): Promise<Release | undefined> {
  for (let i = 1; i < tries; i++) {
    const release = await claim(path);
    if (release !== undefined) return release;
    await sleep(100);
  }
  return claim(path);
}

/** Who has a claim, in words for a message. */
export async function describeOwner(path: string): Promise<string> {
  const owner = parseOwner((await readClaim(path)) ?? "");
  return owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host}`;
}

/** Names of files that claims are: the claim itself, and one on its way. */
export function isClaimFile(name: string): boolean {
  return /^\..*claim(?:\.[0-9a-f-]{36})?$/.test(name);
}

/** This process. */
export function thisProcess(): Owner {
  return {
    host: hostname(),
    boot: readText("/proc/sys/kernel/random/boot_id"),
    space: readLink("/proc/self/ns/pid"),
    pid: process.pid,
    started: processStart(process.pid) ?? "",
  };
}

/** A link appears whole or not at all, so that nobody reads a claim without its owner. */
async function placed(path: string): Promise<boolean> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, ownText());
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    return await placedWithoutLink(path);
  } finally {
    await rm(own, { force: true });
  }
}

/** On disks that have no links. */
async function placedWithoutLink(path: string): Promise<boolean> {
  try {
    await writeFile(path, ownText(), { flag: "wx" });
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function ownText(): string {
  return `${JSON.stringify(thisProcess())}\n`;
}

/** Touches a claim while it is held. A file that somebody removed is not made again. */
function kept(path: string): Release {
  const touch = async (): Promise<void> => {
    const file = await open(path, "r+");
    await file.writeFile(ownText()).finally(() => file.close());
  };
  const timer = setInterval(() => void touch().catch(() => undefined), TOUCH_EVERY).unref();
  return async () => {
    clearInterval(timer);
    await rm(path, { force: true });
  };
}

function readClaim(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

/**
 * Of several that find the same dead claim one moves it. Who has moved a claim that was made meanwhile puts it back.
 */
async function removeDead(path: string, found: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return; // another has moved it
  }
  if ((await readClaim(aside)) !== found) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function isAlive(path: string, text: string): Promise<boolean> {
  const owner = parseOwner(text);
  const here = thisProcess();
  if (owner === undefined) return isFresh(path);
  const knows = owner.boot !== "" && here.boot !== "";
  if (knows && owner.boot !== here.boot && owner.host === here.host) return false;
  if (owner.boot !== here.boot || owner.space !== here.space || (!knows && owner.host !== here.host))
    return isFresh(path);
  if (!exists(owner.pid)) return false;
  const started = processStart(owner.pid);
  return owner.started === "" || started === undefined ? isFresh(path) : started === owner.started;
}

/** Whether the file was touched lately, by the clock of the disk that it is on. */
async function isFresh(path: string): Promise<boolean> {
  const probe = join(dirname(path), `${basename(path)}.${randomUUID()}`);
  await writeFile(probe, "");
  try {
    const [now, then] = [await stat(probe), await stat(path).catch(() => undefined)];
    return then !== undefined && now.mtimeMs - then.mtimeMs < LEFT_AFTER;
  } finally {
    await rm(probe, { force: true });
  }
}

/** Undefined for a claim that is being written, where files cannot be linked, and for what is none. */
function parseOwner(text: string): Owner | undefined {
  try {
    return parseShape(OWNER, text, "claim", "claim/format");
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return hasCode(error, "EPERM");
  }
}

/** Clock ticks since the machine started, or undefined off Linux; "ended" for one that only waits to be buried. */
function processStart(pid: number): string | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything, so fields are counted from its end: the state is field 3, the start 22.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (text === "" || fields[19] === undefined) return undefined;
  return fields[0] === "Z" || fields[0] === "X" ? "ended" : fields[19];
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return ""; // not Linux, or it has ended
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
