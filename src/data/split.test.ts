import { expect, test } from "vitest";
import { keyOf } from "../base/random.ts";
import type { Dataset } from "./dataset.ts";
import { classOf } from "./dataset.ts";
import {
  drawEach,
  fewNotes,
  foldSplit,
  holdOut,
  rareNotes,
  sharedNotes,
  standardErrorText,
} from "./split.ts";

function classes(...counts: readonly number[]): Dataset {
  const labels = counts.map((_, c) => `class ${c}`);
  const examples = counts.flatMap((n, label) =>
    Array.from({ length: n }, (_, i) => ({ text: `${label}-${i}`, label, where: `made:${i}` })),
  );
  return { name: "made", task: "classification", labels, examples };
}

function sharesOf({ labels, examples }: Dataset): number[] {
  return labels.map((_, c) => examples.filter(({ label }) => label === c).length);
}

test.each([
  [[312, 288], 60, [31, 29]],
  [[900, 90, 10], 100, [90, 9, 1]],
  [[7, 3], 1, [1, 0]],
  [[5, 5, 5], 2, [1, 1, 0]],
  [[117, 3], 12, [11, 1]],
  [[60, 54, 2, 3, 1], 12, [5, 5, 1, 1, 0]],
])("of classes %j a part of %i has %j, whatever the seed", (counts, count, shares) => {
  for (const seed of [0, 1, 2, 3, 4]) {
    const { train, dev } = holdOut(classes(...counts), count, keyOf(seed));
    expect(sharesOf(dev)).toEqual(shares);
    expect(sharesOf(train)).toEqual(counts.map((n, c) => n - (shares[c] ?? 0)));
  }
});

test("every example is in one part, both in the file's order, drawn by the key and not from its beginning", () => {
  const all = classes(300, 300);
  const { train, dev } = holdOut(all, 60, keyOf(1));
  const texts = (set: Dataset): string[] => set.examples.map(({ text }) => text);
  const parts = new Set(texts(dev));
  expect(texts(train)).toEqual(texts(all).filter((text) => !parts.has(text)));
  expect(texts(dev)).toEqual(texts(all).filter((text) => parts.has(text)));
  expect(texts(holdOut(all, 60, keyOf(1)).dev)).toEqual(texts(dev));
  expect(texts(holdOut(all, 60, keyOf(2)).dev)).not.toEqual(texts(dev));
  const late = dev.examples.filter(({ where }) => Number(where.split(":")[1]) >= 150);
  expect(late.length).toBeGreaterThan(15);
});

