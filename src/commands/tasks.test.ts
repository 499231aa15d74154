/** Whole commands on the tasks that are not one label for each text: trained, compressed, evaluated, asked. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { load } from "../runs/text-model.ts";
import { compress } from "./compress.ts";
import { embed } from "./embed.ts";
import { evaluate } from "./evaluate.ts";
import { finetune } from "./finetune.ts";

const TRAINING = { threads: 1, latency: false, report: false, learningRate: 1e-2, maxLength: 16 } as const;

/** A file in a folder of its own. */
async function file(name: string, lines: readonly string[]): Promise<string> {
  const path = join(await newFolder(), name);
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}

async function newRun(): Promise<string> {
  return join(await newFolder(), "run");
}

test("labels of words: fine-tuned from CoNLL, compressed, evaluated by entities, and tagged", async () => {
  const texts = Array.from({ length: 48 }, (_, i) =>
    i % 2 ? ["the O", "good B-ADJ", "very I-ADJ", "film O", ""] : ["a O", "bad B-ADJ", "plot O", ""],
  );
  const data = await file("train.conll", texts.flat());
  const shared = { ...TRAINING, model: await written(tinyModel()), data, validation: data };
  const tuned = await newRun();
  const trained = await finetune({ ...shared, out: tuned, epochs: 12 });
  expect(trained.metric).toMatchObject({ name: "entity_f1", after: 1, examples: 48 });
  const out = await newRun();
  const product = await compress({
    ...shared,
    finetuned: tuned,
    out,
    method: "magnitude",
    sparsity: 0.3,
    epochs: 12,
  });
  expect(product.metric).toMatchObject({ name: "entity_f1", before: 1 });
  const { metrics, metric } = await evaluate({ model: out, data, threads: 1 });
  expect([metric, metrics.entity_f1]).toEqual(["entity_f1", product.metric.after]);
  const tagger = await load(tuned);
  const [tagged] = await tagger.tag(["the good very film"]);
  await tagger.close();
  expect(tagged?.entities).toEqual([expect.objectContaining({ label: "ADJ", start: 4, end: 13 })]);
});

test("several labels: fine-tuned from lists, evaluated, and asked for those that hold", async () => {
  const rows = Array.from({ length: 48 }, (_, i) => {
    const label = [...(i % 2 ? ["praise"] : []), ...(i % 3 ? ["story"] : [])];
    return JSON.stringify({ text: `${i % 2 ? "good" : "bad"} ${i % 3 ? "plot" : "film"}`, label });
  });
  const data = await file("train.jsonl", rows);
  const shared = { ...TRAINING, model: await written(tinyModel()), data, validation: data, multiLabel: true };
  const out = await newRun();
  const { metric, verdict } = await finetune({ ...shared, out, epochs: 20 });
  expect(metric).toMatchObject({ name: "micro_f1", after: 1, examples: 48 });
  expect(verdict.text).toContain("Micro F1: 100.0 %");
  const { metrics } = await evaluate({ model: out, data, threads: 1 });
  expect(metrics).toEqual({ micro_f1: 1, macro_f1: 1, accuracy: 1 });
  const model = await load(out);
  const said = await model.classify(["good plot", "bad film"]);
  await model.close();
  expect(said.map(({ labels }) => labels)).toEqual([["praise", "story"], []]);
});

