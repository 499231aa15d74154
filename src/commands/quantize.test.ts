import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import {
  newFolder,
  PRUNED_CONFIG,
  TINY_CONFIG,
  tinyModel,
  WORDS,
  written,
} from "../../test/support/tiny-model.ts";
import { floatTensor } from "../base/tensor.ts";
import { linearModules } from "../bert/quantized.ts";
import { readFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { readEsp } from "../runs/models.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { evaluate } from "./evaluate.ts";
import { exportModel } from "./export.ts";
import { predict } from "./predict.ts";
import { quantize } from "./quantize.ts";

/** Texts of one to four words. */
const TEXTS = Array.from({ length: 80 }, (_, i) =>
  [0, 1, 2, 3]
    .slice(0, 1 + (i % 4))
    .map((k) => WORDS[(7 * i + 3 * k * k) % WORDS.length])
    .join(" "),
);

async function file(name: string, lines: readonly string[]): Promise<string> {
  const path = join(await newFolder(), name);
  await writeFile(path, lines.join("\n"));
  return path;
}

/** A table of the texts with the model's own labels: what 8 bits lose of them is what they change. */
async function labelled(model: string): Promise<string> {
  const { predictions } = await predict({ model, texts: TEXTS, threads: 1 });
  const rows = predictions.map(({ text, label, score }) => `"${text}",${label ?? score}`);
  return file("data.csv", ["text,label", ...rows]);
}

/** A classifier that gives each of its two labels to half of the texts. */
async function balanced(network = tinyModel()): Promise<Network> {
  const { predictions } = await predict({ model: await written(network), texts: TEXTS, threads: 1 });
  const odds = predictions.map(({ scores: [no = 0, yes = 0] }) => Math.log(yes / no)).sort((a, b) => a - b);
  const bias = floatTensor([2], Float32Array.of(odds[40] ?? 0, 0));
  return { ...network, tensors: new Map([...network.tensors, ["classifier.bias", bias]]) };
}

async function quantized(network: Network, more: object = {}) {
  const model = await written(network);
  const data = await labelled(model);
  const out = join(await newFolder(), "int8");
  const how = { threads: 1, validation: data, latency: false, maxDrop: 100, ...more };
  return { model, data, out, result: await quantize({ model, data, out, ...how }) };
}

const isRefused = (work: Promise<unknown>, code: string, says = "") =>
  expect(work).rejects.toThrow(expect.objectContaining({ code, message: expect.stringContaining(says) }));

test.each([
  ["a classifier", await balanced()],
  ["a pruned classifier", await balanced(tinyModel(undefined, PRUNED_CONFIG))],
])(
  "%s: a folder with all layers in 8 bits, that evaluates as the answer says, and its files",
  async (_, network) => {
    const { out, data, result } = await quantized(network);
    const modules = linearModules(network.config.layers);
    const product = await readFolder(out);
    expect([...(product.config.quantized?.keys() ?? [])]).toEqual(modules);
    expect(result.layers.map(({ module }) => module).toSorted()).toEqual(modules.toSorted());
    expect(result.layers.every(({ bits, cost }) => bits === 8 && cost >= 0)).toBe(true);
    expect(result).toMatchObject({ metric: "accuracy", before: 1, examples: 80, task: null });
    const { metrics } = await evaluate({ model: out, data, threads: 1 });
    expect(metrics.accuracy).toBe(result.after);
    expect(result.tries).toEqual([
      { kept: 0, score: result.after, drop: expect.closeTo(100 * (1 - result.after), 6) },
    ]);
    expect(result.files.map(({ form, file: name }) => [form, name])).toEqual([
      ["float32", null],
      ["onnx-qdq", join("onnx", "model_quantized.onnx")],
      ["esp", "model.esp"],
    ]);
    for (const { file: name, bytes } of result.files.slice(1)) {
      expect((await readFile(join(out, name ?? ""))).length).toBe(bytes.raw);
    }
    expect(JSON.parse(await readFile(join(out, "result.json"), "utf8"))).toEqual(result);
  },
);

test("the metric that is asked for judges; one of which less is better is refused", async () => {
  const { result } = await quantized(tinyModel(), { metric: "macro_f1" });
  expect(result).toMatchObject({ metric: "macro_f1" });
  await isRefused(quantized(tinyModel(), { metric: "loss" }), "quantize/metric", "got loss");
});

test("a fold of the data judges where a run's fold is asked for", async () => {
  const { result } = await quantized(tinyModel(), { validation: undefined, folds: 5, fold: 2 });
  expect(result.examples).toBe(16);
});

test("the answers of 8 bits are near those of float32: within 0.02 of every probability on the average", async () => {
  const { model, out } = await quantized(await balanced());
  const [exact, rough, packed] = await Promise.all(
    [model, out, join(out, "model.esp")].map((each) => predict({ model: each, texts: TEXTS, threads: 1 })),
  );
  const gaps = (other: typeof exact) =>
    exact?.predictions.map(({ scores }, i) =>
      Math.abs((scores[0] ?? 0) - (other?.predictions[i]?.scores[0] ?? Number.NaN)),
    ) ?? [];
  for (const other of [rough, packed]) {
    const mean = gaps(other).reduce((a, b) => a + b, 0) / TEXTS.length;
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(0.02);
  }
});

test("a regression, and a folder that is exported to a QDQ file of the same bytes", async () => {
  const { out, result } = await quantized(tinyModel({ kind: "regression" }));
  expect(result.metric).not.toBe("accuracy");
  const onnx = join(await newFolder(), "again.onnx");
  await exportModel({ model: out, to: "onnx-qdq", out: onnx });
  expect(await readFile(onnx)).toEqual(await readFile(join(out, "onnx", "model_quantized.onnx")));
  const plain = await written(tinyModel());
  await isRefused(
    exportModel({ model: plain, to: "onnx-qdq", out: `${onnx}2.onnx` }),
    "onnx/quantized",
    "got none",
  );
});

test("export --quantize packs a model whose layers all compute in 8 bits, without data; only as esp", async () => {
  const model = await written(tinyModel());
  const out = join(await newFolder(), "model.esp");
  const { difference } = await exportModel({ model, to: "esp", values: "int8", quantize: true, out });
  expect(difference).toBeGreaterThan(1e-4);
  const { config } = await readEsp(out);
  expect([...(config.quantized?.keys() ?? [])]).toEqual(linearModules(TINY_CONFIG.layers));
  await isRefused(
    exportModel({ model, to: "onnx", quantize: true }),
    "options/rule",
    "expected esp with quantize",
  );
});

test("a bare encoder is calibrated and judged on texts, by the cosine of its vectors", async () => {
  const model = await written(tinyModel({ kind: "none" }));
  const texts = await file("texts.txt", TEXTS);
  const out = join(await newFolder(), "int8");
  const result = await quantize({ model, texts, out, threads: 1, maxDrop: 5, latency: false });
  expect(result).toMatchObject({ metric: "cosine", before: 1 });
  expect(result.after).toBeGreaterThan(0.95);
  expect(result.after).toBeLessThan(1);
  expect(result.calibration + result.examples).toBe(new Set(TEXTS).size);
  expect((await readFolder(out)).config.quantized?.size).toBeGreaterThan(0);
});

test("layers that cost too much stay in float32, and the answer says which and why", async () => {
  const model = await written(tinyModel({ kind: "none" }));
  const texts = await file("texts.txt", TEXTS);
  const ask = async (maxDrop: number) =>
    quantize({ model, texts, out: join(await newFolder(), "int8"), threads: 1, maxDrop, latency: false });
  const all = await ask(100);
  const lost = 100 * (1 - all.after);
  const some = await ask(lost / 2);
  const floats = some.layers.filter(({ bits }) => bits === 32).map(({ module }) => module);
  expect(floats.length).toBeGreaterThan(0);
  expect(floats).toEqual(some.layers.slice(0, floats.length).map(({ module }) => module));
  expect(100 * (1 - some.after)).toBeLessThanOrEqual(lost / 2);
  expect(some.verdict.text).toContain(`In float32 stay ${floats.join(", ")}: all in 8 bits lose`);
  await isRefused(ask(0), "quantize/drop", "cosine: expected at most 0 points lost");
});

test("with force a model stays as it is when there is no other, and is replaced as a whole when there is", async () => {
  const [model, out] = [await written(tinyModel({ kind: "none" })), await written(tinyModel())];
  const texts = await file("texts.txt", TEXTS);
  const old = [
    "pytorch_model.bin.index.json",
    join("onnx", "model.onnx"),
    join("safetensors", "config.json"),
  ];
  for (const name of old) {
    await mkdir(dirname(join(out, name)), { recursive: true });
    await writeFile(join(out, name), "{}");
  }
  const ask = (maxDrop: number) =>
    quantize({ model, texts, out, threads: 1, maxDrop, latency: false, force: true });
  await isRefused(ask(0), "quantize/drop");
  expect(old.filter((name) => !existsSync(join(out, name)))).toEqual([]);
  expect((await readFolder(out)).head.kind).not.toBe("none");
  await ask(100);
  expect(old.filter((name) => existsSync(join(out, name)))).toEqual([]);
  expect((await readFolder(out)).head.kind).toBe("none");
});

test("the same call again gives the same files, from another seed other ranges", async () => {
  const [first, again, other] = await Promise.all([
    quantized(await balanced(), { calibration: 8 }),
    quantized(await balanced(), { calibration: 8 }),
    quantized(await balanced(), { calibration: 8, seed: 1 }),
  ]);
  const bytes = (out: string) => readFile(join(out, "onnx", "model_quantized.onnx"));
  expect(await bytes(first.out)).toEqual(await bytes(again.out));
  expect(await bytes(first.out)).not.toEqual(await bytes(other.out));
});

test("what is quantized again keeps its weights; the files are timed where that is asked for", async () => {
  const { out, data } = await quantized(await balanced());
  const second = join(await newFolder(), "again");
  const events: ProgressEvent[] = [];
  const how = { threads: 1, validation: data, maxDrop: 100, ranges: "mse" as const };
  const { files, length } = await quantize(
    { model: out, data, out: second, ...how },
    { report: (event) => events.push(event) },
  );
  expect((await readFolder(second)).tensors).toEqual((await readFolder(out)).tensors);
  expect(files.every(({ latency }) => latency.length === 2 && latency[0]?.length === length)).toBe(true);
  expect(events.filter(({ kind }) => kind === "phase").length).toBe(4);
});

test.each([
  ["a masked language model", { kind: "mlm" } as const, "quantize/head"],
  ["an encoder whose pooling is not read", { kind: "none", pooling: null } as const, "quantize/head"],
])("%s is refused", async (_, head, code) => {
  const texts = await file("texts.txt", TEXTS);
  const out = join(await newFolder(), "int8");
  await isRefused(quantize({ model: await written(tinyModel(head)), texts, out }), code);
  expect(existsSync(out)).toBe(false);
});

test("missing data, too few texts, no layers, the model's own folder and a taken one are refused", async () => {
  const model = await written(tinyModel());
  const bare = await written(tinyModel({ kind: "none" }));
  const [texts, one] = [await file("texts.txt", TEXTS), await file("one.txt", ["good", "good", ""])];
  const out = join(await newFolder(), "int8");
  await isRefused(quantize({ model, out }), "options/rule", "got neither");
  await isRefused(quantize({ model, texts, out }), "quantize/data");
  await isRefused(quantize({ model: bare, texts: one, out }), "quantize/texts", "got 1");
  await isRefused(
    quantize({ model: bare, texts: one, validation: one, out }),
    "options/rule",
    "half of which",
  );
  await isRefused(
    quantize({ model: bare, data: one, validation: one, out }),
    "quantize/judging",
    "half judge",
  );
  await isRefused(quantize({ model: bare, data: one, metric: "f1", out }), "quantize/judging", "got f1");
  await isRefused(quantize({ model: bare, texts, out: bare }), "quantize/out");
  await isRefused(quantize({ model: bare, texts, out: model }), "quantize/exists");
  const none = TINY_CONFIG.layers.map((layer) => ({ ...layer, heads: 0, ffn: 0 }));
  const biases = await written(tinyModel({ kind: "none" }, { ...TINY_CONFIG, layers: none }));
  await isRefused(quantize({ model: biases, texts, out }), "quantize/layers");
});
