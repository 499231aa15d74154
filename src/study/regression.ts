/**
 * Ridge regression, judged on what it has not seen: each group of rows is foretold by a fit on all the others.
 *
 *   β = argmin ‖y − β₀ − Zβ‖² + λ‖β‖²     Z [n, p]: columns of X less their mean, over their deviation; β₀ has no penalty
 *   H = W(WᵀW + Λ)⁻¹Wᵀ                     W = [1, Z], Λ = λ on all but the first
 *   r₍g₎ = (I − H_gg)⁻¹ (y − Hy)_g         what rows g are off by when they are left out: exact, without n fits
 *   R² = 1 − Σ r₍g₎² / Σ m₍g₎²             m₍g₎ = y_g less the mean of all other rows: the fit that knows nothing
 *
 * (Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, §3.4.1 and §7.10; the blockwise form follows from
 * Woodbury's identity.) Z is made from all rows, which lets the scale of X in and nothing of y. Below 0, R² says that the
 * fit foretells worse than a mean. Not here: which columns (prediction.ts).
 */

import { requireItem } from "../base/present.ts";

/** Numbers row by row. */
export type Rows = readonly (readonly number[])[];

/** Rows that are left out together. */
export type Fold = readonly number[];

export interface Judged {
  /** Share of the variance that is foretold; NaN where all targets are alike. */
  readonly r2: number;
  /** What each row is off by when its fold is left out. */
  readonly residuals: readonly number[];
}

/** Columns less their mean, over their deviation; a column that says nothing is left out. */
export function standardised(rows: Rows): number[][] {
  const n = rows.length;
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, c) => rows.map((row) => requireItem(row, c, "row")));
  const scaled = columns.flatMap((column) => {
    const mean = sumOf(column) / n;
    const deviation = Math.sqrt(sumOf(column.map((value) => (value - mean) ** 2)) / n);
    const size = Math.max(...column.map(Math.abs));
    return deviation <= 1e-9 * size ? [] : [column.map((value) => (value - mean) / deviation)];
  });
  return rows.map((_, r) => scaled.map((column) => requireItem(column, r, "column")));
}

/** Fits with every fold left out. @param rows  a row an observation, without the constant */
export function judgeRidge(rows: Rows, y: readonly number[], folds: readonly Fold[], lambda: number): Judged {
  const { w, spread, off } = fitRidge(rows, y, lambda);
  const residuals = y.map(() => 0);
  const total = sumOf(y);
  let [squares, blind] = [0, 0];
  for (const fold of folds) {
    const hat = fold.map((r) =>
      fold.map((s) => dot(requireItem(w, r, "rows"), requireItem(spread, s, "rows"))),
    );
    const rest = hat.map((row, i) => row.map((value, j) => Number(i === j) - value));
    const left = solve(
      rest,
      fold.map((r) => requireItem(off, r, "rows")),
    );
    const others = total - sumOf(fold.map((r) => requireItem(y, r, "y")));
    const mean = others / Math.max(1, y.length - fold.length);
    fold.forEach((r, i) => {
      residuals[r] = requireItem(left, i, "fold");
      squares += residuals[r] ** 2;
      blind += (requireItem(y, r, "y") - mean) ** 2;
    });
  }
  return { r2: blind === 0 ? Number.NaN : 1 - squares / blind, residuals };
}

/** What a fit on all rows leaves of each target: y − Hy. */
export function fitRest(rows: Rows, y: readonly number[], lambda: number): number[] {
  return fitRidge(rows, y, lambda).off;
}

function fitRidge(rows: Rows, y: readonly number[], lambda: number) {
  const w = standardised(rows).map((row) => [1, ...row]);
  const inverse = invert(normalMatrix(w, lambda));
  const spread = w.map((row) => multiply(inverse, row)); // (WᵀW + Λ)⁻¹ w_i
  const moments = requireItem(w, 0, "rows").map((_, c) =>
    sumOf(w.map((row, r) => requireItem(row, c, "row") * requireItem(y, r, "targets"))),
  );
  const off = y.map((value, r) => value - dot(requireItem(spread, r, "rows"), moments));
  return { w, spread, off };
}

/** WᵀW + Λ. */
function normalMatrix(w: Rows, lambda: number): number[][] {
  const width = w[0]?.length ?? 0;
  const sums = Array.from({ length: width }, () => new Array<number>(width).fill(0));
  for (const row of w) {
    sums.forEach((line, a) => {
      const scale = row[a] ?? 0;
      for (let b = 0; b < width; b++) line[b] = (line[b] ?? 0) + scale * (row[b] ?? 0);
    });
  }
  return sums.map((line, a) => line.map((sum, b) => (a === b && a > 0 ? sum + lambda : sum)));
}

function invert(matrix: Rows): number[][] {
  const columns = matrix.map((_, c) =>
    solve(
      matrix,
      matrix.map((_, r) => Number(r === c)),
    ),
  );
  return matrix.map((_, r) => columns.map((column) => requireItem(column, r, "inverse")));
}

/** A·x = b by Gauss's elimination with the largest pivot of a column. */
function solve(matrix: Rows, b: readonly number[]): number[] {
  const a = matrix.map((row, r) => [...row, requireItem(b, r, "right side")]);
  const n = a.length;
  for (let c = 0; c < n; c++) {
    let best = c;
    for (let r = c + 1; r < n; r++) {
      if (Math.abs(a[r]?.[c] ?? 0) > Math.abs(a[best]?.[c] ?? 0)) best = r;
    }
    const [row, pivot] = [requireItem(a, c, "rows"), requireItem(a, best, "rows")];
    [a[c], a[best]] = [pivot, row];
    for (let r = c + 1; r < n; r++) {
      const under = requireItem(a, r, "rows");
      const factor = (under[c] ?? 0) / (pivot[c] ?? 1);
      if (factor === 0) continue;
      for (let k = c; k <= n; k++) under[k] = (under[k] ?? 0) - factor * (pivot[k] ?? 0);
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let r = n - 1; r >= 0; r--) {
    const row = requireItem(a, r, "rows");
    const known = sumOf(x.slice(r + 1).map((value, i) => value * (row[r + 1 + i] ?? 0)));
    x[r] = ((row[n] ?? 0) - known) / (row[r] ?? 1);
  }
  return x;
}

function multiply(matrix: Rows, vector: readonly number[]): number[] {
  return matrix.map((row) => dot(row, vector));
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
