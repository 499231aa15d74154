import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruned, prunedResult, prunedRun } from "../../test/support/pruned-run.ts";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { requireEntry } from "../base/present.ts";
import { floatTensor } from "../base/tensor.ts";
import { writeFolder } from "../network/folder.ts";
import { runPaths } from "../runs/folder.ts";
import { topology } from "./topology.ts";

test("one model: what is left of it, and that nothing is there to compare it with", async () => {
  const run = await prunedRun(
    pruned(tinyModel(), (i) => i % 4 === 0),
    "sst2",
  );
  const answer = await topology({ models: [run] });
  const [found] = answer.models;
  expect(found).toMatchObject({ task: "sst2", method: "magnitude", metric: null });
  for (const { component, share } of found?.density.components ?? [])
    expect(share).toBe(component === "embeddings" ? 1 : 0.25);
  expect(answer.notes).toEqual(["one model alone has nothing to be compared with; --against names another"]);
  expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
});

test("two runs are compared, also when one has its masks alone", async () => {
  const [evens, fours] = [(i: number) => i % 2 === 0, (i: number) => i % 4 === 0];
  const first = await prunedRun(pruned(tinyModel(), evens), "sst2");
  const second = await prunedRun(pruned(tinyModel(), fours), "sst2");
  const whole = await topology({ models: [first, second], importance: true });
  const query = whole.comparisons[0]?.overlap?.components.find(({ component }) => component === "query");
  // Every fourth is in every second: a quarter of a half are both.
  expect(query).toMatchObject({ jaccard: 0.5, ofSecond: 1, ofFirst: 0.5 });
  await rm(join(runPaths(second).model, "model.safetensors"));
  const { comparisons } = await topology({ models: [first], against: [second], importance: true });
  const alone = { overlap: expect.anything(), importance: null };
  expect(comparisons).toEqual(whole.comparisons.map((each) => ({ ...each, ...alone })));
  expect(comparisons[0]?.overlap?.components.find(({ component }) => component === "query")).toEqual(query);
});

test("of two models with weights the sizes are ranked, of a run its looks at a mask are read, in order", async () => {
  const dense = tinyModel();
  const [first, second] = [
    await prunedRun(
      pruned(dense, () => true),
      "sst2",
    ),
    await prunedRun(
      pruned(dense, (i) => i % 2 === 0),
      "sst2",
    ),
  ];
  const look = { masks: 2, size: 8, kept: 4, pruned: 1, returned: 1, recovered: 1, recoveredByChance: 2.5 };
  const [late, early] = [
    { step: 20, ...look },
    { step: 10, ...look },
  ];
  const events = [{ ...late, kept: 5 }, early, late].map((each) => JSON.stringify({ kind: "mask", ...each }));
  await writeFile(runPaths(second).metrics, events.join("\n"));
  const { models, comparisons } = await topology({
    models: [first, second],
    against: [first],
    importance: true,
  });
  expect(models.map(({ recovery }) => recovery)).toEqual([null, [early, late]]);
  expect(comparisons[0]?.importance?.total).toMatchObject({
    rank: 1,
    top: { overlap: 1, chance: expect.closeTo(0.103, 3) }, // a tenth, and what matrices of other sizes have in common
  });
  const rank = comparisons[1]?.importance?.total.rank ?? Number.NaN;
  expect(rank).toBeGreaterThan(0.2);
  expect(rank).toBeLessThan(0.8);
});

test("with spectra each model has those of its weights, or of its mask where they are gone", async () => {
  const run = await prunedRun(
    pruned(tinyModel(), (i) => i % 2 === 0),
    "sst2",
  );
  const whole = (await topology({ models: [run], spectra: true })).models[0]?.spectra?.matrices ?? [];
  expect(whole.length).toBeGreaterThan(5);
  for (const matrix of whole) {
    const { effectiveRank = null, stableRank = null } = "weights" in matrix ? matrix.weights : {};
    expect(effectiveRank).toBeGreaterThanOrEqual(stableRank ?? Number.NaN);
  }
  await rm(join(runPaths(run).model, "model.safetensors"));
  const alone = (await topology({ models: [run], spectra: true })).models[0]?.spectra?.matrices ?? [];
  expect(alone.map(({ mask }) => mask.applies)).toEqual(whole.map(({ mask }) => mask.applies));
  expect((await topology({ models: [run] })).models[0]).not.toHaveProperty("spectra");
});

test("a folder of runs is all that are finished in it, and --tasks chooses among them", async () => {
  const folder = await newFolder();
  const network = pruned(tinyModel(), (i) => i % 3 === 0);
  for (const task of ["sst2", "cola", "mrpc"]) {
    const run = await prunedRun(network, task, join(folder, task));
    if (task !== "mrpc") await writeFile(runPaths(run).result, JSON.stringify(prunedResult(task)));
  }
  const { models } = await topology({ models: [folder] });
  expect(models.map(({ name, metric }) => [name, metric?.after])).toEqual([
    ["cola", 0.8],
    ["sst2", 0.8],
  ]);
  expect((await topology({ models: [folder], tasks: ["cola"] })).models).toHaveLength(1);
});

