import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruned, prunedResult, prunedRun } from "../../test/support/pruned-run.ts";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
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
  const whole = await topology({ models: [first, second] });
  const query = whole.comparisons[0]?.overlap?.components.find(({ component }) => component === "query");
  // Every fourth is in every second: a quarter of a half are both.
  expect(query).toMatchObject({ jaccard: 0.5, ofSecond: 1, ofFirst: 0.5 });
  await rm(join(runPaths(second).model, "model.safetensors"));
  const { comparisons } = await topology({ models: [first], against: [second] });
  expect(comparisons).toEqual(whole.comparisons.map((each) => ({ ...each, overlap: expect.anything() })));
  expect(comparisons[0]?.overlap?.components.find(({ component }) => component === "query")).toEqual(query);
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
