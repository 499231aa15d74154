import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { type DataHub, dataHub, type HubFiles } from "../../test/support/hub.ts";
import { newFolder } from "../../test/support/tiny-model.ts";
import { readCorpus, readData, readValidation } from "./data.ts";

/** Three rows of pyarrow's with the columns sentence and label. */
const ROWS = readFileSync(fileURLToPath(new URL("../../test/goldens/table-snappy.parquet", import.meta.url)));

let hub: DataHub | undefined;
afterEach(() => {
  hub?.close();
  vi.unstubAllEnvs();
});

async function hubWith(paths: readonly string[]): Promise<void> {
  const files: HubFiles = Object.fromEntries(paths.map((path) => [path, ROWS]));
  hub = await dataHub("owner/name", files);
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("ESPALIER_CACHE", await newFolder());
}

const SETTINGS = { data: "hf:owner/name", seed: 0 };

test("a data set of the hub: its files are one table, by obvious columns, and its own split judges", async () => {
  const parts = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
  await hubWith([...parts, "data/validation-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]);
  const { train, dev, columns, files, notes } = await readData(SETTINGS);
  expect([train.name, train.examples.length, train.examples[3]?.where]).toEqual([
    "owner/name/train",
    6,
    "train-00001-of-00002.parquet:1",
  ]);
  expect([dev.name, dev.examples.length, files.length]).toEqual(["owner/name/validation", 3, 3]);
  expect(columns).toEqual({ text: "sentence", label: "label" });
  expect(notes[0]).toBe("train-00000-of-00002.parquet: text in column sentence; --text names another");
  expect(hub?.asked.some((path) => path.includes("test-"))).toBe(false);
  expect((await readValidation(SETTINGS)).name).toBe("owner/name/validation");
  expect(await readCorpus({ ...SETTINGS, limit: 4 })).toHaveLength(4);
});

test("vectors of a data set of the hub are judged by its own split to judge by, named or not", async () => {
  await hubWith(["data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet"]);
  const vectors = { ...SETTINGS, embedding: true, text: "sentence" };
  const judging = ["train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"];
  for (const validation of [undefined, "hf:owner/name"]) {
    const { files } = await readData({ ...vectors, validation });
    expect(files.map((path) => basename(path))).toEqual(judging);
  }
});

test("without a validation split the test split judges, which is said", async () => {
  await hubWith(["train.parquet", "test.parquet"]);
  const { dev, notes } = await readData({ ...SETTINGS, text: "sentence" });
  expect(dev.name).toBe("owner/name/test");
  expect(notes).toContain("owner/name has no validation split: owner/name/test judges in its place");
});

test("the columns that a recipe keeps: those that were read; none where words have labels, nor another's", async () => {
  const folder = await newFolder();
  await mkdir(folder, { recursive: true });
  const [words, texts] = [join(folder, "spans.jsonl"), join(folder, "texts.csv")];
  const span = { text: "Anna ran", spans: [{ start: 0, end: 4, label: "PER" }] };
  await writeFile(words, `${JSON.stringify(span)}\n`.repeat(12));
  await writeFile(texts, `review\n${["a b", "c d", "e f g"].join("\n")}\n`);
  expect((await readData({ data: words, tokens: true, seed: 0 })).columns).toEqual({});
  const read = await readData({ data: texts, embedding: true, seed: 0 });
  expect([read.columns.text, read.files]).toEqual(["review", [texts]]);
});

test("what is held out of a table is the same for every seed: no command judges by what another trains on", async () => {
  const folder = await newFolder();
  await mkdir(folder, { recursive: true });
  const data = join(folder, "rows.csv");
  const rows = Array.from({ length: 60 }, (_, i) => `text ${i},${i % 3 === 0 ? "a" : "b"}`);
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  const [one, other] = await Promise.all([0, 7].map((seed) => readData({ data, seed })));
  expect(one?.dev.examples).toHaveLength(6);
  expect(other?.dev.examples).toEqual(one?.dev.examples);
  const judged = new Set(one?.dev.examples.map(({ text }) => text));
  expect(other?.train.examples.some(({ text }) => judged.has(text))).toBe(false);
});

test("with neither a part is drawn, of which copies would tell", async () => {
  await hubWith([0, 1, 2, 3].map((i) => `train-0000${i}-of-00004.parquet`));
  const copies = readData({ ...SETTINGS, text: "sentence", augmented: "copies.jsonl" });
  await expect(copies).rejects.toMatchObject({ code: "data/augmented" });
});

test("examples that judge and stand in the augmented file are counted among those that train", async () => {
  const folder = await newFolder();
  await mkdir(folder, { recursive: true });
  const data = join(folder, "train.csv");
  const [validation, augmented] = [join(folder, "dev.csv"), join(folder, "copies.jsonl")];
  const row = (i: number) => ({ text: `text ${i}`, label: i % 2 ? "a" : "b" });
  const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(from + i));
  const csv = (all: ReturnType<typeof rows>) =>
    `text,label\n${all.map((each) => `${each.text},${each.label}\n`).join("")}`;
  await writeFile(data, csv(rows(0, 20)));
  await writeFile(validation, csv(rows(20, 30)));
  await writeFile(
    augmented,
    rows(0, 24)
      .map((each) => `${JSON.stringify(each)}\n`)
      .join(""),
  );
  const { notes, copies } = await readData({ data, validation, augmented, seed: 0 });
  expect(copies).toBe(4);
  expect(notes).toContain(
    "4 of the 10 examples that judge are among those that train too: what is measured flatters",
  );
});
