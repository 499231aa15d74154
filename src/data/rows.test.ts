import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { EspalierError } from "../base/errors.ts";
import { classOf } from "./dataset.ts";
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

test("CSV: a quotation mark inside of a cell that is not quoted is text", async () => {
  const lines = [
    "text,label",
    'the 5" screen,1',
    'said "no" twice,0',
    '"quoted, ""so""",1',
    'a "" b"""\t",0',
    "",
  ];
  const texts = ['the 5" screen', 'said "no" twice', 'quoted, "so"', 'a "" b"""\t"'];
  for (const end of ["\n", "\r\n", "\r"]) {
    const { examples } = await readTable(file("inner.csv", lines.join(end)), columns);
    expect(examples.map(({ text }) => text)).toEqual(texts);
    expect(examples.map(({ where }) => where)).toEqual([2, 3, 4, 5].map((line) => `inner.csv:${line}`));
  }
});

test("CSV: with quotes as text every mark stays, and a comma always separates", async () => {
  const path = file("marks.csv", 'text,label\n"Great" film,1\n"bad,0\n');
  const { examples } = await readTable(path, columns, { quotes: "text" });
  expect(examples.map(({ text }) => text)).toEqual(['"Great" film', '"bad']);
  const got = await failure("comma.csv", 'text,label\n"a, b",1\n', columns, { quotes: "text" });
  expect(got).toBe("table/fields: comma.csv:2: expected 2 fields, got 3");
});

test("CSV: a quoted cell that opens in one megabyte and closes in the next is one cell", async () => {
  const long = `${"word ".repeat(150_000)}\n`.repeat(3);
  const content = `text,label\n"${long}",1\n5" nails,0\n`;
  const { examples } = await readTable(file("pieces.csv", content), columns);
  expect(examples.map(({ text, where }) => [text.length, where])).toEqual([
    [long.length, "pieces.csv:2"],
    ['5" nails'.length, "pieces.csv:6"],
  ]);
  const open = await failure("open.csv", content.replace('",1', ",1"));
  expect(open).toMatch(/^table\/csv: open.csv:2: .* a quoted cell with more text behind its closing mark/);
});

test.each([
  ["m.tsv", "text\tlabel\nx\ta\n\ny\tb\n"],
  ["m.csv", "text,label\nx,a\n\ny,b\n"],
  ["r.tsv", "text\tlabel\r\n\r\nx\ta\r\n\r\n\r\ny\tb\r\n\r\n"],
])("%s: an empty line is no row", async (name, content) => {
  const { examples } = await readTable(file(name, content), columns);
  expect(examples.map(({ text }) => text)).toEqual(["x", "y"]);
  expect(examples.at(-1)?.where).toBe(`${name}:${name === "r.tsv" ? 6 : 4}`);
});

