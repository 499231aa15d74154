/**
 * Truncated SVD of a large sparse matrix by a randomised range finder.
 *
 *   Paper    Halko, Martinsson & Tropp, SIAM Review 53(2), 2011 · https://arxiv.org/abs/0909.4061
 *
 *   paper        here
 *   A [m, n]     matrix             sparse, row by row
 *   Ω [n, l]     normals            l = rank + oversample
 *   q            powerIterations    steps of Alg. 4.4, each half step orthonormalised
 *   Q [m, l]     basis              orthonormal columns that hold the leading left singular vectors
 *
 * Departures: the small SVD of B = Q*A (Alg. 5.1) is taken from the eigenvectors of B B*, so singular values below
 * about 1e-8 of the largest are noise. Dense work is [columns, rows] inside ("transposed"), so that every inner loop
 * runs over contiguous numbers.
 */

import { ConfigError } from "../base/errors.ts";
import { addScaled, addScaledRow, dot, gram, symmetricEigen } from "../base/linear-algebra.ts";
import { type Key, normals } from "../base/random.ts";

/** Compressed sparse rows: row i holds `values[offsets[i] .. offsets[i + 1])` at columns `indices[...]`. */
export interface SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly offsets: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/** How exact the SVD is. */
export interface SvdOptions {
  readonly rank: number;
  readonly key: Key;
  /** Extra columns of the random start (§4.2 asks for 5 to 10); default 10. */
  readonly oversample?: number;
  /** q of Alg. 4.4; 2 separates the slowly falling spectra of word counts; default 2. */
  readonly powerIterations?: number;
}

/** The leading left singular vectors and values. */
export interface TruncatedSvd {
  /** [rows, rank], orthonormal columns. */
  readonly left: Float64Array;
  /** [rank], descending. */
  readonly values: Float64Array;
}

/** @throws {ConfigError} `svd/rank` when the rank is not between 1 and the smaller side of the matrix */
export function truncateSvd(matrix: SparseMatrix, options: SvdOptions): TruncatedSvd {
  const { rank, key, oversample = 10, powerIterations = 2 } = options;
  const side = Math.min(matrix.rows, matrix.columns);
  if (!(rank >= 1 && rank <= side)) {
    throw new ConfigError("svd/rank", `svd: expected a rank from 1 to ${side}, got ${rank}`);
  }
  const width = Math.min(side, rank + oversample);
  const start = Float64Array.from(normals(key, matrix.columns * width)); // Ω
  let basis = orthonormal(multiply(matrix, start, width), width); // Alg. 4.4 lines 2-3
  for (let q = 0; q < powerIterations; q++) {
    const other = orthonormal(multiplyTransposed(matrix, basis, width), width); // line 5
    basis = orthonormal(multiply(matrix, other, width), width); // line 6
  }
  const small = multiplyTransposed(matrix, basis, width); // B* of Alg. 5.1 line 1, [columns, width]
  const { vectors, values } = symmetricEigen(gram(small, width), width); // of B B*
  return {
    left: rotate(basis, vectors, width, rank), // Alg. 5.1 line 3: U = Q Ũ
    values: values.slice(0, rank).map((x) => Math.sqrt(Math.max(0, x))),
  };
}

/** A X for X [columns, width]. */
function multiply(
  { rows, offsets, indices, values }: SparseMatrix,
  x: Float64Array,
  width: number,
): Float64Array {
  const product = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const to = row * width;
    const end = offsets[row + 1] ?? 0;
    for (let at = offsets[row] ?? 0; at < end; at++) {
      addScaledRow(product, to, x, (indices[at] ?? 0) * width, values[at] ?? 0, width);
    }
  }
  return product;
}

/** A* X for X [rows, width]. */
function multiplyTransposed(
  { rows, columns, offsets, indices, values }: SparseMatrix,
  x: Float64Array,
  width: number,
): Float64Array {
  const product = new Float64Array(columns * width);
  for (let row = 0; row < rows; row++) {
    const from = row * width;
    const end = offsets[row + 1] ?? 0;
    for (let at = offsets[row] ?? 0; at < end; at++) {
      addScaledRow(product, (indices[at] ?? 0) * width, x, from, values[at] ?? 0, width);
    }
  }
  return product;
}

function transpose(x: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = x[i * columns + j] ?? 0;
  }
  return out;
}

/**
 * An orthonormal basis of the columns of x [n, width]: Gram-Schmidt, each column cleaned twice ("twice is enough").
 * A column that depends on the ones before becomes zero, which leaves the others as they should be.
 */
function orthonormal(x: Float64Array, width: number): Float64Array {
  const rows = x.length / width;
  const columns = transpose(x, rows, width);
  const column = (j: number): Float64Array => columns.subarray(j * rows, (j + 1) * rows);
  for (let j = 0; j < width; j++) {
    const v = column(j);
    const before = Math.sqrt(dot(v, v));
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < j; i++) {
        const u = column(i);
        addScaled(v, u, -dot(u, v));
      }
    }
    const norm = Math.sqrt(dot(v, v));
    const scale = norm > 1e-12 * before ? 1 / norm : 0;
    for (let i = 0; i < rows; i++) v[i] = (v[i] ?? 0) * scale;
  }
  return transpose(columns, width, rows);
}

/** basis [n, width] times the first `rank` eigenvectors, given as rows: [n, rank]. */
function rotate(basis: Float64Array, vectors: Float64Array, width: number, rank: number): Float64Array {
  const rows = basis.length / width;
  const out = new Float64Array(rows * rank);
  for (let row = 0; row < rows; row++) {
    const x = basis.subarray(row * width, (row + 1) * width);
    for (let j = 0; j < rank; j++) out[row * rank + j] = dot(x, vectors.subarray(j * width, (j + 1) * width));
  }
  return out;
}
