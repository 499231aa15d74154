import { expect, test } from "vitest";
import { ConfigError } from "../base/errors.ts";
import { checkRamp, countKept, cubicSparsity } from "./ramp.ts";

test("the cubic schedule starts at 0, is steep first, and ends at the final sparsity (Zhu & Gupta, eq. 1)", () => {
  const ramp = { final: 0.8, from: 0.2, until: 0.6 };
  expect(cubicSparsity(ramp, 0)).toBe(0);
  expect(cubicSparsity(ramp, 0.2)).toBe(0);
  // Halfway: 0.8 · (1 − 0.5³).
  expect(cubicSparsity(ramp, 0.4)).toBeCloseTo(0.7, 12);
  expect(cubicSparsity(ramp, 0.6)).toBe(0.8);
  expect(cubicSparsity(ramp, 1)).toBe(0.8);
});

test("kept is the nearest whole number", () => {
  expect([countKept(10, 0.95), countKept(1000, 0.95), countKept(7, 0), countKept(3, 0.5)]).toEqual([
    0, 50, 7, 1,
  ]);
});

test("x/ramp: a ramp that is empty or begins before the run is refused", () => {
  for (const ramp of [
    { from: 0.5, until: 0.5 },
    { from: -0.1, until: 0.5 },
  ]) {
    expect(() => checkRamp("x", ramp)).toThrow(ConfigError);
    expect(() => checkRamp("x", ramp)).toThrow(expect.objectContaining({ code: "x/ramp" }));
  }
});
