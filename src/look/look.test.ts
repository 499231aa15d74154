import { expect, test } from "vitest";
import type { Dataset, Label } from "../data/dataset.ts";
import { type DataInspection, lookAt } from "./look.ts";
import { spreadOf } from "./texts.ts";

type Row = readonly [text: string, label: Label, pair?: string];

function setOf(name: string, rows: readonly Row[], more: Partial<Dataset> = {}): Dataset {
  const examples = rows.map(([text, label, pair], i) => {
    const where = `${name}:${i + 2}`;
    return pair === undefined ? { text, label, where } : { text, label, where, pair };
  });
  return { name, task: "classification", labels: ["bad", "good"], examples, ...more };
}

function look(train: Dataset, dev?: Dataset): DataInspection {
  return lookAt({ train, dev, columns: null }, { tokens: () => undefined, model: null });
}

/** Rows without a fault: twelve of each class, all different. */
const SOUND: Row[] = Array.from({ length: 24 }, (_, i) => [
  `text number ${String.fromCharCode(97 + i)}`,
  i % 2,
]);

test("data without a fault has no findings", () => {
  const { findings, train, labels, shared } = look(setOf("a.csv", SOUND), setOf("b.csv", [["other", 1]]));
  expect(findings).toEqual([]);
  expect(labels).toEqual([
    { label: "bad", train: 12, validation: 0 },
    { label: "good", train: 12, validation: 1 },
  ]);
  expect([train.rows, train.repeats.rows, train.near.rows, shared?.rows]).toEqual([24, 0, 0, 0]);
});

test("repeated texts, with the labels that contradict each other; nearly the same ones apart", () => {
  const { train, findings } = look(
    setOf("a.csv", [
      ...SOUND,
      ["Fine!", 1],
      ["Fine!", 0],
      ["fine", 1],
      ["  FINE ", 1],
      ["so so", 0],
      ["so so", 0],
      ["?!", 0],
      ["!?", 1],
    ]),
  );
  expect(train.repeats).toMatchObject({ texts: 2, rows: 2, conflicting: 1 });
  expect(train.repeats.some[0]).toEqual({ where: ["a.csv:26", "a.csv:27"], text: "Fine!", conflicts: true });
  expect(train.near).toMatchObject({ texts: 1, rows: 2, conflicting: 0 });
  expect(findings).toEqual([
    "1 text of a.csv has different labels, as at a.csv:26 and a.csv:27",
    "2 rows of a.csv repeat the text of another",
    "2 texts of a.csv are nearly one before: only case, spaces or punctuation differ",
  ]);
});

test("texts that differ in a vowel sign or a symbol are different texts", () => {
  const { train } = look(
    setOf("a.csv", [
      ...SOUND,
      ["दिन", 1],
      ["दान", 0],
      ["I got the job 😀", 1],
      ["I got the job 😭", 0],
      ["C++ rocks", 1],
      ["C rocks", 0],
    ]),
  );
  expect(train.near).toMatchObject({ texts: 0, rows: 0, conflicting: 0 });
});

test("the texts of a pair count together", () => {
  const pairs = setOf("a.csv", [
    ["x y", 0, "z"],
    ["x y", 1, "w"],
    ["x", 1, "y z"],
  ]);
  const { train } = look(pairs);
  expect([train.repeats.rows, train.near.rows]).toEqual([0, 0]);
  expect(train.lengths.words).toEqual({ median: 3, p90: 3, p99: 3, longest: 3 });
});

test("what judges and is known from training, with another label or nearly", () => {
  const train = setOf("a.csv", SOUND);
  const dev = setOf("b.csv", [
    ["text number a", 0],
    ["text number b", 0],
    ["Text, number C", 0],
    ["new", 1],
  ]);
  const { shared, findings } = look(train, dev);
  expect(shared).toMatchObject({ rows: 2, near: 1, conflicting: 1 });
  expect(shared?.some[0]).toEqual({ where: ["a.csv:3", "b.csv:3"], text: "text number b", conflicts: true });
  expect(findings).toEqual([
    "2 of the 4 examples that judge are among those that train too: what is measured flatters",
    "1 row of b.csv is nearly one of a.csv: only case, spaces or punctuation differ",
    "1 row of b.csv has another label than the same text, or nearly the same, in a.csv",
  ]);
});

test("blank and unlabelled rows, one class that has nearly all, and classes with few examples", () => {
  const rows: Row[] = [...SOUND.map(([text]): Row => [text, 1]), [" ", 0], ["", 0], ["one more", 2]];
  const { findings, train } = look(setOf("a.csv", rows, { labels: ["bad", "good", "odd"], unlabelled: 3 }));
  expect(train.blank).toEqual({ rows: 2, first: "a.csv:26" });
  expect(findings).toEqual([
    "2 rows of a.csv have a blank text, the first at a.csv:26",
    "3 rows of 30 in a.csv have no label: training asks for --skip-unlabelled",
    "89 % of the rows are good: whoever always says so is right as often, so accuracy tells little",
    'one example alone to train on: class "odd"',
    "fewer than 10 examples to train on, too few to learn from: bad (2)",
  ]);
});

test("a regression has values, and several labels of a text are counted one by one", () => {
  const values = look(
    setOf(
      "r.csv",
      [
        ["a", 1],
        ["b", 2],
        ["c", 4.5],
      ],
      { task: "regression", labels: [] },
    ),
  );
  expect(values.train.values).toEqual({ least: 1, largest: 4.5, mean: 2.5, deviation: Math.sqrt(3.25) });
  expect(values.labels).toEqual([]);
  const held: Row[] = [
    ["a", [0, 1]],
    ["b", []],
    ["c", [1]],
    ["c", [0, 1]],
  ];
  const { labels, train } = look(setOf("m.csv", held, { task: "multi-label" }));
  expect(labels.map((each) => each.train)).toEqual([2, 3]);
  expect(train.repeats.conflicting).toBe(1);
});

test("texts that would be cut are told where there are many", () => {
  const tokens = { spread: spreadOf([9]), cut: { at: 8, rows: 6 } };
  const { findings } = lookAt(
    { train: setOf("a.csv", SOUND), dev: undefined, columns: null },
    { tokens: () => tokens, model: null },
  );
  expect(findings).toEqual([
    "25 % of the texts of a.csv are longer than 8 tokens and would be cut; --max-length sets another length",
  ]);
});

test("a percentile is the least length that so many texts do not exceed", () => {
  expect(spreadOf(Array.from({ length: 100 }, (_, i) => 100 - i))).toEqual({
    median: 50,
    p90: 90,
    p99: 99,
    longest: 100,
  });
  expect(spreadOf([7])).toEqual({ median: 7, p90: 7, p99: 7, longest: 7 });
});
