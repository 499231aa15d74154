import { expect, test } from "vitest";
import { madeRun } from "../../test/support/run-folder.ts";
import { readResult } from "../measure/result.ts";
import { runPaths } from "../runs/folder.ts";
import { readRun } from "./source.ts";
import { summaryBody } from "./summary.ts";

test("a tile calls no product faster that has no less work than the model before", async () => {
  const folder = await madeRun();
  const source = await readRun(folder, "r1", "made");
  const result = await readResult(runPaths(folder).result);
  const [before, after] = result.models;
  if (!before || !after) throw new Error("two models were made");
  const timed = (p50: number) => [{ batchSize: 1, length: 16, p50, p95: p50, repetitions: 9 }];
  const pageOf = (multiplyAccumulates: number): string => {
    const models = [
      { ...before, multiplyAccumulates: 1000, latency: timed(10) },
      { ...after, multiplyAccumulates, latency: timed(8.4) },
    ];
    return summaryBody({ ...source, result: { ...result, models } }).toString();
  };
  expect(pageOf(1000)).toContain("as fast as before");
  expect(pageOf(1000)).not.toContain("1.2× as fast as before");
  expect(pageOf(500)).toContain("1.2× as fast as before");
});
