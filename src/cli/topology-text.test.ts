import { expect, test } from "vitest";
import { pruned, prunedRun } from "../../test/support/pruned-run.ts";
import { tinyModel, written } from "../../test/support/tiny-model.ts";
import { topology } from "../commands/topology.ts";
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
  const text = topologyText(await topology({ models: [first, second, await written(tinyModel())] }));
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(text).toContain("neurons that do nothing");
  expect(text).toContain("nothing is pruned");
  expect(text).toMatch(/pair +found +chance +density +beyond +hubs/);
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
