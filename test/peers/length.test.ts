/**
 * One length from training to every reader of the product.
 *
 * The model has 64 positions and says that texts are cut at 16; what tells the label lies behind the 20th word. So
 * whoever cuts elsewhere than the training did says something else.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { fold, keyOf, randint } from "../../src/base/random.ts";
import { compress } from "../../src/commands/compress.ts";
import { evaluate } from "../../src/commands/evaluate.ts";
import { exportModel } from "../../src/commands/export.ts";
import { finetune } from "../../src/commands/finetune.ts";
import { inspect } from "../../src/commands/inspect.ts";
import { predict } from "../../src/commands/predict.ts";
import { shrink } from "../../src/commands/shrink.ts";
import type { RunResult } from "../../src/measure/result.ts";
import { loadModel } from "../../src/runs/models.ts";
import type { ProgressEvent } from "../../src/runs/progress.ts";
import { load } from "../../src/runs/text-model.ts";
import { load as loadFile } from "../../src/runtime/load.ts";
import { transformersPieces } from "../support/formats.ts";
import { newFolder, TINY_CONFIG, tinyModel, written } from "../support/tiny-model.ts";

/** Tokens of the training: the texts have 28 words, so all of them fit. */
const LENGTH = 32;
const NEUTRAL = ["film", "plot", "very", "not", "a", "the"];

/** 22 words that say nothing, then six that say the label. */
function textOf(i: number): [text: string, label: string] {
  const key = fold(keyOf(4), `text ${i}`);
  const label = i % 2 === 0 ? "bad" : "good";
  const words = Array.from({ length: 22 }, (_, j) => NEUTRAL[randint(key, NEUTRAL.length, j)]);
  return [[...words, ...Array(6).fill(label)].join(" "), label];
}

async function csv(from: number, to: number): Promise<string> {
  const path = join(await newFolder(), "texts.csv");
  const lines = Array.from({ length: to - from }, (_, i) => textOf(from + i).join());
  await writeFile(path, `text,label\n${lines.join("\n")}\n`);
  return path;
}

interface Made {
  readonly model: string;
  readonly dev: string;
  readonly run: string;
  readonly result: RunResult;
  readonly settings: Parameters<typeof finetune>[0];
}
let made: Made;

const TEXTS = Array.from({ length: 6 }, (_, i) => textOf(200 + i)[0]);

beforeAll(async () => {
  const network = tinyModel({ kind: "none" }, { ...TINY_CONFIG, maxPositions: 64, initializerRange: 0.1 });
  const model = await written({ ...network, vocabulary: { ...network.vocabulary, maxLength: 16 } });
  const [data, dev, run] = [await csv(0, 120), await csv(120, 160), join(await newFolder(), "run")];
  const settings = {
    ...{ model, data, validation: dev, maxLength: LENGTH, epochs: 8, learningRate: 5e-3, batchSize: 16 },
    ...{ threads: 1, latency: false, allowConstant: true, out: run },
  };
  made = { model, dev, run, settings, result: await finetune(settings) };
}, 120_000);

test("evaluate and finetune agree, with and without --max-length; another length says otherwise", async () => {
  const { run, dev, result } = made;
  expect(result.length).toBe(LENGTH);
  expect(result.metric.after).toBe(1);
  const given = { model: run, data: dev, threads: 1 };
  for (const options of [given, { ...given, maxLength: LENGTH }]) {
    const judged = await evaluate(options);
    expect(judged).toMatchObject({ length: LENGTH, cut: 0 });
    expect(judged.metrics.accuracy).toBe(1);
  }
  const short = await evaluate({ ...given, maxLength: 16 });
  expect(short).toMatchObject({ length: 16, cut: 40 });
  expect(short.metrics.accuracy).toBeLessThan(0.8);
});

test("predict, load, the runtime, exports and stock tokenization read the same pieces and say the same", async () => {
  const { run } = made;
  const texts = [...TEXTS, `${TEXTS[0]} ${TEXTS[1]}`];
  const { length, predictions } = await predict({ model: run, texts, threads: 1 });
  expect(length).toBe(LENGTH);
  expect(predictions.map(({ tokens, cut }) => [tokens, cut])).toEqual([
    ...TEXTS.map(() => [30, 0]),
    [LENGTH, 26],
  ]);
  const said = predictions.map(({ label, tokens, cut }) => ({ label, tokens, cut }));
  const [classifier, runtime] = [await load(run), await loadFile(join(run, "model.esp"), { threads: 1 })];
  try {
    expect([classifier.maxLength, runtime.maxLength]).toEqual([LENGTH, LENGTH]);
    expect(await classifier.classify(texts)).toMatchObject(said);
    expect(await runtime.classify(texts)).toMatchObject(said);
  } finally {
    await classifier.close();
    await runtime.close();
  }
  for (const to of ["safetensors", "esp", "onnx"] as const) {
    const out = join(await newFolder(), to === "esp" ? "model.esp" : "model");
    await exportModel({ model: run, to, out, threads: 1 });
    expect((await predict({ model: out, texts, threads: 1 })).predictions).toMatchObject(said);
    if (to !== "onnx") continue;
    const pieces = await Promise.all(texts.map((text) => transformersPieces(out, text)));
    const counts = pieces.map((ids, i) => ids?.length ?? said[i]?.tokens);
    expect(counts).toEqual(said.map(({ tokens }) => tokens));
  }
});

