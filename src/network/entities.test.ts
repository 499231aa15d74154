import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import type { Head } from "../bert/config.ts";
import { tokenizerOf } from "./encoding.ts";
import { type Aggregation, tagTexts } from "./entities.ts";

const HEAD: Head = { kind: "tokens", labels: ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"] };

/** What is found in a text whose tokens have these labels, each with a probability of its own; [CLS] and [SEP] have the first. */
async function tag(text: string, labels: readonly string[], aggregation: Aggregation, head = HEAD) {
  const names = "labels" in head ? head.labels : [];
  const rows = ["O", ...labels, "O"].flatMap((label, i) =>
    names.map((name) => (name === label ? Math.log(4 * (i + 1)) : 0)),
  );
  const tokenizer = tokenizerOf(tinyModel());
  const answerer = { head, tokenizer, maxLength: 24, logits: async () => Float32Array.from(rows) };
  const [said] = await tagTexts(answerer, [text], { aggregation });
  return (said?.entities ?? []).map(({ label, text: own, start, end }) => [label, own, start, end]);
}

test("neighbours of one kind are one entity, unless B- begins another; loose I- begins one too", async () => {
  const labels = ["B-PER", "I-PER", "B-PER", "I-LOC", "O", "I-LOC"];
  expect(await tag("good bad film plot very dull", labels, "simple")).toEqual([
    ["PER", "good bad", 0, 8],
    ["PER", "film", 9, 13],
    ["LOC", "plot", 14, 18],
    ["LOC", "dull", 24, 28],
  ]);
  expect((await tag("good bad film plot very dull", labels, "none")).map(([label]) => label)).toEqual(
    labels.filter((label) => label !== "O"),
  );
});

test("labels without a place are kinds that go on; E- and S- end", async () => {
  const head: Head = { kind: "tokens", labels: ["O", "date-time", "S-X", "B-X", "E-X", "I-X"] };
  const labels = ["date-time", "date-time", "S-X", "B-X", "E-X", "I-X"];
  expect(await tag("good bad film plot very dull", labels, "first", head)).toEqual([
    ["date-time", "good bad", 0, 8],
    ["X", "film", 9, 13],
    ["X", "plot very", 14, 23],
    ["X", "dull", 24, 28],
  ]);
});
