import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruned, prunedRun } from "../../test/support/pruned-run.ts";
import { tinyModel, written } from "../../test/support/tiny-model.ts";
import { topology } from "../commands/topology.ts";
import { runPaths } from "../runs/folder.ts";
import { topologyText } from "./topology-text.ts";

test("the text fits 80 columns and has a chance beside what was found", async () => {
  const first = await prunedRun(
    pruned(tinyModel(), (i) => i % 2 === 0),
    "sst2",
  );
  const second = await prunedRun(
    pruned(tinyModel(), (i) => i % 4 < 2),
    "a-task-with-a-very-long-name",
  );
  const text = topologyText(
    await topology({ models: [first, second, await written(tinyModel())], importance: true }),
  );
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(text).toContain("neurons that do nothing");
  expect(text).toContain("nothing is pruned");
  expect(text).toMatch(/pair +found +chance +density +beyond +hubs/);
  expect(text).toMatch(/pair +rank +chance +top +chance/);
  // Where matrices differ in size their order alone ranks weights alike: chance is not 0.
  expect(text).toMatch(/… +−?\d\.\d{3} +−?\d\.\d{3} ± \d\.\d{3} +/);
  expect(text).not.toContain("came back");
});

test("spectra and what came back stand beside their chance, in 80 columns", async () => {
  const run = await prunedRun(
    pruned(tinyModel(), (i) => i % 2 === 0),
    "sst2",
  );
  const look = { kind: "mask", size: 90, pruned: 4, returned: 3, recoveredByChance: 20.4 };
  const events = [
    { ...look, step: 20, masks: 3, kept: 44, recovered: 9 },
    { ...look, step: 10, masks: 2, kept: 50, recovered: 3 },
    { kind: "mask", step: 30 },
  ];
  await writeFile(runPaths(run).metrics, events.map((event) => JSON.stringify(event)).join("\n"));
  const text = topologyText(await topology({ models: [run], spectra: true }));
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(text).toMatch(/weights that came back +9 of 44 +20/);
  expect(text).toMatch(/effective rank +\d+\.\d +\d+\.\d/);
  expect(text).toMatch(/Ramanujan gap of the mask +−?\d+\.\d +−?\d+\.\d/);
  await rm(join(runPaths(run).model, "model.safetensors"));
  const masks = topologyText(await topology({ models: [run], spectra: true }));
  expect(masks).toMatch(/effective rank +– +–/);
  expect(masks).toMatch(/Ramanujan gap of the mask +−?\d+\.\d +–/);
});

test("gaps are a mean over the matrices whose degrees the bound is for", async () => {
  const run = await prunedRun(
    pruned(tinyModel(), (i) => i % 16 === 0),
    "sst2",
  );
  const text = topologyText(await topology({ models: [run], spectra: true }));
  expect(text).toMatch(/Ramanujan gap of the mask +– +–/);
  expect(text).toMatch(/matrices with its degrees +0 of 12/);
});

test("of a study the answers and the page are printed, in 80 columns", () => {
  const answer =
    "Two of three pairs of methods agree beyond chance at 90 %; most of all those that look at sizes alone";
  const study = {
    page: "runs/study.md",
    records: "runs/study.jsonl",
    pictures: [],
    runs: 3,
    pairs: 2,
    answers: [answer],
  };
  const text = topologyText({ models: [], comparisons: [], study, notes: [] });
  expect(text.replaceAll("\n", " ")).toBe(`- ${answer} 3 runs and 2 pairs, in runs/study.md`);
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
});
