import { expect, test } from "vitest";
import type { Dataset } from "../data/dataset.ts";
import { foldedOpinion, opinionOf } from "./opinion.ts";

const WORDS = ["sun", "rain", "tree", "road", "house", "river", "stone"];

/** Rows whose class is in a word of theirs; those in `wrong` have the other label. */
function setOf(rows: number, wrong: readonly number[], more: Partial<Dataset> = {}): Dataset {
  const examples = Array.from({ length: rows }, (_, i) => {
    const label = (i + Number(wrong.includes(i))) % 2;
    const text = `${WORDS[i % 7]} ${i % 2 === 0 ? "awful" : "lovely"} ${WORDS[(3 * i) % 5]}`;
    return { text, label, where: `a:${i}` };
  });
  return { name: "a", task: "classification", labels: ["bad", "good"], examples, ...more };
}

test("linear models of other rows doubt the labels that were turned around, in both splits", async () => {
  const found = await foldedOpinion(setOf(120, [3, 50, 101]), setOf(20, [7]), undefined);
  expect(found?.suspects.map(({ where, label }) => [where, label]).sort()).toEqual([
    ["a:101", "bad"],
    ["a:3", "bad"],
    ["a:50", "good"],
    ["a:7", "bad"],
  ]);
  expect(found).toMatchObject({ model: "tf-idf", kind: "folds", learns: true, agreement: 136 / 140 });
  expect(found?.calibrationError).toBeGreaterThan(0);
});

test("models that learn nothing from the words are not asked which labels they doubt", async () => {
  const blind = setOf(120, []);
  const examples = blind.examples.map((each, i) => ({
    ...each,
    text: `${WORDS[i % 7]} ${WORDS[(3 * i) % 5]}`,
  }));
  expect(await foldedOpinion({ ...blind, examples }, undefined, undefined)).toMatchObject({
    learns: false,
    suspects: [],
  });
});

test("nobody is asked where there are few rows, or labels that words alone do not tell", async () => {
  expect(await foldedOpinion(setOf(99, []), undefined, undefined)).toBeNull();
  const words = setOf(120, [], { task: "tokens" });
  expect(await foldedOpinion(words, undefined, undefined)).toBeNull();
  expect(
    await opinionOf({ model: "m", kind: "given" }, [words], async () => new Float32Array(240)),
  ).toBeNull();
});
