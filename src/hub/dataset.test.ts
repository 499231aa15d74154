import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { commitOf, type DataHub, dataHub, type HubFiles } from "../../test/support/hub.ts";
import { openDataset } from "./dataset.ts";
import type { HubFile } from "./listing.ts";
import { parseDatasetName } from "./name.ts";
import type { HubOptions } from "./repository.ts";
import { chooseConfig, splitFor, splitsOf } from "./splits.ts";

let hub: DataHub | undefined;
afterEach(() => hub?.close());

/** A hub with these files, and how to ask it; the content of a file is its path. */
async function hubWith(main: readonly string[], converted?: readonly string[]): Promise<HubOptions> {
  const filesOf = (paths: readonly string[]): HubFiles =>
    Object.fromEntries(paths.map((path) => [path, Buffer.from(path)]));
  hub = await dataHub("owner/name", filesOf(main), converted && filesOf(converted));
  const cache = await mkdtemp(join(tmpdir(), "espalier-datasets-"));
  return { cache, hubUrl: hub.url, pause: 1, attempts: 1, token: "" };
}

test("the splits of a repository come one by one, in order, and once", async () => {
  const parts = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
  const options = await hubWith([
    "README.md",
    ...parts.toReversed(),
    "data/validation-00000-of-00001.parquet",
  ]);
  const seen: string[] = [];
  const set = await openDataset("hf:owner/name", { ...options, onProgress: ({ file }) => seen.push(file) });
  const train = await set.training();
  expect(train).toMatchObject({ name: "owner/name/train", role: "train", notes: [] });
  const folder = join(options.cache ?? "", "@datasets", "owner--name", commitOf("main"));
  expect(train.files).toEqual(parts.map((path) => join(folder, path)));
  expect(await Promise.all(train.files.map((path) => readFile(path, "utf8")))).toEqual(parts);
  expect([...new Set(seen)]).toEqual(parts);
  const asked = hub?.asked.length;
  const again = await openDataset("hf:owner/name", { ...options, offline: true });
  expect(await again.training()).toEqual(train);
  expect(hub?.asked.length).toBe(asked);
  await expect(again.judging()).rejects.toMatchObject({ code: "hub/offline" });
  expect((await set.judging())?.name).toBe("owner/name/validation");
});

test("without Parquet of its own a data set is what the hub made of it, but no named revision is", async () => {
  const options = await hubWith(
    ["train.csv", "vectors.parquet"],
    ["a/partial-train/0000.parquet", "a/test/0000.parquet", "b/train/0000.parquet"],
  );
  const set = await openDataset("hf:owner/name/a", options);
  const [train, judge] = [await set.training(), await set.judging()];
  expect([train.name, judge?.name, judge?.role]).toEqual(["owner/name/a/train", "owner/name/a/test", "test"]);
  expect(train.notes).toEqual(["owner/name/a: the hub has converted only the beginning of the split train"]);
  expect((await openDataset("hf:owner/name/a", { ...options, offline: true })).name).toBe("owner/name/a");
  const named = openDataset("hf:owner/name@main", options);
  await expect(named).rejects.toMatchObject({
    code: "hub/no-parquet",
    message: expect.stringContaining("vectors"),
  });
  const open = openDataset("hf:owner/name", options);
  await expect(open).rejects.toMatchObject({
    code: "hub/config",
    message: expect.stringContaining("one of a, b"),
  });
});

test.each([
  [["data/0000.parquet", "data/0001.parquet"], "data"],
  [["part-00000-of-00002.parquet", "part-00001-of-00002.parquet"], "part"],
])("numbered files whose names mean no split are read as the hub converts them: %s", async (paths, split) => {
  const options = await hubWith(paths, ["default/train/0000.parquet"]);
  const train = await (await openDataset("hf:owner/name", options)).training();
  expect([train.name, train.files.map((path) => basename(path))]).toEqual([
    "owner/name/train",
    ["0000.parquet"],
  ]);
  expect(train.files[0]).toContain(commitOf("refs/convert/parquet"));
  const named = await openDataset("hf:owner/name@main", options);
  await expect(named.training()).rejects.toMatchObject({
    code: "hub/no-split",
    message: expect.stringContaining(`got ${split}`),
  });
});

