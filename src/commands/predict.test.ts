import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { TINY_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import { softmax } from "../base/statistics.ts";
import { Engine } from "../engine/engine.ts";
import { openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { type LoadOptions, load, openTextModel } from "../runs/text-model.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { predict, predictLines } from "./predict.ts";

/** Logits of one text at a time, without batches or padding. */
async function alone(network: Network, texts: readonly [string, string?][]): Promise<Float32Array[]> {
  const engine = new Engine({ threads: 1 });
  const { logits } = await openNetwork(engine, network);
  const tokenizer = createTokenizer(network.vocabulary);
  const out: Float32Array[] = [];
  for (const [text, pair] of texts) {
    const { ids, types } = tokenizer.encode(text, pair, 24);
    const mask = new Float32Array(ids.length).fill(1);
    out.push(await logits({ size: 1, length: ids.length, ids, types, mask }));
  }
  await engine.close();
  return out;
}

test("predictions come in the order of the texts, each as if it were alone, within 1e-6", async () => {
  const network = tinyModel();
  const model = await written(network);
  const texts = [
    "good film",
    "a very dull plot not bright not good",
    "bad",
    ["the film", "the plot bad"],
  ] as const;
  const { labels, predictions } = await predict({ model, texts, batchSize: 3 });
  expect(labels).toEqual(["negative", "positive"]);
  expect(predictions.map(({ text, pair }) => [text, pair])).toEqual([
    ["good film", null],
    ["a very dull plot not bright not good", null],
    ["bad", null],
    ["the film", "the plot bad"],
  ]);
  const expected = await alone(
    network,
    texts.map((text): [string, string?] => (typeof text === "string" ? [text] : [...text])),
  );
  predictions.forEach(({ label, score, scores }, i) => {
    const probabilities = softmax(expected[i] ?? new Float32Array(0));
    scores.forEach((p, c) => {
      expect(p).toBeCloseTo(probabilities[c] ?? Number.NaN, 6);
    });
    expect(score).toBe(Math.max(...scores));
    expect(label).toBe(labels[scores.indexOf(score)]);
  });
  expect(new Set(predictions.map(({ score }) => score)).size).toBe(4);
});

test("a regression gives its value and no label", async () => {
  const network = tinyModel({ kind: "regression" });
  const { labels, predictions } = await predict({ model: await written(network), texts: ["good film"] });
  const [value] = await alone(network, [["good film"]]);
  expect(labels).toEqual([]);
  expect(predictions).toEqual([
    {
      ...{ text: "good film", pair: null, tokens: 4, cut: 0 },
      ...{ label: null, score: expect.closeTo(value?.[0] ?? 0, 6), labels: [], scores: [] },
    },
  ]);
});

test("a text longer than the model takes is cut to what it takes", async () => {
  const long = Array.from({ length: 60 }, () => "film").join(" ");
  const classifier = await openTextModel(tinyModel());
  const [all, cut] = await classifier.classify([long, Array.from({ length: 22 }, () => "film").join(" ")]);
  await classifier.close();
  expect(all?.score).toBe(cut?.score);
});

test("wrong calls are refused by name", async () => {
  const model = await written(tinyModel());
  const refused = (work: Promise<unknown>, code: string) =>
    expect(work).rejects.toThrow(expect.objectContaining({ code }));
  await refused(predictLines({ model, texts: ["a\tb\tc"] }), "predict/tabs");
  await refused(load(await written(tinyModel({ kind: "mlm" }))), "model/head");
  await refused(load(await written(tinyModel({ kind: "none", pooling: null }))), "model/head");
  const encoder = await written(tinyModel({ kind: "none" }));
  await refused(predict({ model: encoder, texts: ["a"] }), "model/head");
  await expect(predict({ model: encoder, texts: ["a"] })).rejects.toThrow(/; embed gives its vectors$/);
  const classifier = await load(model);
  expect(classifier.labels).toEqual(["negative", "positive"]);
  await refused(classifier.classify([]), "predict/none");
  await classifier.close();
  const mistyped: { threads?: number } = JSON.parse('{ "threds": 2 }');
  const hint = 'load: expected a known option, got "threds"; did you mean "threads"?';
  await expect(load(model, mistyped)).rejects.toThrow(hint);
  await refused(load(model, { threads: 1000 }), "options/value");
});

test.each([
  [undefined, {}, /^model: expected a folder, a run, .* or embedded, got undefined$/],
  ["", {}, /got ""$/],
  [new URL("file:///runs/a"), {}, /got a value of class URL$/],
  ["file:///runs/a", {}, /got nothing \(file:\/\/\/runs\/a\); of a file URL, fileURLToPath/],
  ["runs/a", null, "load: expected options by name, got null"],
  ["runs/a", 7, "load: expected options by name, got 7"],
  ["runs/a", { threads: "2" }, 'threads: expected an integer from 1 to 256, got "2"'],
])("load refuses a model or options that are none: %o, %o", async (...[ref, options, message]) => {
  // A program without types may hand over anything.
  const error: unknown = await load(ref as string, options as LoadOptions).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: expect.stringMatching(/^(options|model)\//) });
  expect(error instanceof Error ? error.message : "").toMatch(message);
});

test("a model that is closed says so, after and while it answers", async () => {
  const classifier = await load(await written(tinyModel()), { batchSize: 1 });
  const meanwhile = classifier.classify(["good film", "bad film"]).catch((error: unknown) => error);
  await classifier.close();
  const closed = { code: "model/closed", message: "model: expected an open one, got one that was closed" };
  expect(await meanwhile).toMatchObject(closed);
  await expect(classifier.classify(["good film"])).rejects.toMatchObject(closed);
});

test("a program that loads a model with more threads than cores is told, as a command is", async () => {
  const notes: string[] = [];
  const report = (event: ProgressEvent) => event.kind === "note" && notes.push(event.text);
  const cores = availableParallelism();
  const classifier = await load(await written(tinyModel()), { threads: 256 }, { report });
  await classifier.close();
  expect(notes).toEqual([`threads: 256 were asked for, ${cores} are used, one for each core`]);
});

test("a pair is refused by a model of one token type before anything runs", async () => {
  const model = await written(tinyModel(undefined, { ...TINY_CONFIG, typeVocab: 1 }));
  expect((await predict({ model, texts: ["good film"] })).predictions).toHaveLength(1);
  await expect(predict({ model, texts: [["good film", "bad plot"]] })).rejects.toMatchObject({
    code: "encode/types",
    message: expect.stringContaining("type_vocab_size 1"),
  });
});

test("a typed line with a tab is a pair, a program's is one text, as load has it; its pairs are lists", async () => {
  const model = await written(tinyModel());
  const read = async (work: ReturnType<typeof predict>) =>
    (await work).predictions.map(({ text, pair }) => [text, pair]);
  expect(await read(predictLines({ model, texts: ["good\tbad", "film"] }))).toEqual([
    ["good", "bad"],
    ["film", null],
  ]);
  const texts = ["good\tbad", "a\tb\tc", ["good", "bad"]] as const;
  const expected = [
    ["good\tbad", null],
    ["a\tb\tc", null],
    ["good", "bad"],
  ];
  expect(await read(predict({ model, texts }))).toEqual(expected);
  const classifier = await load(model);
  const said = await classifier.classify(texts);
  await classifier.close();
  expect(said.map(({ text, pair }) => [text, pair])).toEqual(expected);
  const three: ["a", "b"] = JSON.parse('["a", "b", "c"]');
  await expect(predict({ model, texts: [three] })).rejects.toThrow(
    'texts: expected one text or more, each a text or [text, pair], got [["a","b","c"]]',
  );
});

test("several labels of a text, and entities of its tokens; a tab is white space to tokens", async () => {
  const several = await written(tinyModel({ kind: "multi-label", labels: ["a", "b", "c", "d"] }));
  const { task, predictions } = await predict({ model: several, texts: ["good film", ["bad", "plot"]] });
  expect(task).toBe("multi-label");
  for (const { labels, scores } of predictions) {
    expect(labels).toEqual(["a", "b", "c", "d"].filter((_, i) => (scores[i] ?? 0) >= 0.5));
  }
  const model = await written(tinyModel({ kind: "tokens", labels: ["O", "B-X", "I-X"] }));
  const texts = ["a very dull\tplot", "bright\tgood\tfilm"];
  const said = await predictLines({ model, texts });
  await expect(predict({ model, texts: [["a", "b"]] })).rejects.toMatchObject({ code: "texts/kind" });
  expect([said.task, said.predictions, said.tagged.map(({ text }) => text)]).toEqual(["tokens", [], texts]);
  const each = await predict({ model, texts, aggregation: "none" });
  for (const { text, entities } of [...said.tagged, ...each.tagged]) {
    for (const { start, end, text: own } of entities) expect(text.slice(start, end)).toBe(own);
  }
  expect(each.tagged.flatMap(({ entities }) => entities).length).toBeGreaterThan(1);
  await expect(predict({ model: several, texts, aggregation: "max" })).rejects.toMatchObject({
    code: "predict/aggregation",
  });
});

test.each([{ text: "review" }, { textPair: "other" }, { quotes: "text" }, { force: true }] as const)(
  "options/rule: %o is of a file, and there is none",
  async (given) => {
    await expect(predict({ model: "any", texts: ["a film"], ...given })).rejects.toMatchObject({
      code: "options/rule",
      message: expect.stringContaining(`data: expected a file beside ${Object.keys(given)[0]}, got none`),
    });
  },
);
