import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { InputError } from "../base/errors.ts";
import { labelsOf } from "./dataset.ts";
import { readSeveralLabels, type SeveralOptions } from "./several-labels.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-labels-"));

/** Labels of each row by name, and the notes without the file's name. */
async function read(name: string, content: string, label = "label", options: SeveralOptions = {}) {
  const file = join(folder, name);
  writeFileSync(file, content);
  const set = await readSeveralLabels([file], { text: "text", label }, options);
  return {
    labels: set.labels,
    rows: set.examples.map((each) => labelsOf(each).map((i) => set.labels[i])),
    notes: (set.notes ?? []).map((note) => note.replace(`${name}: `, "")),
  };
}

const LIST = '{"text":"a","label":["y","x"]}\n{"text":"b","label":[]}\n{"text":"c","label":["X "]}\n';

test("a list in JSON: labels of one meaning once, in order, and rows without any are said", async () => {
  expect(await read("a.jsonl", LIST)).toEqual({
    labels: ["x", "y"],
    rows: [["x", "y"], [], ["x"]],
    notes: ["no label holds of 1 of 3 rows"],
  });
});

test.each(["|", ";", ","])("text in a cell, with %j between the labels", async (sign) => {
  const found = await read("a.tsv", `text\tlabel\na\ty ${sign} x\nb\tx\n`);
  expect(found).toEqual({
    labels: ["x", "y"],
    rows: [["x", "y"], ["x"]],
    notes: [`labels in label are read with ${JSON.stringify(sign)} between them`],
  });
});

test("a list as Python or NumPy prints it is one, and no part of it is a label", async () => {
  const cells = [
    `"['joy', 'love']"`,
    "['love']",
    `" [""it's"", 'a \\'b\\'', 'joy',]"`,
    "['joy' 'love']",
    "[]",
  ];
  const found = await read("a.csv", `text,label\n${cells.map((cell) => `a,${cell}\n`).join("")}`);
  expect(found.labels).toEqual(["a 'b'", "it's", "joy", "love"]);
  expect(found.rows).toEqual([["joy", "love"], ["love"], ["a 'b'", "it's", "joy"], ["joy", "love"], []]);
});

test("a text that only begins as a list is none", async () => {
  const cells = ["['a'", "'b']", "['c' d]", "['e''f']"];
  const found = await read("a.tsv", `text\tlabel\n${cells.map((cell) => `a\t${cell}\n`).join("")}`);
  expect(found.labels).toEqual(cells.toSorted());
});

test("a column for each label, with 0 or 1, in the order they are named", async () => {
  const found = await read("a.csv", "text,mean,rude\na,1,0\nb,True,1.0\nc,0,false\n", "rude,mean");
  expect(found.labels).toEqual(["rude", "mean"]);
  expect(found.rows).toEqual([["mean"], ["rude", "mean"], []]);
});

const LISTS = fileURLToPath(new URL("../../test/goldens/table-lists.parquet", import.meta.url));

test("Parquet: numbers in lists have the names that datasets wrote, in that order", async () => {
  const set = await readSeveralLabels([LISTS], { text: "text", label: "topics" });
  expect([set.labels, set.examples.map(({ label }) => label)]).toEqual([
    ["ham", "eggs", "bread"],
    [[0, 2], []],
  ]);
  const known = { labels: ["bread", "eggs", "ham"] };
  const again = await readSeveralLabels([LISTS], { text: "text", label: "topics" }, known);
  expect(again.examples.map(({ label }) => label)).toEqual([[0, 2], []]);
});

test("Parquet: a ClassLabel is one label, and -1 a row without any", async () => {
  const columns = { text: "text", label: "topic" };
  await expect(readSeveralLabels([LISTS], columns)).rejects.toThrow(
    "table-lists.parquet:2: expected a list of labels",
  );
  const set = await readSeveralLabels([LISTS], columns, { skipUnlabelled: true });
  expect(set.examples.map(({ label }) => label)).toEqual([[2]]);
});

test.each([
  ["missing", "-1 (place 2)"],
  ["beyond", "5 (place 1)"],
])("Parquet: a number without a name in column %s is refused with its place", async (label, got) => {
  const found = await readSeveralLabels([LISTS], { text: "text", label }).catch((error: unknown) => error);
  const message = `table-lists.parquet:2: expected a class from 0 to 4 as label, got ${got}`;
  expect(found).toMatchObject({ code: "label/unknown", message });
});

