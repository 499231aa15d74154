import { expect, test } from "vitest";
import { erf } from "./erf.ts";

// Digits of Abramowitz & Stegun, table 7.1, and of its continuation to 2 and 3.
test.each([
  [0, 0],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
  [5.9, 1],
  [40, 1],
])("erf(±%d) is ±%d within 1e-14", (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThan(1e-14);
  expect(erf(-x)).toBe(-erf(x));
});

test("not a number stays one", () => {
  expect(erf(Number.NaN)).toBeNaN();
});
