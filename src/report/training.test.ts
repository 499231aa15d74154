import { expect, test } from "vitest";
import { madeRun } from "../../test/support/run-folder.ts";
import { readResult } from "../measure/result.ts";
import { runPaths } from "../runs/folder.ts";
import { readRun } from "./source.ts";
import { trainingSection } from "./training.ts";

test("the best of an error is the least, of a share the largest", async () => {
  const folder = await madeRun();
  const source = await readRun(folder, "r1", "made");
  const result = await readResult(runPaths(folder).result);
  const bodyOf = (name: string, better: "higher" | "lower"): string => {
    const looks = [1.9, 0.8, 1.2].map((value, i) => ({ step: 20 * i, loss: 1, metrics: { [name]: value } }));
    const metric = { ...result.metric, name, better };
    const run = { ...source, history: { ...source.history, looks }, result: { ...result, metric } };
    return String(trainingSection(run).body);
  };
  expect(bodyOf("rmse", "lower")).toContain("best root mean squared error 0.800");
  expect(bodyOf("matthews", "higher")).toContain("correlation 1.900");
});
