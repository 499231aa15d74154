import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { value } from "../../test/support/golden.ts";
import { judgeRidge, standardised } from "./regression.ts";

/** Numbers of test/goldens/study.py. */
interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly rows: number;
    readonly columns: number;
    readonly penalty: number;
    readonly size: number;
    readonly r2: number;
    readonly residuals: readonly number[];
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/study.json", import.meta.url), "utf8"),
);
const alone = (n: number): number[][] => Array.from({ length: n }, (_, r) => [r]);

test("four rows by hand: two groups, each row foretold by the other of its group", () => {
  // Without the first row the groups' means are 2 and 5, so it is foretold as 2 and off by -2; and so on.
  const { r2, residuals } = judgeRidge([[-1], [-1], [1], [1]], [0, 2, 4, 6], alone(4), 0);
  for (const [r, expected] of [-2, 2, -2, 2].entries()) expect(residuals[r]).toBeCloseTo(expected, 10);
  // Means of the others are 4, 10/3, 8/3 and 2: 16 + 16/9 + 16/9 + 16 = 320/9, and 1 - 16 / (320/9) = 0.55.
  expect(r2).toBeCloseTo(0.55, 10);
});

test("without a column that says anything R² is 0, on a line it is 1", () => {
  const { r2, residuals } = judgeRidge([[7], [7], [7]], [0, 3, 6], alone(3), 1);
  // Less the mean of the other two.
  for (const [r, expected] of [-4.5, 0, 4.5].entries()) expect(residuals[r]).toBeCloseTo(expected, 10);
  expect(r2).toBeCloseTo(0, 10);
  expect(judgeRidge([[0], [1], [3]], [1, 3, 7], alone(3), 0).r2).toBeCloseTo(1, 10);
});

test("targets that are all alike have no R²", () => {
  expect(judgeRidge([[0], [1], [3]], [2, 2, 2], alone(3), 1).r2).toBeNaN();
});

test.each(golden.cases)(
  "$name: every fold is off by what a fit of its own without it is off by",
  (expected) => {
    const { name, rows, columns, penalty, size } = expected;
    const x = value(`${name}.x`, rows * columns);
    const noise = value(`${name}.y`, rows);
    const table = Array.from({ length: rows }, (_, r) => [...x.subarray(r * columns, (r + 1) * columns)]);
    const y = table.map(([a = 0, b = 0], r) => (noise[r] ?? 0) + a - 0.5 * b ** 2);
    const folds = Array.from({ length: Math.ceil(rows / size) }, (_, f) =>
      Array.from({ length: Math.min(size, rows - f * size) }, (_, i) => f * size + i),
    );
    const { r2, residuals } = judgeRidge(table, y, folds, penalty);
    expect(r2).toBeCloseTo(expected.r2, 10);
    for (const [r, residual] of expected.residuals.entries()) expect(residuals[r]).toBeCloseTo(residual, 10);
  },
);

test("units of a column and columns that are constant change nothing", () => {
  const rows = [
    [1, 5],
    [2, 3],
    [4, 4],
    [8, 1],
    [9, 2],
  ];
  const y = [1, 2, 2, 5, 4];
  const plain = judgeRidge(rows, y, alone(5), 1).r2;
  const other = rows.map(([a = 0, b = 0]) => [1000 * a - 3, 6, b / 7]);
  expect(judgeRidge(other, y, alone(5), 1).r2).toBeCloseTo(plain, 10);
  expect(standardised(other)[0]).toHaveLength(2);
});

test("copies foretell each other when left out one by one, and do not when left out together", () => {
  // Three pairs of equal rows, each pair with a column and a level of its own.
  const rows = [0, 0, 1, 1, 2, 2].map((pair) => [0, 1, 2].map((column) => Number(column === pair)));
  const y = [5, 5, -1, -1, 2, 2];
  expect(judgeRidge(rows, y, alone(6), 1e-6).r2).toBeGreaterThan(0.99);
  const together = [
    [0, 1],
    [2, 3],
    [4, 5],
  ];
  // Of a pair that was never seen nothing is known but the mean of the others.
  expect(judgeRidge(rows, y, together, 1e-3).r2).toBeLessThan(0.01);
});
