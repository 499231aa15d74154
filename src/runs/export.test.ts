import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, PRUNED_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import { floatTensor } from "../base/tensor.ts";
import { type Head, isStock } from "../bert/config.ts";
import { readFolder, writeFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { decodeModel } from "../onnx/decode.ts";
import { exportModel } from "./export.ts";
import { predict } from "./predict.ts";

const HEADS: readonly Head[] = [
  { kind: "classification", labels: ["negative", "positive"] },
  { kind: "regression" },
  { kind: "regression", reader: "mixture" },
  { kind: "mlm" },
  { kind: "none" },
];

test.each(HEADS.map((head) => [head.kind, head] as const))(
  "a %s model as ONNX is within 1e-4 of the graph that training runs",
  async (_, head) => {
    const model = await written(tinyModel(head, PRUNED_CONFIG));
    const { path, files, difference, bytes } = await exportModel({ model, to: "onnx" });
    expect([path, files]).toEqual([join(model, "onnx", "model.onnx"), ["model.onnx"]]);
    expect(difference).toBeLessThan(1e-4);
    const file = await readFile(path);
    expect(bytes.raw).toBe(file.length);
    expect(decodeModel(file).producerVersion).toMatch(/^\d+\.\d+\.\d+/);
  },
);

test("a run's ONNX model is its model.onnx; a name ending in .onnx is a file", async () => {
  const run = await newFolder();
  await writeFile(join(run, "recipe.json"), "{}");
  await writeFolder(join(run, "model"), tinyModel());
  expect((await exportModel({ model: run, to: "onnx" })).path).toBe(join(run, "model.onnx"));
  const out = join(run, "elsewhere", "a.onnx");
  expect(await exportModel({ model: run, to: "onnx", out })).toMatchObject({ path: out, files: ["a.onnx"] });
});

test("an int8 ONNX model lies beside the float32 one, and its difference is reported, not refused", async () => {
  const model = await written(tinyModel(undefined, PRUNED_CONFIG));
  const whole = await exportModel({ model, to: "onnx" });
  const { path, bytes, difference } = await exportModel({ model, to: "onnx-int8" });
  expect(path).toBe(join(dirname(whole.path), "model_quantized.onnx"));
  expect(bytes.raw).toBe((await readFile(path)).length);
  expect(difference).toBeGreaterThan(whole.difference ?? 0);
  expect(difference).toBeLessThan(1);
  const operators = decodeModel(await readFile(path)).graph.nodes.map(({ opType }) => opType);
  expect(operators).toContain("MatMulInteger");
  expect(operators).not.toContain("Gemm");
});

test("a pruned model as safetensors has stock layers and computes the same within 1e-4", async () => {
  const model = await written(tinyModel(undefined, PRUNED_CONFIG));
  const { path, difference } = await exportModel({ model, to: "safetensors" });
  expect(path).toBe(join(model, "safetensors"));
  expect(difference).toBeLessThan(1e-4);
  expect(isStock((await readFolder(path)).config)).toBe(true);
});

test.for<[string, Network]>([
  ["pruned", tinyModel(undefined, PRUNED_CONFIG)],
  ["mixing", tinyModel({ kind: "classification", labels: ["no", "yes"], reader: "mixture" })],
])(
  "transformers.js gives the same labels and probabilities within 1e-5 from an exported %s folder",
  async ([name, network], context) => {
    const library = await import("@huggingface/transformers").catch(() => undefined);
    if (library === undefined) return context.skip("@huggingface/transformers cannot be loaded here");
    const model = await written(network);
    const out = join(await newFolder(), name);
    const { files } = await exportModel({ model, to: "onnx", out });
    expect(files.every((file) => existsSync(join(out, file)))).toBe(true);
    const { env, pipeline } = library;
    Object.assign(env, { allowRemoteModels: false, localModelPath: dirname(out) });
    const classify = await pipeline("text-classification", name, { dtype: "fp32" });
    const texts = ["good film", "a very dull plot, not bright; not good!", "Bad"];
    const theirs = await classify(texts);
    const { predictions } = await predict({ model: out, texts });
    expect(theirs).toEqual(
      predictions.map(({ label, score }) => ({ label, score: expect.closeTo(score, 5) })),
    );
  },
);

test("exports that cannot be are refused by name", async () => {
  const refused = (work: Promise<unknown>, code: string) =>
    expect(work).rejects.toThrow(expect.objectContaining({ code }));
  await refused(exportModel({ model: "hf:google/any", to: "onnx" }), "export/out");
  const network = tinyModel();
  const name = "classifier.bias";
  const broken = new Map(network.tensors).set(name, floatTensor([2], Float32Array.of(Number.NaN, 0)));
  const model = await written({ ...network, tensors: broken });
  await refused(exportModel({ model, to: "onnx" }), "export/finite");
  const mixing = await written(tinyModel({ kind: "regression", reader: "mixture" }));
  await refused(exportModel({ model: mixing, to: "safetensors" }), "stock/reader");
});
