import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { loadModel } from "../runs/models.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { compress } from "./compress.ts";
import { evaluate } from "./evaluate.ts";
import { finetune } from "./finetune.ts";
import { predict } from "./predict.ts";

/** Short texts of the tiny vocabulary with their labels, in turn. */
async function table(rows: readonly (readonly [string, string])[]): Promise<string> {
  const path = join(await newFolder(), "train.csv");
  const lines = Array.from({ length: 60 }, (_, i) => rows[i % rows.length]?.join());
  await writeFile(path, `text,label\n${lines.join("\n")}\n`);
  return path;
}

const SHARED = { epochs: 1, maxLength: 16, threads: 1, latency: false, allowConstant: true };

test("a compressed run is a model to fine-tune on another task: its layers, under a new head", async () => {
  const [original, folder] = [tinyModel(), await newFolder()];
  const [model, finetuned] = [await written(original), await written(original)];
  const reviews = await table([
    ["a good film", "positive"],
    ["a dull film", "negative"],
  ]);
  const first = join(folder, "first");
  const theseus = { method: "theseus", set: { layers: "1", full: "0" } };
  await compress({ ...SHARED, model, finetuned, data: reviews, out: first, ...theseus, learningRate: 1e-2 });
  const compressed = (await loadModel(first)).network;
  expect(compressed.config.layers).toHaveLength(1);

  const topics = await table([
    ["the film", "film"],
    ["a plot", "plot"],
    ["very bright", "neither"],
  ]);
  const second = join(folder, "second");
  // So small a rate that the weights stay where they began.
  const { models } = await finetune({
    ...SHARED,
    model: first,
    data: topics,
    out: second,
    learningRate: 1e-9,
  });
  expect(models.map(({ stage }) => stage)).toEqual(["fine-tuned"]);
  const { network } = await loadModel(second);
  expect(network.config).toEqual(compressed.config);
  expect(network.head).toEqual({ kind: "classification", labels: ["film", "neither", "plot"] });
  for (const [name, { data }] of network.tensors) {
    if (name.startsWith("classifier.")) continue;
    const from = compressed.tensors.get(name)?.data ?? new Float32Array();
    expect(Math.max(...data.map((w, i) => Math.abs(w - (from[i] ?? Number.NaN)))), name).toBeLessThan(1e-6);
  }
  const trained = compressed.tensors.get("bert.encoder.layer.0.output.dense.weight");
  expect(trained).not.toEqual(original.tensors.get("bert.encoder.layer.0.output.dense.weight"));
});

test("where all that judge are labelled alike a run ends as others do, and says that they cannot tell", async () => {
  const [model, folder] = [await written(tinyModel()), await newFolder()];
  const [good, dull] = [["a good film", "positive"] as const, ["a dull film", "negative"] as const];
  const [data, validation] = [await table([good, dull]), await table([good])];
  const notes: string[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.kind === "note") notes.push(event.text);
  };
  const given = { ...SHARED, model, data, validation, out: join(folder, "run"), learningRate: 1e-9 };
  const { metric } = await finetune({ ...given, allowConstant: false }, { report });
  expect(metric.examples).toBe(60);
  expect(notes).toContain(
    "all 60 examples that judge are labelled alike: they cannot tell whether the model reads the text",
  );
});

test("a run is its process's to the end, and one stopped while it is measured is resumed", async () => {
  const [model, folder] = [await written(tinyModel()), await newFolder()];
  const data = await table([
    ["a good film", "positive"],
    ["a dull film", "negative"],
  ]);
  const given = { ...SHARED, latency: true, model, data, out: join(folder, "run") };
  const stop = new AbortController();
  const claims: boolean[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.kind !== "phase") return;
    claims.push(existsSync(join(given.out, ".claim")));
    if (event.name.startsWith("measuring")) stop.abort();
  };
  await expect(finetune(given, { signal: stop.signal, report })).rejects.toThrow(
    expect.objectContaining({ code: "run/interrupted", message: expect.stringContaining("resume with:") }),
  );
  expect(claims.length).toBeGreaterThan(0);
  expect(claims).not.toContain(false);
  const result = await finetune(given, { resume: true });
  expect(result.models[0]?.latency).not.toEqual([]);
  expect(existsSync(join(given.out, ".claim"))).toBe(false);
});

