import { expect, test } from "vitest";
import type { Dataset, Label } from "../data/dataset.ts";
import { suspectsIn, wordsApart } from "./suspects.ts";

function setOf(task: Dataset["task"], labels: readonly string[], given: readonly Label[]): Dataset {
  return {
    name: "a",
    task,
    labels,
    examples: given.map((label, i) => ({ text: `t${i}`, label, where: `a:${i}` })),
  };
}

test("classes: rows on which the model says something else, the least probable label first", () => {
  const set = setOf("classification", ["no", "yes"], [0, 1, 0, 1]);
  const found = suspectsIn(set, Float32Array.of(1, 0, Math.log(3), 0, 0, Math.log(9), 0, 2));
  expect(found.map(({ where, label, answer }) => [where, label, answer])).toEqual([
    ["a:2", "no", "yes"],
    ["a:1", "yes", "no"],
  ]);
  expect(found[0]?.labelProbability).toBeCloseTo(0.1, 6);
  expect(found[0]?.answerProbability).toBeCloseTo(0.9, 6);
  expect(found[0]?.loss).toBeCloseTo(Math.log(10), 6);
});

test("values: the farthest off first; the words of several labels: those that hold and those that do not", () => {
  const values = suspectsIn(setOf("regression", [], [1, 3]), Float32Array.of(1.5, 1));
  expect(values.map(({ where, answer, loss }) => [where, answer, loss])).toEqual([
    ["a:1", 1, 4],
    ["a:0", 1.5, 0.25],
  ]);
  const several = setOf("multi-label", ["x", "y"], [[0], [], [0, 1]]);
  const [first, ...more] = suspectsIn(several, Float32Array.of(5, -5, -5, Math.log(3), 5, 5));
  expect(first).toMatchObject({ where: "a:1", label: [], answer: ["y"] });
  expect(first?.labelProbability).toBeCloseTo(0.25 / (1 + Math.exp(-5)), 6);
  expect(more).toEqual([]);
});

test("words are rows of their own, among their neighbours, but for those that were cut", () => {
  const words = ["Anna", "ran", "to", "Rome"];
  const example = { text: words.join(" "), words, label: [1, 0, 0, 1], where: "a:1" };
  const set: Dataset = { name: "a", task: "tokens", labels: ["O", "B"], examples: [example] };
  const { task, examples } = wordsApart(set, () => (word) => word < 2);
  expect(task).toBe("classification");
  expect(examples).toEqual([
    { text: "[Anna] ran to Rome", label: 1, where: "a:1 word 1" },
    { text: "Anna [ran] to Rome", label: 0, where: "a:1 word 2" },
  ]);
});

test("an impossible label has a finite loss", () => {
  const [only] = suspectsIn(setOf("classification", ["a", "b"], [0]), Float32Array.of(-2000, 2000));
  expect(only?.labelProbability).toBe(0);
  expect(Number.isFinite(only?.loss)).toBe(true);
});
