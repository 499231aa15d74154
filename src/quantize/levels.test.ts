import { expect, test } from "vitest";
import { findOffLevel, roundToLevels } from "../base/levels.ts";
import { keyOf, normals } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { fitLevels } from "./levels.ts";

const [ROWS, COLUMNS] = [30, 64];
/** Rows with some weights far out, every third 0. */
const MATRIX = floatTensor(
  [ROWS, COLUMNS],
  normals(keyOf(1), ROWS * COLUMNS, 1).map((x, i) => (i % 3 === 0 ? 0 : x ** 3)),
);
const SQUARES = Float64Array.from(normals(keyOf(2), COLUMNS, 1), (x) => x * x + 0.01);

function errorOf({ data }: FloatTensor): number {
  return MATRIX.data.reduce((sum, w, i) => sum + (w - (data[i] ?? 0)) ** 2 * (SQUARES[i % COLUMNS] ?? 0), 0);
}

test("fitted rows are on levels of their own, zeros stay zero, and a second time changes nothing more", () => {
  const fitted = fitLevels(MATRIX, SQUARES);
  expect(findOffLevel(fitted)).toBe(-1);
  expect(roundToLevels(fitted)).toEqual(fitted);
  MATRIX.data.forEach((w, i) => {
    if (w === 0) expect(fitted.data[i]).toBe(0);
  });
});

test("a fitted matrix changes a layer's sums less than one rounded at its largest weights", () => {
  expect(errorOf(fitLevels(MATRIX, SQUARES))).toBeLessThan(errorOf(roundToLevels(MATRIX)));
});

test("rows of zeros, one weight alone and inputs that are always 0 are as they were", () => {
  const odd = floatTensor([3, 2], Float32Array.of(0, 0, 0.3, 0, -1, 1));
  expect(fitLevels(odd, new Float64Array(2))).toEqual(roundToLevels(odd));
});
