import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { readFolder } from "../network/folder.ts";
import { resolveOptions } from "../options/schema.ts";
import { FINETUNE } from "../options/training.ts";
import { folderState } from "../runs/folder.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { load } from "../runtime/load.ts";
import { compress, idleNotes } from "./compress.ts";
import { finetuneWith } from "./finetune.ts";
import { shrink } from "./shrink.ts";

/** Sentences of the tiny vocabulary; every tenth is held out. */
async function reviews(label: (i: number) => string): Promise<string> {
  const path = join(await newFolder(), "train.csv");
  const rows = Array.from({ length: 60 }, (_, i) => `a ${i % 2 ? "good" : "bad"} film,${label(i)}`);
  await writeFile(path, `text,label\n${rows.join("\n")}\n`);
  return path;
}

async function options() {
  const model = await written(tinyModel());
  const out = join(await newFolder(), "run");
  const data = await reviews((i) => (i % 2 ? "positive" : "negative"));
  const shared = {
    model,
    data,
    out,
    maxLength: 16,
    epochs: 3,
    learningRate: 1e-2,
    threads: 1,
    latency: false,
  };
  return { ...shared, method: "truncate", set: { layers: "1" } };
}

test("without timing, a result has no latencies and its verdict makes no claim about speed", async () => {
  const finetuned = await written(tinyModel());
  const { models, verdict } = await compress({ ...(await options()), finetuned, allowConstant: true });
  expect(models.map(({ stage }) => stage)).toEqual(["original", "fine-tuned", "compressed"]);
  expect(models.map(({ latency }) => latency)).toEqual([[], [], []]);
  expect(verdict).toMatchObject({ smaller: true, faster: false });
  expect(verdict.text).toContain("Speed was not measured.");
});

test("settings of a method may be numbers, and are recorded as they are typed", async () => {
  const finetuned = await written(tinyModel());
  const given = { ...(await options()), finetuned, allowConstant: true, epochs: 1, set: { layers: 1 } };
  await compress(given);
  const recipe = await readFile(join(given.out, "recipe.json"), "utf8");
  expect(JSON.parse(recipe)).toMatchObject({ settings: { set: { layers: "1" } } });
  const wrong: { layers: string } = JSON.parse('{ "layers": null }');
  const message = 'set: expected key=value, got {"layers":null}';
  await expect(compress({ ...given, set: wrong })).rejects.toThrow(message);
  const none: typeof given = JSON.parse("null");
  await expect(compress(none)).rejects.toThrow("compress: expected options by name, got null");
});

test("a result says which step was kept, and pairs the product's answers with those before", async () => {
  const finetuned = await written(tinyModel());
  const events: ProgressEvent[] = [];
  const report = (event: ProgressEvent) => events.push(event);
  const result = await compress({ ...(await options()), finetuned, allowConstant: true }, { report });
  const { kept, paired, metric, verdict } = result;
  const evaluations = events.flatMap((each) => (each.kind === "evaluation" && each.step > 0 ? each : []));
  expect(kept).toEqual({ step: evaluations.findLast((each) => each.kept)?.step, steps: 6 });
  const said = events.flatMap((each) => (each.kind === "note" ? each.text : []));
  expect(said.filter((text) => text.startsWith(`kept the model of step ${kept?.step} of 6`))).toHaveLength(1);
  expect(paired?.examples).toBe(metric.examples);
  expect(paired?.difference).toBeCloseTo(metric.after - (metric.before ?? Number.NaN), 12);
  const changed = `; ${paired?.lost} became wrong and ${paired?.gained} right (McNemar p`;
  expect(verdict.text).toContain(changed);
});

test("a model that says the same of everything is an error (train/constant) unless it is allowed", async () => {
  const same = { ...(await options()), learningRate: 1e-9, finetuned: await written(constantModel()) };
  await expect(compress({ ...same, method: "theseus" })).rejects.toThrow(
    expect.objectContaining({ code: "train/constant" }),
  );
  // Resumed, it would fail in the same way, so no checkpoint is left that would have to be resumed or forced away.
  expect(await folderState(same.out)).toBe("abandoned");
  const { metric, paired } = await compress({ ...same, method: "theseus", allowConstant: true });
  expect(metric.after).toBe(metric.before);
  expect(paired).toMatchObject({ lost: 0, gained: 0, difference: 0, p: 1 });
});

