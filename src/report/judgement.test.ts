import { expect, test } from "vitest";
import { keyOf, normals, uniform } from "../base/random.ts";
import { calibrationError } from "../measure/calibration.ts";
import type { Answers } from "../runs/answers.ts";
import {
  calibrationOf,
  changedExamples,
  classFigures,
  confusionOf,
  judgedOf,
  movedExamples,
  sayingsOf,
} from "./judgement.ts";

/** Logits whose probabilities are these, for two classes. */
function logitsFor(...first: readonly number[]): Float32Array {
  return Float32Array.from(first.flatMap((p) => [Math.log(p), Math.log(1 - p)]));
}

const said = (...first: readonly number[]) =>
  sayingsOf({ stage: "compressed", logits: logitsFor(...first) }, 2);

test("of counted answers precision, recall and F1 are what they are by hand", () => {
  // Class 0 is there three times and called so twice; class 2 is never there and never called.
  const confusion = confusionOf([0, 0, 0, 1], [0, 1, 1, 0], 3);
  expect(confusion).toEqual([
    [1, 2, 0],
    [1, 0, 0],
    [0, 0, 0],
  ]);
  expect(classFigures(confusion)).toEqual([
    { examples: 3, precision: 1 / 2, recall: 1 / 3, f1: 2 / 5 },
    { examples: 1, precision: 0, recall: 0, f1: 0 },
    { examples: 0, precision: null, recall: null, f1: null },
  ]);
});

test("the expected calibration error is the weighted distance of both, bin by bin", () => {
  // Bin (0.933, 1]: 0.95 twice, one right: |0.95 − 0.5|. Bin (0.6, 0.667]: 0.65 twice, both right: |0.65 − 1|.
  const found = calibrationOf([0, 1, 0, 1], said(0.95, 0.95, 0.65, 0.35));
  expect(found.error).toBeCloseTo((2 * 0.45 + 2 * 0.35) / 4, 6);
  expect(found.confidence).toBeCloseTo(0.8, 6);
  expect(found.accuracy).toBe(3 / 4);
  expect(found.bins.map(({ examples }) => examples)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2]);
  expect(found.bins[14]).toMatchObject({ low: 14 / 15, high: 1, accuracy: 0.5 });
  expect(found.bins[0]).toMatchObject({ confidence: null, accuracy: null });
});

test("it is the verdict's own number: one set of bins for both", () => {
  const logits = normals(keyOf(3), 400, 2);
  const labels = Array.from({ length: 200 }, (_, i) => Number(uniform(keyOf(4), i) < 0.5));
  const found = calibrationOf(labels, sayingsOf({ stage: "compressed", logits }, 2));
  expect(found.error).toBeCloseTo(calibrationError({ logits, labels }), 9);
});

test("a model that is as sure as it is right has no error, and a certain one is in the last bin", () => {
  const sure = sayingsOf({ stage: "compressed", logits: Float32Array.of(200, 0, 200, 0) }, 2);
  expect(calibrationOf([0, 0], sure)).toMatchObject({ error: 0, confidence: 1, accuracy: 1 });
});

test("changed answers are those of another class, what was lost first and of it the surest", () => {
  const before = said(0.9, 0.9, 0.1, 0.6, 0.8);
  const after = said(0.4, 0.2, 0.9, 0.7, 0.3);
  const found = changedExamples([0, 0, 0, 0, 0], before, after);
  expect(found.map(({ example, fate }) => [example, fate])).toEqual([
    [1, "became wrong"],
    [4, "became wrong"],
    [0, "became wrong"],
    [2, "became right"],
  ]);
  expect(found[0]?.before.probability).toBeCloseTo(0.9, 6);
  expect(found[0]?.after).toEqual({ label: 1, probability: expect.closeTo(0.8, 6) });
});

test("of three classes an answer can change from one mistake to another", () => {
  const of = (...logits: readonly number[]) =>
    sayingsOf({ stage: "compressed", logits: Float32Array.from(logits) }, 3);
  expect(changedExamples([0], of(0, 5, 0), of(0, 0, 5))).toMatchObject([{ fate: "wrong otherwise" }]);
});

test("values of a regression are in the order of how far they moved; it has no classes to judge", () => {
  const answers: Answers = {
    task: "regression",
    labels: [],
    examples: [1, 2, 3].map((label) => ({ text: "a", label })),
    before: { stage: "fine-tuned", logits: Float32Array.of(1, 2, 3) },
    after: { stage: "compressed", logits: Float32Array.of(1.5, 0, 3) },
  };
  expect(movedExamples(answers).map(({ example }) => example)).toEqual([1, 0, 2]);
  expect(judgedOf(answers)).toBeUndefined();
});
