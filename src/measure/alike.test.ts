import { expect, test } from "vitest";
import { type Asked, beatsGuessing, countRight, isAlike, judgingNotes, saysNothing } from "./alike.ts";

const asked = (labels: readonly number[], task: Asked["task"] = "classification", width = 1): Asked => ({
  truth: { labels, width },
  task,
});

/** Two logits for each example, which say class 0 by so much. */
function zeros(...by: number[]): Float32Array {
  return Float32Array.from(by.flatMap((each) => [each, 0]));
}

test("the same of everything is nothing, unless it costs less than guessing, or all labels are the same", () => {
  const rare = asked([0, 0, 0, 1]);
  // Guessing costs 0.562: -(3 ln 0.75 + ln 0.25) / 4.
  expect([isAlike(zeros(1, 1, 1, 1), rare), beatsGuessing(zeros(1, 1, 1, 1), rare)]).toEqual([true, false]);
  expect(saysNothing(zeros(1, 1, 1, 1), rare)).toBe(true);
  // (3 ln(1 + e^-3) + ln(1 + e^0.1)) / 4 = 0.223
  expect([isAlike(zeros(3, 3, 3, 0.1), rare), saysNothing(zeros(3, 3, 3, 0.1), rare)]).toEqual([true, false]);
  expect(saysNothing(zeros(1, 1, 1, -1), rare)).toBe(false);
  for (const label of [0, 1])
    expect(saysNothing(zeros(1, 1, 1, 1), asked([label, label, label, label]))).toBe(false);
});

test("an example is right when all of its labels are", () => {
  const several = asked([0, 0, 1, 0, 0, 1], "multi-label", 2);
  expect(countRight(Float32Array.of(-1, -1, -1, -1, -1, -1), several)).toBe(1);
  expect(countRight(zeros(1, 1, 1), asked([0, 1, 0]))).toBe(2);
});

test("that all are labelled alike is said, of words too, and not of one or of vectors", () => {
  const says = (what: string) =>
    `all 2 ${what} that judge are labelled alike: they cannot tell whether the model`;
  expect(judgingNotes(asked([3, 3]))).toEqual([expect.stringContaining(says("examples"))]);
  expect(judgingNotes(asked([3, 3], "tokens"))).toEqual([expect.stringContaining(says("words"))]);
  expect(judgingNotes(asked([0, 1, 0, 1], "multi-label", 2))).toHaveLength(1);
  for (const told of [
    asked([0, 1]),
    asked([3]),
    asked([0, 0, 1, 1], "multi-label", 2),
    asked([1, 1], "embedding"),
  ])
    expect(judgingNotes(told)).toEqual([]);
});
