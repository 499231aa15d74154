import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { rowsFor } from "../choice/ask.ts";
import { choose } from "../choice/choose.ts";
import { readResult } from "../measure/result.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS, FINETUNE } from "../options/training.ts";
import { runPaths } from "../runs/folder.ts";
import type { ProgressEvent, RunContext } from "../runs/progress.ts";
import { readRecipe } from "../runs/recipe.ts";
import { compress } from "./compress.ts";
import { finetune, finetuneWith } from "./finetune.ts";
import { readStoppedCommand } from "./resume.ts";

/** Options whose columns, length and rate are left to the run, over rows in columns of obvious names. */
async function options(length = 60) {
  const folder = await newFolder();
  const rows = Array.from({ length }, (_, i) =>
    i % 2 === 0 ? `a good film ${i},positive` : `a dull film ${i},negative`,
  );
  await writeFile(join(folder, "train.csv"), `sentence,label\n${rows.join("\n")}\n`);
  const quiet = { latency: false, report: false, floor: ["none" as const], allowConstant: true, threads: 1 };
  const place = { data: join(folder, "train.csv"), out: join(folder, "run") };
  return { model: await written(tinyModel()), ...place, ...quiet, limit: 40, batchSize: 8, evalEvery: 4 };
}

/** Runs until a step is done in the last phase, and stops there. */
async function stopped(work: (context: RunContext) => Promise<unknown>, phase?: string): Promise<void> {
  const stop = new AbortController();
  let at: string | undefined;
  const report = (event: ProgressEvent): void => {
    if (event.kind === "phase") at = event.name;
    if (event.kind === "step" && event.step === 5 && at === phase) stop.abort();
  };
  await expect(work({ signal: stop.signal, report })).rejects.toMatchObject({ code: "run/interrupted" });
}

const resume = { resume: true };

test("a fine-tuning is not resumed with other settings, and each is named with both values", async () => {
  const given = await options();
  await stopped((context) => finetune(given, context));
  const recipe = await readFile(runPaths(given.out).recipe, "utf8");
  for (const [other, message] of [
    [{ learningRate: 1e-6 }, "learningRate: expected 0.00005, which the run began with, got 0.000001"],
    [{ seed: 7 }, "seed: expected 0, which the run began with, got 7"],
    [{ epochs: 1 }, "epochs: expected 20, which the run began with, got 1"],
    [{ batchSize: 4 }, "batchSize: expected 8, which the run began with, got 4"],
    [{ limit: 30 }, "limit: expected 40, which the run began with, got 30"],
    [{ limit: undefined }, "limit: expected 40, which the run began with, got none"],
    [{ maxLength: 16 }, "maxLength: expected 24, which the run began with, got 16"],
    [{ patience: 2 }, "patience: expected none, which the run began with, got 2"],
  ] as const) {
    const refused = finetune({ ...given, ...other }, resume);
    await expect(refused).rejects.toMatchObject({
      ...{ name: "ConfigError", code: "run/settings" },
      message: `${message} (${given.out})`,
    });
  }
  expect(await readFile(runPaths(given.out).recipe, "utf8")).toBe(recipe);
  // What the run has resolved is what was typed first; where it works, and what it times, may change.
  const elsewhere = {
    ...given,
    text: "sentence",
    maxLength: 24,
    epochs: 20,
    threads: 2,
    keepCheckpoints: true,
  };
  await finetune(elsewhere, resume);
});

test("a stopped fine-tuning goes on in the words it began with, and by its recipe", async () => {
  const [first, second] = [await options(), await options()];
  for (const given of [first, second]) await stopped((context) => finetune(given, context));
  const told: unknown[] = [];
  const report = (event: ProgressEvent) => event.kind === "start" && told.push(event.step);
  await finetune(first, { ...resume, report });
  expect(told).toEqual([5]);
  const { settings } = await readStoppedCommand({ run: second.out });
  await finetune(resolveOptions(FINETUNE, settings), resume);
  const recipes = await Promise.all([first, second].map(({ out }) => readRecipe(runPaths(out).recipe)));
  expect(recipes.map((recipe) => recipe.settings.text)).toEqual(["sentence", "sentence"]);
});