test("a sentence encoder is its own teacher: fewer layers, judged by scored pairs, cut to fewer dimensions", async () => {
  const encoder = await written(tinyModel({ kind: "none", pooling: { mode: "mean", normalize: true } }));
  const words = ["good", "bad", "film", "plot", "very", "not", "dull", "bright"];
  const texts = words.flatMap((one) => words.map((other) => `a ${one} ${other}`));
  const data = await file("texts.txt", texts);
  const pairs = words.map(
    (word, i) => `a ${word}\ta ${i % 2 ? word : words[(i + 3) % 8]} film\t${i % 2 ? 5 : i / 4}`,
  );
  const validation = await file("pairs.tsv", ["one\ttwo\tscore", ...pairs]);
  const columns = { text: "one", textPair: "two", label: "score" };
  const shared = { ...TRAINING, model: encoder, embedding: true, method: "truncate", set: { layers: "1" } };
  const out = await newRun();
  const result = await compress({ ...shared, ...columns, data, validation, out, epochs: 10, widths: [8] });
  expect(JSON.parse(await readFile(join(out, "recipe.json"), "utf8")).settings.widths).toEqual(["8"]);
  expect(result.metric).toMatchObject({ name: "spearman", examples: 8 });
  expect(result.models.map(({ stage }) => stage)).toEqual(["original", "compressed"]);
  const [original, product] = result.models.map(({ metrics }) => metrics);
  expect(original?.cosine).toBeCloseTo(1, 5);
  const asked = { model: out, data: validation, ...columns, threads: 1 };
  const whole = await evaluate(asked);
  expect(whole.metrics.spearman).toBeCloseTo(product?.spearman ?? Number.NaN, 6);
  expect(whole.loss).toBeNull();
  const cut = await evaluate({ ...asked, dimensions: 8 });
  expect(cut.metrics.pearson).not.toBe(whole.metrics.pearson);
  const { vectors, dimensions } = await embed({
    model: out,
    texts: ["a good film"],
    dimensions: 8,
    threads: 1,
  });
  expect([dimensions, vectors[0]?.length]).toEqual([8, 8]);
  expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 5);
  const config: unknown = JSON.parse(await readFile(join(out, "model", "config.json"), "utf8"));
  expect(config).toMatchObject({ architectures: ["BertModel"], num_hidden_layers: 1 });
});

test("a student of vectors that is judged by its loss ends with an interval", async () => {
  const model = await written(tinyModel({ kind: "none", pooling: { mode: "mean", normalize: true } }));
  const words = ["good", "bad", "film", "plot", "very", "not", "dull", "bright"];
  const texts = words.flatMap((one) => words.map((other) => `a ${one} ${other}`));
  const data = await file("texts.txt", texts);
  const shared = { ...TRAINING, model, data, validation: data, embedding: true, metric: "loss" };
  const out = await newRun();
  const { paired, models } = await compress({ ...shared, method: "truncate", set: { layers: "1" }, out });
  const [before, after] = models.map(({ metrics }) => metrics.loss ?? Number.NaN);
  const { difference = Number.NaN, interval } = paired ?? {};
  expect(difference).toBeCloseTo((after ?? 0) - (before ?? 0), 6);
  expect(interval?.low).toBeLessThan(difference);
  expect(interval?.high).toBeGreaterThan(difference);
});

test("what vectors do not have is refused by name", async () => {
  const model = await written(tinyModel({ kind: "none", pooling: { mode: "mean", normalize: true } }));
  const data = await file("texts.txt", ["a good film", "a bad plot", "not very dull"]);
  const shared = { ...TRAINING, model, data, embedding: true };
  await expect(finetune({ ...shared, out: await newRun() })).rejects.toThrow("by compress");
  const run = { ...shared, method: "truncate", set: { layers: "1" } };
  await expect(compress({ ...run, out: await newRun(), widths: [17] })).rejects.toThrow(
    "widths: expected numbers up to 16, the encoder's, got 17",
  );
  await expect(compress({ ...run, out: await newRun(), finetuned: model })).rejects.toThrow(
    "its own teacher",
  );
  await expect(embed({ model, texts: ["a"], dimensions: 17 })).rejects.toThrow("from 1 to 16, got 17");
});

test.each([
  ["embedded", "a masked language model (embedded)"],
  ["labels", "one for classification"],
  ["unread", "whose way to make vectors is not read here"],
])("a teacher of vectors that makes none is refused before a run is begun: %s", async (name, got) => {
  const head = name === "unread" ? { kind: "none" as const, pooling: null } : undefined;
  const folder = await newFolder();
  const data = join(folder, "texts.txt");
  await writeFile(data, "a good film\na bad plot\nnot very dull\n");
  const model = name === "embedded" ? name : await written(tinyModel(head));
  const run = { ...TRAINING, model, data, embedding: true, method: "truncate", set: { layers: "1" } };
  const ended = compress({ ...run, validation: data, out: join(folder, "run") });
  await expect(ended).rejects.toMatchObject({ name: "ConfigError", code: "model/head" });
  await expect(ended).rejects.toThrow(got);
  expect(await readdir(folder)).toEqual(["texts.txt"]);
});