test("shrink keeps the length, inspect says it, and a masked base has it from the mask", async () => {
  const { run, dev } = made;
  const out = join(await newFolder(), "small");
  const { evaluation } = await shrink({ model: run, out, data: dev, threads: 1 });
  expect(evaluation?.after).toMatchObject({ length: LENGTH, metrics: { accuracy: 1 } });
  expect(await inspect({ model: out })).toMatchObject({ maxLength: LENGTH, positions: 64, length: LENGTH });
  await expect(inspect({ model: out, maxLength: 65 })).rejects.toMatchObject({ code: "options/maxLength" });
});

test("compress takes the length of its teacher when none is typed, and its product has it", async () => {
  const { maxLength: _, ...settings } = made.settings;
  const out = join(await newFolder(), "run");
  const events: ProgressEvent[] = [];
  const given = { ...settings, finetuned: made.run, method: "theseus", set: { layers: "1" }, epochs: 1, out };
  const result = await compress(given, { report: (event) => events.push(event) });
  expect(result.length).toBe(LENGTH);
  expect(result.metric.before).toBe(1);
  expect((await loadModel(out)).network.vocabulary.maxLength).toBe(LENGTH);
  expect(events).toContainEqual({ kind: "note", text: expect.stringContaining(`cut at ${LENGTH} tokens`) });
});

test("without --max-length a model is trained at what it takes, with a note where that is less than 128", async () => {
  const { maxLength: _, ...settings } = made.settings;
  const out = join(await newFolder(), "run");
  const notes: string[] = [];
  const report = (event: ProgressEvent) => event.kind === "note" && notes.push(event.text);
  const result = await finetune({ ...settings, epochs: 1, out }, { report });
  expect(result.length).toBe(16);
  expect(notes).toContain("texts are cut at 16 tokens, all that the model takes; the default is 128");
  expect((await loadModel(out)).network.vocabulary.maxLength).toBe(16);
});

test("what is typed above the positions is refused by every command, by name", async () => {
  const { model, run, dev, settings } = made;
  const code = { code: "options/maxLength" };
  const out = join(await newFolder(), "run");
  await expect(finetune({ ...settings, out, maxLength: 65 })).rejects.toMatchObject(code);
  await expect(compress({ ...settings, method: "theseus", out, maxLength: 65 })).rejects.toMatchObject(code);
  await expect(evaluate({ model: run, data: dev, maxLength: 65 })).rejects.toMatchObject(code);
  await expect(predict({ model: run, texts: ["a"], maxLength: 65 })).rejects.toMatchObject(code);
  await expect(load(run, { maxLength: 65 })).rejects.toMatchObject(code);
  await expect(loadFile(join(run, "model.esp"), { maxLength: 65 })).rejects.toMatchObject(code);
  await expect(inspect({ model, maxLength: 65 })).rejects.toMatchObject(code);
});

test("a model with more than 512 positions reads them all, unless its files say less", async () => {
  const network = tinyModel(undefined, { ...TINY_CONFIG, maxPositions: 1024 });
  const text = "film ".repeat(601);
  const config = async (change: Readonly<Record<string, unknown>> | undefined, sentence?: unknown) => {
    const model = await written(network);
    const json = JSON.stringify({ do_lower_case: true, ...change });
    await writeFile(join(model, "tokenizer_config.json"), json);
    if (sentence) await writeFile(join(model, "sentence_bert_config.json"), JSON.stringify(sentence));
    return (await predict({ model, texts: [text], threads: 1 })).predictions[0];
  };
  const whole = { tokens: 603, cut: 0 };
  for (const none of [{}, { model_max_length: null }, { model_max_length: 1e30 }])
    expect(await config(none)).toMatchObject(whole);
  expect(await config({ model_max_length: 512 })).toMatchObject({ tokens: 512, cut: 91 });
  expect(await config({ model_max_length: 512 }, { max_seq_length: 256 })).toMatchObject({ tokens: 256 });
  const model = await written(network);
  const two = await Promise.all(
    [512, 1024].map((maxLength) => predict({ model, texts: [text], maxLength, threads: 1 })),
  );
  expect(two.map(({ predictions }) => predictions[0]?.tokens)).toEqual([512, 603]);
});
