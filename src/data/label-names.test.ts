import { expect, test } from "vitest";
import { classFinder, groupLabels, meaningOf } from "./label-names.ts";

test.each([
  ["1", "1.0"],
  ["1", "+1"],
  ["-2.50", "-2.5"],
  ["100", "1e2"],
  ["0", "-0.0"],
  [".5", "0.5"],
  ["LABEL_3", "3"],
  ["label_3", "LABEL_3"],
  ["TRUE", "true"],
  ["Not spam", "not-spam"],
  ["not_spam", "not  spam"],
  ["CAFÉ", "cafe\u0301"],
])("%s means the same as %s", (one, other) => {
  expect(meaningOf(one.normalize("NFC"))).toBe(meaningOf(other.normalize("NFC")));
});

test.each([
  ["1", "-1"],
  ["1", "10"],
  ["0.1", "0.01"],
  ["12345678901234567890", "12345678901234567891"],
  ["C", "C++"],
  ["A", "A-"],
  ["A-", "A+"],
  ["1-2", "12"],
  ["notspam", "not-spam"],
  ["x2", "x²"],
  ["LABEL_1", "LABEL_11"],
  ["yes", "true"],
  ["-", "_"],
  ["👍", "👎"],
])("%s does not mean %s", (one, other) => {
  expect(meaningOf(one)).not.toBe(meaningOf(other));
});

test("a finder takes the same spelling first, then the same meaning, and says when several fit", () => {
  const finder = classFinder(["us", "US", " positive ", "LABEL_3", "1.0"]);
  const found = ["US", "us ", "Us", "positive", "POSITIVE", 3, "3.0", "LABEL_1", 1, true, null, "other"];
  expect(found.map((cell) => finder.find(cell))).toEqual([
    1,
    0,
    "many",
    2,
    2,
    3,
    3,
    4,
    4,
    undefined,
    undefined,
    undefined,
  ]);
});

test("a group is called by its most frequent spelling and stands where it first did", () => {
  const spelled = ["no", "Yes", "yes", "yes"].map((spelling, i) => ({ spelling, where: `a:${i}` }));
  expect(groupLabels(spelled).map(({ name, where }) => [name, where])).toEqual([
    ["no", "a:0"],
    ["yes", "a:1"],
  ]);
});
