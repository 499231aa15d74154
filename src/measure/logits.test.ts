import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { encodeInWindows } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { truthOf } from "../data/judging/judge.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { openTextModel } from "../runs/text-model.ts";
import { load } from "../runtime/load.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { judgeNetwork } from "./logits.ts";

const WORDS = "a very good film not bad plot dull bright the".split(" ");
const LONG = Array.from({ length: 30 }, (_, i) => WORDS[(i * i) % 10]).join(" ");

test("texts in windows are trained on by window and answered by the mean, in the program and packed", async () => {
  const network = tinyModel();
  const { labels } = { labels: ["negative", "positive"] };
  const examples = [LONG, "good", LONG.slice(20)].map((text, label) => ({
    text,
    label: label % 2,
    where: "made:1",
  }));
  const data: Dataset = { name: "made", task: "classification", labels, examples };
  const tokenizer = tokenizerOf(network);
  const set = encodeInWindows(data, tokenizer, { length: 10, stride: 3 });
  expect([...(set.starts ?? [])]).toEqual([0, 6, 7, 12]);
  expect(set.examples.map(({ labels: own }) => own[0])).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
  expect(truthOf(set)).toEqual({ labels: [0, 1, 0] });

  const measure = { task: "classification", metrics: ["accuracy"], primary: "accuracy" } as const;
  const { logits } = await judgeNetwork(network, { threads: 1, device: "cpu" }, set, measure);
  const each = { ...set, starts: undefined };
  const { starts: _, ...alone } = each;
  const single = await judgeNetwork(network, { threads: 1, device: "cpu" }, alone, measure);
  const mean = (c: number): number =>
    [0, 1, 2, 3, 4, 5].reduce((sum, row) => sum + (single.logits[2 * row + c] ?? 0), 0) / 6;
  expect(logits[0]).toBeCloseTo(mean(0), 5);
  expect(logits[1]).toBeCloseTo(mean(1), 5);

  const texts = examples.map(({ text }) => text);
  const ours = await openTextModel(network, { maxLength: 10, stride: 3, batchSize: 2 });
  const packed = await load(await encodeEsp(network, { values: "float32" }), {
    path: "sparse",
    maxLength: 10,
    stride: 3,
  });
  const said = await ours.classify(texts);
  const there = await packed.classify(texts);
  await ours.close();
  await packed.close();
  expect(said.map(({ tokens, cut }) => [tokens, cut])).toEqual([
    [32, 0],
    [3, 0],
    [expect.any(Number), 0],
  ]);
  said.forEach(({ scores }, i) => {
    const gap = (logits[2 * i + 1] ?? 0) - (logits[2 * i] ?? 0);
    expect(scores[1]).toBeCloseTo(1 / (1 + Math.exp(-gap)), 5);
    expect(there[i]?.scores[1]).toBeCloseTo(scores[1] ?? Number.NaN, 5);
  });
});

test("windows need labels or a score, in training those of whole texts (stride/task)", async () => {
  const network = tinyModel({ kind: "none" });
  await expect(openTextModel(network, { stride: 3 })).rejects.toThrow(
    "stride: expected a model with labels or a score, got a head for none",
  );
  const data: Dataset = { name: "made", task: "tokens", labels: ["O"], examples: [] };
  expect(() => encodeInWindows(data, tokenizerOf(network), { length: 9, stride: 3 })).toThrow(
    "stride: expected data with labels of whole texts, got tokens (made)",
  );
});