test("a run stays in its folder when the program changes its own, and its recipe has what was typed", async () => {
  const [model, folder] = [await written(tinyModel()), await newFolder()];
  const data = await table([
    ["a good film", "positive"],
    ["a dull film", "negative"],
  ]);
  const given = { ...SHARED, model, data, out: join("runs", "a") };
  const before = process.cwd();
  const elsewhere = (event: ProgressEvent): void => {
    if (event.kind === "step" && event.step === 1) process.chdir(tmpdir());
  };
  try {
    process.chdir(folder);
    await finetune(given, { report: elsewhere });
    process.chdir(folder);
    const half = { method: "truncate", set: { layers: "1" }, out: join("runs", "b") };
    await compress({ ...given, ...half, learningRate: 1e-2 }, { report: elsewhere });
  } finally {
    process.chdir(before);
  }
  for (const run of [join("runs", "a"), join("runs", "b"), join("runs", "b", "finetuned")]) {
    const names = await readdir(join(folder, run));
    expect(names).toContain("result.json");
    expect(names).not.toContain(".claim");
    expect(JSON.parse(await readFile(join(folder, run, "recipe.json"), "utf8")).settings.out).toBe(run);
  }
});

const STARS = ["1", "2", "3", "4", "5"].map((label): [string, string] => ["a good film", label]);

test("whole numbers are classes, or values when a regression is asked for; a half star then judges", async () => {
  const model = await written(tinyModel({ kind: "none" }));
  const data = await table(STARS);
  const classes = join(await newFolder(), "classes");
  await finetune({ ...SHARED, model, data, out: classes });
  expect((await loadModel(classes)).network.head).toEqual({
    kind: "classification",
    labels: ["1", "2", "3", "4", "5"],
  });
  const values = join(await newFolder(), "values");
  const validation = await table([["a dull film", "2.5"]]);
  const result = await finetune({ ...SHARED, model, data, validation, regression: true, out: values });
  expect([(await loadModel(values)).network.head.kind, result.metric.name]).toEqual(["regression", "mean"]);
});

test("fractions are classes when that is asked for", async () => {
  const model = await written(tinyModel({ kind: "none" }));
  const out = join(await newFolder(), "run");
  const data = await table([
    ["a dull film", "0.5"],
    ["a good film", "1.5"],
  ]);
  await finetune({ ...SHARED, model, data, classification: true, out });
  expect((await loadModel(out)).network.head).toEqual({ kind: "classification", labels: ["0.5", "1.5"] });
});

test("both kinds of labels at once, one beside a task, a floor beside none: refused (options/rule)", async () => {
  const options = { ...SHARED, model: "m", data: "d", out: "o" };
  await expect(finetune({ ...options, regression: true, classification: true })).rejects.toThrow(
    "regression: expected it or classification, got both",
  );
  await expect(finetune({ ...options, task: "sst2", regression: true })).rejects.toThrow(
    "regression: expected data without task, got sst2, which knows what its labels are",
  );
  await expect(finetune({ ...options, task: "sst2", validation: "dev.csv" })).rejects.toThrow(
    "validation: expected none beside sst2, which has a set of its own to judge by, got dev.csv",
  );
  await expect(finetune({ ...options, floor: ["none", "tf-idf"] })).rejects.toThrow(
    "floor: expected none alone, got none, tf-idf",
  );
});

test("a run with a best threshold holds it to a floor at its own, which its folder has too", async () => {
  const model = await written(tinyModel({ kind: "none" }));
  const data = join(await newFolder(), "rare.csv");
  // The word is in all of the second class and in as many of the first: said at 0.5 of neither.
  const rows = Array.from(
    { length: 100 },
    (_, i) => `a ${i % 5 === 0 ? "dull" : "good"} film,${i % 10 === 0 ? "yes" : "no"}`,
  );
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  const out = join(await newFolder(), "run");
  const asked = { ...SHARED, model, data, validation: data, out, metric: "f1", report: false };
  const { floors = [] } = await finetune({ ...asked, threshold: "best" });
  // 10 are there, and with the word 20 are said.
  expect(floors[0]?.metrics.f1).toBeCloseTo(20 / 30, 12);
  const { metrics } = await evaluate({ model: join(out, "floor", "tf-idf"), data, threads: 1 });
  expect(metrics.f1).toBeCloseTo(20 / 30, 12);
});