test("a compression is not resumed with another sparsity, and goes on in other words for the same", async () => {
  const { limit: _, ...given } = { ...(await options()), method: "magnitude", set: { schedule: "one-shot" } };
  const asked = { ...given, sparsity: 0.5, epochs: 3 };
  await stopped((context) => compress(asked, context), "compressing");
  await expect(compress({ ...asked, sparsity: 0.9 }, resume)).rejects.toMatchObject({
    code: "run/settings",
    message: `sparsity: expected 0.5, which the run began with, got 0.9 (${given.out})`,
  });
  await expect(compress({ ...asked, method: "random", set: {} }, resume)).rejects.toMatchObject({
    message: `method: expected "magnitude", which the run began with, got "random" (${given.out})`,
  });
  const { settings } = await readStoppedCommand({ run: given.out });
  await compress(resolveOptions(COMPRESS, settings), resume);
});

test("folds of a chosen compression, which trains for longer than a named one, go on by its recipe", async () => {
  const { limit: _, ...given } = await options(240);
  const aims = { targetSpeed: 2.3 };
  const row = choose(aims, rowsFor(tinyModel().config.layers.length));
  expect(row.longer).toBeGreaterThan(1);
  const asked = { ...given, batchSize: 1, folds: 2, ...aims };
  await stopped((context) => compress(asked, context), "fine-tuning");
  const { settings } = await readStoppedCommand({ run: given.out });
  expect(settings).toMatchObject({ method: row.method, epochs: 3 * row.longer, finetuneEpochs: 3 });
  const stop = new AbortController();
  const report = (event: ProgressEvent) => event.kind === "step" && stop.abort();
  const again = compress(resolveOptions(COMPRESS, settings), { ...resume, report, signal: stop.signal });
  await expect(again).rejects.toMatchObject({ code: "run/interrupted" });
});

test("a run whose method was chosen says at its end what it reached, also when another call ends it", async () => {
  const given = { ...(await options()), batchSize: 1, targetSize: 0.2 };
  await stopped((context) => compress(given, context), "compressing");
  const { settings } = await readStoppedCommand({ run: given.out });
  expect(settings).not.toHaveProperty("targetSize");
  expect((await readRecipe(runPaths(given.out).recipe)).wanted).toEqual({ targetSize: 0.2 });
  const said: string[] = [];
  const report = (event: ProgressEvent) => void (event.kind === "note" && said.push(event.text));
  await compress(resolveOptions(COMPRESS, settings), { ...resume, report });
  expect(said.at(-1)).toMatch(/^wanted at most 20 % of the bytes, got \d+ %/);
  expect((await readResult(runPaths(given.out).result)).wanted).toMatchObject([
    { aim: "targetSize", wanted: 0.2, got: expect.any(Number) },
  ]);
});

test("what is stopped while its 8 bits are made goes on, whatever lies there, and says what it reached", async () => {
  const given = { ...(await options()), quantize: true };
  const stop = new AbortController();
  const report = (event: ProgressEvent) =>
    event.kind === "phase" && event.name === "calibrating" && stop.abort();
  const wanted = { targetSize: 0.3 };
  const first = finetuneWith(resolveOptions(FINETUNE, given), { report, signal: stop.signal }, wanted);
  await expect(first).rejects.toMatchObject({ code: "run/interrupted" });
  const { quantized } = runPaths(given.out);
  await rm(quantized, { recursive: true, force: true });
  await mkdir(quantized);
  await writeFile(join(quantized, "model.esp"), "half");
  const { command, settings } = await readStoppedCommand({ run: given.out });
  expect([command, settings.quantize]).toEqual(["finetune", true]);
  const said: string[] = [];
  const hear = (event: ProgressEvent) => void (event.kind === "note" && said.push(event.text));
  const result = await finetune(resolveOptions(FINETUNE, settings), { ...resume, report: hear });
  expect(result.wanted).toMatchObject([{ aim: "targetSize", wanted: 0.3, bits: 8 }]);
  expect(said.at(-1)).toMatch(/^wanted at most 30 % of the bytes, got \d+ % in 8 bits: /);
});
