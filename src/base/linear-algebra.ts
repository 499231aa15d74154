/**
 * Vectors and small dense matrices in double precision, row after row in one array. Sums run in the order of the places, so
 * the same numbers give the same bytes. Not here: all eigenvalues of a large matrix (topology/eigenvalues.ts), sparse
 * matrices (text/svd.ts, topology/singular-values.ts).
 */

/** Σ x·y. */
export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] ?? 0) * (y[i] ?? 0);
  return sum;
}

/** sum += factor · x, in place. */
export function addScaled(sum: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + factor * (x[i] ?? 0);
}

/** The same of `width` numbers within larger arrays: sum[to..] += factor · x[from..]. */
export function addScaledRow(
  sum: Float64Array,
  to: number,
  x: Float64Array,
  from: number,
  factor: number,
  width: number,
): void {
  for (let j = 0; j < width; j++) sum[to + j] = (sum[to + j] ?? 0) + factor * (x[from + j] ?? 0);
}

/** xᵀx for x [n, width]: [width, width]. */
export function gram(x: Float64Array, width: number): Float64Array {
  const product = new Float64Array(width * width);
  for (let row = 0; row < x.length; row += width) {
    for (let i = 0; i < width; i++) addScaledRow(product, i * width, x, row, x[row + i] ?? 0, width);
  }
  return product;
}

/**
 * Eigenvalues (descending) and eigenvectors (as rows) of a symmetric [n, n] matrix, by cyclic Jacobi rotations
 * (Golub & Van Loan, Matrix Computations, §8.5).
 */
export function symmetricEigen(
  symmetric: Float64Array,
  n: number,
): { vectors: Float64Array; values: Float64Array } {
  const a = symmetric.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const enough = 1e-26 * dot(a, a);
  for (let sweep = 0; sweep < 60 && offDiagonal(a, n) > enough; sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) jacobiRotation(a, v, n, p, q);
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i] ?? 0);
  const order = Array.from(diagonal.keys()).sort((i, j) => (diagonal[j] ?? 0) - (diagonal[i] ?? 0));
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    vectors.set(v.subarray(from * n, (from + 1) * n), to * n);
  });
  return { vectors, values: Float64Array.from(order, (i) => diagonal[i] ?? 0) };
}

/** Sum of squares off the diagonal. */
function offDiagonal(a: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) sum += 2 * (a[i * n + j] ?? 0) ** 2;
  return sum;
}

/** Makes a[p, q] zero by a rotation of rows and columns p and q; `v` collects the rotations as rows. */
function jacobiRotation(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q] ?? 0;
  if (apq === 0) return;
  const tau = ((a[q * n + q] ?? 0) - (a[p * n + p] ?? 0)) / (2 * apq);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const cosine = 1 / Math.sqrt(1 + t * t);
  const sine = t * cosine;
  for (let k = 0; k < n; k++) rotatePair(a, k * n + p, k * n + q, cosine, sine);
  for (let k = 0; k < n; k++) rotatePair(a, p * n + k, q * n + k, cosine, sine);
  for (let k = 0; k < n; k++) rotatePair(v, p * n + k, q * n + k, cosine, sine);
}

function rotatePair(x: Float64Array, i: number, j: number, cosine: number, sine: number): void {
  const xi = x[i] ?? 0;
  const xj = x[j] ?? 0;
  x[i] = cosine * xi - sine * xj;
  x[j] = sine * xi + cosine * xj;
}
