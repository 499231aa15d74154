import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { cachePath, openCandidateCache } from "./augment-cache.ts";

const WORDS = [{ start: 0, end: 4, candidates: ["film", 'a "b"'] }];

test("what was added is there, in this process and in the next", async () => {
  const path = join(await newFolder(), "new", "candidates.jsonl");
  const cache = await openCandidateCache(path);
  expect(cache.get("plot")).toBeUndefined();
  await cache.add(["plot", "line\nfeed"], [WORDS, []]);
  await cache.add(["third"], [WORDS]);
  const again = await openCandidateCache(path);
  for (const known of [cache, again]) {
    expect(known.get("plot")).toEqual(WORDS);
    expect(known.get("line\nfeed")).toEqual([]);
    expect(known.get("third")).toEqual(WORDS);
  }
});

test("a line that was cut off, or is something else, is left out; what is added behind it is not", async () => {
  const path = join(await newFolder(), "candidates.jsonl");
  await (await openCandidateCache(path)).add(["one", "two"], [WORDS, WORDS]);
  const text = await readFile(path, "utf8");
  await appendFile(path, `{"text":"three","words":[{}]}\n[1]\n${text.trimStart().slice(0, 20)}`);
  const cache = await openCandidateCache(path);
  expect(["one", "two", "three"].map((name) => cache.get(name) !== undefined)).toEqual([true, true, false]);
  await cache.add(["four"], [WORDS]);
  expect((await openCandidateCache(path)).get("four")).toEqual(WORDS);
});

test("another source has another file", () => {
  const [a, b] = [cachePath("out", { candidates: 15 }), cachePath("out", { candidates: 16 })];
  expect(a).toMatch(/^out[\\/]candidates-[0-9a-f]{12}\.jsonl$/);
  expect(a).toBe(cachePath("out", { candidates: 15 }));
  expect(a).not.toBe(b);
});
