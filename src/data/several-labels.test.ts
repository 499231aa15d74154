import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

test("a column for each label, with 0 or 1, in the order they are named", async () => {
  const found = await read("a.csv", "text,mean,rude\na,1,0\nb,True,1.0\nc,0,false\n", "rude,mean");
  expect(found.labels).toEqual(["rude", "mean"]);
  expect(found.rows).toEqual([["mean"], ["rude", "mean"], []]);
});

test("a file that judges has the labels of the one that trains", async () => {
  const found = await read("a.jsonl", '{"text":"a","label":["Y"]}\n', "label", { labels: ["x", "y", "z"] });
  expect([found.labels, found.rows]).toEqual([["x", "y", "z"], [["y"]]]);
});

test("rows without a label are refused, or left out when asked", async () => {
  const file = '{"text":"a","label":null}\n{"text":"b","label":["x"]}\n';
  await expect(read("a.jsonl", file)).rejects.toThrow(
    "a.jsonl:1: expected a list of labels, got null (1 of 2 rows have none; --skip-unlabelled leaves them out)",
  );
  const found = await read("a.jsonl", file, "label", { skipUnlabelled: true });
  expect([found.rows, found.notes]).toEqual([[["x"]], ["1 of 2 rows have no label and are left out"]]);
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
