import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

test("what was wanted stands beside the verdict, reached or not", async () => {
  const source = await readRun(await madeRun(), "r1", "made");
  if (source.result === undefined) throw new Error("a result was made");
  const wanted = [
    { aim: "maxDrop", wanted: 3, got: 2.04999, reached: true },
    { aim: "targetSize", wanted: 0.3, got: 0.4, reached: false },
  ] as const;
  const page = summaryBody({ ...source, result: { ...source.result, wanted } }).toString();
  expect(page).toContain("<strong>Wanted at most 3.0 points lower, got 2.0 lower</strong>: reached.");
  expect(page).toContain("<strong>Wanted at most 30 % of the bytes, got 40 %</strong>: not reached;");
  expect(summaryBody(source).toString()).not.toContain("Wanted");
});

test("the product in 8 bits has its own sentences; one that is asked for and not there is missed", async () => {
  const folder = await madeRun();
  const asked = { ...(await readRun(folder, "r1", "made")).recipe };
  await writeFile(
    runPaths(folder).recipe,
    JSON.stringify({ ...asked, settings: { ...asked.settings, quantize: true } }),
  );
  const absent = await readRun(folder, "r1", "made");
  expect(absent.missing.join()).toContain("The product in 8 bits is not there");
  const { quantized } = runPaths(folder);
  await mkdir(quantized);
  const verdict = {
    smaller: true,
    faster: false,
    text: "Accuracy: 90 % with all. onnx/model_quantized.onnx: 26 % of the bytes. model.esp: 25 % of the bytes.",
  };
  await writeFile(join(quantized, "result.json"), JSON.stringify({ model: "any", verdict }));
  const there = await readRun(folder, "r1", "made");
  expect(there.missing).toEqual([]);
  expect(summaryBody(there).toString()).toContain(
    "<p><strong>In 8 bits, in quantized/</strong>: Accuracy: 90 % with all.</p><p><strong>onnx/model_quantized.onnx</strong>: 26 % of the bytes.</p><p><strong>model.esp</strong>: 25 % of the bytes.</p>",
  );
  await writeFile(join(quantized, "result.json"), "{");
  expect((await readRun(folder, "r1", "made")).missing.join()).toContain("product in 8 bits cannot be read");
});
