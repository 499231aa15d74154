import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import type { AugmentOptions } from "../options/training.ts";
import { readData } from "../runs/data.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { readRecipe } from "../runs/recipe.ts";
import { augment } from "./augment.ts";
import { compress } from "./compress.ts";

const ROWS = [
  ["good film good plot", "bright film bright plot", "yes"],
  ["a dull plot", "the film", "no"],
  ["very bad film", "good film good plot", "no"],
];

let given: Omit<AugmentOptions, "out">;
let folder: string;

beforeAll(async () => {
  folder = await newFolder();
  const data = join(folder, "train.tsv");
  await writeFile(data, ["text\tother\tlabel", ...ROWS.map((row) => row.join("\t"))].join("\n"));
  const model = await written(tinyModel({ kind: "mlm" }));
  given = { model, data, textPair: "other", maxLength: 24, threads: 1 };
});

async function lines(path: string): Promise<Record<string, string>[]> {
  return (await readFile(path, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const isRefused = (work: Promise<unknown>, code: string) =>
  expect(work).rejects.toThrow(expect.objectContaining({ code }));

test("the file has every example and its copies, with the labels' names", async () => {
  const out = join(await newFolder(), "train.jsonl");
  const result = await augment({ ...given, out });
  const rows = await lines(out);
  expect(result).toMatchObject({ data: "train.tsv", path: out, examples: 3, texts: 5, proposed: 5 });
  expect(rows).toHaveLength(result.written);
  expect(rows[0]).toEqual({ text: ROWS[0]?.[0], text_pair: ROWS[0]?.[1], label: "yes" });
  for (const [text, pair, label] of ROWS) {
    expect(rows).toContainEqual({ text, text_pair: pair, label });
    const copies = rows.filter((row) => (row.text === text) !== (row.text_pair === pair));
    expect(copies.length).toBeGreaterThan(5);
    expect(new Set(copies.map((row) => row.label))).toEqual(new Set([label]));
  }
  expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(rows.length);
});

test("the same call gives the same bytes; another seed and fewer copies use what was found, and differ", async () => {
  const root = await newFolder();
  const names = ["a", "b", "c", "d"].map((name) => join(root, `${name}.jsonl`));
  const [a = "", b = "", c = "", d = ""] = names;
  expect((await augment({ ...given, out: a })).proposed).toBe(5);
  expect((await augment({ ...given, out: b })).proposed).toBe(0);
  expect((await augment({ ...given, out: c, seed: 1 })).proposed).toBe(0);
  expect((await augment({ ...given, out: d, copies: 2 })).proposed).toBe(0);
  const [first, second, third] = await Promise.all(names.map((name) => readFile(name, "utf8")));
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect((await lines(d)).length).toBeLessThanOrEqual(3 * 5);
  expect((await augment({ ...given, out: a, force: true, candidates: 3 })).proposed).toBe(5);
  expect((await readdir(root)).filter((name) => name.startsWith("candidates-"))).toHaveLength(2);
});

test("word vectors of a file are used, and a bad line is named", async () => {
  const glove = join(await newFolder(), "glove.txt");
  const one = join(dirname(glove), "one.tsv");
  await writeFile(one, "text\tlabel\nfilmic\tyes\nplots\tno\n");
  await writeFile(glove, "filmic 1 0\ncinematic 1 0.1\nplots 0 1\n");
  const out = join(dirname(glove), "out.jsonl");
  const network = tinyModel({ kind: "mlm" });
  // Two words of the vocabulary become the halves of "filmic" and "plots".
  const vocab = network.vocabulary.vocab.map((piece) => ({ very: "##ic", not: "##s" })[piece] ?? piece);
  const model = await written({ ...network, vocabulary: { ...network.vocabulary, vocab } });
  const options = { model, data: one, maxLength: 24, threads: 1, glove, candidates: 1, rate: 1 };
  await augment({ ...options, out });
  expect(await lines(out)).toContainEqual({ text: "cinematic", label: "yes" });
  await writeFile(glove, "filmic 1 0\ncinematic 1\n");
  await isRefused(augment({ ...options, out, force: true }), "glove/line");
});

test("progress is counted in texts, and a stopped call is resumed with what it has found", async () => {
  const root = await newFolder();
  const data = join(root, "many.tsv");
  const texts = Array.from({ length: 200 }, (_, i) => `${i} good film\t${i % 2}`);
  await writeFile(data, ["text\tlabel", ...texts].join("\n"));
  const options = { model: given.model, data, maxLength: 24, threads: 1, out: join(root, "many.jsonl") };
  const controller = new AbortController();
  const events: ProgressEvent[] = [];
  const report = (event: ProgressEvent): void => {
    events.push(event);
    if (event.kind === "count") controller.abort();
  };
  await isRefused(augment(options, { signal: controller.signal, report }), "augment/interrupted");
  const counts = events.filter((event) => event.kind === "count");
  expect(counts).toEqual([{ kind: "count", what: "texts", done: 128, total: 200 }]);
  expect((await augment(options)).proposed).toBe(72);
});

test("wrong calls are refused by name", async () => {
  const out = join(folder, "there.jsonl");
  await writeFile(out, "");
  await isRefused(augment({ ...given, out }), "augment/exists");
  await isRefused(augment({ ...given, out: join(folder, "out.tsv") }), "options/rule");
  await isRefused(augment({ ...given, tokens: true, out: join(folder, "new.jsonl") }), "options/rule");
  const other = { ...given, model: await written(tinyModel()), out: join(folder, "new.jsonl") };
  await isRefused(augment(other), "masked/head");
  await isRefused(augment({ ...given, maxLength: 25, out: join(folder, "new.jsonl") }), "options/maxLength");
});

test("training adds what it does not have yet, and judges by the same examples as before", async () => {
  const root = await newFolder();
  const out = join(root, "train.jsonl");
  const { written: total } = await augment({ ...given, out });
  const settings = { ...given, text: "text", label: "label", seed: 0, validation: given.data };
  const plain = await readData(settings);
  const more = await readData({ ...settings, augmented: out });
  expect(more.train.examples.slice(0, 3)).toEqual(plain.train.examples);
  expect(more.train.examples).toHaveLength(total);
  expect(more.dev).toEqual(plain.dev);
  expect(more.files).toEqual([...plain.files, out]);
  const limited = await readData({ ...settings, augmented: out, limit: 1 });
  expect(limited.train.examples).toHaveLength(total);
  expect(limited.dev.examples).toHaveLength(1);
  await isRefused(readData({ ...settings, validation: undefined, augmented: out }), "data/augmented");
});

test("of several labels the copies have the lists, and training reads them; labels of words are refused", async () => {
  const root = await newFolder();
  const [data, out, words] = ["several.jsonl", "copies.jsonl", "words.jsonl"].map((name) => join(root, name));
  if (data === undefined || out === undefined || words === undefined) throw new RangeError("three names");
  const rows = [["x", "y"], [], ["y"]].map((label, i) => ({
    text: `a good film ${"very ".repeat(i)}`,
    label,
  }));
  await writeFile(data, rows.map((row) => JSON.stringify(row)).join("\n"));
  const { written: total } = await augment({ model: given.model, data, multiLabel: true, copies: 2, out });
  const settings = { data, validation: data, multiLabel: true, seed: 0 };
  const { train } = await readData({ ...settings, augmented: out });
  expect(train.examples).toHaveLength(total);
  expect(new Set(train.examples.map(({ label }) => JSON.stringify(label)))).toEqual(
    new Set(["[0,1]", "[]", "[1]"]),
  );
  await writeFile(words, JSON.stringify({ tokens: ["a", "film"], labels: ["O", "B-X"] }));
  const tagged = { data: words, validation: words, tokens: true, label: "labels", seed: 0, augmented: out };
  await isRefused(readData(tagged), "data/augmented");
});

test("compress trains the smaller model on the file, and the model it fine-tunes first without it", async () => {
  const root = await newFolder();
  const [augmented, out] = [join(root, "train.jsonl"), join(root, "run")];
  await augment({ ...given, copies: 2, out: augmented });
  const quick = { epochs: 1, batchSize: 4, latency: false, allowConstant: true, validation: given.data };
  await compress({ ...given, ...quick, out, augmented, method: "truncate", set: { layers: "1" } });
  const recipes = [await readRecipe(join(out, "recipe.json"))];
  recipes.push(await readRecipe(join(out, "finetuned", "recipe.json")));
  expect(recipes.map(({ settings }) => settings.augmented)).toEqual([augmented, undefined]);
  expect(recipes.map(({ data }) => data.length)).toEqual([3, 2]);
});
