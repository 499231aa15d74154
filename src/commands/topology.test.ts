import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { topologyText } from "../cli/topology-text.ts";
import type { RunResult } from "../measure/result.ts";
import { writeFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { runPaths } from "../runs/folder.ts";
import { makeRecipe } from "../runs/recipe.ts";
import { topology } from "./topology.ts";

/** The network with every weight of its matrices gone but those at places that `keeps` says. */
function pruned(network: Network, keeps: (place: number) => boolean): Network {
  const names = [...network.tensors.keys()].filter((name) => /layer\.\d+\..*(?<!Norm)\.weight$/.test(name));
  const masks = new Map<string, { dtype: "uint8"; shape: readonly number[]; data: Uint8Array }>();
  const tensors = new Map(network.tensors);
  for (const name of names) {
    const tensor = network.tensors.get(name);
    if (tensor === undefined) throw new Error(name);
    const data = Uint8Array.from(tensor.data, (_, i) => Number(keeps(i)));
    masks.set(name, { dtype: "uint8", shape: tensor.shape, data });
    tensors.set(name, { ...tensor, data: tensor.data.map((w, i) => (data[i] === 1 ? w || 1 : 0)) });
  }
  return { ...network, tensors, masks };
}

/** A run's folder as `compress` leaves it, without what is not asked for here. */
async function runOf(network: Network, task: string, root?: string): Promise<string> {
  const run = root ?? (await newFolder());
  await mkdir(run, { recursive: true });
  const settings = { method: "magnitude", task, threads: 1 };
  const recipe = await makeRecipe({ command: "compress", settings, model: [], data: [] });
  await writeFile(runPaths(run).recipe, JSON.stringify(recipe));
  await writeFolder(runPaths(run).model, network);
  return run;
}

test("one model: what is left of it, and that nothing is there to compare it with", async () => {
  const run = await runOf(
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
  const first = await runOf(pruned(tinyModel(), evens), "sst2");
  const second = await runOf(pruned(tinyModel(), fours), "sst2");
  const whole = await topology({ models: [first, second] });
  const query = whole.comparisons[0]?.overlap?.components.find(({ component }) => component === "query");
  // Every fourth is in every second: a quarter of a half are both.
  expect(query).toMatchObject({ jaccard: 0.5, ofSecond: 1, ofFirst: 0.5 });
  await rm(join(runPaths(second).model, "model.safetensors"));
  const { comparisons } = await topology({ models: [first], against: [second] });
  expect(comparisons).toEqual(whole.comparisons.map((each) => ({ ...each, overlap: expect.anything() })));
  expect(comparisons[0]?.overlap?.components.find(({ component }) => component === "query")).toEqual(query);
});

/** What a finished run has beside its model. */
function resultOf(task: string): RunResult {
  return {
    version: 1,
    command: "compress",
    code: "0.1.0",
    task,
    method: "magnitude",
    metric: { name: "accuracy", better: "higher", before: 0.9, after: 0.8, examples: 100 },
    models: [
      {
        stage: "compressed",
        metrics: { accuracy: 0.8 },
        parameters: { total: 4, nonzero: 2, embeddings: 1 },
        bytes: { raw: 16, compressed: 10 },
        multiplyAccumulates: 1,
        latency: [],
      },
    ],
    length: 8,
    seeds: [0],
    wallSeconds: 1,
    peakBytes: 1,
    machine: { cpu: "any", cores: 1, threads: 1, node: "v20.20.2", platform: "linux-x64" },
    verdict: { smaller: false, faster: false, text: "" },
  };
}

test("a folder of runs is all that are finished in it, and --tasks chooses among them", async () => {
  const folder = await newFolder();
  const network = pruned(tinyModel(), (i) => i % 3 === 0);
  for (const task of ["sst2", "cola", "mrpc"]) {
    const run = await runOf(network, task, join(folder, task));
    if (task !== "mrpc") await writeFile(runPaths(run).result, JSON.stringify(resultOf(task)));
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
  const other = await runOf(
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

test("the text fits 80 columns and has a chance beside what was found", async () => {
  const first = await runOf(
    pruned(tinyModel(), (i) => i % 2 === 0),
    "sst2",
  );
  const second = await runOf(
    pruned(tinyModel(), (i) => i % 4 < 2),
    "a-task-with-a-very-long-name",
  );
  const text = topologyText(await topology({ models: [first, second, await written(tinyModel())] }));
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(text).toContain("neurons that do nothing");
  expect(text).toContain("nothing is pruned");
  expect(text).toMatch(/pair +found +chance +density +beyond +hubs/);
});