test("what is not there, or not whole, is named", async () => {
  const nothing = await hubWith(["train.csv"]);
  await expect(openDataset("hf:owner/name", nothing)).rejects.toMatchObject({ code: "hub/no-parquet" });
  await expect(openDataset("hf:owner/other", nothing)).rejects.toMatchObject({ code: "hub/not-found" });
  await expect(openDataset("hf:owner/name", { ...nothing, offline: true })).rejects.toMatchObject({
    code: "hub/offline",
  });
  hub?.close();
  const half = await hubWith(["data/train-00001-of-00002.parquet"]);
  await expect(openDataset("hf:owner/name", half)).rejects.toMatchObject({ code: "hub/no-shard" });
  hub?.close();
  for (const path of ["../train-00000-of-00002.parquet", "data/train part 1.parquet"]) {
    const odd = await hubWith(["data/train-00001-of-00002.parquet", path]);
    await expect(openDataset("hf:owner/name", odd)).rejects.toMatchObject({
      code: "hub/file-name",
      message: expect.stringContaining(`got ${JSON.stringify(path)}; download`),
    });
    hub?.close();
  }
  const test = await openDataset("hf:owner/name", await hubWith(["test.parquet"]));
  await expect(test.training()).rejects.toMatchObject({
    code: "hub/no-split",
    message: expect.stringContaining("got test"),
  });
});

function file(path: string): HubFile {
  return { path, size: 1, digest: { kind: "sha256", hex: "" } };
}

/** `configuration: split=files …` for each configuration. */
function told(...paths: string[]): string[] {
  return [...splitsOf(paths.map(file), "owner/name")].map(
    ([config, splits]) =>
      `${config}: ${splits.map(({ name, files }) => `${name}=${files.map(({ path }) => basename(path)).join("+")}`).join(" ")}`,
  );
}

test.each([
  ["train.parquet", "default: train=train.parquet"],
  [
    "data/train-00000-of-00001-0123456789abcdef.parquet",
    "default: train=train-00000-of-00001-0123456789abcdef.parquet",
  ],
  ["sst2/train-00000-of-00001.parquet", "sst2: train=train-00000-of-00001.parquet"],
  [
    "mnli/validation_matched-00000-of-00001.parquet",
    "mnli: validation_matched=validation_matched-00000-of-00001.parquet",
  ],
  ["default/train/0000.parquet", "default: train=0000.parquet"],
  ["en/train/part-1.parquet", "en: train=part-1.parquet"],
  ["imdb-test.parquet", "default: test=imdb-test.parquet"],
  ["a/unsupervised/0000.parquet", "a: unsupervised=0000.parquet"],
])("%s is told from its path", (path, expected) => {
  expect(told(path)).toEqual([expected]);
});

test("paths that say no split, or two, are passed over", () => {
  expect(
    told("0000.parquet", "a/vectors.parquet", "train.csv", "train-test.parquet", "constrained.parquet"),
  ).toEqual([]);
});

test("parts of two uploads are not joined", () => {
  const upload = (hash: string) => `data/train-00000-of-00001-${hash.repeat(16)}.parquet`;
  expect(() => told(upload("a"), upload("b"))).toThrow(expect.objectContaining({ code: "hub/two-shards" }));
});

test("a split is chosen by its role, one of several by its name, and a default configuration by its", () => {
  const paths = [
    "default/val.parquet",
    "default/test_b.parquet",
    "default/test_a.parquet",
    "x/train.parquet",
  ];
  const all = splitsOf(
    [...paths, "default/test_a-00000-of-00001.parquet", "default/test_b-00000-of-00001.parquet"].map(file),
    "owner/name",
  );
  expect(chooseConfig(all, undefined, "owner/name")).toBe("default");
  const splits = all.get("default") ?? [];
  expect(splitFor(splits, "train")).toBeUndefined();
  expect(splitFor(splits, "validation")).toMatchObject({ name: "val", others: [] });
  expect(
    splitFor(
      splits.filter(({ name }) => name.includes("_")),
      "test",
    ),
  ).toMatchObject({ name: "test_a", others: ["test_b"] });
});

test.each([
  ["hf:glue", { repo: "glue" }],
  ["hf:nyu-mll/glue/sst2", { repo: "nyu-mll/glue", config: "sst2" }],
  [
    "hf:owner/name/20231101.zh-min@refs/pr/1",
    { repo: "owner/name", config: "20231101.zh-min", revision: "refs/pr/1" },
  ],
])("%s is a data set", (text, expected) => {
  expect(parseDatasetName(text)).toEqual(expected);
});

test.each([
  "hf:",
  "owner/name",
  "hf:a/b/c/d",
  "hf:a/b/..",
  "hf:a/b/.x",
  "hf:a/b/c d",
  "hf:a--b/c",
  "hf:a/b@x@y",
  "hf:a/b/",
])("%s is no data set", (text) => {
  expect(() => parseDatasetName(text)).toThrow(expect.objectContaining({ code: "hub/name" }));
});
