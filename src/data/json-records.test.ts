import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jsonRecords } from "./json-records.ts";

const file = join(mkdtempSync(join(tmpdir(), "espalier-json-")), "a.jsonl");

async function texts(content: string): Promise<number[]> {
  writeFileSync(file, content);
  const found: number[] = [];
  for await (const { object } of jsonRecords(file)) found.push(String(object.get("text")).length);
  return found;
}

test("a text of millions of line feeds is a text", async () => {
  const lines = 8_000_000;
  expect(await texts(`${JSON.stringify({ text: "\n".repeat(lines) })}\n`)).toEqual([lines]);
});

test("a key that an object has twice, however it is spelled, is refused with its place", async () => {
  await expect(texts('{"text":"a"}\n{"text":"a","te\\u0078t":"b"}\n')).rejects.toMatchObject({
    code: "table/twice",
    message: expect.stringMatching(/^a\.jsonl:2: expected one column "text"/),
  });
});
