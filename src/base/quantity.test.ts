import { expect, test } from "vitest";
import { fixed, percent, times } from "./quantity.ts";

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

test("a factor has a decimal below ten", () => {
  expect([1.62, 9.94, 9.96, 12.3].map(times)).toEqual(["1.6×", "9.9×", "10×", "12×"]);
});

test("a value that rounds to zero has no sign", () => {
  expect(fixed(-0.04, 1)).toBe("0.0");
  expect(fixed(-0.06, 1)).toBe("-0.1");
});
