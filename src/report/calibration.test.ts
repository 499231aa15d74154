import { expect, test } from "vitest";
import { reliabilityOf } from "../measure/calibration.ts";
import { calibrationWords } from "./calibration.ts";

/** What is said of `n` answers that are given with one probability, so many of them right. */
function wordsFor(sure: number, right: number, n: number): string {
  return calibrationWords(reliabilityOf(new Float64Array(n).fill(sure), (i) => i < right));
}

/** P(X = k) of a binomial, by products. */
function binomial(n: number, k: number, p: number): number {
  let value = (1 - p) ** (n - k) * p ** k;
  for (let i = 1; i <= k; i++) value *= (n - k + i) / i;
  return value;
}

test("of samples of a calibrated model one in twenty or so is called surer, less sure or off in bins", () => {
  for (const [n, p] of [
    [50, 0.9],
    [200, 0.7],
  ] as const) {
    let called = 0;
    for (let right = 0; right <= n; right++)
      if (!wordsFor(p, right, n).startsWith("its probabilities")) called += binomial(n, right, p);
    expect(called).toBeLessThan(0.06);
    expect(called).toBeGreaterThan(0);
  }
});

test("what many examples show is said, and what few leave open too", () => {
  expect(wordsFor(0.9, 840, 1000)).toBe("it is surer than it should be: 90 % sure on average, right in 84 %");
  expect(wordsFor(0.7, 760, 1000)).toBe(
    "it is less sure than it could be: 70 % sure on average, right in 76 %",
  );
  expect(wordsFor(0.9, 42, 50)).toBe(
    "its probabilities may hold: 90 % sure on average, right in 84 %, which 50 examples cannot tell apart",
  );
  expect(wordsFor(0.9, 900, 1000)).toBe("its probabilities hold: 90 % sure on average, right in 90 %");
  // Certain answers leave nothing to chance.
  expect(wordsFor(1, 45, 50)).toContain("surer than it should be");
});

test("bins that are off in both directions are told where chance does not make them so", () => {
  const sure = (n: number) => Float64Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 0.7 : 0.9));
  const off = (n: number) => reliabilityOf(sure(n), (i) => i % 10 > 1);
  // At 0.7 as at 0.9 four of five are right.
  expect(calibrationWords(off(2000))).toMatch(/in single bins it is not$/);
  expect(calibrationWords(off(20))).not.toMatch(/in single bins/);
});
