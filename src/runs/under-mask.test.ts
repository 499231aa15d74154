import { existsSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { newFolder, TINY_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import { compress } from "../commands/compress.ts";
import { evaluate } from "../commands/evaluate.ts";
import { predict } from "../commands/predict.ts";
import { readFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { runPaths } from "./folder.ts";
import { load } from "./text-model.ts";

const TEXTS = ["a good film", "the plot not bad", "very dull"];

async function rows(label: (i: number) => string): Promise<string> {
  const path = join(await newFolder(), "train.csv");
  const lines = Array.from({ length: 60 }, (_, i) => `a ${i % 2 ? "good" : "bad"} film,${label(i)}`);
  await writeFile(path, `text,label\n${lines.join("\n")}\n`);
  return path;
}

/** The base; its product under two tasks, each with its run; the data of the first. */
interface Made {
  readonly base: string;
  readonly data: string;
  readonly sentiment: string;
  readonly rating: string;
}
let made: Made;

beforeAll(async () => {
  const base = await written(tinyModel({ kind: "mlm" }));
  const shared = {
    model: base,
    maxLength: 16,
    learningRate: 1e-2,
    threads: 1,
    latency: false,
    allowConstant: true,
  };
  const run = async (
    data: string,
    method: string,
    set: Readonly<Record<string, string>>,
  ): Promise<string> => {
    const out = join(await newFolder(), "run");
    await compress({ ...shared, data, out, method, set });
    return out;
  };
  const data = await rows((i) => (i % 2 ? "positive" : "negative"));
  const rating = await rows((i) => String(1.5 + (i % 2)));
  made = {
    base,
    data,
    sentiment: await run(data, "adapting-by-pruning", { sparsity: "0.3" }),
    rating: await run(rating, "adapting-by-pruning", { sparsity: "0.6", head: "pooler" }),
  };
}, 120_000);

async function refused(work: Promise<unknown>, code: string): Promise<void> {
  await expect(work).rejects.toThrow(expect.objectContaining({ code }));
}

test("a base under a run's mask file predicts what the run's own model predicts, bit for bit", async () => {
  const { base, sentiment } = made;
  const own = await predict({ model: sentiment, texts: TEXTS });
  const mask = runPaths(sentiment).mask;
  const under = await predict({ model: base, mask: [mask], texts: TEXTS });
  expect(own.masks).toEqual([]);
  const { masks: _, ...answers } = own;
  expect(answers.length).toBe(16);
  expect(under).toEqual({ ...answers, masks: [{ mask, ...answers }] });
});

test("of several masks each answers, in their order; the first is the answer of them all", async () => {
  const { base, sentiment, rating } = made;
  const result = await predict({ model: base, mask: [rating, sentiment], texts: TEXTS });
  const [first, second] = result.masks;
  expect(result.masks.map(({ mask }) => mask)).toEqual([rating, sentiment]);
  expect(first).toMatchObject(await withoutMasks(rating));
  expect(second).toMatchObject(await withoutMasks(sentiment));
  expect(result.predictions).toEqual(first?.predictions);
  expect(result.labels).toEqual([]);
  expect(second?.labels).toEqual(["negative", "positive"]);
});

async function withoutMasks(model: string): Promise<object> {
  const { labels, predictions } = await predict({ model, texts: TEXTS });
  return { labels, predictions };
}

test("evaluate and load take a mask too", async () => {
  const { base, data, sentiment } = made;
  const own = await evaluate({ model: sentiment, data });
  const under = await evaluate({ model: base, mask: sentiment, data });
  expect(under).toEqual({ ...own, model: "tiny", mask: sentiment, seconds: expect.any(Number) });
  expect(own.mask).toBeNull();
  const classifier = await load(base, { mask: sentiment });
  expect(await classifier.classify(TEXTS)).toEqual(
    (await predict({ model: sentiment, texts: TEXTS })).predictions,
  );
  await classifier.close();
});

test("a run's verdict says what its mask file costs, and where weights were trained there is none", async () => {
  const { base, data, sentiment } = made;
  const { verdict } = JSON.parse(await readFile(runPaths(sentiment).result, "utf8"));
  const { length } = await readFile(runPaths(sentiment).mask);
  expect(verdict.text).toContain(`As a mask of the pre-trained model: ${length.toLocaleString("en")} bytes`);
  const out = join(await newFolder(), "run");
  const options = { model: base, data, out, method: "finetune", maxLength: 16, threads: 1, latency: false };
  const result = await compress({ ...options, allowConstant: true });
  expect(existsSync(runPaths(out).mask)).toBe(false);
  expect(result.verdict.text).not.toContain("mask of");
  await refused(predict({ model: base, mask: [out], texts: TEXTS }), "mask/none");
});

/** The base with its first tensor changed in one place. */
async function other(base: string): Promise<Network> {
  const network = await readFolder(base);
  const tensors = new Map(network.tensors);
  const [[name, tensor] = []] = network.tensors;
  if (name === undefined || tensor === undefined) throw new Error("no tensors");
  tensors.set(name, { ...tensor, data: tensor.data.map((w, i) => (i === 9 ? w + 1 : w)) });
  return { ...network, tensors };
}

test("another base, a base of another shape and what is no mask file are refused by name", async () => {
  const { base, sentiment } = made;
  const under = (model: string, mask: string) => predict({ model, mask: [mask], texts: TEXTS });
  await refused(under(await written(await other(base)), sentiment), "mask/base");
  const layer = { heads: 2, headSize: 8, ffn: 24 };
  const wide = tinyModel({ kind: "none" }, { ...TINY_CONFIG, layers: [layer, layer, layer] });
  await refused(under(await written(wide), sentiment), "mask/shape");
  await refused(under(base, join(base, "config.json")), "gzip/foreign");
  await refused(under(base, join(base, "nothing.mask")), "file/missing");
  await refused(under(base, base), "mask/none");
  const cut = join(await newFolder(), "cut.mask");
  await copyFile(runPaths(sentiment).mask, cut);
  await writeFile(cut, (await readFile(cut)).subarray(0, -1));
  await refused(under(base, cut), "gzip/damaged");
  await refused(predict({ model: base, texts: TEXTS }), "model/head");
});
