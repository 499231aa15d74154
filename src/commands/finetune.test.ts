import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { loadModel } from "../runs/models.ts";
import { compress } from "./compress.ts";
import { finetune } from "./finetune.ts";

/** Short texts of the tiny vocabulary with their labels, in turn. */
async function table(rows: readonly (readonly [string, string])[]): Promise<string> {
  const path = join(await newFolder(), "train.csv");
  const lines = Array.from({ length: 60 }, (_, i) => rows[i % rows.length]?.join());
  await writeFile(path, `text,label\n${lines.join("\n")}\n`);
  return path;
}

const SHARED = { epochs: 1, maxLength: 16, threads: 1, latency: false, allowConstant: true };

test("a compressed run is a model to fine-tune on another task: its layers, under a new head", async () => {
  const [original, folder] = [tinyModel(), await newFolder()];
  const [model, finetuned] = [await written(original), await written(original)];
  const reviews = await table([
    ["a good film", "positive"],
    ["a dull film", "negative"],
  ]);
  const first = join(folder, "first");
  const theseus = { method: "theseus", set: { layers: "1", full: "0" } };
  await compress({ ...SHARED, model, finetuned, data: reviews, out: first, ...theseus, learningRate: 1e-2 });
  const compressed = (await loadModel(first)).network;
  expect(compressed.config.layers).toHaveLength(1);

  const topics = await table([
    ["the film", "film"],
    ["a plot", "plot"],
    ["very bright", "neither"],
  ]);
  const second = join(folder, "second");
  // So small a rate that the weights stay where they began.
  const { models } = await finetune({
    ...SHARED,
    model: first,
    data: topics,
    out: second,
    learningRate: 1e-9,
  });
  expect(models.map(({ stage }) => stage)).toEqual(["fine-tuned"]);
  const { network } = await loadModel(second);
  expect(network.config).toEqual(compressed.config);
  expect(network.head).toEqual({ kind: "classification", labels: ["film", "neither", "plot"] });
  for (const [name, { data }] of network.tensors) {
    if (name.startsWith("classifier.")) continue;
    const from = compressed.tensors.get(name)?.data ?? new Float32Array();
    expect(Math.max(...data.map((w, i) => Math.abs(w - (from[i] ?? Number.NaN)))), name).toBeLessThan(1e-6);
  }
  const trained = compressed.tensors.get("bert.encoder.layer.0.output.dense.weight");
  expect(trained).not.toEqual(original.tensors.get("bert.encoder.layer.0.output.dense.weight"));
});
