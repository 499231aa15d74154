import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { EspalierError } from "../base/errors.ts";
import { readTable, type TableColumns, type TableOptions } from "./table.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));

const columns: TableColumns = { text: "text", label: "label" };

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** `code: message` of the failure to read a table. */
async function failure(
  name: string,
  content: string | Uint8Array,
  wanted: TableColumns = columns,
  options: TableOptions = {},
): Promise<string> {
  const path = file(name, content);
  try {
    await readTable(path, wanted, options);
  } catch (error) {
    if (error instanceof EspalierError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

test("CSV: quotes, commas and line breaks inside fields; lines are where records begin", async () => {
  const csv = 'label,text\r\n1,"a ""quoted"" word, and\r\nmore"\r\n\r\n0,plain\r\n';
  const { examples, labels } = await readTable(file("a.csv", csv), columns);
  expect(labels).toEqual(["0", "1"]);
  expect(examples).toEqual([
    { text: 'a "quoted" word, and\r\nmore', label: 1, where: "a.csv:2" },
    { text: "plain", label: 0, where: "a.csv:5" },
  ]);
});

test("TSV: a quotation mark is text; CRLF, a byte order mark and blank last lines are tolerated", async () => {
  const tsv = '\uFEFFtext\tlabel\r\n"open\ta\r\n 5" nail \tb\r\n\r\n\n';
  const { examples } = await readTable(file("a.tsv", tsv), columns);
  expect(examples).toEqual([
    { text: '"open', label: 0, where: "a.tsv:2" },
    { text: ' 5" nail ', label: 1, where: "a.tsv:3" },
  ]);
});

test("JSON lines: numbers, text and truth values as labels; pairs; blank lines skipped", async () => {
  const jsonl = '{"label":true,"text":"x","other":[1]}\n\n{"text":"y","label":false}\n';
  const { examples, labels } = await readTable(file("a.jsonl", jsonl), { ...columns, pair: "text" });
  expect(labels).toEqual(["false", "true"]);
  expect(examples.map(({ text, pair, label, where }) => [text, pair, label, where])).toEqual([
    ["x", "x", 1, "a.jsonl:1"],
    ["y", "y", 0, "a.jsonl:3"],
  ]);
});

test("columns by place read a file without header", async () => {
  const { examples } = await readTable(file("b.tsv", "no\tx\nyes\ty\n"), { text: 1, label: 0 });
  expect(examples.map(({ text, label }) => [text, label])).toEqual([
    ["x", 0],
    ["y", 1],
  ]);
});

const failures: [string, string | Uint8Array, string][] = [
  ["e.tsv", "", "table/empty: e.tsv: expected rows, got none"],
  ["e.csv", "\n\n", "table/empty: e.csv: expected rows, got none"],
  ["h.tsv", "text\tlabel\n", "table/empty: h.tsv: expected rows, got none"],
  ["c.tsv", "a\tb\nx\t1\n", 'table/column: c.tsv: expected a column "label", got a, b'],
  ["c.jsonl", '{"text":"x"}\n', 'table/column: c.jsonl:1: expected a column "label", got text'],
  ["f.tsv", "text\tlabel\nx\t1\ny\n", "table/fields: f.tsv:3: expected 2 fields, got 1"],
  ["f.csv", 'text,label\n"a\nb",1\nx,2,3\n', "table/fields: f.csv:4: expected 2 fields, got 3"],
  ["m.tsv", "text\tlabel\nx\t1\n\ny\t2\n", "table/fields: m.tsv:3: expected 2 fields, got 1"],
  ["q.csv", 'text,label\nx,1\ny,"2\n', "table/csv: q.csv: expected RFC 4180 quoting, got: Quote Not Closed"],
  [
    "u.csv",
    'text,label\nx"y",1\n',
    "table/csv: u.csv: expected RFC 4180 quoting, got: Invalid Opening Quote",
  ],
  [
    "j.jsonl",
    '{"text":"x","label":1}\n{oops\n',
    'table/json: j.jsonl:2: expected a JSON object, got "{oops"',
  ],
  ["k.jsonl", "[1]\n", "table/json: k.jsonl:1: expected a JSON object, got [1]"],
  [
    "n.jsonl",
    '{"text":{},"label":1}\n',
    'table/cell: n.jsonl:1: expected text, a number or a truth value in "text", got {}',
  ],
  ["t.jsonl", '{"text":5,"label":1}\n{"text":"a","label":2}', "table/text: t.jsonl:1: expected text, got 5"],
  [
    "l.tsv",
    Buffer.concat([Buffer.from("text\tlabel\nx\t1\n\uFFFD fine\t1\n"), Buffer.from([0xe9, 0x09, 0x31])]),
    "table/utf8: l.tsv:4: expected UTF-8 text, got other bytes",
  ],
  ["x.xlsx", "x", "table/format: x.xlsx: expected a name ending in csv, tsv"],
  ["p.parquet", "PAR1 but not really PAR1", "parquet/damaged: p.parquet: expected a readable Parquet file"],
  ["g.csv", gzipSync("text,label\nx,1\n"), "table/utf8: g.csv:1: expected UTF-8 text, got other bytes"],
];
test.each(failures)("%s is refused: %j", async (name, content, message) => {
  expect((await failure(name, content)).slice(0, message.length)).toBe(message);
});

test("a file that is not there is named", async () => {
  const reading = readTable(join(folder, "none.csv"), columns);
  await expect(reading).rejects.toThrow(/none.csv: expected a readable file, got: ENOENT/);
});

test("a column by place beyond the last is refused", async () => {
  const got = await failure("w.tsv", "a\tb\nc\td\n", { text: 0, label: 7 });
  expect(got).toBe("table/column: w.tsv: expected a column 7, got 0, 1");
});
