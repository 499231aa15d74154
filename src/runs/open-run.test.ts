import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RECIPE, RESULT } from "../../test/support/run-folder.ts";
import { createRun, folderState, readMetrics } from "./folder.ts";
import { openRun } from "./open-run.ts";
import type { ProgressEvent } from "./progress.ts";
import { makeRecipe } from "./recipe.ts";

const BEGINNING = { title: "training", started: 0 };

let folder = "";
let run = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-run-"));
  run = join(folder, "run");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a run goes on only with the model and data it began with", async () => {
  const data = join(folder, "data");
  mkdirSync(data);
  writeFileSync(join(data, "train.tsv"), "good\t1");
  const source = {
    command: "finetune",
    settings: { threads: 1, out: run },
    model: [],
    data: [data],
  } as const;
  const settings = { out: run, force: false };
  const opened = await openRun(await makeRecipe(source), settings, BEGINNING, {});
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  await opened[Symbol.asyncDispose]();
  const again = await openRun(await makeRecipe(source), settings, BEGINNING, { resume: true });
  await again[Symbol.asyncDispose]();
  expect(again.recipe).toEqual(opened.recipe);
  writeFileSync(join(data, "train.tsv"), "good\t0");
  await expect(openRun(await makeRecipe(source), settings, BEGINNING, { resume: true })).rejects.toThrow(
    expect.objectContaining({ code: "run/changed", message: expect.stringContaining("train.tsv") }),
  );
});

test("a run is started again in the same words when only its fine-tuning has begun", async () => {
  const opened = await createRun(run, RECIPE);
  await using part = await createRun(opened.paths.finetuned, RECIPE);
  await part.finish(RESULT);
  await opened[Symbol.asyncDispose]();
  const other = { ...RECIPE, settings: { epochs: 4 } };
  await expect(openRun(other, { out: run, force: false }, BEGINNING, {})).rejects.toThrow(
    expect.objectContaining({ code: "run/exists" }),
  );
  await using again = await openRun(RECIPE, { out: run, force: false }, BEGINNING, {});
  expect(existsSync(again.paths.finetuned)).toBe(true);
});

test("what a run reads is not in the folder that it replaces", async () => {
  const opened = await createRun(run, RECIPE);
  await opened.finish(RESULT);
  await opened[Symbol.asyncDispose]();
  mkdirSync(opened.paths.model);
  const recipe = { ...RECIPE, settings: { model: opened.paths.model } };
  await expect(openRun(recipe, { out: run, force: true }, BEGINNING, {})).rejects.toThrow(
    expect.objectContaining({ code: "run/inside" }),
  );
  expect(existsSync(opened.paths.result)).toBe(true);
});

test("a run that goes on under another version says so", async () => {
  const opened = await createRun(run, { ...RECIPE, code: "0.0.9" });
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  await opened[Symbol.asyncDispose]();
  const said: ProgressEvent[] = [];
  const context = { resume: true, report: (event: ProgressEvent) => said.push(event) };
  await using again = await openRun(RECIPE, { out: run, force: false }, BEGINNING, context);
  const text = expect.stringContaining("begun with version 0.0.9 and is resumed with 0.1.0");
  expect(said).toEqual([
    { kind: "note", text },
    { kind: "start", title: "training", step: 1 },
  ]);
  expect(await readMetrics(again.paths.metrics)).toEqual(said.map((event) => expect.objectContaining(event)));
});

test("a run that is finished says so, and is stopped under the name of the run it is a part of", async () => {
  const said: ProgressEvent[] = [];
  const context = { partOf: "all", report: (event: ProgressEvent) => said.push(event) };
  await using opened = await openRun(RECIPE, { out: run, force: false }, BEGINNING, context);
  expect(opened.resumed).toBe("all");
  await opened.finish({ ...RESULT, wallSeconds: 7 });
  expect(await folderState(run)).toBe("finished");
  expect(said).toEqual([
    { kind: "start", title: "training" },
    { kind: "done", seconds: 7 },
  ]);
});
