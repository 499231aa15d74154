import { expect, test } from "vitest";
import { EspalierError } from "../base/errors.ts";
import type { Cell } from "./cells.ts";
import { inferRule, type LabelCell, labelNumber } from "./labels.ts";

const cells = (...values: Cell[]): LabelCell[] =>
  values.map((cell, i) => ({ where: `train.tsv:${i + 2}`, cell }));

function failure(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof EspalierError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

test("integers are classes in numeric order, names in code order, booleans by name", () => {
  expect(inferRule(cells("10", "9", "-1"), "auto")).toMatchObject({ values: ["-1", "9", "10"] });
  expect(inferRule(cells("b", "a", "C", "a"), "auto")).toMatchObject({ values: ["C", "a", "b"] });
  expect(inferRule(cells(true, false), "auto")).toMatchObject({ values: ["false", "true"] });
  expect(inferRule(cells(" 1", "0 ", 1), "auto")).toMatchObject({ values: ["0", "1"] });
});

test("numbers with a fraction make a regression; task decides otherwise", () => {
  expect(inferRule(cells("1", "2.5"), "auto")).toEqual({ kind: "regression" });
  expect(inferRule(cells("1", "2"), "regression")).toEqual({ kind: "regression" });
  expect(inferRule(cells("1", "2.5"), "classification")).toMatchObject({ values: ["1", "2.5"] });
});

test("two spellings of one meaning are one class, called by the more frequent one, with a note", () => {
  const rule = inferRule(cells("TRUE", true, "no", "true", "not-spam", "Not spam", "e\u0301", "é"), "auto");
  expect(rule).toEqual({
    kind: "classification",
    values: ["no", "not-spam", "true", "é"],
    notes: [
      'labels "TRUE" (1) and "true" (2) are read as one class, "true"',
      'labels "not-spam" (1) and "Not spam" (1) are read as one class, "not-spam"',
    ],
  });
});

test("numbers are classes by value: 1, 1.0, 01 and 1e0 are one; whole ones are named without a fraction", () => {
  expect(inferRule(cells("1.0", "2.0", "10.0"), "auto")).toEqual({
    kind: "classification",
    values: ["1", "2", "10"],
  });
  expect(inferRule(cells("1", "1.0", "01", "1e0", 1, "2"), "auto")).toMatchObject({ values: ["1", "2"] });
  expect(inferRule(cells("001", "010", "002"), "auto")).toEqual({
    kind: "classification",
    values: ["001", "002", "010"],
  });
});

test("LABEL_10 comes after LABEL_9", () => {
  const values = ["LABEL_0", "LABEL_9", "LABEL_10"];
  expect(inferRule(cells("LABEL_10", "LABEL_9", "LABEL_0"), "auto")).toMatchObject({ values });
});

test("a column of whole numbers with many values is classes, with a word on --regression", () => {
  const ages = Array.from({ length: 200 }, (_, i) => String(20 + (i % 15)));
  expect(inferRule(cells(...ages), "auto")).toMatchObject({
    notes: ["15 whole numbers are read as classes; --regression takes them as values"],
  });
  expect(inferRule(cells(...ages), "classification").notes).toBeUndefined();
});

test("a decimal comma is told of, not guessed at", () => {
  expect(inferRule(cells("4,5", "3,0"), "auto")).toMatchObject({
    notes: ['label "4,5" is a name: numbers are read with a decimal point alone'],
  });
});

test("labels become class numbers or values", () => {
  const rule = inferRule(cells("yes", "no"), "auto");
  expect(cells("no", "yes").map((cell) => labelNumber(rule, cell))).toEqual([0, 1]);
  expect(labelNumber({ kind: "regression" }, { where: "a:1", cell: "-2.5e1" })).toBe(-25);
});

const classes = { kind: "classification", values: ["0", "1"] } as const;
const failures: [string, () => unknown, string][] = [
  [
    "an unknown label",
    () => labelNumber(classes, { where: "train.tsv:118", cell: "yes" }),
    'label/unknown: train.tsv:118: expected label 0 or 1, got "yes"',
  ],
  [
    "a number that is no class",
    () => labelNumber(classes, { where: "half.csv:2", cell: "0.5" }),
    'label/unknown: half.csv:2: expected label 0 or 1, got "0.5" (numbers are classes here; trained with --regression they are values)',
  ],
  [
    "an unknown label among many",
    () =>
      labelNumber(
        { kind: "classification", values: Array.from({ length: 30 }, (_, i) => String(i)) },
        { where: "dev.tsv:2", cell: "x" },
      ),
    'label/unknown: dev.tsv:2: expected label one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (30 classes), got "x"',
  ],
  [
    "NaN as a value",
    () => labelNumber({ kind: "regression" }, { where: "a.csv:4", cell: "NaN" }),
    'label/number: a.csv:4: expected a number as label, got "NaN"',
  ],
  [
    "an infinite value",
    () => labelNumber({ kind: "regression" }, { where: "a.csv:4", cell: "1e999" }),
    'label/number: a.csv:4: expected a number as label, got "1e999"',
  ],
  [
    "a decimal comma",
    () => labelNumber({ kind: "regression" }, { where: "a.csv:4", cell: "2,5" }),
    'label/number: a.csv:4: expected a number as label, got "2,5"; numbers are read with a decimal point alone',
  ],
  [
    "a value outside its range",
    () => labelNumber({ kind: "regression", range: [0, 5] }, { where: "a.csv:4", cell: "5.1" }),
    'label/number: a.csv:4: expected a number from 0 to 5 as label, got "5.1"',
  ],
  [
    "NaN as a class",
    () => inferRule(cells("1", "nan"), "auto"),
    'label/missing: train.tsv:3: expected a label, got "nan"',
  ],
  [
    "no label",
    () => inferRule(cells("1", ""), "auto"),
    'label/missing: train.tsv:3: expected a label, got ""',
  ],
  [
    "null",
    () => inferRule(cells("1", null), "auto"),
    "label/missing: train.tsv:3: expected a label, got null",
  ],
  [
    "one class only",
    () => inferRule(cells("1", "1"), "auto"),
    'label/classes: train.tsv:2: expected two classes or more, got only "1"',
  ],
  [
    "an identifier",
    () => inferRule(cells(...Array.from({ length: 50 }, (_, i) => i + 1)), "auto"),
    'label/classes: label: expected classes of several rows each, got 50 different labels in 50 rows, as "1", "2", "3"; name the right column with --label, or say --classification or --regression if it is the right one',
  ],
  [
    "a name among fractions",
    () => inferRule(cells("0.5", "high"), "auto"),
    'label/number: train.tsv:3: expected a number as label, got "high" (labels with a fraction, as "0.5", make a regression; --classification takes them as classes)',
  ],
  [
    "a label of two meanings",
    () => labelNumber({ kind: "classification", values: ["us", "US"] }, { where: "d:2", cell: "Us" }),
    'label/ambiguous: d:2: expected label us or US, got "Us", which means more than one of them',
  ],
  [
    "a column of texts",
    () => inferRule(cells(...Array.from({ length: 1001 }, (_, i) => `text ${i}`)), "auto"),
    'label/classes: train.tsv:1002: expected at most 1000 different labels, got "text 1000" as one more',
  ],
];
test.each(failures)("%s is refused with its place", (_, act, message) => {
  expect(failure(act)).toBe(message);
});
