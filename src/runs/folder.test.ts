import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RECIPE, RESULT } from "../../test/support/run-folder.ts";
import { codeVersion, hashFiles, measureFile, peakMemory } from "../measure/machine.ts";
import { parseResult, readResult, resultText } from "../measure/result.ts";
import { createRun, folderState, readMetrics, refuseOccupied, reopenRun, runPaths } from "./folder.ts";
import { interruptionError, shellWord, stopIfAsked } from "./progress.ts";
import { describeChange, differingSetting, inputPaths, readRecipe, settingsHere } from "./recipe.ts";

let folder = "";
let run = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-run-"));
  run = join(folder, "run");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a run folder goes from empty over abandoned and resumable to finished", async () => {
  expect(await folderState(run)).toBe("empty");
  await using opened = await createRun(run, RECIPE);
  expect(await folderState(run)).toBe("abandoned");
  mkdirSync(join(opened.paths.checkpoints, "step-1.partial"));
  expect(await folderState(run)).toBe("abandoned");
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  expect(await folderState(run)).toBe("resumable");
  await opened.finish(RESULT);
  expect(await folderState(run)).toBe("finished");
  expect(await readResult(opened.paths.result)).toEqual(RESULT);
  expect(await readRecipe(opened.paths.recipe)).toEqual(RECIPE);
});

test("a finished run is replaced only with force, and nothing of it stays", async () => {
  await using first = await createRun(run, RECIPE);
  first.record({ kind: "note", text: "old" });
  const left = [first.paths.finetuned, join(run, "quantized"), join(run, "safetensors")];
  for (const folder of left) mkdirSync(join(folder, "model"), { recursive: true });
  await first.finish(RESULT);
  await first[Symbol.asyncDispose]();
  const message = `out: expected an empty folder, got a finished run (${run}); replace it with --force`;
  await expect(createRun(run, RECIPE)).rejects.toThrow(
    expect.objectContaining({ code: "run/exists", message }),
  );
  await using _again = await createRun(run, RECIPE, true);
  expect(left.filter((folder) => existsSync(folder))).toEqual([]);
  expect(await readMetrics(runPaths(run).metrics)).toEqual([]);
  expect(await folderState(run)).toBe("abandoned");
});

test("a run that can go on is not replaced either, and the message says how to go on", async () => {
  await using opened = await createRun(run, RECIPE);
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  await expect(refuseOccupied(run, false)).rejects.toThrow(
    `(${run}); resume with: npx espalier resume ${run}, or replace it with --force`,
  );
});

test("an abandoned run is replaced without a word", async () => {
  await (await createRun(run, RECIPE))[Symbol.asyncDispose]();
  await using again = await createRun(run, { ...RECIPE, code: "0.2.0" });
  expect((await readRecipe(again.paths.recipe)).code).toBe("0.2.0");
});

test("a folder with other files is never touched, even with force", async () => {
  mkdirSync(run);
  writeFileSync(join(run, "thesis.tex"), "years of work");
  await expect(createRun(run, RECIPE, true)).rejects.toThrow(
    expect.objectContaining({ code: "run/foreign" }),
  );
  expect(readFileSync(join(run, "thesis.tex"), "utf8")).toBe("years of work");
});

test.each(['{ "soup": "tomato" }', '{ "version": 1, "settings": {} }', "[]", "// jsonc\n{}", '{ "soup": '])(
  "a folder with another program's recipe.json is left alone, even with force: %s",
  async (recipe) => {
    mkdirSync(join(run, "model"), { recursive: true });
    writeFileSync(join(run, "recipe.json"), recipe);
    writeFileSync(join(run, "model", "mine.bin"), "precious");
    expect(await folderState(run)).toBe("foreign");
    for (const force of [false, true])
      await expect(createRun(run, RECIPE, force)).rejects.toMatchObject({ code: "run/foreign" });
    await expect(reopenRun(run)).rejects.toMatchObject({ code: "run/missing" });
    expect(readFileSync(join(run, "model", "mine.bin"), "utf8")).toBe("precious");
  },
);

test("a recipe of another version, or a damaged one, is still known as one", async () => {
  await using opened = await createRun(run, RECIPE);
  writeFileSync(opened.paths.recipe, JSON.stringify({ ...RECIPE, version: 2, machine: 1 }));
  expect(await folderState(run)).toBe("abandoned");
});

