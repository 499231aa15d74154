import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { runPaths } from "./folder.ts";
import { makeRecipe } from "./recipe.ts";
import { asksForPairs, usageNotes } from "./usage.ts";

/** A run's folder with the recipe alone, trained on `data` with these settings. */
async function runOn(data: string, settings: Readonly<Record<string, unknown>>): Promise<string> {
  const run = await newFolder();
  const validation = typeof settings.validation === "string" ? [settings.validation] : [];
  const files = { model: [], data: [data, ...validation] };
  const recipe = await makeRecipe({
    command: "finetune",
    settings: { ...settings, data, threads: 1 },
    ...files,
  });
  await mkdir(run, { recursive: true });
  await writeFile(runPaths(run).recipe, JSON.stringify(recipe));
  return run;
}

async function fileOf(text: string): Promise<string> {
  const path = join(await newFolder(), "rows.csv");
  await writeFile(path, text);
  return path;
}

test("a pair's model that gets single texts, and the other way round, is told", async () => {
  const data = await fileOf("text,label\na,b\n");
  const [pairs, single] = [await runOn(data, { textPair: "answer" }), await runOn(data, {})];
  expect(await usageNotes({ run: pairs, name: "pairs" }, { isPair: false })).toEqual([
    "pairs was trained on pairs of texts (--text-pair answer) and is given single ones here: its answers mean little",
  ]);
  expect(await usageNotes({ run: single, name: "single" }, { isPair: true })).toEqual([
    "single was trained on single texts and is given pairs here: its answers mean little",
  ]);
  expect(await usageNotes({ run: pairs, name: "pairs" }, { isPair: true })).toEqual([]);
  const mrpc = await runOn(data, { task: "MRPC" });
  expect(await usageNotes({ run: mrpc, name: "mrpc" }, { isPair: true, task: "mrpc" })).toEqual([]);
  expect(asksForPairs({ task: "sst2", textPair: undefined })).toBe(false);
});

test("of a sentence encoder nothing is told: its pairs with scores judge, and single texts trained it", async () => {
  const data = await fileOf("text,label\na,b\n");
  const own = await runOn(data, { embedding: true, textPair: "sentence2", label: "score" });
  const task = await runOn(data, { embedding: true, task: "stsb" });
  for (const run of [own, task])
    expect(await usageNotes({ run, name: "enc" }, { isPair: false, task: "stsb" })).toEqual([]);
});

test("judging on what was trained on is told, on what judged then is not", async () => {
  const [data, validation] = [await fileOf("text,label\na,b\n"), await fileOf("text,label\nc,d\n")];
  const run = await runOn(data, { validation });
  const notesOn = (path: string) => usageNotes({ run, name: "run" }, { isPair: false, data: path });
  expect(await notesOn(await fileOf("text,label\na,b\n"))).toEqual([
    expect.stringContaining("run was trained on this very file"),
  ]);
  expect(await notesOn(validation)).toEqual([]);
  expect(await usageNotes({ name: "folder" }, { isPair: true })).toEqual([]);
});