test("before it trains a run says how the data was read, its rows, what is cut, and what a floor gives", async () => {
  const model = await written(tinyModel({ kind: "none" }));
  const path = join(await newFolder(), "train.csv");
  const lines = Array.from({ length: 40 }, (_, i) =>
    i % 4 === 0
      ? `${"very ".repeat(20)}good;Positive`
      : i % 2 === 0
        ? "good film;positive"
        : "bad film;negative",
  );
  await writeFile(path, `text;label\n${lines.join("\n")}\n`);
  const events: ProgressEvent[] = [];
  const out = join(await newFolder(), "run");
  const { floors = [], verdict } = await finetune(
    { ...SHARED, model, data: path, validation: path, out, floor: ["tf-idf", "static"] },
    { report: (event) => events.push(event) },
  );
  expect(floors.map(({ kind, metrics }) => [kind, metrics.accuracy])).toEqual([
    ["tf-idf", 1],
    ["static", 1],
  ]);
  const files = await readdir(join(out, "floor", "tf-idf"));
  const sizes = await Promise.all(files.map((name) => stat(join(out, "floor", "tf-idf", name))));
  expect(floors[0]?.bytes.raw).toBe(sizes.reduce((sum, { size }) => sum + size, 0));
  expect(verdict.text).toContain("Not above the floor: ");
  const told: ProgressEvent[] = [];
  const floor = join(out, "floor", "tf-idf");
  await predict({ model: floor, texts: [["a", "b"]] }, { report: (event) => told.push(event) });
  const text = "tf-idf was trained on single texts and is given pairs here: its answers mean little";
  expect(told).toContainEqual({ kind: "note", text });
  expect(await readFile(join(out, "report.html"), "utf8")).toContain("Floor: TF-IDF with a linear model");
  const before = events.slice(
    1,
    events.findIndex(({ kind }) => kind === "step"),
  );
  expect(before).toEqual([
    { kind: "note", text: "train.csv: columns are separated by semicolons, read as such" },
    {
      kind: "note",
      text: 'train.csv: labels "Positive" (10) and "positive" (10) are read as one class, "Positive"',
    },
    {
      kind: "note",
      text: "40 of the 40 examples that judge are among those that train too: what is measured flatters",
    },
    {
      kind: "data",
      train: 40,
      dev: 40,
      shares: { Positive: 0.5, negative: 0.5 },
      range: null,
      cut: 0.25,
      maxLength: 16,
    },
    {
      kind: "note",
      text: "floor: accuracy 100.0 % by TF-IDF with a linear model, 448 B; --floor none leaves it out",
    },
    {
      kind: "note",
      text: "floor: accuracy 100.0 % by static embeddings with a linear model, 746 B",
    },
  ]);
});

test("a run that patience ends says so, and its last words have the steps of its result", async () => {
  const data = await table([
    ["a good film", "positive"],
    ["a dull film", "negative"],
  ]);
  const said: string[] = [];
  const report = (event: ProgressEvent) => void (event.kind === "note" && said.push(event.text));
  // So small a rate that nothing changes: 54 rows in batches of 8 are 7 steps, and the second evaluation is no better.
  const ending = { learningRate: 1e-20, batchSize: 8, evalEvery: 1, patience: 1 };
  const out = join(await newFolder(), "run");
  const { kept } = await finetune(
    { ...SHARED, ...ending, model: await written(tinyModel()), data, out },
    { report },
  );
  expect(kept).toEqual({ step: 2, steps: 2 });
  expect(said).toContainEqual(
    expect.stringContaining("kept the model of step 2 of 2 (of 7 planned: --patience ended it): "),
  );
});

test("one label that holds or not is trained as several are", async () => {
  const data = join(await newFolder(), "one.jsonl");
  const rows = Array.from({ length: 40 }, (_, i) => ({
    text: i % 2 === 0 ? `a good film ${i}` : `a dull film ${i}`,
    labels: i % 2 === 0 ? ["nice"] : [],
  }));
  await writeFile(data, rows.map((row) => JSON.stringify(row)).join("\n"));
  const quick = {
    epochs: 1,
    maxLength: 16,
    threads: 1,
    latency: false,
    report: false,
    floor: ["none" as const],
  };
  const place = { model: await written(tinyModel()), data, out: join(await newFolder(), "run") };
  const columns = { text: "text", label: "labels", multiLabel: true, allowConstant: true };
  const { metric } = await finetune({ ...place, ...quick, ...columns });
  expect(metric.after).toBeGreaterThanOrEqual(0);
});
