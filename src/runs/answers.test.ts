import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import type { Dataset } from "../data/dataset.ts";
import { answersOf, answersText, readAnswers } from "./answers.ts";

const CLASSES: Dataset = {
  name: "reviews",
  task: "classification",
  labels: ["bad\n", "good"],
  examples: [
    { text: 'a "film"\u2028 <script>', label: 1, where: "a:1" },
    { text: "", pair: "مرحبا", label: 0, where: "a:2" },
  ],
};

const VALUES: Dataset = {
  name: "stars",
  task: "regression",
  labels: [],
  examples: [{ text: "good", label: 4.5, where: "a:1" }],
};

const EXACT = Float32Array.of(0.1, -1e-30, 1 / 3, 12345.678);

async function fileOf(text: string): Promise<string> {
  const path = join(await newFolder(), "answers.jsonl");
  await writeFile(path, text);
  return path;
}

test("what two models said is read back bit for bit, texts and labels as they were", async () => {
  const given = {
    before: { stage: "fine-tuned" as const, logits: EXACT.toReversed() },
    after: { stage: "compressed" as const, logits: EXACT },
  };
  const read = await readAnswers(await fileOf(answersText(answersOf(CLASSES, given))));
  const examples = CLASSES.examples.map(({ where: _, ...rest }) => rest);
  expect(read).toEqual({ task: "classification", labels: CLASSES.labels, examples, ...given });
});

test("a regression has values, and a model without one before it has no answers of it", async () => {
  const after = { stage: "fine-tuned" as const, logits: Float32Array.of(4.25) };
  const text = answersText(answersOf(VALUES, { after }));
  expect(text.split("\n")[1]).toBe('{"text":"good","label":4.5,"after":[4.25]}');
  expect(await readAnswers(await fileOf(text))).toMatchObject({ after, examples: [{ label: 4.5 }] });
});

const HEAD = '{"version":1,"task":"classification","labels":["a","b"],"before":null,"after":"compressed"}';

test.each([
  ['{"text":"x","label":"c","after":[1,2]}', /label: expected one of .*, got "c" \(.*:2\)/],
  ['{"text":"x","label":"a","after":[1]}', /logits: expected 2, got 1 \(.*:2\)/],
  ['{"text":"x","label":"a","aft', /answers\.jsonl:2/],
  ['{"label":"a","after":[1,2]}', /text: expected a text, got nothing/],
])("a line %s is refused, and the message says where it is", async (line, message) => {
  const path = await fileOf(`${HEAD}\n${line}\n`);
  await expect(readAnswers(path)).rejects.toThrow(
    expect.objectContaining({ code: "answers/format", message: expect.stringMatching(message) }),
  );
});
