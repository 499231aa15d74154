import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruned, prunedRun } from "../../test/support/pruned-run.ts";
import { newFolder, tinyModel } from "../../test/support/tiny-model.ts";
import { writeFolder } from "../network/folder.ts";
import { runPaths } from "../runs/folder.ts";
import { topology } from "./topology.ts";

async function labelled(): Promise<string> {
  const rows = Array.from(
    { length: 12 },
    (_, i) => `a ${i % 2 ? "good" : "bad"} film,${i % 2 ? "positive" : "negative"}`,
  );
  const data = join(await newFolder(), "rows.csv");
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  return data;
}

test("with data the models are judged, their controls beside them, and what lies between two", async () => {
  const dense = tinyModel();
  const run = await prunedRun(
    pruned(dense, (i) => i % 2 === 0),
    "sst2",
  );
  await prunedRun(dense, "sst2", runPaths(run).finetuned);
  const other = await prunedRun(
    pruned(dense, (i) => i % 3 === 0),
    "sst2",
  );
  const given = { data: await labelled(), threads: 1 };
  const { judged } = await topology({ models: [run], against: [other], ...given });
  expect(judged).toMatchObject({ examples: 12, metric: "accuracy" });
  const [model] = judged?.models ?? [];
  expect(Object.keys(model?.controls ?? {})).toEqual(["shuffle", "invert", "redraw", "jitter"]);
  const [pair] = judged?.pairs ?? [];
  expect(pair?.states?.texts).toBe(12);
  expect(pair?.line?.points.map(({ at }) => at)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  // A line from a model to itself has no barrier, and its states are the same.
  const same = (await topology({ models: [run], against: [run], ...given })).judged?.pairs[0];
  expect(same?.line?.barrier).toBeCloseTo(0, 6);
  for (const { cka } of same?.states?.layers ?? []) expect(cka).toBeCloseTo(1, 6);
});

test("what cannot be judged is said, or refused by name", async () => {
  const run = await prunedRun(
    pruned(tinyModel(), (i) => i % 2 === 0),
    "sst2",
  );
  const [data, threads] = [await labelled(), 1];
  const alone = await topology({ models: [run], data, threads });
  expect(alone.judged?.models).toMatchObject([
    { controls: null, note: expect.stringContaining("not at hand") },
  ]);
  const head = { kind: "classification", labels: ["a", "b"] } as const;
  const bare = join(await newFolder(), "bare");
  await writeFolder(bare, tinyModel({ kind: "none" }));
  await expect(topology({ models: [bare], data, threads })).rejects.toMatchObject({ code: "model/head" });
  const strange = await prunedRun(
    pruned(tinyModel(head), (i) => i % 2 === 0),
    "sst2",
  );
  await expect(topology({ models: [strange], data, threads })).rejects.toMatchObject({
    code: /label|evaluate/,
  });
  await rm(join(runPaths(run).model, "model.safetensors"));
  await expect(topology({ models: [run], data, threads })).rejects.toMatchObject({
    code: "topology/weights",
  });
});
