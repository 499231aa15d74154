/**
 * Singular values of a sparse matrix: all of them, or the largest one or two.
 *
 *   all       square roots of the eigenvalues of the smaller Gram matrix; below 1e-7 of the largest they are noise
 *   largest   Lanczos's iteration on that Gram matrix, which is not formed, every new direction cleaned of all before
 *             (Golub & Van Loan, Matrix Computations, §10.3), until the residual is 1e-6 of the value
 *
 * What is done for each entry is proportional to the entries that are there. The second value is sought beside the first's
 * vector, so one that is there twice is found twice.
 */

import { addScaled, dot, symmetricEigen } from "../base/linear-algebra.ts";
import { type Key, normals } from "../base/random.ts";
import { symmetricEigenvalues } from "./eigenvalues.ts";

/** Lines along the longer side, each with its entries: line l has `values[starts[l] .. starts[l + 1])` at places `at[...]`. */
export interface Lines {
  /** Places of a line: the shorter side. */
  readonly width: number;
  readonly starts: Int32Array;
  readonly at: Int32Array;
  readonly values: Float32Array;
}

/** Entries of a matrix [rows, columns] that are not 0. */
export function linesOf(entries: Float32Array, rows: number, columns: number): Lines {
  const isTall = rows >= columns;
  const [count, width] = isTall ? [rows, columns] : [columns, rows];
  const [line, place] = isTall ? [columns, 1] : [1, columns];
  const there = entries.reduce((n, entry) => n + Number(entry !== 0), 0);
  const [starts, at, values] = [new Int32Array(count + 1), new Int32Array(there), new Float32Array(there)];
  for (let l = 0, n = 0; l < count; l++) {
    for (let p = 0; p < width; p++) {
      const entry = entries[l * line + p * place] ?? 0;
      if (entry === 0) continue;
      at[n] = p;
      values[n++] = entry;
    }
    starts[l + 1] = n;
  }
  return { width, starts, at, values };
}

/** The same entries with every value 1: the adjacency of a bipartite graph. */
export function onesOf(lines: Lines): Lines {
  return { ...lines, values: new Float32Array(lines.values.length).fill(1) };
}

/** Squares of all entries, summed: of all singular values too. */
export function squaredSize({ values }: Lines): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) ** 2;
  return sum;
}

/** All singular values, descending; `width` of them. */
export function allSingularValues(lines: Lines): Float64Array {
  const squares = symmetricEigenvalues(gram(lines), lines.width);
  return squares.map((square) => Math.sqrt(Math.max(0, square))).reverse();
}

/** Sum over all lines of line·lineᵀ, the lower triangle mirrored: [width, width]. */
function gram({ width, starts, at, values }: Lines): Float64Array {
  const out = new Float64Array(width * width);
  for (let l = 0; l + 1 < starts.length; l++) {
    const [start, end] = [starts[l] ?? 0, starts[l + 1] ?? 0];
    for (let i = start; i < end; i++) {
      const [row, value] = [(at[i] ?? 0) * width, values[i] ?? 0];
      for (let j = start; j <= i; j++) {
        const k = row + (at[j] ?? 0);
        out[k] = (out[k] ?? 0) + value * (values[j] ?? 0);
      }
    }
  }
  for (let r = 0; r < width; r++) for (let c = 0; c < r; c++) out[c * width + r] = out[r * width + c] ?? 0;
  return out;
}

/** The `count` largest singular values, descending; 0 where there are no more. @param key  of the starts */
export function largestSingularValues(lines: Lines, count: 1 | 2, key: Key): number[] {
  const found: Float64Array[] = [];
  return Array.from({ length: count }, (_, i) => {
    const start = Float64Array.from(normals(key, lines.width * (i + 1)).subarray(lines.width * i));
    const { value, vector } = largestEigenvalue(lines, start, found);
    if (vector) found.push(vector);
    return Math.sqrt(Math.max(0, value));
  });
}

