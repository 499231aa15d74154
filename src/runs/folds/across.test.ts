import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { madeRun } from "../../../test/support/run-folder.ts";
import { newFolder, tinyModel, written } from "../../../test/support/tiny-model.ts";
import { finetune } from "../../commands/finetune.ts";
import { readResult } from "../../measure/result.ts";
import { folderState, runPaths } from "../folder.ts";
import { loadModel } from "../models.ts";
import type { ProgressEvent } from "../progress.ts";
import { together } from "./across.ts";

test("a run for each fold: stopped in one it goes on there, and the table has their mean", async () => {
  const [model, folder] = [await written(tinyModel()), await newFolder()];
  const data = join(folder, "train.csv");
  const rows = Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0 ? "a good film,positive" : "a dull film,negative",
  );
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  const given = { model, data, out: join(folder, "run"), folds: 2, epochs: 1, maxLength: 16, threads: 1 };
  const quiet = { latency: false, allowConstant: true, report: false, floor: ["none" as const] };
  const stop = new AbortController();
  let folds = 0;
  const report = (event: ProgressEvent): void => {
    if (event.kind === "phase" && event.name.startsWith("fold ")) folds++;
    if (event.kind === "step" && folds === 2) stop.abort();
  };
  await expect(finetune({ ...given, ...quiet }, { signal: stop.signal, report })).rejects.toThrow(
    `resume with: npx espalier resume ${given.out}`,
  );
  expect(await folderState(given.out)).toBe("resumable");
  const first = runPaths(join(given.out, "folds", "1")).result;
  const { mtimeMs } = await stat(first);
  const result = await finetune({ ...given, ...quiet }, { resume: true });
  expect((await stat(first)).mtimeMs).toBe(mtimeMs);
  const { after = [] } = result.folds ?? {};
  expect(after).toHaveLength(2);
  expect(result.metric).toMatchObject({ after: ((after[0] ?? 0) + (after[1] ?? 0)) / 2, examples: 40 });
  expect(result.verdict.text).toMatch(
    /^Accuracy .* ± .* in 2 folds, each judged by a model that was trained on the others; which of its steps/,
  );
  await expect(loadModel(given.out)).rejects.toThrow("model: expected one model, got a run over folds");
  const table = await readFile(runPaths(given.out).foldsTable, "utf8");
  expect(table.split("\n").map((line) => line.split(" | ")[0])).toEqual([
    "| fold",
    "| ---",
    "| 1",
    "| 2",
    "| mean",
    "| deviation",
    "",
  ]);
});

test("what folds say together: means of their sizes too, and a difference in points", async () => {
  const folder = await madeRun();
  const one = await readResult(runPaths(folder).result);
  const [before, after] = one.models;
  if (!before || !after) throw new Error("two models were made");
  const smaller = {
    ...after,
    bytes: { raw: 40_000, compressed: 30_000 },
    parameters: { ...after.parameters, nonzero: after.parameters.nonzero - 100 },
    multiplyAccumulates: after.multiplyAccumulates - 50,
  };
  const other = { ...one, metric: { ...one.metric, after: 0.77 }, models: [before, smaller] };
  const { models, verdict } = await together([one, other], { threads: 1 }, 1);
  expect(models[1]).toMatchObject({
    bytes: { raw: 50_000, compressed: 45_000 },
    parameters: { total: after.parameters.total, nonzero: after.parameters.nonzero - 50 },
    multiplyAccumulates: after.multiplyAccumulates - 25,
    latency: [],
  });
  expect(models[0]).toMatchObject({ bytes: before.bytes, parameters: before.parameters });
  // 75 and 77 % beside 80 %: 5 and 3 points lower, which deviate by √2.
  expect(verdict.text).toContain(
    "Before, 80.0 % ± 0.0 %; a difference of −4.0 ± 1.4 points from fold to fold.",
  );
});
