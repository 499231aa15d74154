import { existsSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { newFolder, PRUNED_CONFIG, tinyModel, WORDS, written } from "../../test/support/tiny-model.ts";
import { floatTensor } from "../base/tensor.ts";
import { layerNames, weightOf } from "../bert/names.ts";
import { readFolder, writeFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { SPECIAL_PIECES } from "../text/rules.ts";
import { exportModel } from "./export.ts";
import { predict } from "./predict.ts";
import { shrink } from "./shrink.ts";

const TEXTS = ["a good film", "bad plot", "the film, bright film"];
const USED = ["good", "bad", "film", "plot", "bright", "a", "the"];

/** A tiny model whose first layer has a dead head, and whose second has no live neuron. */
function half(network: Network = tinyModel()): Network {
  const tensors = new Map(network.tensors);
  const zero = (name: string, from: number, to: number) => {
    const tensor = tensors.get(name);
    if (tensor) tensors.set(name, floatTensor(tensor.shape, tensor.data.slice().fill(0, from, to)));
  };
  zero(weightOf(layerNames(0).value), 8 * 16, 16 * 16);
  zero(weightOf(layerNames(1).output), 0, 16 * 24);
  return { ...network, tensors };
}

async function table(name: string, rows: readonly string[]): Promise<string> {
  const path = join(await newFolder(), name);
  const text = rows.join("\n");
  await writeFile(path, name.endsWith(".gz") ? gzipSync(text) : text);
  return path;
}

const labelled = () =>
  table("dev.csv", ["text,label", ...TEXTS.map((text, i) => `"${text}",${i % 2 ? "negative" : "positive"}`)]);

const isRefused = (work: Promise<unknown>, code: string) =>
  expect(work).rejects.toThrow(expect.objectContaining({ code }));

test("dead units leave the matrices: sizes before and after, outputs within 1e-5, the folder is a model", async () => {
  const [model, out] = [await written(half()), join(await newFolder(), "small")];
  const { before, after, difference, evaluation, ...rest } = await shrink({ model, out, threads: 1 });
  expect(rest).toEqual({ model: "tiny", path: out });
  expect(before).toMatchObject({ heads: 4, neurons: 48, modules: 4, pieces: 15 });
  expect(after).toMatchObject({ heads: 3, neurons: 24, modules: 3, pieces: 15 });
  const headSize = 8;
  const small = await readFolder(out);
  expect(small.config.layers).toEqual([
    { heads: 1, headSize, ffn: 24 },
    { heads: 2, headSize, ffn: 0 },
  ]);
  const gone = 8 * (4 * 16 + 3) + 24 * (2 * 16 + 1);
  expect(before.parameters.total - after.parameters.total).toBe(gone);
  expect(before.bytes.raw - after.bytes.raw).toBeGreaterThan(4 * gone - 200);
  expect(difference).toBeLessThan(1e-5);
  expect(evaluation).toBeNull();
});

test.each([
  ["a text file, line by line", () => table("texts.txt", TEXTS)],
  ["a text file in gzip", () => table("texts.txt.gz", TEXTS)],
  ["a table without labels", () => table("texts.tsv", ["text", ...TEXTS])],
  ["a table with labels", labelled],
])("only the pieces of %s stay, and its texts have the same answers", async (_, corpus) => {
  const [model, out] = [await written(tinyModel()), join(await newFolder(), "small")];
  const { after, difference } = await shrink({ model, out, vocabulary: [await corpus()], threads: 1 });
  expect((await readFolder(out)).vocabulary.vocab).toEqual([
    ...Object.values(SPECIAL_PIECES),
    ...WORDS.filter((word) => USED.includes(word)),
  ]);
  expect([after.pieces, after.parameters.embeddings]).toEqual([12, (12 + 24 + 2 + 2) * 16]);
  expect(difference).toBeLessThan(1e-5);
  const ask = { texts: TEXTS, threads: 1 };
  expect(await predict({ model: out, ...ask })).toEqual(await predict({ model, ...ask }));
});

test("several corpora decide which pieces stay, of pairs both texts; limit takes the first of each", async () => {
  const model = await written(tinyModel());
  const one = await table("pairs.csv", ["text,other", "good,film", "bad,bad"]);
  const two = await table("more.csv", ["text,other", "plot,very"]);
  const wordsAfter = async (limit?: number): Promise<string[]> => {
    const out = join(await newFolder(), "small");
    await shrink({ model, out, vocabulary: [one, two], textPair: "other", limit, threads: 1 });
    return (await readFolder(out)).vocabulary.vocab.slice(5);
  };
  expect(await wordsAfter()).toEqual(["good", "bad", "film", "plot", "very", "a"]);
  expect(await wordsAfter(1)).toEqual(["good", "film", "plot", "very", "a"]);
});

test("of the texts' pieces only those that occur so often stay", async () => {
  const [model, out] = [await written(tinyModel()), join(await newFolder(), "small")];
  const vocabulary = [await table("texts.txt", ["a good film", "a film, the plot"])];
  await shrink({ model, out, vocabulary, minCount: 2, threads: 1 });
  const { vocab } = (await readFolder(out)).vocabulary;
  expect(["film", "good", "plot"].map((piece) => vocab.includes(piece))).toEqual([true, false, false]);
});

test("with data both models are evaluated on it", async () => {
  const [model, out, data] = [await written(half()), join(await newFolder(), "small"), await labelled()];
  const { evaluation } = await shrink({ model, out, data, vocabulary: [data], threads: 1 });
  expect(evaluation?.before).toMatchObject({ model: "tiny", examples: 3, metric: "accuracy" });
  expect(evaluation?.after.metrics).toEqual(evaluation?.before.metrics);
  expect(evaluation?.recut).toBe(0);
  expect(evaluation?.after.loss).toBeCloseTo(evaluation?.before.loss ?? Number.NaN, 5);
});

test("examples that are cut into other pieces than before are counted", async () => {
  const [model, out, data] = [await written(tinyModel()), join(await newFolder(), "small"), await labelled()];
  const vocabulary = [await table("texts.txt", ["a good film, the plot"])];
  const { evaluation } = await shrink({ model, out, data, vocabulary, threads: 1 });
  expect(evaluation?.recut).toBe(2);
});

test("a masked language model is compared by what it says of the pieces that stay", async () => {
  const [model, out] = [await written(half(tinyModel({ kind: "mlm" }))), join(await newFolder(), "small")];
  const { difference, after } = await shrink({ model, out, vocabulary: [await labelled()], threads: 1 });
  expect(after.pieces).toBe(12);
  expect(difference).toBeLessThan(1e-5);
});

test("a shrunk model is exported as any other, within 1e-4", async () => {
  const [model, out] = [await written(half()), join(await newFolder(), "small")];
  await shrink({ model, out, threads: 1 });
  expect((await exportModel({ model: out, to: "safetensors" })).difference).toBeLessThan(1e-4);
  expect((await exportModel({ model: out, to: "onnx" })).difference).toBeLessThan(1e-4);
});

test.each([
  ["whole layers", tinyModel(), /^- Stock `transformers`: the layers are of one size\.$/m],
  ["pruned layers", tinyModel(undefined, PRUNED_CONFIG), /^ {4}espalier export small --to safetensors/m],
  ["a mixture", tinyModel({ kind: "regression", reader: "mixture" }), /Stock `transformers`, in any form/],
])("README.md of %s says what reads the folder and what does not", async (_, network, says) => {
  const [model, out] = [await written(network), join(await newFolder(), "small")];
  await shrink({ model, out, threads: 1 });
  const text = await readFile(join(out, "README.md"), "utf8");
  expect(text).toMatch(says);
  expect(text).toContain("espalier export small --to onnx --out small-onnx");
  expect(text).toMatch(/^# tiny, shrunk$/m);
});

test.each([
  ["labels of a text", tinyModel(), "espalier predict 'my small' \"a text\""],
  ["vectors", tinyModel({ kind: "none" }), "espalier embed 'my small' \"a text\""],
  ["masked pieces", tinyModel({ kind: "mlm" }), "espalier inspect 'my small'"],
])(
  "README.md of a model of %s has a command that works, a name with spaces in quotes",
  async (_, network, says) => {
    const out = join(await newFolder(), "my small");
    await shrink({ model: await written(network), out, threads: 1 });
    const text = await readFile(join(out, "README.md"), "utf8");
    expect(text).toContain(says);
    expect(text).toContain("espalier export 'my small' --to onnx --out 'my small-onnx'");
  },
);

test("a place with something in it is refused; with force a model is replaced, and nothing else", async () => {
  const model = await written(half());
  await isRefused(shrink({ model, out: model, force: true, threads: 1 }), "shrink/out");
  const link = join(await newFolder(), "link");
  await symlink(model, link);
  await isRefused(shrink({ model, out: link, force: true, threads: 1 }), "shrink/out");
  const [full, other] = [await newFolder(), await written(tinyModel())];
  await writeFile(join(full, "notes.txt"), "mine");
  await isRefused(shrink({ model, out: full, force: true, threads: 1 }), "shrink/exists");
  await isRefused(shrink({ model, out: other, threads: 1 }), "shrink/exists");
  await exportModel({ model: other, to: "onnx" });
  expect((await shrink({ model, out: other, force: true, threads: 1 })).after.heads).toBe(3);
  expect(existsSync(join(other, "onnx"))).toBe(false);
  const run = await newFolder();
  await mkdir(join(run, "model"));
  await writeFolder(join(run, "model"), half());
  await isRefused(shrink({ model: run, out: run, threads: 1 }), "shrink/out");
});

test("of a text file that is not UTF-8 the line is told, and a model that was to be replaced stays", async () => {
  const [model, out] = [await written(half()), await written(tinyModel())];
  await exportModel({ model: out, to: "onnx" });
  const latin = join(await newFolder(), "texts.txt");
  await writeFile(latin, Buffer.from("a good film\ncaf\u00e9\n", "latin1"));
  await isRefused(shrink({ model, out, vocabulary: [latin], force: true, threads: 1 }), "table/utf8");
  expect(existsSync(join(out, "onnx", "model.onnx"))).toBe(true);
});

test("a model without labels is not evaluated, and nothing is written", async () => {
  const [model, out] = [await written(tinyModel({ kind: "mlm" })), join(await newFolder(), "small")];
  await isRefused(shrink({ model, out, data: await labelled(), threads: 1 }), "model/head");
  expect(existsSync(out)).toBe(false);
});

test("a task without data or vocabulary is refused (options/rule)", async () => {
  await isRefused(shrink({ model: "m", out: "o", task: "sst2" }), "options/rule");
  await isRefused(shrink({ model: "m", out: "o", minCount: 2 }), "options/rule");
});
