import { expect, test } from "vitest";
import { fixed, named, percent, percents, times } from "./quantity.ts";

test("a share has no decimals, or as many as asked; a little is not nothing", () => {
  expect([0, 0.004, 0.01, 0.283, 1, -0.001].map((share) => percent(share))).toEqual([
    "0 %",
    "<1 %",
    "1 %",
    "28 %",
    "100 %",
    "0 %",
  ]);
  expect(percent(0.95049, { decimals: 1 })).toBe("95.0 %");
});

test("the shares of a whole add up to it, and a little is still not nothing", () => {
  expect(percents([0.485, 0.515])).toEqual(["49 %", "51 %"]);
  expect(percents([0.748, 0.25, 0.002])).toEqual(["75 %", "25 %", "<1 %"]);
  expect(percents([1 / 3, 1 / 3, 1 / 3])).toEqual(["34 %", "33 %", "33 %"]);
  expect(percents([1, 0])).toEqual(["100 %", "0 %"]);
  // Of several labels of a text the shares are no parts of a whole.
  expect(percents([0.1, 0.05])).toEqual(["10 %", "5 %"]);
  expect(percents([0.9, 0.8, 0.3])).toEqual(["90 %", "80 %", "30 %"]);
});

test("a factor has a decimal below ten", () => {
  expect([1.62, 9.94, 9.96, 12.3].map(times)).toEqual(["1.6×", "9.9×", "10×", "12×"]);
});

test("a value that rounds to zero has no sign", () => {
  expect(fixed(-0.04, 1)).toBe("0.0");
  expect(fixed(-0.06, 1)).toBe("-0.1");
});

test.each([
  ["good", "good"],
  ["3", '"3"'],
  ["-1.5", '"-1.5"'],
  ["", '""'],
  ["3 stars", "3 stars"],
])("a class called %j stands beside its count as %s", (name, shown) => {
  expect(named(name)).toBe(shown);
});