test("a file that judges has the labels of the one that trains", async () => {
  const found = await read("a.jsonl", '{"text":"a","label":["Y"]}\n', "label", { labels: ["x", "y", "z"] });
  expect([found.labels, found.rows]).toEqual([["x", "y", "z"], [["y"]]]);
});

test("a cell that is a known label as a whole is that one, whatever signs are in it", async () => {
  const trained = await read("a.tsv", "text\tlabel\na\tArts, culture|Science\nb\tArts, culture\n");
  expect(trained.labels).toEqual(["Arts, culture", "Science"]);
  const dev = "text\tlabel\na\tScience\nb\tarts, culture\n";
  expect(await read("dev.tsv", dev, "label", trained)).toEqual({
    labels: trained.labels,
    rows: [["Science"], ["Arts, culture"]],
    notes: [],
  });
  const both = await read("dev.tsv", `${dev}c\tArts, culture;Science\n`, "label", trained);
  expect(both.rows[2]).toEqual(["Arts, culture", "Science"]);
  expect(both.notes).toEqual(['labels in label are read with ";" between them']);
});

test("rows without a label are refused, or left out when asked", async () => {
  const file = '{"text":"a","label":null}\n{"text":"b","label":["x"]}\n';
  await expect(read("a.jsonl", file)).rejects.toThrow(
    "a.jsonl:1: expected a list of labels, got null (1 of 2 rows have none; --skip-unlabelled leaves them out)",
  );
  const found = await read("a.jsonl", file, "label", { skipUnlabelled: true });
  expect([found.rows, found.notes]).toEqual([[["x"]], ["1 of 2 rows have no label and are left out"]]);
});

test("an object without the key of the labels is a row without a label; a file without any is refused", async () => {
  const file = '{"text":"a"}\n{"text":"b","label":["x"]}\n';
  await expect(read("a.jsonl", file)).rejects.toThrow(
    "a.jsonl:1: expected a list of labels, got null (1 of 2 rows have none; --skip-unlabelled leaves them out)",
  );
  const options = { skipUnlabelled: true };
  const found = await read("a.jsonl", file, "label", options);
  expect([found.rows, found.notes]).toEqual([[["x"]], ["1 of 2 rows have no label and are left out"]]);
  const files = [join(folder, "a.jsonl"), join(folder, "b.jsonl")];
  writeFileSync(files[1] ?? "", '{"text":"c"}\n');
  const both = readSeveralLabels(files, { text: "text", label: "label" }, options);
  await expect(both).rejects.toThrow('b.jsonl:1: expected a column "label", got text');
  const flags = read("c.jsonl", '{"text":"a","x":1,"y":0}\n{"text":"a","x":1}\n', "x,y", options);
  await expect(flags).rejects.toThrow('c.jsonl:2: expected a column "y", got text, x');
});

test.each([
  ["another column", '{"text":"a","tags":["x"]}\n', "label", "table/column", "expected a column"],
  [
    "an object as a label",
    '{"text":"a","label":[{"x":1}]}\n',
    "label",
    "label/list",
    "a.jsonl:1: expected a list of labels in column label",
  ],
  [
    "a list as NumPy prints it",
    `{"text":"a","label":"[np.str_('x'), np.str_('y')]"}\n`,
    "label",
    "label/list",
    "a.jsonl:1: expected a list of labels in column label",
  ],
  [
    "a tuple as Python prints it",
    `{"text":"a","label":"('x', None)"}\n`,
    "label",
    "label/list",
    "a.jsonl:1: expected a list of labels in column label",
  ],
  ["no label at all", '{"text":"a","label":[]}\n', "label", "label/classes", "rows without a single one"],
  [
    "2 in a column of a label",
    '{"text":"a","x":2,"y":0}\n',
    "x,y",
    "label/flag",
    "a.jsonl:1: expected 0 or 1 in column x, got 2",
  ],
])("%s is refused with its place", async (_, content, label, code, message) => {
  const found = await read("a.jsonl", content, label).catch((error: unknown) => error);
  expect(found).toBeInstanceOf(InputError);
  expect(found).toMatchObject({ code, message: expect.stringContaining(message) });
});

test("a label that the model does not know is refused", async () => {
  const file = '{"text":"a","label":["x"]}\n{"text":"b","label":["w"]}\n';
  await expect(read("a.jsonl", file, "label", { labels: ["x", "y"] })).rejects.toThrow(
    'a.jsonl:2: expected labels among x, y, got "w"',
  );
});
