import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { claim } from "./claim.ts";

const path = async () => join(await newFolder(), "job.claim");

test("a claim is had once, and again after it was given back", async () => {
  const file = await path();
  const release = await claim(file);
  expect(await claim(file)).toBeUndefined();
  await release?.();
  expect(await claim(file)).toBeDefined();
});

test("of many that ask at once one has it, and nothing else stays in the folder", async () => {
  const file = await path();
  const claims = await Promise.all(Array.from({ length: 20 }, () => claim(file)));
  expect(claims.filter((one) => one !== undefined)).toHaveLength(1);
  expect(await readdir(dirname(file))).toEqual(["job.claim"]);
});

test("the claim of a process that died is taken over, that of another machine is not", async () => {
  const file = await path();
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  await writeFile(file, `${hostname()} ${pid}\n`);
  expect(await claim(file)).toBeDefined();
  await writeFile(file, `not-${hostname()} ${pid}\n`);
  expect(await claim(file)).toBeUndefined();
  expect(existsSync(file)).toBe(true);
});
