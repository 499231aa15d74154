import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../../test/support/tiny-model.ts";
import { finetune } from "../../commands/finetune.ts";
import { folderState, runPaths } from "../folder.ts";
import { loadModel } from "../models.ts";
import type { ProgressEvent } from "../progress.ts";

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
  expect(result.verdict.text).toMatch(/^Accuracy .* ± .* in 2 folds/);
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
