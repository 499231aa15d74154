import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { pruned, prunedRun } from "../../test/support/pruned-run.ts";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { writeFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { runPaths } from "../runs/folder.ts";
import { readRecipe } from "../runs/recipe.ts";
import { denseOf } from "./dense.ts";

const BASE = tinyModel({ kind: "none" });
/** Every weight another one. */
const TAUGHT = doubled(tinyModel());
const MATRIX = "bert.encoder.layer.0.output.dense.weight";

function doubled(network: Network): Network {
  const tensors = [...network.tensors].map(
    ([name, tensor]) => [name, { ...tensor, data: tensor.data.map((w) => 2 * w) }] as const,
  );
  return { ...network, tensors: new Map(tensors) };
}

/** A run with both models, of a method that pruned one of them. */
async function runOf(method: string, set = {}, model?: string): Promise<string> {
  const half = pruned(tinyModel(), (i) => i % 2 === 0);
  const asked = { method, set, model: model ?? (await written(BASE)) };
  const run = await prunedRun(half, "sst2", undefined, asked);
  await mkdir(runPaths(run).finetuned, { recursive: true });
  await writeFolder(runPaths(run).finetuned, TAUGHT);
  return run;
}

async function weightsOf(run: string): Promise<Float32Array | string | undefined> {
  const found = await denseOf({ run });
  return "missing" in found ? found.missing : found.network.tensors.get(MATRIX)?.data;
}

test.each([
  ["magnitude", {}, BASE],
  ["movement", {}, BASE],
  ["lottery", {}, BASE],
  ["adapting-by-pruning", {}, BASE],
  ["sparsebert", {}, BASE],
  ["sparsebert", { init: "fine-tuned" }, TAUGHT],
  ["head-gates", {}, TAUGHT],
])("%s with %o pruned that model, and no other of the run", async (method, set, dense) => {
  expect(await weightsOf(await runOf(method, set))).toEqual(dense.tensors.get(MATRIX)?.data);
});

test("a relative path begins where the run did, not where it is asked for", async () => {
  const base = await written(BASE);
  const run = await runOf("magnitude", {}, basename(base));
  const recipe = await readRecipe(runPaths(run).recipe);
  await writeFile(runPaths(run).recipe, JSON.stringify({ ...recipe, folder: dirname(base) }));
  expect(await weightsOf(run)).toEqual(BASE.tensors.get(MATRIX)?.data);
});

test("of a model that was trained on after it was pruned it is the one that was pruned", async () => {
  const first = await runOf("magnitude");
  const then = await runOf("quantization-aware", {}, first);
  expect(await weightsOf(then)).toEqual(BASE.tensors.get(MATRIX)?.data);
});

test("why there is none is said: no file, a broken one, a method from outside, no run", async () => {
  const gone = await runOf("magnitude", {}, join(await newFolder(), "gone"));
  expect(await weightsOf(gone)).toMatch(/^model: expected .*gone/);
  const base = await written(BASE);
  await writeFile(join(base, "model.safetensors"), "no tensors");
  expect(await weightsOf(await runOf("magnitude", {}, base))).toMatch(/safetensors/);
  expect(await weightsOf(await runOf("mine"))).toBe("its method does not say which it prunes");
  expect(await denseOf({})).toEqual({ missing: "it is no run" });
});