test.each([
  ["empty", 0],
  ["of zeros", 0],
  ["cut off", 12],
  ["cut off later", 80],
])(
  "a recipe that is %s is begun again where nothing was done, and told where something was",
  async (what, length) => {
    const { paths, [Symbol.asyncDispose]: release } = await createRun(run, RECIPE);
    const whole = readFileSync(paths.recipe, "utf8");
    writeFileSync(paths.recipe, what === "of zeros" ? "\0".repeat(whole.length) : whole.slice(0, length));
    await release();
    expect(await folderState(run)).toBe("abandoned");
    await (await createRun(run, RECIPE))[Symbol.asyncDispose]();
    writeFileSync(paths.recipe, whole.slice(0, length));
    mkdirSync(join(paths.checkpoints, "step-1"));
    const message = `out: expected a run or an empty folder, got one with a recipe.json that is cut off (${run}); it cannot go on: delete it, or name another folder`;
    await expect(createRun(run, RECIPE, true)).rejects.toMatchObject({ code: "run/foreign", message });
    await expect(reopenRun(run)).rejects.toThrow("got one with a recipe.json that is cut off");
    expect(existsSync(join(paths.checkpoints, "step-1"))).toBe(true);
  },
);

test("what systems leave in a folder unasked is no reason to refuse it", async () => {
  mkdirSync(run);
  for (const name of [".DS_Store", "Thumbs.db", "desktop.ini", ".gitkeep"])
    writeFileSync(join(run, name), "");
  expect(await folderState(run)).toBe("empty");
  await (await createRun(run, RECIPE))[Symbol.asyncDispose]();
  expect(readdirSync(run)).toContain(".gitkeep");
});

test("a file in the place of the folder is named", async () => {
  writeFileSync(run, "");
  await expect(createRun(run, RECIPE)).rejects.toThrow(expect.objectContaining({ code: "run/folder" }));
});

test("metrics survive a line cut off by a crash, before and after resuming", async () => {
  const opened = await createRun(run, RECIPE);
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  await opened[Symbol.asyncDispose]();
  opened.record({ kind: "evaluation", step: 1, metrics: { accuracy: 0.5 }, loss: 0.7, kept: true });
  appendFileSync(opened.paths.metrics, '{"kind":"evaluation","st');
  expect(await readMetrics(opened.paths.metrics)).toHaveLength(1);
  await using again = await reopenRun(run);
  again.record({ kind: "evaluation", step: 2, metrics: { accuracy: 0.6 }, loss: 0.6, kept: true });
  const events = await readMetrics(opened.paths.metrics);
  expect(events.map(({ step }) => step)).toEqual([1, 2]);
  expect(events[0]?.at).toBeGreaterThanOrEqual(0);
});

// Linux alone has a device that is always full; elsewhere the report of the tests has it as skipped.
test.skipIf(!existsSync("/dev/full"))(
  "an event for which there is no room is told with its file",
  async () => {
    await using opened = await createRun(run, RECIPE);
    symlinkSync("/dev/full", opened.paths.metrics);
    expect(() => opened.record({ kind: "note", text: "a" })).toThrow(
      expect.objectContaining({
        code: "file/write",
        message: `file: expected to write it, got ENOSPC: no space left on device, write (${opened.paths.metrics})`,
      }),
    );
  },
);

test("time goes on where a stopped run had come to, and the stop itself does not count", async () => {
  const opened = await createRun(run, RECIPE);
  expect(opened.spent).toBe(0);
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  await opened[Symbol.asyncDispose]();
  appendFileSync(opened.paths.metrics, '{"kind":"phase","name":"training","at":3600.5}\n');
  await using again = await reopenRun(run);
  expect(again.spent).toBe(3600.5);
  again.record({ kind: "phase", name: "exporting" });
  const [, last] = await readMetrics(opened.paths.metrics);
  expect(last?.at).toBeGreaterThanOrEqual(3600.5);
  expect(last?.at).toBeLessThan(3700);
});

test.each(["run/missing", "run/no-checkpoint", "run/finished"])(
  "resuming is refused with %s",
  async (code) => {
    const opened = code === "run/missing" ? undefined : await createRun(run, RECIPE);
    if (code === "run/finished") await opened?.finish(RESULT);
    await opened?.[Symbol.asyncDispose]();
    await expect(reopenRun(run)).rejects.toThrow(expect.objectContaining({ code }));
  },
);

test.each([
  ["another b.txt", ["a.txt", "b.txt"], { "b.txt": "11" }],
  ["notes.txt, which was not there", ["a.txt", "b.txt", "notes.txt"], {}],
  ["a1.txt, which was not there", ["a.txt", "a1.txt", "b.txt"], {}],
  ["no a.txt", ["b.txt"], {}],
  [undefined, ["a.txt", "b.txt"], {}],
  [
    undefined,
    ["a.txt", "b.txt", "model.esp", "model.onnx", "onnx/model.onnx", "safetensors/config.json"],
    {},
  ],
])("what has become of a model's files: %s", (expected, names, hashes: Record<string, string>) => {
  const files = (paths: readonly string[]) =>
    paths.map((path) => ({ path, bytes: 1, sha256: hashes[path] ?? "00" }));
  const then = { ...RECIPE, model: ["a.txt", "b.txt"].map((path) => ({ path, bytes: 1, sha256: "00" })) };
  expect(describeChange(then, { ...RECIPE, model: files(names) })).toBe(expected);
});

