import { expect, test } from "vitest";
import { ConfigError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { type SparseMatrix, truncateSvd } from "./svd.ts";

/** Entry of the orthonormal cosine matrix (DCT-II): row `k` is the k-th basis vector of length `n`. */
function cosine(n: number, k: number, i: number): number {
  return Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (i + 0.5) * k) / n);
}

/** The [rows, columns] matrix with these singular values and cosines as singular vectors, zeros left out. */
function withSingularValues(rows: number, columns: number, values: readonly number[]): SparseMatrix {
  const offsets = [0];
  const indices: number[] = [];
  const entries: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const x = values.reduce((sum, s, k) => sum + s * cosine(rows, k, i) * cosine(columns, k, j), 0);
      if (Math.abs(x) < 1e-9) continue;
      indices.push(j);
      entries.push(x);
    }
    offsets.push(entries.length);
  }
  return {
    rows,
    columns,
    offsets: Int32Array.from(offsets),
    indices: Int32Array.from(indices),
    values: Float32Array.from(entries),
  };
}

test("leading singular values and vectors agree with a matrix of known SVD within 1e-5", () => {
  // A tail that falls slowly, as that of word counts does; wider than tall, so that the sides cannot be mixed up.
  const known = Array.from({ length: 40 }, (_, k) => 10 * 0.9 ** k);
  const matrix = withSingularValues(40, 60, known);
  const { left, values } = truncateSvd(matrix, { rank: 6, key: keyOf(1), powerIterations: 6 });
  for (let j = 0; j < 6; j++) {
    expect(Math.abs((values[j] ?? 0) / (known[j] ?? 1) - 1)).toBeLessThan(1e-5);
    let overlap = 0;
    for (let i = 0; i < 40; i++) overlap += (left[i * 6 + j] ?? 0) * cosine(40, j, i);
    expect(Math.abs(Math.abs(overlap) - 1)).toBeLessThan(1e-5);
  }
});

test("two power iterations bring every singular value of a slow spectrum within 3 %", () => {
  const known = Array.from({ length: 60 }, (_, k) => 10 / Math.sqrt(k + 1));
  const { values } = truncateSvd(withSingularValues(60, 60, known), { rank: 12, key: keyOf(3) });
  for (let j = 0; j < 12; j++) expect(Math.abs((values[j] ?? 0) / (known[j] ?? 1) - 1)).toBeLessThan(0.03);
});

test("a rank above that of the matrix gives zeros below 1e-6, never NaN", () => {
  const { left, values } = truncateSvd(withSingularValues(20, 20, [3, 2]), { rank: 5, key: keyOf(2) });
  expect([...values].map((x) => Math.round(x * 1e4) / 1e4)).toEqual([3, 2, 0, 0, 0]);
  expect(left.every((x) => Number.isFinite(x))).toBe(true);
});

test("the result is a function of matrix and key", () => {
  const matrix = withSingularValues(20, 20, [5, 4, 3, 2, 1]);
  const svd = (seed: number) => truncateSvd(matrix, { rank: 3, key: keyOf(seed), powerIterations: 0 });
  expect(svd(7)).toEqual(svd(7));
  expect(svd(7)).not.toEqual(svd(8));
});

test("a rank outside the matrix is refused by name", () => {
  const refused = () => truncateSvd(withSingularValues(4, 3, [1]), { rank: 4, key: keyOf(0) });
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(/rank from 1 to 3, got 4/);
});