test("of a regression every stretch of its sorted values gives one", () => {
  const examples = Array.from({ length: 100 }, (_, i) => ({
    text: `${i}`,
    label: (i * 37) % 100,
    where: `made:${i}`,
  }));
  const { dev } = holdOut({ name: "made", task: "regression", labels: [], examples }, 10, keyOf(3));
  const stretches = dev.examples.map((each) => Math.floor(classOf(each) / 10));
  expect(stretches.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("the error of a judging set is said in points, or of a correlation", () => {
  expect(standardErrorText({ task: "classification" }, 60)).toBe(
    "one standard error of accuracy on 60 rows is up to 6.5 points",
  );
  expect(standardErrorText({ task: "classification" }, 10_000)).toContain("up to 0.5 points");
  expect(standardErrorText({ task: "classification" }, 100)).toContain("up to 5 points");
  expect(standardErrorText({ task: "regression" }, 65)).toContain("a correlation on 65 rows is up to 0.13");
  expect(standardErrorText({ task: "regression" }, 3)).toContain("up to 0.71");
  expect(standardErrorText({ task: "regression" }, 2)).toBe("a correlation on 2 rows says nothing");
  expect(standardErrorText({ task: "regression" }, 1)).toBe("a correlation on 1 row says nothing");
});

test.each([
  [[2, 9], [0, 1], []],
  [[1, 9], [0, 1], ['one example alone to train on: class "class 0"']],
  [[0, 9], [1, 1], ['no example to train on, though some judge: class "class 0"']],
  [[0, 0, 9], [0, 0, 1], ['no example to train on or to judge by: classes "class 0", "class 1"']],
  [
    [1, 1, 1, 1, 1, 1, 1, 9],
    [0, 0, 0, 0, 0, 0, 0, 1],
    [
      'one example alone to train on: classes "class 0", "class 1", "class 2", "class 3", "class 4" and 2 more',
    ],
  ],
])("with %j examples to train on and %j to judge by, rare classes are named", (train, dev, notes) => {
  expect(rareNotes({ train: classes(...train), dev: classes(...dev) })).toEqual(notes);
});

test("examples that train and judge are told, by both texts of a pair", () => {
  const of = (...texts: [string, string?][]): Dataset => ({
    name: "pairs",
    task: "classification",
    labels: ["no", "yes"],
    examples: texts.map(([text, pair], label) => ({ text, label, where: "", ...(pair ? { pair } : {}) })),
  });
  const train = of(["a", "b"], ["c", "d"]);
  expect(sharedNotes({ train, dev: of(["a", "c"], ["b", "a"], ["a"]) })).toEqual([]);
  expect(sharedNotes({ train, dev: of(["a", "c"], ["c", "d"], ["c", "d"]) })).toEqual([
    "2 of the 3 examples that judge are among those that train too: what is measured flatters",
  ]);
});

test("few examples are so many of each class in the file's order, and more of them hold the fewer", () => {
  const all = classes(50, 40, 3);
  const draw = (count: number) => drawEach(all, count, keyOf(1));
  expect(sharesOf(draw(8).few)).toEqual([8, 8, 3]);
  const [eight, sixteen] = [8, 16].map((count) => draw(count).few.examples.map(({ text }) => text));
  expect(eight?.every((text) => sixteen?.includes(text))).toBe(true);
  expect(sixteen).toEqual(all.examples.map(({ text }) => text).filter((text) => sixteen?.includes(text)));
  expect(drawEach(all, 8, keyOf(2)).few.examples.map(({ text }) => text)).not.toEqual(eight);
  expect(fewNotes(all, 8, draw(8))).toEqual([
    "training on 19 of 93 examples, 8 of each class, drawn by the seed",
    'fewer than 8 examples of a class: "class 2" has 3',
  ]);
  expect(fewNotes(all, 2, draw(2))).toHaveLength(1);
});

test("an example with several labels counts for each, and those without one are a class too", () => {
  const labels = [[0], [0, 1], [], [0], [1], [], [0, 1], [], [0], [0]];
  const examples = labels.map((label, i) => ({ text: `${i}`, label, where: `made:${i}` }));
  const { few, short } = drawEach(
    { name: "made", task: "multi-label", labels: ["a", "b"], examples },
    2,
    keyOf(3),
  );
  const counts = [0, 1].map((c) => few.examples.filter(({ label }) => [label].flat().includes(c)).length);
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(2);
  expect(few.examples.filter(({ label }) => [label].flat().length === 0)).toHaveLength(2);
  expect(few.examples.length).toBeLessThan(8);
  expect(short).toEqual([]);
});

test("a regression has no classes to draw from (data/few-shot)", () => {
  const values: Dataset = { ...classes(5, 5), task: "regression", labels: [] };
  expect(() => drawEach(values, 2, keyOf(0))).toThrow(
    "fewShot: expected data with classes, got regression (made)",
  );
});

test("every example judges in one fold, and folds have the classes in proportion, whatever the seed", () => {
  const all = classes(70, 20, 11);
  const folds = [1, 2, 3, 4, 5].map((number) => foldSplit(all, number, 5, keyOf(4)));
  const judged = folds.flatMap(({ dev }) => dev.examples.map(({ text }) => text));
  expect(judged.toSorted()).toEqual(all.examples.map(({ text }) => text).toSorted());
  for (const { train, dev } of folds) {
    expect(train.examples.length + dev.examples.length).toBe(101);
    const far = sharesOf(dev).map((n, c) => Math.abs(n - (sharesOf(all)[c] ?? Number.NaN) / 5));
    expect(Math.max(...far)).toBeLessThan(1);
  }
  expect(() => foldSplit(classes(1, 1), 1, 3, keyOf(0))).toThrow(
    "folds: expected at most 2, for so many examples, got 3 (made)",
  );
  const vectors: Dataset = { ...classes(4), task: "embedding" };
  expect(() => foldSplit(vectors, 1, 2, keyOf(0))).toThrow(
    "folds: expected data with labels, got texts for vectors",
  );
});