/** Directions that are tried; a spectrum without any gap at its edge takes some 100. */
const MOST = 200;
/** Residual over value at which a pair is taken; the value's own error is of the order of its square. */
const ENOUGH = 1e-6;

interface EigenPair {
  readonly value: number;
  /** Absent where nothing but 0 is left. */
  readonly vector?: Float64Array;
}

/** Of the Gram matrix among the vectors that are orthogonal to those of `beside`. */
function largestEigenvalue(lines: Lines, start: Float64Array, beside: readonly Float64Array[]): EigenPair {
  const basis: Float64Array[] = [];
  const [diagonal, off]: [number[], number[]] = [[], []];
  let next: Float64Array | undefined = unit(start, beside);
  let best: EigenPair = { value: 0 };
  while (next !== undefined && basis.length < Math.min(MOST, lines.width)) {
    const v: Float64Array = next;
    basis.push(v);
    const w = timesGram(lines, v);
    const size = Math.sqrt(dot(w, w));
    diagonal.push(dot(w, v));
    clean(w, [...beside, ...basis]);
    const length = Math.sqrt(dot(w, w));
    // What rounding leaves of a vector that lies in the basis is no direction.
    const isDone = length <= 1e-12 * size;
    if (isDone || basis.length % 10 === 0 || basis.length === Math.min(MOST, lines.width)) {
      const { value, weights } = topOf(diagonal, off);
      best = { value, vector: combine(basis, weights) };
      if (isDone || Math.abs(length * (weights.at(-1) ?? 0)) <= ENOUGH * value) return best;
    }
    off.push(length);
    next = w.map((x) => x / length);
  }
  return best;
}

/** The largest eigenvalue of a matrix of three diagonals, and its vector. */
function topOf(
  diagonal: readonly number[],
  off: readonly number[],
): { value: number; weights: Float64Array } {
  const n = diagonal.length;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    matrix[i * n + i] = diagonal[i] ?? 0;
    if (i + 1 < n) matrix[i * n + i + 1] = matrix[(i + 1) * n + i] = off[i] ?? 0;
  }
  const { values, vectors } = symmetricEigen(matrix, n);
  return { value: values[0] ?? 0, weights: vectors.subarray(0, n) };
}

/** Gram·x without the Gram matrix: line by line its product with x, times the line. */
function timesGram({ width, starts, at, values }: Lines, x: Float64Array): Float64Array {
  const out = new Float64Array(width);
  for (let l = 0; l + 1 < starts.length; l++) {
    const [start, end] = [starts[l] ?? 0, starts[l + 1] ?? 0];
    let sum = 0;
    for (let i = start; i < end; i++) sum += (values[i] ?? 0) * (x[at[i] ?? 0] ?? 0);
    if (sum === 0) continue;
    for (let i = start; i < end; i++) {
      const place = at[i] ?? 0;
      out[place] = (out[place] ?? 0) + sum * (values[i] ?? 0);
    }
  }
  return out;
}

/** Takes off what lies along orthonormal vectors, twice, in place. */
function clean(x: Float64Array, vectors: readonly Float64Array[]): void {
  for (let pass = 0; pass < 2; pass++) for (const v of vectors) addScaled(x, v, -dot(x, v));
}

/** A direction of length 1; undefined where nothing is left beside those vectors. */
function unit(x: Float64Array, beside: readonly Float64Array[]): Float64Array | undefined {
  const before = Math.sqrt(dot(x, x));
  clean(x, beside);
  const length = Math.sqrt(dot(x, x));
  return length > 1e-9 * before ? x.map((v) => v / length) : undefined;
}

function combine(basis: readonly Float64Array[], weights: Float64Array): Float64Array {
  const out = new Float64Array(basis[0]?.length ?? 0);
  basis.forEach((v, i) => {
    addScaled(out, v, weights[i] ?? 0);
  });
  return out;
}
