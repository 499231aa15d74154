import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { claim, claimSoon, describeOwner, isClaimFile, type Owner, thisProcess } from "./claim.ts";

const path = async () => join(await newFolder(), ".claim");

/** Puts a claim there, as if `owner` had made it `minutes` ago. */
async function left(file: string, owner: Partial<Owner>, minutes = 0): Promise<void> {
  await writeFile(file, `${JSON.stringify({ ...thisProcess(), ...owner })}\n`);
  const then = new Date(Date.now() - 60_000 * minutes);
  await utimes(file, then, then);
}

test("a claim is had once, and again after it was given back", async () => {
  const file = await path();
  const release = await claim(file);
  expect(await claim(file)).toBeUndefined();
  expect(await describeOwner(file)).toBe(`process ${process.pid} on ${thisProcess().host}`);
  await release?.();
  expect(await claim(file)).toBeDefined();
});

test("of many that ask at once one has it, and nothing else stays in the folder", async () => {
  const file = await path();
  const claims = await Promise.all(Array.from({ length: 20 }, () => claim(file)));
  expect(claims.filter((one) => one !== undefined)).toHaveLength(1);
  expect(await readdir(dirname(file))).toEqual([".claim"]);
});

test("of many that find a dead claim one has it, and nothing else stays in the folder", async () => {
  const file = await path();
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  await left(file, { pid });
  const claims = await Promise.all(Array.from({ length: 20 }, () => claim(file)));
  expect(claims.filter((one) => one !== undefined)).toHaveLength(1);
  expect(await readdir(dirname(file))).toEqual([".claim"]);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(thisProcess());
});

test("a process that waits for a claim gets it as soon as it is given back", async () => {
  const file = await path();
  const release = await claim(file);
  setTimeout(() => void release?.(), 50);
  expect(await claimSoon(file)).toBeDefined();
});

test("the claim of a process that has ended and was not buried yet is taken over", async () => {
  const file = await path();
  // The shell that started it sleeps on and never asks how it ended.
  const shell = spawn("sh", ["-c", "(exit 0) & echo $!; exec sleep 30"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [text] = await once(shell.stdout, "data");
  await left(file, { pid: Number(String(text)) });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await claim(file)).toBeDefined();
  shell.kill();
});

const SAME_MACHINE = thisProcess().boot !== "";

test.runIf(SAME_MACHINE).each<[string, Partial<Owner>, number, boolean]>([
  ["a live process", { pid: process.ppid, started: "" }, 0, true],
  ["another process that has the number now", { started: "1" }, 0, false],
  ["this machine before it was restarted", { boot: "another" }, 0, false],
  ["another host", { boot: "another", host: "another" }, 0, true],
  ["another host that has not touched it for an hour", { boot: "another", host: "another" }, 60, false],
  ["another container", { space: "pid:[1]", host: "another" }, 0, true],
  ["another container that has not touched it for an hour", { space: "pid:[1]", host: "another" }, 60, false],
])("the claim of %s", async (_, owner, minutes, stays) => {
  const file = await path();
  await left(file, owner, minutes);
  expect((await claim(file)) === undefined).toBe(stays);
  expect(existsSync(file)).toBe(true);
});

test("a file that is no claim holds the place until it is old", async () => {
  const file = await path();
  await writeFile(file, "");
  expect(await claim(file)).toBeUndefined();
  await utimes(file, 0, 0);
  expect(await claim(file)).toBeDefined();
});

test("files of claims are known by their names", () => {
  expect(
    [".claim", ".model.onnx.claim", ".claim.0f8fad5b-d9cb-469f-a165-70867728950e"].every(isClaimFile),
  ).toBe(true);
  expect(["claim", "model.claim", ".claims"].some(isClaimFile)).toBe(false);
});
