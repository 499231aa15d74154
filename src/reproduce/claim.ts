/**
 * Claims: which process works on a job, so that several may share one folder of jobs.
 *
 * A claim is a file that exists as long as its process works; it is made in one step that fails when it is there. One
 * left behind by a process that died is taken over. Processes of one machine alone: a claim from another machine
 * counts as alive until it is deleted by hand.
 */

import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";

/** Gives a claim back. */
export type Release = () => Promise<void>;

/** Claims `path` for this process; undefined when another process that lives has it. */
export async function claim(path: string): Promise<Release | undefined> {
  if (await placed(path)) return () => rm(path, { force: true });
  const owner = await readFile(path, "utf8").catch(() => "");
  if (isAlive(owner)) return undefined;
  await rm(path, { force: true });
  // Of several that find a dead claim only one places its own.
  return (await placed(path)) ? () => rm(path, { force: true }) : undefined;
}

/** A link appears whole or not at all, so that nobody reads a claim without its owner. */
async function placed(path: string): Promise<boolean> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, `${hostname()} ${process.pid}\n`);
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** An empty owner is a claim that was given back in this moment: asking again will tell. */
function isAlive(owner: string): boolean {
  const [host, pid] = owner.trim().split(" ");
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