test("what cannot be said is said: dense models, other shapes, a task that no run has", async () => {
  const dense = await written(tinyModel({ kind: "none" }));
  const other = await prunedRun(
    pruned(tinyModel(), (i) => i % 2 === 0),
    "sst2",
  );
  const answer = await topology({ models: [dense, other] });
  expect(answer.notes).toEqual([expect.stringContaining("has no pruned weights")]);
  const none = await topology({ models: [other], tasks: ["rte"] });
  expect(none).toMatchObject({ models: [], comparisons: [], notes: ["no model is one of rte"] });
  await expect(topology({ models: [await newFolder()] })).rejects.toMatchObject({ code: "topology/none" });
  await expect(topology({ models: ["nowhere"] })).rejects.toMatchObject({ code: "model/missing" });
});

async function labelled(): Promise<string> {
  const rows = Array.from(
    { length: 12 },
    (_, i) => `a ${i % 2 ? "good" : "bad"} film,${i % 2 ? "positive" : "negative"}`,
  );
  const data = join(await newFolder(), "rows.csv");
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  return data;
}

test("with data the models are judged, their controls beside them, and what lies between two", async () => {
  const dense = tinyModel();
  const run = await prunedRun(
    pruned(dense, (i) => i % 2 === 0),
    "sst2",
    undefined,
    { model: await written(dense) },
  );
  const other = await prunedRun(
    pruned(dense, (i) => i % 3 === 0),
    "sst2",
  );
  const given = { data: await labelled(), threads: 1 };
  const { judged } = await topology({ models: [run], against: [other], ...given });
  expect(judged).toMatchObject({ examples: 12, metric: "accuracy" });
  const [model] = judged?.models ?? [];
  expect(Object.keys(model?.controls ?? {})).toEqual(["shuffle", "invert", "redraw", "jitter"]);
  const [pair] = judged?.pairs ?? [];
  expect(pair?.states?.texts).toBe(12);
  expect(pair?.line?.points.map(({ at }) => at)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  // A line from a model to itself has no barrier, and its states are the same.
  const same = (await topology({ models: [run], against: [run], ...given })).judged?.pairs[0];
  expect(same?.line?.barrier).toBeCloseTo(0, 6);
  for (const { cka } of same?.states?.layers ?? []) expect(cka).toBeCloseTo(1, 6);
});

test("classes in another order are the same classes, and states are told where no line can be", async () => {
  const whole = tinyModel();
  const { head } = whole;
  if (head.kind !== "classification") throw new Error("the tiny model has classes");
  const swapped = new Map(whole.tensors);
  for (const name of ["classifier.weight", "classifier.bias"]) {
    const { shape, data } = requireEntry(swapped, name, "tensor");
    const half = data.length / 2;
    swapped.set(name, floatTensor(shape, Float32Array.of(...data.slice(half), ...data.slice(0, half))));
  }
  const labels = head.labels.toReversed();
  const [first, second] = [await newFolder(), await newFolder()];
  await writeFolder(join(first, "m"), whole);
  await writeFolder(join(second, "m"), { ...whole, head: { ...head, labels }, tensors: swapped });
  const given = { data: await labelled(), threads: 1 };
  const answer = await topology({ models: [join(first, "m"), join(second, "m")], ...given });
  const [one, other] = answer.judged?.models ?? [];
  expect(other?.value).toBe(one?.value);
  // The line has no meaning between heads of other orders; the states have.
  expect(answer.judged?.pairs[0]).toMatchObject({ line: null, note: expect.stringContaining("head") });
  for (const { cka } of answer.judged?.pairs[0]?.states?.layers ?? []) expect(cka).toBeCloseTo(1, 6);
});

test("what cannot be judged is said, or refused by name", async () => {
  const run = await prunedRun(
    pruned(tinyModel(), (i) => i % 2 === 0),
    "sst2",
  );
  const [data, threads] = [await labelled(), 1];
  const alone = await topology({ models: [run], data, threads });
  expect(alone.judged?.models).toMatchObject([
    { controls: null, note: expect.stringContaining("not at hand") },
  ]);
  const head = { kind: "classification", labels: ["a", "b"] } as const;
  const bare = join(await newFolder(), "bare");
  await writeFolder(bare, tinyModel({ kind: "none" }));
  await expect(topology({ models: [bare], data, threads })).rejects.toMatchObject({ code: "model/head" });
  const strange = await prunedRun(
    pruned(tinyModel(head), (i) => i % 2 === 0),
    "sst2",
  );
  await expect(topology({ models: [strange], data, threads })).rejects.toMatchObject({
    code: /label|evaluate/,
  });
  await rm(join(runPaths(run).model, "model.safetensors"));
  await expect(topology({ models: [run], data, threads })).rejects.toMatchObject({
    code: "topology/weights",
  });
});

test("a study is written instead of tables, and refuses what does not go with it", async () => {
  const folder = await newFolder();
  const run = await prunedRun(
    pruned(tinyModel(), (i) => i % 4 === 0),
    "sst2",
    join(folder, "run"),
  );
  await writeFile(runPaths(run).result, JSON.stringify(prunedResult("sst2")));
  const page = join(await newFolder(), "study.md");
  const { models, study } = await topology({ models: [folder], study: page });
  expect(models).toEqual([]);
  expect(study).toMatchObject({ page, runs: 1, pairs: 0 });
  const refused = { code: "options/rule" };
  await expect(topology({ models: [folder], study: page, against: [run] })).rejects.toMatchObject(refused);
  await expect(topology({ models: [folder], study: page, data: "glue" })).rejects.toMatchObject(refused);
  await expect(topology({ models: [folder], study: "study.txt" })).rejects.toMatchObject(refused);
  await expect(topology({ models: ["study.jsonl"] })).rejects.toMatchObject(refused);
});