test("a single file is the same from whichever folder it is named, and a fine-tuned model counts too", () => {
  const file = (path: string, sha256 = "00") => ({ path, bytes: 1, sha256 });
  const then = { ...RECIPE, data: [file("train.tsv")], finetuned: [file("config.json")] };
  expect(describeChange(then, { ...then, data: [file("/elsewhere/train.tsv")] })).toBeUndefined();
  expect(describeChange(then, { ...then, finetuned: [file("config.json", "11")] })).toBe(
    "another config.json",
  );
});

test("relative paths lead to where they led when the run began, unless there is nothing", async () => {
  writeFileSync(join(folder, "d.csv"), "");
  const settings = { model: "embedded", data: "d.csv", validation: "gone.csv", text: "d.csv" };
  expect(settingsHere({ ...RECIPE, settings, folder })).toEqual({ ...settings, data: join(folder, "d.csv") });
  expect(settingsHere({ ...RECIPE, settings, folder: process.cwd() })).toEqual(settings);
  expect(settingsHere({ ...RECIPE, settings })).toEqual(settings);
});

test("an option newer than a recipe is at its default in it, and settings of a method have no order", () => {
  const set = (...entries: [string, string][]) => ({
    ...RECIPE,
    settings: { set: Object.fromEntries(entries) },
  });
  const now = { ...RECIPE, settings: { epochs: 3, quotes: "auto", limit: 4 } };
  expect(differingSetting(RECIPE, { ...now, settings: { epochs: 3, quotes: "auto" } })).toBeUndefined();
  expect([differingSetting(RECIPE, now), differingSetting(now, RECIPE)]).toEqual(["limit", "limit"]);
  expect(differingSetting(set(["a", "1"], ["b", "2"]), set(["b", "2"], ["a", "1"]))).toBeUndefined();
});

test("a method's relative path is one too, where it is a module's and not an id", () => {
  for (const name of ["mine.mjs", "truncate"]) writeFileSync(join(folder, name), "");
  const method = { id: "mine", settings: {}, path: "./mine.mjs", sha256: "00" };
  const own = { ...RECIPE, settings: { method: "./mine.mjs" }, folder, method };
  const there = { method: join(folder, "mine.mjs") };
  expect(settingsHere(own)).toEqual(there);
  expect(inputPaths(own)).toEqual([there.method]);
  const url = pathToFileURL(there.method).href;
  const byUrl = { ...own, settings: { method: url }, method: { ...method, path: url } };
  expect([settingsHere(byUrl), inputPaths(byUrl)]).toEqual([{ method: url }, [there.method]]);
  for (const recipe of [
    { ...RECIPE, settings: { method: "truncate" }, folder },
    { ...RECIPE, settings: { method: "truncate" }, folder, method: { ...method, path: null } },
  ]) {
    expect([settingsHere(recipe), inputPaths(recipe)]).toEqual([{ method: "truncate" }, []]);
    expect(differingSetting(recipe, own)).toBe("method");
  }
  expect(differingSetting(own, { ...own, settings: there })).toBeUndefined();
});

test("a run that is being worked on is refused, and its folder is had when that has ended", async () => {
  const opened = await createRun(run, RECIPE);
  await expect(createRun(run, RECIPE, true)).rejects.toThrow(expect.objectContaining({ code: "run/busy" }));
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  await expect(reopenRun(run)).rejects.toThrow(`by process ${process.pid} on`);
  await opened[Symbol.asyncDispose]();
  await using again = await reopenRun(run);
  expect(again.recipe).toEqual(RECIPE);
});

test("what a killed run leaves is removed, and is no reason to refuse the folder", async () => {
  const temporary = `.model.safetensors.${crypto.randomUUID()}.tmp`;
  mkdirSync(join(run, "checkpoints", "step-1.partial"), { recursive: true });
  writeFileSync(join(run, `.recipe.json.${crypto.randomUUID()}.tmp`), "{");
  writeFileSync(join(run, temporary), "half");
  expect(await folderState(run)).toBe("abandoned");
  const opened = await createRun(run, RECIPE);
  expect(readdirSync(run).sort()).toEqual([".claim", "checkpoints", "recipe.json"]);
  mkdirSync(join(opened.paths.checkpoints, "step-1"));
  mkdirSync(opened.paths.model);
  writeFileSync(join(opened.paths.model, temporary), "half");
  await opened[Symbol.asyncDispose]();
  await using again = await reopenRun(run);
  expect(readdirSync(again.paths.model)).toEqual([]);
});

