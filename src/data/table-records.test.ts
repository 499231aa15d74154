import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTable, recordLines, type WrittenFormat } from "./table-records.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-records-"));

/** A table as it is written again, with `label` beside it. */
async function rewritten(name: string, content: string, format: WrittenFormat): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const table = await openTable(path, ["text"], "auto");
  const lines = recordLines(format, table);
  let text = "";
  for await (const record of table.records()) text += lines.line(record, [["label", "x"]]);
  return text;
}

const IDS = ["1234567890123456789", "1234567890123456790"];

test.each([
  ["ids.jsonl", "csv"],
  ["ids.json", "csv"],
  ["ids.jsonl", "jsonl"],
  ["ids.json", "jsonl"],
] as const)("whole numbers beyond 2^53 keep their digits from %s to .%s", async (name, format) => {
  const objects = IDS.map((id) => `{"id":${id},"text":"a"}`);
  const content = name.endsWith("l") ? objects.join("\n") : `[${objects.join(",")}]`;
  const expected =
    format === "csv"
      ? ["id,text,label", ...IDS.map((id) => `${id},a,x`)]
      : objects.map((object) => `${object.slice(0, -1)},"label":"x"}`);
  expect(await rewritten(name, content, format)).toBe(`${expected.join("\n")}\n`);
});
