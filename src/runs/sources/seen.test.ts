import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { newFolder } from "../../../test/support/tiny-model.ts";
import type { Recipe } from "../recipe.ts";
import { type Judging, seenNotes } from "./seen.ts";

const MACHINE = { cpu: "x", cores: 1, node: "20", platform: "linux", arch: "x64", threads: 1 };

/** The notes of a model whose run had these settings, judged by others. */
async function notesOf(
  settings: Recipe["settings"],
  now: Partial<Judging>,
  data: Recipe["data"] = [],
): Promise<string[]> {
  const run = join(await newFolder(), "run");
  await mkdir(run);
  const recipe: Recipe = {
    version: 1,
    command: "finetune",
    code: "0",
    settings,
    model: [],
    data,
    machine: MACHINE,
  };
  await writeFile(join(run, "recipe.json"), JSON.stringify(recipe));
  return seenNotes({ name: "it", path: join(run, "model"), run }, { seed: 0, data: "d.csv", ...now });
}

const FOLD = { data: "d.csv", folds: 3, fold: 2, seed: 0 };

test.each([
  ["the same data, split alike", { data: "d.csv", seed: 0 }, {}],
  ["the same file judges", { data: "d.csv", validation: "v.csv", seed: 0 }, { validation: "./v.csv" }],
  ["a held-out part is the same for every seed", { data: "d.csv", seed: 0 }, { seed: 4 }],
  ["its own fold", FOLD, { folds: 3, fold: 2 }],
  ["other data", FOLD, { data: "e.csv" }],
])("nothing is said of %s", async (_, settings, now) => {
  expect(await notesOf(settings, now)).toEqual([]);
});

test.each([
  ["another fold", FOLD, { folds: 3, fold: 1 }, "it is of fold 2 of 3, drawn by seed 0"],
  ["a fold that another seed draws", FOLD, { folds: 3, fold: 2, seed: 1 }, "it is of fold 2 of 3"],
  ["no fold", FOLD, {}, "it is of fold 2 of 3"],
  ["a held-out part, which trained", { data: "d.csv", validation: "v.csv" }, {}, "it was judged by other"],
  ["a fold of what trained", { data: "d.csv" }, { folds: 3, fold: 1 }, "it was judged by other"],
])("a model that %s judges may have seen it", async (_, settings, now, says) => {
  const [note = "", ...more] = await notesOf(settings, now);
  expect(note).toContain(says);
  expect(note).toContain("may have trained it, and what is measured then flatters");
  expect(more).toEqual([]);
});

/** A file with that content, and how a recipe has it when it had another. */
async function fileOf(content: string, then = content) {
  const path = join(await newFolder(), "d.csv");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  const sha256 = createHash("sha256").update(then).digest("hex");
  return { path, hashed: { path, bytes: then.length, sha256 } };
}

test("rows that a file has got since it trained may judge by what was trained on, in any fold", async () => {
  const { path, hashed } = await fileOf("text,label\na,b\nc,d\n", "text,label\na,b\n");
  const says = `${path} has changed since it was trained on it: examples that judge here may have trained it`;
  for (const then of [{}, FOLD, { validation: "v.csv" }]) {
    const settings = { ...then, data: path };
    const now = { data: path, ...("fold" in then ? { folds: 3, fold: 2 } : {}) };
    expect(await notesOf(settings, now, [hashed])).toEqual([expect.stringContaining(says)]);
  }
});

test("a file that judged, and has not changed, never trained: nothing is said of what did", async () => {
  const [trained, judged] = [await fileOf("new", "old"), await fileOf("v")];
  const settings = { data: trained.path, validation: judged.path };
  expect(await notesOf(settings, settings, [trained.hashed, judged.hashed])).toEqual([]);
  const other = await fileOf("w");
  const notes = await notesOf(settings, { ...settings, validation: other.path }, [
    trained.hashed,
    judged.hashed,
  ]);
  expect(notes).toEqual([expect.stringContaining("has changed since")]);
});

test("a copy of a file is that file, and a judging file with other content is another", async () => {
  const [data, copy] = [await fileOf("the rows"), await fileOf("the rows")];
  expect(await notesOf({ data: data.path }, { data: copy.path }, [data.hashed])).toEqual([]);
  const notes = await notesOf({ data: data.path }, { data: copy.path, folds: 3, fold: 1 }, [data.hashed]);
  expect(notes).toEqual([expect.stringContaining("was judged by other examples")]);
  const judged = await fileOf("v", "u");
  const settings = { data: data.path, validation: judged.path };
  expect(await notesOf(settings, settings, [data.hashed, judged.hashed])).toEqual([
    expect.stringContaining("was judged by other examples"),
  ]);
});

test("of a model that no run has made nothing is known", async () => {
  const path = await newFolder();
  expect(await seenNotes({ name: "it", path }, { seed: 0 })).toEqual([]);
  expect(await seenNotes({ name: "it", path, run: path }, { seed: 0 })).toEqual([]);
});