test("a folder with a checkpoint and no recipe is not a run's, and is left alone", async () => {
  mkdirSync(join(run, "checkpoints", "step-1"), { recursive: true });
  await expect(createRun(run, RECIPE, true)).rejects.toThrow(
    expect.objectContaining({ code: "run/foreign" }),
  );
});

test("a run in whose folder a fine-tuning has begun can go on", async () => {
  const opened = await createRun(run, RECIPE);
  const part = await createRun(opened.paths.finetuned, RECIPE);
  expect(await folderState(run)).toBe("abandoned");
  mkdirSync(join(part.paths.checkpoints, "step-1"));
  expect(await folderState(run)).toBe("resumable");
  await part.finish(RESULT);
  expect(await folderState(run)).toBe("resumable");
  await Promise.all([opened, part].map((each) => each[Symbol.asyncDispose]()));
});

test("a finished run has no checkpoints, unless they are to be kept", async () => {
  await using first = await createRun(run, RECIPE);
  await first.finish(RESULT, true);
  expect(existsSync(first.paths.checkpoints)).toBe(true);
  await first.finish(RESULT);
  expect(existsSync(first.paths.checkpoints)).toBe(false);
  await expect(reopenRun(run)).rejects.toThrow(expect.objectContaining({ code: "run/finished" }));
});

test.each([
  ["runs/a", "runs/a"],
  ["my runs/a", "'my runs/a'"],
  ["it's", "'it'\\''s'"],
  ["-a", "./-a"],
])("a path in a command that is advised: %s", (path, word) => {
  expect(shellWord(path)).toBe(word);
});

test("a damaged recipe is refused with the field that is wrong", async () => {
  await using opened = await createRun(run, RECIPE);
  writeFileSync(opened.paths.recipe, JSON.stringify({ ...RECIPE, command: "dance" }));
  await expect(readRecipe(opened.paths.recipe)).rejects.toThrow(
    expect.objectContaining({ code: "recipe/format", message: expect.stringContaining("command: expected") }),
  );
});

test.each([
  ["models", { ...RESULT, models: [] }, "models: expected a list of 1 or more"],
  [
    "metric",
    { ...RESULT, metric: { ...RESULT.metric, examples: -1 } },
    "metric.examples: expected a whole number",
  ],
  ["version", { ...RESULT, version: 2 }, "version: expected 1, got 2"],
  ["stage", { ...RESULT, models: [{ ...RESULT.models[0], stage: "odd" }] }, "models[0].stage: expected"],
  ["wallSeconds", { ...RESULT, wallSeconds: null }, "wallSeconds: expected a number of 0 or more, got null"],
])("a result with a wrong %s is refused", (_, value, says) => {
  expect(() => parseResult(JSON.stringify(value), "result.json")).toThrow(
    expect.objectContaining({ code: "result/format", message: expect.stringContaining(says) }),
  );
});

test("a result that is not JSON is refused, and one that cannot be read back is never written", () => {
  expect(() => parseResult("{", "r")).toThrow(expect.objectContaining({ code: "result/format" }));
  const broken = { ...RESULT, wallSeconds: Number.NaN };
  expect(() => resultText(broken)).toThrow(expect.objectContaining({ code: "result/format" }));
});

test("an aborted signal ends a run with the command that goes on", () => {
  const { signal } = { signal: AbortSignal.abort() };
  expect(() => stopIfAsked({ signal }, "runs/a", 7)).toThrow(
    expect.objectContaining({ code: "run/interrupted", message: interruptionError("runs/a", 7).message }),
  );
  expect(() => stopIfAsked({}, "runs/a", 7)).not.toThrow();
});

test("files are hashed and measured as they are", async () => {
  mkdirSync(join(run, "sub"), { recursive: true });
  writeFileSync(join(run, "b.txt"), "abc");
  writeFileSync(join(run, "sub", "a.txt"), "0".repeat(10_000));
  writeFileSync(join(run, ".hidden"), "");
  const files = await hashFiles(run);
  expect(files.map(({ path }) => path)).toEqual(["b.txt", join("sub", "a.txt")]);
  // SHA-256 of "abc", FIPS 180-2 appendix B.1.
  expect(files[0]?.sha256).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const size = await measureFile(join(run, "sub", "a.txt"));
  expect(size.raw).toBe(10_000);
  expect(size.compressed).toBeLessThan(100);
  await expect(hashFiles(join(run, "none"))).rejects.toThrow(
    expect.objectContaining({ code: "input/missing" }),
  );
});

test("this process has a version and a size", async () => {
  expect(await codeVersion()).toMatch(/^\d+\.\d+\.\d+/);
  expect(peakMemory()).toBeGreaterThan(10_000_000);
});