test("a note in the run says how many heads and neurons the product's zeros have left without effect", async () => {
  const { out, ...rest } = await options();
  const given = { ...rest, out, finetuned: await written(tinyModel()), allowConstant: true };
  const notes: string[] = [];
  const report = (event: ProgressEvent) => {
    if (event.kind === "note") notes.push(event.text);
  };
  await compress({ ...given, method: "magnitude", set: {}, sparsity: 0.99 }, { report });
  const { before, after } = await shrink({ model: out, out: join(out, "small"), threads: 1 });
  expect(before.neurons - after.neurons).toBeGreaterThan(30);
  const [heads, neurons] = [before.heads - after.heads, before.neurons - after.neurons];
  expect(notes).toContain(
    `${heads} of 4 heads and ${neurons} of 48 neurons do nothing; npx espalier shrink ${out} --out DIR leaves them out`,
  );
  expect(idleNotes(tinyModel(), "run")).toEqual([]);
});

/** Its classifier looks at nothing. */
function constantModel() {
  const network = tinyModel();
  const tensors = [...network.tensors].map(([name, tensor]) =>
    name.startsWith("classifier")
      ? ([name, { ...tensor, data: tensor.data.map((_, i) => Number(name.endsWith("bias")) * i) }] as const)
      : ([name, tensor] as const),
  );
  return { ...network, tensors: new Map(tensors) };
}

test("a run leaves a packed file, and times it where the product has zeros", async () => {
  const { out, ...rest } = await options();
  const given = { ...rest, out, finetuned: await written(tinyModel()), allowConstant: true, latency: true };
  const dense = await compress(given);
  expect(dense.packed?.bytes.raw).toBe((await stat(join(out, "model.esp"))).size);
  expect(dense.packed?.latency).toEqual([]);
  const pruned = await compress({ ...given, method: "magnitude", set: {}, sparsity: 0.9, force: true });
  expect(pruned.packed?.latency.map(({ batchSize }) => batchSize)).toEqual([1, 32]);
  expect(pruned.verdict.text).toMatch(/Packed \(model\.esp\): \d+ % of the bytes; in the sparse runtime/);
  const model = await load(join(out, "model.esp"));
  expect((await model.classify(["a good film"]))[0]?.scores.length).toBe(2);
  await model.close();
});

test("the points that a run was allowed are what its 8 bits may cost; windows are not judged in 8 bits", async () => {
  const { method: _, set: __, ...open } = await options();
  const given = resolveOptions(FINETUNE, { ...open, quantize: true, allowConstant: true, epochs: 1 });
  const { wanted, quantized } = await finetuneWith(given, {}, { maxDrop: 4 });
  const result = JSON.parse(await readFile(join(given.out, "quantized", "result.json"), "utf8"));
  expect(result.maxDrop).toBe(4);
  expect(wanted).toMatchObject([{ aim: "maxDrop", wanted: 4, bits: 8 }]);
  expect(quantized?.after).toEqual(expect.any(Number));
  const windows = {
    ...(await options()),
    quantize: true,
    allowConstant: true,
    epochs: 1,
    maxLength: 8,
    stride: 2,
  };
  expect((await compress({ ...windows, method: "truncate" })).quantized?.after).toBeNull();
});

test("a method of the name of fine-tuning is a method where it is named", async () => {
  const asked = compress({ ...(await options()), method: "finetune", set: { nonsense: "1" } });
  await expect(asked).rejects.toMatchObject({ name: "ConfigError", code: "method/unknown-setting" });
});

test("with quantize the run has its product in 8 bits too; one that loses too much is only told", async () => {
  const finetuned = await written(tinyModel());
  const events: ProgressEvent[] = [];
  const given = { ...(await options()), finetuned, allowConstant: true, epochs: 1, quantize: true };
  const { quantized } = await compress(given, { report: (event) => events.push(event) });
  const esp = await readFile(join(given.out, "quantized", "model.esp"));
  expect(quantized).toEqual({ bytes: expect.anything(), after: expect.any(Number), faster: null });
  expect(quantized?.bytes.raw).toBe(esp.length);
  const { config } = await readFolder(join(given.out, "quantized"));
  expect(config.layers).toHaveLength(1);
  expect(config.quantized?.size).toBeGreaterThan(0);
  const told = events.flatMap((event) => (event.kind === "note" ? [event.text] : []));
  expect(told.some((text) => text.startsWith(`in 8 bits, ${join(given.out, "quantized")}: Accuracy`))).toBe(
    true,
  );
  expect(await folderState(given.out)).toBe("finished");
  expect(await readFile(join(given.out, "report.html"), "utf8")).toContain(
    "<strong>In 8 bits, in quantized/</strong>: Accuracy: ",
  );
});
