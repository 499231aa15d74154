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
