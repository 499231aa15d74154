import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { torchFile } from "../../test/support/torch-file.ts";
import { FormatError } from "../base/errors.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { eachTensor, parseIndex } from "./weights.ts";

const newFolder = () => mkdtemp(join(tmpdir(), "espalier-weights-"));

/** A file whose tensors each hold the first letter of their name, and `more`. */
async function writeLetters(folder: string, file: string, names: readonly string[], more = 0): Promise<void> {
  const tensors = names.map(
    (n) => [n, { dtype: "float32", shape: [1], data: Float32Array.of(n.charCodeAt(0) + more) }] as const,
  );
  const isPickled = file.endsWith(".bin");
  const bytes = isPickled ? torchFile(new Map(tensors)) : Buffer.concat(encodeSafetensors(new Map(tensors)));
  await writeFile(join(folder, file), bytes);
}

async function sharded(
  map: object,
  extra: readonly string[] = [],
  [index, extension] = ["model.safetensors.index.json", "safetensors"],
): Promise<string> {
  const folder = await newFolder();
  await writeLetters(folder, `model-1.${extension}`, ["a", "b", ...extra]);
  await writeLetters(folder, `model-2.${extension}`, ["c"]);
  await writeFile(join(folder, index), JSON.stringify({ weight_map: map }));
  return folder;
}

async function read(folder: string): Promise<Map<string, number[]>> {
  const tensors = new Map<string, number[]>();
  await eachTensor(folder, async (name, tensor) => {
    tensors.set(name, [...(await tensor.read()).data]);
  });
  return tensors;
}

const GOOD = { a: "model-1.safetensors", b: "model-1.safetensors", c: "model-2.safetensors" };

test("shards are read as one model", async () => {
  expect(await read(await sharded(GOOD))).toEqual(
    new Map([
      ["a", [97]],
      ["b", [98]],
      ["c", [99]],
    ]),
  );
});

const PICKLED = { a: "model-1.bin", b: "model-1.bin", c: "model-2.bin" };
const PICKLED_INDEX = ["pytorch_model.bin.index.json", "bin"] as const;

test("of several weight files that one is read which transformers reads, pickled ones last", async () => {
  const folder = await sharded(PICKLED, [], [...PICKLED_INDEX]);
  const first = async (): Promise<readonly number[] | undefined> => (await read(folder)).get("a");
  expect(await read(folder)).toEqual(await read(await sharded(GOOD)));
  await writeLetters(folder, "pytorch_model.bin", ["a"], 1);
  expect(await first()).toEqual([98]);
  await writeLetters(folder, "model-00001-of-00001.safetensors", ["a"], 2);
  const index = JSON.stringify({ weight_map: { a: "model-00001-of-00001.safetensors" } });
  await writeFile(join(folder, "model.safetensors.index.json"), index);
  expect(await first()).toEqual([99]);
  await writeLetters(folder, "model.safetensors", ["a"], 3);
  expect(await first()).toEqual([100]);
});

test("an index of pickled shards names files of that kind alone, and what it says is held", async () => {
  const mixed = read(await sharded({ ...PICKLED, c: "model-2.safetensors" }, [], [...PICKLED_INDEX]));
  await expect(mixed).rejects.toMatchObject({ code: "weights/shard-name" });
  const extra = read(await sharded(PICKLED, ["x"], [...PICKLED_INDEX]));
  await expect(extra).rejects.toMatchObject({ code: "weights/shard" });
});

test("an index and shards that disagree are refused, either way", async () => {
  const missing = read(await sharded({ ...GOOD, d: "model-2.safetensors" }));
  await expect(missing).rejects.toMatchObject({
    code: "weights/shard",
    message: expect.stringContaining("tensor d"),
  });
  const extra = read(await sharded(GOOD, ["x"]));
  await expect(extra).rejects.toMatchObject({
    code: "weights/shard",
    message: expect.stringContaining("got x"),
  });
  const absent = read(await sharded({ ...GOOD, d: "model-3.safetensors" }));
  await expect(absent).rejects.toMatchObject({ code: "file/missing" });
});

test.each([
  "../model.safetensors",
  "/etc/model.safetensors",
  "a/b.safetensors",
  "a\\b.safetensors",
  "..safetensors",
  ".safetensors",
  "a..safetensors",
  "model.bin",
  "model.safetensors\n",
  "",
  7,
])("an index that names the file %j is refused", (file) => {
  const parse = () => parseIndex({ weight_map: { a: file } }, "index");
  expect(parse).toThrow(FormatError);
  expect(parse).toThrow(expect.objectContaining({ code: "weights/shard-name" }));
});

test.each([null, [], {}, { weight_map: [] }])("an index of the form %j is refused", (json) => {
  expect(() => parseIndex(json, "index")).toThrow(expect.objectContaining({ code: "weights/index" }));
});
