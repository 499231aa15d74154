import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { measureOf } from "./dataset.ts";
import { readTable } from "./table.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-table-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
const columns = { text: "text", label: "label" };

test("an evaluation file takes its classes from the training set, even those it lacks", async () => {
  const train = await readTable(file("train.csv", "text,label\na,red\nb,blue\nc,green\n"), columns);
  const dev = await readTable(file("dev.csv", "text,label\nd,red\n"), columns, { like: train });
  expect([dev.labels, dev.examples[0]?.label]).toEqual([["blue", "green", "red"], 2]);
  const other = readTable(file("other.csv", "text,label\nd,red\ne,yellow\n"), columns, { like: train });
  await expect(other).rejects.toThrow('other.csv:3: expected label blue, green or red, got "yellow"');
});

test("a file of which every row lacks its label is none to be judged by, also with labels that are known", async () => {
  const train = await readTable(file("train.csv", "text,label\na,red\nb,blue\n"), columns);
  const none = readTable(file("none.csv", "text,label\nd,\ne,\n"), columns, {
    like: train,
    skipUnlabelled: true,
  });
  await expect(none).rejects.toMatchObject({ code: "label/missing" });
});

test("an evaluation file of a regression may hold integers alone", async () => {
  const train = await readTable(file("r.csv", "text,label\na,0.5\nb,2\n"), columns);
  const dev = await readTable(file("s.csv", "text,label\na,1\nb,2\n"), columns, { like: train });
  expect([train.task, train.labels, dev.task, dev.examples.map(({ label }) => label)]).toEqual([
    "regression",
    [],
    "regression",
    [1, 2],
  ]);
});

test("integers are values when a regression is asked for", async () => {
  const path = file("i.csv", "text,label\na,1\nb,5\n");
  expect((await readTable(path, columns)).task).toBe("classification");
  expect((await readTable(path, columns, { task: "regression" })).task).toBe("regression");
});

test("the format may be given where the name does not tell it", async () => {
  const path = file("data.bin", "text\tlabel\na\t1\nb\t2\n");
  expect((await readTable(path, columns, { format: "tsv" })).examples).toHaveLength(2);
});

test("a table is judged by its kind: F1 for two classes, macro F1 for more, both correlations for values", async () => {
  const two = await readTable(file("two.csv", "text,label\na,x\nb,y\n"), columns);
  const three = await readTable(file("three.csv", "text,label\na,x\nb,y\nc,z\n"), columns);
  const values = await readTable(file("v.csv", "text,label\na,0.5\n"), columns);
  expect([two, three, values].map((set) => [...measureOf(set).metrics, measureOf(set).primary])).toEqual([
    ["accuracy", "f1", "matthews", "accuracy"],
    ["accuracy", "macro_f1", "matthews", "accuracy"],
    ["pearson", "spearman", "mean"],
  ]);
});

test("blank texts are counted in one note with the first one's place, either text of a pair", async () => {
  const path = file("blank.csv", "text,other,label\na,b,x\n,b,y\na,  ,x\na,b,y\n");
  expect((await readTable(path, columns)).notes).toEqual([
    "blank.csv: 1 of 4 rows have a blank text, the first at blank.csv:3",
  ]);
  expect((await readTable(path, { ...columns, pair: "other" })).notes).toEqual([
    "blank.csv: 2 of 4 rows have a blank text, the first at blank.csv:3",
  ]);
  expect((await readTable(path, { ...columns, text: "label", label: "label" })).notes).toBeUndefined();
});
