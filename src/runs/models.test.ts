import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { writeFolder } from "../network/folder.ts";
import { withQuantized } from "../network/quantized.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { loadModel, locateModel, measureModel } from "./models.ts";

test("a folder and a run both lead to a network and the folder it is in", async () => {
  const folder = await written(tinyModel());
  expect(await locateModel(folder)).toEqual({ name: "tiny", path: folder });
  const run = await newFolder();
  await writeFile(join(run, "recipe.json"), "{}");
  await writeFolder(join(run, "model"), tinyModel());
  const { network, path, run: root } = await loadModel(run);
  expect([path, root]).toEqual([join(run, "model"), run]);
  expect(network).toEqual(tinyModel());
});

test("an .esp file is known by its first bytes too, whatever it is called", async () => {
  const root = await newFolder();
  await writeFile(join(root, "model"), await encodeEsp(tinyModel()));
  const { name, network } = await loadModel(join(root, "model"));
  expect(name).toBe("model");
  expect([...network.tensors.keys()]).toEqual([...tinyModel().tensors.keys()]);
  await writeFile(join(root, "short"), "\u0089");
  await expect(locateModel(join(root, "short"))).rejects.toMatchObject({ code: "model/foreign" });
});

test("what was left out of a model is told once, under the model's name", async () => {
  const folder = await written(tinyModel());
  const config: object = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, architectures: null }));
  const notes: unknown[] = [];
  const { network } = await loadModel(folder, { report: (event) => notes.push(event) });
  expect(network).toEqual(tinyModel());
  expect(notes).toEqual([
    { kind: "note", text: expect.stringMatching(/^tiny: config.json has no architectures/) },
  ]);
});

test("of a folder with an ONNX file in 8 bits alone it is told that the float32 weights are read", async () => {
  const folder = await written(tinyModel());
  const notes: unknown[] = [];
  const load = () => loadModel(folder, { report: (event) => notes.push(event) });
  await mkdir(join(folder, "onnx"));
  await writeFile(join(folder, "onnx", "model_quantized.onnx"), "");
  await load();
  const text = "tiny: its weights in float32 are read, not onnx/model_quantized.onnx";
  expect(notes).toEqual([{ kind: "note", text }]);
  await writeFile(join(folder, "onnx", "model.onnx"), "");
  await load();
  expect(notes).toHaveLength(1);
});

test("of a model that computes in 8 bits nothing is told, for its 8 bits are read", async () => {
  const network = withQuantized(tinyModel(), new Map([["bert.encoder.layer.0.attention.self.query", {}]]));
  const folder = await written(network);
  await mkdir(join(folder, "onnx"));
  await writeFile(join(folder, "onnx", "model_quantized.onnx"), "");
  const notes: unknown[] = [];
  const loaded = await loadModel(folder, { report: (event) => notes.push(event) });
  expect([loaded.network.config.quantized?.size, notes]).toEqual([1, []]);
});

test("what is no model is refused by what it is", async () => {
  const root = await newFolder();
  const refused = (ref: string, code: string) =>
    expect(locateModel(ref)).rejects.toThrow(expect.objectContaining({ code }));
  await refused(join(root, "nothing"), "model/missing");
  await refused(root, "model/foreign");
  await mkdir(join(root, "model"));
  await writeFile(join(root, "recipe.json"), "{}");
  await refused(root, "model/unfinished");
  await refused("hf:not a name", "hub/name");
});

test.each([
  ["sentence-transformers/all-MiniLM-L6-v2", "did you mean hf:sentence-transformers/all-MiniLM-L6-v2,"],
  ["BAAI/bge-small-en-v1.5", "did you mean hf:BAAI/bge-small-en-v1.5,"],
  ["bert-base-uncased", "did you mean hf:bert-base-uncased or hf:owner/bert-base-uncased,"],
  ["src/nothing", "of the Hugging Face hub is written hf:owner/name"],
  ["./runs/a", "of the Hugging Face hub is written hf:owner/name"],
  ["model.esp", "of the Hugging Face hub is written hf:owner/name"],
])(
  "who names the model %s, which is not there, is told how those of the hub are written",
  async (ref, says) => {
    await expect(locateModel(ref)).rejects.toMatchObject({
      code: "model/missing",
      message: expect.stringContaining(says),
    });
  },
);

test("a model is measured by its tensor files alone", async () => {
  const folder = await written(tinyModel());
  const { size } = await stat(join(folder, "model.safetensors"));
  const { raw, compressed } = await measureModel(folder);
  expect(raw).toBe(size);
  expect(compressed).toBeGreaterThan(0.5 * size);
  expect(compressed).toBeLessThan(size);
  await rm(join(folder, "model.safetensors"));
  await expect(measureModel(folder)).rejects.toThrow(expect.objectContaining({ code: "weights/missing" }));
});
