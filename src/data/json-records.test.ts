import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type JsonRecord, jsonRecords } from "./json-records.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-json-"));
const file = join(folder, "a.jsonl");

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

async function recordsOf(name: string, content: string): Promise<JsonRecord[]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const found: JsonRecord[] = [];
  for await (const record of jsonRecords(path)) found.push(record);
  return found;
}

test("whole numbers beyond 2^53 keep their digits, in lines and in an array", async () => {
  const line = '{"id":1234567890123456789,"text":"a","in":{"id":[1234567890123456790]}}';
  for (const content of [line, `[${line}]`]) {
    const [record] = await recordsOf("ids.json", content);
    expect(record?.text).toBe(line);
    expect(record?.object.get("id")).toBe("1234567890123456789");
    expect(record?.object.get("in")).toEqual({ id: ["1234567890123456790"] });
  }
});

test("the items of an array stay as they are written, on one line each", async () => {
  const first = '{"text": "[a, {b\\"}\\n", "n": 1.0}';
  const content = `\n [ ${first},\r\n  {\n  "text":\n    "b",\n  "n": [1, [2]]\n}\n]\n`;
  const found = await recordsOf("items.json", content);
  expect(found.map(({ where, text }) => [where, text.trim()])).toEqual([
    ["items.json:1", first],
    ["items.json:2", '{"text":"b","n": [1, [2]]}'],
  ]);
  expect(await recordsOf("none.json", " [ \n ] ")).toEqual([]);
});

const good = '{"text":"a long review of a film that I have seen last week in the city"}';
test.each([
  [
    "nan.jsonl",
    `${good}\n{"n":NaN,"text":"b"}\n`,
    /^nan.jsonl:2: expected a JSON object, got .*'N'.*no NaN, write null$/,
  ],
  ["minus.jsonl", '{"n": -Infinity }', /^minus.jsonl:1: .*; JSON has no -Infinity, write null$/],
  [
    "quote.jsonl",
    `{'text': "b"}`,
    /^quote.jsonl:1: expected a JSON object, got "\{'text': \\"b\\"\}": .*JSON/,
  ],
  [
    "pretty.json",
    '{\n  "text": "a"\n}',
    /^pretty.json:1: .*; an object stands on one line, or with others in an array/,
  ],
  [
    "array.json",
    `[${good},\n{"n":NaN}]`,
    /^array.json:2: expected a JSON object, got "\{\\"n\\":NaN\}": .*NaN, write/,
  ],
  [
    "comma.json",
    `[${good},]`,
    /^comma.json:2: expected a JSON object, got "": Unexpected end of JSON input$/,
  ],
  ["pair.json", `[${good} ${good}]`, /^pair.json:1: expected a JSON object/],
  [
    "open.json",
    `[${good},{"text":`,
    /^open.json:2: expected a JSON object, got .*: Unexpected end of JSON input$/,
  ],
  ["end.json", `[${good}`, /^end.json: expected one array of objects, got one that does not end$/],
  ["more.json", `[${good}]]`, /^more.json: expected one array of objects, got "\]" behind its end$/],
  ["brace.json", `[${good}}`, /^brace.json:1: expected a JSON object/],
  ["swapped.json", `[\n}[${good}]`, /^swapped.json:1: expected a JSON object/],
])("%s is refused with what is wrong and where", async (name, content, message) => {
  const found = await recordsOf(name, content).catch((error: unknown) => error);
  expect(found).toMatchObject({ code: "table/json", message: expect.stringMatching(message) });
});