test("TSV: a line of empty cells is a row, but at the end of the file", async () => {
  const path = file("cells.tsv", "text\tlabel\nx\ta\n\t\ny\tb\n\t\n");
  expect((await readTable(path, columns, { skipUnlabelled: true })).notes).toEqual([
    "cells.tsv: 1 of 3 rows have no label and are left out",
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

test("JSON: whole numbers beyond 2^53 are labels with all of their digits", async () => {
  const jsonl = '{"label":1234567890123456789,"text":"x"}\n{"label":1234567890123456790,"text":"y"}\n';
  const { labels } = await readTable(file("long.jsonl", jsonl), columns);
  expect(labels).toEqual(["1234567890123456789", "1234567890123456790"]);
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
  [
    "c.tsv",
    "a\tb\nx\t1\n",
    'table/column: c.tsv: expected a column "label", got a, b; --label names another',
  ],
  ["c.jsonl", '{"text":"x"}\n', 'table/column: c.jsonl:1: expected a column "label", got text'],
  ["f.tsv", "text\tlabel\nx\t1\ny\n", "table/fields: f.tsv:3: expected 2 fields, got 1"],
  ["f.csv", 'text,label\n"a\nb",1\nx,2,3\n', "table/fields: f.csv:4: expected 2 fields, got 3"],
  [
    "q.csv",
    'text,label\r\nx,1\r\n"two\r\nlines",1\r\ny,"2\r\nz,3\r\n',
    "table/csv: q.csv:5: expected RFC 4180 quoting, got a quoted cell that does not end; in a quoted cell each mark is doubled",
  ],
  [
    "c.csv",
    'text,label\nx,1\n"y"z,2\n',
    "table/csv: c.csv:3: expected RFC 4180 quoting, got a quoted cell with more text behind its closing mark; in a",
  ],
  [
    "u.csv",
    'label,text\n1, "x, y"\n',
    "table/csv: u.csv:2: expected RFC 4180 quoting, got a blank before a quotation mark; in a quoted cell each",
  ],
  [
    "v.csv",
    'text,label\n"two ""\nlines""",1\n"two\nlines,2\n"x",3\n',
    "table/csv: v.csv:4: expected RFC 4180 quoting, got a quoted cell with more text behind its closing mark",
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
  [
    "g.csv",
    gzipSync("text,label\nx,1\ny,2\n").subarray(0, 20),
    "table/gzip: g.csv: expected a whole gzip file, got",
  ],
  [
    "u16.csv",
    Buffer.from("\uFEFFtext,label\nx,1\n", "utf16le"),
    "table/encoding: u16.csv: expected UTF-8 text, got UTF-16; save it as CSV in UTF-8",
  ],
  [
    "u16b.csv",
    Buffer.from("text,label\nx,1\n", "utf16le"),
    "table/encoding: u16b.csv: expected UTF-8 text, got UTF-16",
  ],
  ["z.csv", "PK\u0003\u0004", "table/encoding: z.csv: expected UTF-8 text, got a ZIP archive, as Excel's"],
  [
    "near.csv",
    "Text,lable\nx,1\n",
    'table/column: near.csv: expected a column "label", got Text, lable; did you mean "lable"?',
  ],
  [
    "words.jsonl",
    '{"text":"x","tokens":["x"],"labels":["O"]}\n',
    'table/column: words.jsonl:1: expected a column "label", got text, tokens, labels; rows of words with a label each need --tokens',
  ],
  [
    "twice.csv",
    "text,label,text\nx,1,y\n",
    'table/twice: twice.csv: expected one column "text", got two (fields 1 and 3)',
  ],
  [
    "twice.jsonl",
    '{"text":"x","label":1}\n{"text":"x","label":1,"t\\u0065xt":"y"}\n',
    'table/twice: twice.jsonl:2: expected one column "text", got two (one key, two values)',
  ],
  [
    "large.jsonl",
    '{"text":"x","label":1e20}\n',
    "table/cell: large.jsonl:1: expected a whole number of at most 2^53 or a text in",
  ],
  ["a.json", '[{"text":"x","label":1}, 5]', "table/json: a.json:2: expected a JSON object, got 5"],
  [
    "empty.csv",
    "text,label\na,x\nb,\nc,NaN\nd,y\n",
    'label/missing: empty.csv:3: expected a label, got "" (2 of 4 rows have none; --skip-unlabelled leaves them out)',
  ],
];
test.each(failures)("%s is refused: %j", async (name, content, message) => {
  expect((await failure(name, content)).slice(0, message.length)).toBe(message);
});

/** Texts and labels by name, and the notes, without the file's name. */
async function read(name: string, content: string | Uint8Array, options: TableOptions = {}) {
  const { examples, labels, notes = [] } = await readTable(file(name, content), columns, options);
  const rows = examples.map((each) => [each.text, labels[classOf(each)]]);
  return { rows, notes: notes.map((note) => note.replace(`${name}: `, "")) };
}

const GOOD = [
  ["good film", "positive"],
  ["a \t bad\nfilm", "negative"],
  ['He said "good"', "positive"],
];
const QUOTED = "cells are quoted as in CSV; with --quotes text the marks are part of the texts";
const tsv = (...lines: string[]) => `${lines.join("\n")}\n`;
const quotedTables: [string, string][] = [
  [
    "values",
    tsv("text\tlabel", ...GOOD.map((row) => row.map((c) => `"${c.replaceAll('"', '""')}"`).join("\t"))),
  ],
  [
    "all",
    tsv('"text"\t"label"', ...GOOD.map((row) => row.map((c) => `"${c.replaceAll('"', '""')}"`).join("\t"))),
  ],
  [
    "where needed",
    tsv("text\tlabel", "good film\tpositive", '"a \t bad\nfilm"\tnegative', '"He said ""good"""\tpositive'),
  ],
  [
    "with backslashes",
    tsv("text\tlabel", ...GOOD.map((row) => row.map((c) => `"${c.replaceAll('"', '\\"')}"`).join("\t"))),
  ],
];
test.each(quotedTables)("TSV, %s quoted: the marks are no part of texts and labels", async (_, content) => {
  expect(await read("quoted.tsv", content)).toEqual({ rows: GOOD, notes: [QUOTED] });
});

test("TSV with one quoted text that could be either keeps its marks and says so; the option decides", async () => {
  const content = tsv("text\tlabel", '"Great film"\ta', "bad film\tb");
  const kept = [
    ['"Great film"', "a"],
    ["bad film", "b"],
  ];
  const note =
    "a cell begins and ends with a quotation mark, which is read as text; --quotes cells takes the marks off";
  expect(await read("either.tsv", content)).toEqual({ rows: kept, notes: [note] });
  expect(await read("either.tsv", content, { quotes: "text" })).toEqual({ rows: kept, notes: [] });
  expect((await read("either.tsv", content, { quotes: "cells" })).rows[0]).toEqual(["Great film", "a"]);
});

test("TSV whose lines fit as they are is never joined over them by two stray marks", async () => {
  const content = tsv("text\tlabel", '"Hello there\ta', 'she said bye"\tb');
  expect((await read("stray.tsv", content)).rows.map(([text]) => text)).toEqual([
    '"Hello there',
    'she said bye"',
  ]);
});

test.each([
  [";", "semicolons"],
  ["\t", "tabs"],
  ["|", "bars"],
])("CSV with %j between columns is read, with a note", async (mark, name) => {
  const content = `text${mark}label\n"x${mark}y, z"${mark}a\nw${mark}b\n`;
  expect(await read("d.csv", content)).toEqual({
    rows: [
      [`x${mark}y, z`, "a"],
      ["w", "b"],
    ],
    notes: [`columns are separated by ${name}, read as such`],
  });
});

test("Excel's first line, sep=; is no header; spaces around names of columns do not count", async () => {
  expect((await read("sep.csv", "sep=;\r\ntext ; label\r\nx;a\r\ny;b\r\n")).rows).toEqual([
    ["x", "a"],
    ["y", "b"],
  ]);
});

test("lines that end in different ways are read alike", async () => {
  const { rows } = await read("ends.csv", "label,text\na,x\r\nb,y\nc,z\r\n");
  expect(rows.map(([text]) => text)).toEqual(["x", "y", "z"]);
});

const packed: [string, string][] = [
  ["p.csv.gz", "text,label\nx,a\ny,b\n"],
  ["p.tsv.gz", "text\tlabel\nx\ta\ny\tb\n"],
  ["p.jsonl.gz", '{"text":"x","label":"a"}\n{"text":"y","label":"b"}\n'],
  ["p.json.gz", '[{"text":"x","label":"a"},\n{"text":"y","label":"b"}]'],
  ["p.csv", "text,label\nx,a\ny,b\n"],
];
test.each(packed)("gzip in %s is unpacked", async (name, content) => {
  expect((await read(name, gzipSync(content))).rows).toEqual([
    ["x", "a"],
    ["y", "b"],
  ]);
});

test("an array goes on where its second megabyte begins as an array does", async () => {
  const [before, after] = ['[\n{"text":"', '","label":"a","more":\n'];
  const first = before + "x".repeat(2 ** 20 - before.length - after.length) + after;
  const { rows } = await read("long.json", `${first}[\n{}]},{"text":"y","label":"b"}]`);
  expect(rows.map(([text, label]) => [text?.length, label])).toEqual([
    [2 ** 20 - before.length - after.length, "a"],
    [1, "b"],
  ]);
});

test("a .json file may be an array, written over several lines, or lines of objects", async () => {
  const objects = [
    { text: "x", label: "a" },
    { text: "y", label: "b" },
  ];
  const wanted = [
    ["x", "a"],
    ["y", "b"],
  ];
  expect((await read("w.json", JSON.stringify(objects, null, 2))).rows).toEqual(wanted);
  expect((await read("l.json", objects.map((object) => JSON.stringify(object)).join("\n"))).rows).toEqual(
    wanted,
  );
});

test("a text longer than the pieces that a file is read in is whole", async () => {
  const long = "ä".repeat(1_500_000);
  expect((await read("long.tsv", `text\tlabel\n${long}\ta\nx\tb\n`)).rows[0]?.[0]).toBe(long);
});

test("rows without a label are left out on request, and counted", async () => {
  expect(await read("s.csv", "text,label\na,x\nb,\nc,NaN\nd,y\n", { skipUnlabelled: true })).toEqual({
    rows: [
      ["a", "x"],
      ["d", "y"],
    ],
    notes: [
      '2 of 4 rows have no label and are left out; "NaN" is read as no label, as nan, null and <NA> are: call a class otherwise',
    ],
  });
});

const KEYS = '{"text":"a"}\n{"text":"b","label":"y"}\n{"text":"c","label":"x"}\n{"text":"d"}\n';
test.each([
  ["k.jsonl", KEYS],
  ["k.json", `[${KEYS.trim().replaceAll("\n", ",")}]`],
])("%s: an object without the key of the label is a row without a label", async (name, content) => {
  expect(await read(name, content, { skipUnlabelled: true })).toEqual({
    rows: [
      ["b", "y"],
      ["c", "x"],
    ],
    notes: ["2 of 4 rows have no label and are left out"],
  });
  expect(await failure(name, content)).toBe(
    `label/missing: ${name}:1: expected a label, got null (2 of 4 rows have none; --skip-unlabelled leaves them out)`,
  );
});

test("an object without the key of the text is refused, as is a file in which none has that of the label", async () => {
  const textless = '{"text":"a","label":"x"}\n{"label":"y"}\n';
  const options = { skipUnlabelled: true };
  expect(await failure("t.jsonl", textless, columns, options)).toBe(
    'table/column: t.jsonl:2: expected a column "text", got label; --text names another',
  );
  expect(await failure("n.jsonl", '{"text":"a"}\n{"text":"b","more":1}\n', columns, options)).toBe(
    'table/column: n.jsonl:1: expected a column "label", got text; --label names another',
  );
});

test("words that are read as no label are told, wherever rows are lost to them", async () => {
  const content = "text,label\na,null\nb,int\nc,null\nd,int\n";
  const hint = '"null" is read as no label, as nan, null and <NA> are: call a class otherwise';
  const skip = { skipUnlabelled: true };
  expect(await failure("null.csv", content)).toBe(
    `label/classes: null.csv:3: expected two classes or more, got only "int"; 2 of 4 rows have no label; ${hint}`,
  );
  expect(await failure("null.csv", `${content}e,str\n`)).toBe(
    `label/missing: null.csv:2: expected a label, got "null" (2 of 5 rows have none; --skip-unlabelled leaves them out); ${hint}`,
  );
  expect((await read("null.csv", `${content}e,str\n`, skip)).notes).toEqual([
    `2 of 5 rows have no label and are left out; ${hint}`,
  ]);
  expect(await failure("all.csv", "text,label\na,nan\nb,NULL\nc,\n", columns, skip)).toBe(
    'label/missing: all.csv: expected labels in column "label", got none in 3 rows; "nan" and "NULL" are read as no label, as nan, null and <NA> are: call a class otherwise',
  );
});

test("a folder in place of a file is named, with what lies in it", async () => {
  const inside = join(folder, "SST-2");
  mkdirSync(inside);
  writeFileSync(join(inside, "train.tsv"), "x");
  const message =
    "SST-2: expected one file, got a folder with train.tsv; name the file, or say with --task which GLUE task lies in it";
  await expect(readTable(inside, columns, { format: "tsv" })).rejects.toThrow(message);
  await expect(readTable(inside, columns)).rejects.toThrow(message);
});

test("a file that is not there is named", async () => {
  const reading = readTable(join(folder, "none.csv"), columns);
  await expect(reading).rejects.toThrow(/none.csv: expected a readable file, got: ENOENT/);
});

test("names of several columns are said to need --multi-label", async () => {
  const got = await failure("several.csv", "text,a,b\nx,1,0\n", { text: "text", label: "a, b" });
  expect(got).toBe(
    'table/column: several.csv: expected a column "a, b", got text, a, b; columns of several labels need --multi-label',
  );
});

test("a column by place beyond the last is refused", async () => {
  const got = await failure("w.tsv", "a\tb\nc\td\n", { text: 0, label: 7 });
  expect(got).toBe("table/column: w.tsv: expected a column 7, got 0, 1");
});
