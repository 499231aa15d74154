import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError } from "../base/errors.ts";
import { encodeSafetensors, readFloats } from "./safetensors.ts";
import { eachTensor, parseIndex } from "./weights.ts";

async function sharded(map: object, extra: readonly string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "espalier-weights-"));
  const shards: [string, string[]][] = [
    ["model-1.safetensors", ["a", "b", ...extra]],
    ["model-2.safetensors", ["c"]],
  ];
  for (const [file, names] of shards) {
    const tensors = names.map(
      (n) => [n, { dtype: "float32", shape: [1], data: Float32Array.of(n.charCodeAt(0)) }] as const,
    );
    await writeFile(join(folder, file), Buffer.concat(encodeSafetensors(new Map(tensors))));
  }
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  return folder;
}

async function read(folder: string): Promise<Map<string, number[]>> {
  const tensors = new Map<string, number[]>();
  await eachTensor(folder, async (name, entry, source) => {
    tensors.set(name, [...(await readFloats(source, name, entry)).data]);
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
