import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { ownTemplates, ruledModel } from "../../test/support/ruled-model.ts";
import { newFolder, PRUNED_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import { floatTensor } from "../base/tensor.ts";
import { type Head, isStock } from "../bert/config.ts";
import { EMBEDDINGS, layerNames, weightOf } from "../bert/names.ts";
import { readFolder, writeFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { decodeModel } from "../onnx/decode.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { espFigures } from "../sparse/esp/figures.ts";
import type { TokenizerRules } from "../text/rules.ts";
import { exportModel } from "./export.ts";
import { inspect } from "./inspect.ts";
import { predict } from "./predict.ts";

const HEADS: readonly Head[] = [
  { kind: "classification", labels: ["negative", "positive"] },
  { kind: "regression" },
  { kind: "regression", reader: "mixture" },
  { kind: "multi-label", labels: ["a", "b", "c"] },
  { kind: "tokens", labels: ["O", "B-X", "I-X"] },
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

test.each([
  ["onnx", undefined, 17, 8],
  ["onnx", "20", 20, 9],
  ["onnx", 18, 18, 8],
  ["onnx-int8", undefined, 17, 8],
  ["onnx-int8", "19", 19, 9],
] as const)("%s with opset %s is a file of opset %i and IR version %i", async (to, opset, version, ir) => {
  const model = await written(tinyModel());
  const { path, difference } = await exportModel({ model, to, ...(opset === undefined ? {} : { opset }) });
  const { opsets, irVersion } = decodeModel(await readFile(path));
  expect([opsets, irVersion]).toEqual([{ "": version }, ir]);
  expect(difference).toBeLessThan(to === "onnx" ? 1e-4 : 1);
});

test("an opset is refused where no ONNX file is written", async () => {
  const model = await written(tinyModel());
  for (const to of ["esp", "safetensors"] as const) {
    await expect(exportModel({ model, to, opset: "17" })).rejects.toMatchObject({ code: "options/rule" });
  }
});

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

test.each(["float32", "float16", "int8"] as const)(
  "a pruned model as .esp with %s values says how far its logits are off, and can be used like a folder",
  async (values) => {
    const model = await written(tinyModel(undefined, PRUNED_CONFIG));
    const { path, files, difference, bytes } = await exportModel({ model, to: "esp", values });
    expect([path, files]).toEqual([join(model, "model.esp"), ["model.esp"]]);
    expect(bytes.raw).toBe((await readFile(path)).length);
    expect(difference).toBeLessThan({ float32: 1e-5, float16: 1e-2, int8: 0.3 }[values]);
    const texts = ["good film", "a very dull plot"];
    const [whole, packed] = [await predict({ model, texts }), await predict({ model: path, texts })];
    const scores = ({ predictions }: typeof whole) => predictions.map(({ scores }) => scores);
    expect(scores(packed)).not.toEqual([]);
    if (values === "float32") expect(scores(packed)).toEqual(scores(whole));
    const again = join(await newFolder(), "again.esp");
    await exportModel({ model: path, to: "esp", values, out: again });
    expect(await readFile(again)).toEqual(await readFile(path));
    expect((await inspect({ model: path })).bytes).toEqual(bytes);
  },
);

test.each([
  ["4", "4x1"],
  ["2x1", "2x1"],
  ["1x4", "1x4"],
  ["4x4", "4x4"],
] as const)("blocks and tables of an .esp file are as asked for: %s", async (asked, block) => {
  const zeros = [...tinyModel().tensors].map(([name, { shape, data }]) => {
    const cut = name.includes("intermediate.dense.weight");
    return [name, floatTensor(shape, cut ? data.map((x, i) => (i % 5 === 0 ? x : 0)) : data)] as const;
  });
  const model = await written({ ...tinyModel(), tensors: new Map(zeros) });
  const { path } = await exportModel({ model, to: "esp", values: "int8", tables: "float16", block: asked });
  const { tensors } = await espFigures(new Uint8Array(await readFile(path)));
  const stored = new Map(tensors.map(({ name, storage }) => [name, storage]));
  expect(stored.get(weightOf(layerNames(0).intermediate))).toEqual({
    shape: [24, 16],
    values: "int8",
    block,
  });
  expect(stored.get(EMBEDDINGS.words)).toEqual({ shape: [15, 16], values: "float16" });
});

test("what is at a place of one's own is replaced only with force, what is in the model's folder always", async () => {
  const [model, folder] = [await written(tinyModel()), await newFolder()];
  const places = { onnx: "a.onnx", "onnx-int8": "web", safetensors: "stock", esp: "a.esp" } as const;
  for (const to of ["onnx", "onnx-int8", "safetensors", "esp"] as const) {
    const given = { model, to, out: join(folder, places[to]) };
    const { path, files } = await exportModel(given);
    const before = await stat(files.length > 1 ? join(path, files[0] ?? "") : path);
    await expect(exportModel(given)).rejects.toMatchObject({ code: "export/exists" });
    await exportModel({ ...given, force: true });
    const after = await stat(files.length > 1 ? join(path, files[0] ?? "") : path);
    expect(after.ino).not.toBe(before.ino);
  }
  // The other kind beside the first, as transformers.js wants them.
  const web = join(folder, "web");
  expect((await exportModel({ model, to: "onnx", out: web })).files[0]).toBe("onnx/model.onnx");
  await exportModel({ model, to: "onnx" });
  await exportModel({ model, to: "onnx" });
});

test("another model's folder is not written into without force, and into its own goes the file alone", async () => {
  const [model, other] = [await written(tinyModel()), await newFolder()];
  await exportModel({
    model: await written(tinyModel({ kind: "regression" })),
    to: "safetensors",
    out: other,
  });
  const weights = await readFile(join(other, "model.safetensors"));
  await expect(exportModel({ model, to: "onnx", out: other })).rejects.toMatchObject({
    code: "export/exists",
  });
  expect(await readFile(join(other, "model.safetensors"))).toEqual(weights);
  expect(await readdir(other)).not.toContain("onnx");
  await exportModel({ model, to: "onnx", out: other, force: true });
  expect(await readFile(join(other, "model.safetensors"))).toEqual(
    await readFile(join(model, "model.safetensors")),
  );
  // A key of its config.json that is not read stays where the folder is its own.
  const config = JSON.parse(await readFile(join(model, "config.json"), "utf8"));
  await writeFile(join(model, "config.json"), JSON.stringify({ ...config, our_team: "search" }));
  const { path } = await exportModel({ model, to: "onnx-int8", out: model });
  expect(path).toBe(join(model, "onnx", "model_quantized.onnx"));
  expect(await readFile(join(model, "config.json"), "utf8")).toContain("our_team");
});

test("with force another model's weights of any kind leave; without, they are refused", async () => {
  const model = await written(tinyModel());
  for (const to of ["safetensors", "onnx"] as const) {
    const other = await newFolder();
    await writeFile(join(other, "config.json"), "{}");
    await writeFile(join(other, "pytorch_model.bin"), "another's");
    await mkdir(join(other, "onnx"));
    await writeFile(join(other, "onnx", "model_quantized.onnx"), "another's");
    await expect(exportModel({ model, to, out: other })).rejects.toMatchObject({ code: "export/exists" });
    await exportModel({ model, to, out: other, force: true });
    expect(await readdir(other)).not.toContain("pytorch_model.bin");
    expect(existsSync(join(other, "onnx", "model_quantized.onnx"))).toBe(false);
    expect(existsSync(join(other, "onnx", "model.onnx"))).toBe(to === "onnx");
  }
});

test("exports that cannot be are refused by name", async () => {
  const refused = (work: Promise<unknown>, code: string) =>
    expect(work).rejects.toThrow(expect.objectContaining({ code }));
  await refused(exportModel({ model: "hf:google/any", to: "onnx" }), "export/out");
  await refused(exportModel({ model: "embedded", to: "onnx" }), "export/out");
  await refused(exportModel({ model: "embedded", to: "onnx", values: "int8" }), "options/rule");
  const out = join(await newFolder(), "a.esp");
  await exportModel({ model: await written(tinyModel()), to: "esp", out });
  await refused(exportModel({ model: out, to: "onnx" }), "export/out");
  await writeFile(out, "not a model");
  await refused(predict({ model: out, texts: ["a"] }), "esp/magic");
  const network = tinyModel();
  const withBias = (name: string, size: number, value: number) =>
    written({
      ...network,
      tensors: new Map(network.tensors).set(name, floatTensor([size], new Float32Array(size).fill(value))),
    });
  await refused(
    exportModel({ model: await withBias("classifier.bias", 2, Number.NaN), to: "onnx" }),
    "folder/finite",
  );
  const unsure = await withBias("bert.embeddings.LayerNorm.weight", 16, 3e38);
  await refused(exportModel({ model: unsure, to: "onnx" }), "folder/overflow");
  const overflowing = await written({
    ...network,
    tensors: new Map(network.tensors).set(
      "classifier.weight",
      floatTensor([2, 16], new Float32Array(32).fill(3e38)),
    ),
  });
  await refused(exportModel({ model: overflowing, to: "onnx" }), "export/finite");
  const mixing = await written(tinyModel({ kind: "regression", reader: "mixture" }));
  await refused(exportModel({ model: mixing, to: "safetensors" }), "stock/reader");
});

test("added tokens and templates survive export to safetensors and esp", async () => {
  const network = ruledModel(ownTemplates);
  const model = await written(network);
  expect((await readFolder(model)).vocabulary).toEqual(network.vocabulary);
  const stock = await exportModel({ model, to: "safetensors" });
  expect(stock.files).not.toContain("vocab.txt");
  expect((await readFolder(stock.path)).vocabulary).toEqual(network.vocabulary);
  const texts = ["a [E1] covfefe film", "very good"];
  const before = await predict({ model, texts });
  const { path } = await exportModel({ model, to: "esp", values: "float32", tables: "float32" });
  expect((await predict({ model: path, texts })).predictions).toEqual(before.predictions);
});

test("files of an earlier tokenizer in the folder do not stay beside another one's", async () => {
  const folder = await written(tinyModel());
  await writeFile(join(folder, "added_tokens.json"), '{"x": 15}');
  await writeFolder(folder, ruledModel(ownTemplates));
  expect(existsSync(join(folder, "vocab.txt")) || existsSync(join(folder, "added_tokens.json"))).toBe(false);
});

/** No token has to be a word of its own. */
function anywhere({ added }: TokenizerRules): Pick<TokenizerRules, "added"> {
  return { added: added.map((token) => ({ ...token, singleWord: false })) };
}

const UNLIKE: readonly (readonly [string, Network])[] = [
  ["single_word", ruledModel()],
  ["post_processor", ruledModel((rules) => ({ ...ownTemplates(rules), ...anywhere(rules) }))],
  [
    "normalized",
    ruledModel((rules) => ({
      added: anywhere(rules).added.map((token) => ({ ...token, normalized: false })),
    })),
  ],
];
test.each(UNLIKE)(
  "an ONNX folder is refused for %s, which transformers.js reads otherwise",
  async (key, network) => {
    const model = await written(network);
    const failure = { code: "export/tokenizer", message: expect.stringContaining(key) };
    await expect(exportModel({ model, to: "onnx", out: await newFolder() })).rejects.toMatchObject(failure);
    expect((await exportModel({ model, to: "onnx" })).files).toEqual(["model.onnx"]);
  },
);

test.each(["onnx", "onnx-int8", "safetensors", "esp"] as const)(
  "as %s a model goes to no place of another kind, nor among files that are no model's",
  async (to) => {
    const root = await newFolder();
    const model = await written(tinyModel());
    const refused = (out: string, code: string, force = false) =>
      expect(exportModel({ model, to, out, force })).rejects.toMatchObject({ name: "ConfigError", code });
    const file = join(root, "notes.txt");
    await writeFile(file, "mine");
    for (const force of [false, true]) {
      await refused(join(file, "inside"), "place/kind", force);
      if (to === "esp") await refused(root, "place/kind", force);
      else await refused(file, "place/kind", force);
    }
    if (to !== "esp") await refused(root, "export/exists");
    expect(await readdir(root)).toEqual(["notes.txt"]);
    expect(await readFile(file, "utf8")).toBe("mine");
    if (to !== "esp") await exportModel({ model, to, out: root, force: true });
    await exportModel({ model, to, out: join(root, "new") });
  },
);

test.each([
  [{ kind: "mlm" }, "and this is a masked language model"],
  [
    { kind: "none", pooling: null },
    "and this is an encoder without a head, whose way to make vectors is not",
  ],
  [{ kind: "none" }, "does not say how it makes vectors (no modules.json): mean, normalized"],
  [{ kind: "none", pooling: { mode: "cls", normalize: true } }, undefined],
  [{ kind: "regression" }, undefined],
  [{ kind: "multi-label", labels: ["a", "b"] }, undefined],
  [{ kind: "tokens", labels: ["O", "B-X"] }, undefined],
] satisfies [Head, string | undefined][])(
  "a packed file of %j has a note if the runtime does not load it, or has to assume something",
  async (head, said) => {
    const notes: string[] = [];
    const report = (event: ProgressEvent) => event.kind === "note" && notes.push(event.text);
    await exportModel({ model: await written(tinyModel(head)), to: "esp" }, { report });
    expect(notes).toEqual(said === undefined ? [] : [expect.stringContaining(said)]);
  },
);

test("exports of a sentence encoder say how its vectors are made, and are compared by them", async () => {
  const pooling = { mode: "max", normalize: true } as const;
  const model = await written(tinyModel({ kind: "none", pooling }, PRUNED_CONFIG));
  const packed = await exportModel({ model, to: "esp", values: "int8" });
  // Numbers of a vector of length 1, where the states themselves are off by more.
  expect(packed.difference).toBeGreaterThan(1e-5);
  expect(packed.difference).toBeLessThan(0.1);
  const out = join(await newFolder(), "stock");
  const stock = await exportModel({ model, to: "safetensors", out });
  expect(stock.files).toEqual(expect.arrayContaining(["modules.json", "1_Pooling/config.json"]));
  for (const path of [packed.path, out])
    expect((await inspect({ model: path })).head).toBe("none; vectors: max, normalized");
});
