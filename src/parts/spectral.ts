/**
 * Spectral normalisation: a matrix held at one largest singular value, which one step of power iteration follows while
 * the matrix is trained.
 *
 *   Miyato, Kataoka, Koyama & Yoshida, ICLR 2018 · https://arxiv.org/abs/1802.05957, Alg. 1
 *
 *   paper         here
 *   W             [out, in]
 *   ũ, ṽ          `spectral.u.NAME` [out], `spectral.v.NAME` [in]: kept tensors
 *   σ(W)          ũᵀ·W·ṽ; no gradient flows through ũ and ṽ
 *   1             `level`: 1 as in the paper, or σ of the pre-trained matrix
 *
 * The paper trains from nothing. A pre-trained matrix has σ of 2 to 12, and divided by it it is another function: its
 * level is what the layers above were trained for.
 *
 * Both vectors start after 30 iterations on the host, so that the first steps do not divide by far too small a number.
 */

import { requireEntry, requireValue } from "../base/present.ts";
import { fold, type Key, normals } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { Tools } from "../contract/method.ts";
import { reshape } from "../graph/ops/broadcast.ts";
import { div, scale, shift, sqrt, stop } from "../graph/ops/elementwise.ts";
import { matmul } from "../graph/ops/linear.ts";
import { at } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";

/** Iterations before the first step. */
const WARM_UP = 30;
/** Keeps a zero matrix from being divided by 0. */
const TINY = 1e-12;

/** Name of the left vector ũ of a matrix. */
export function leftOf(name: string): string {
  return `spectral.u.${name}`;
}

/** Name of the right vector ṽ of a matrix. */
export function rightOf(name: string): string {
  return `spectral.v.${name}`;
}

/** Where matrices are held: at 1, or at what each has at the start. */
export const LEVELS = ["pretrained", "one"] as const;
export type Level = (typeof LEVELS)[number];

/** ũ and ṽ of each matrix. The same key gives the same vectors. */
export function spectralVectors(
  tensors: ReadonlyMap<string, FloatTensor>,
  names: readonly string[],
  key: Key,
): Map<string, FloatTensor> {
  const made = new Map<string, FloatTensor>();
  for (const name of names) {
    const matrix = requireEntry(tensors, name, "tensor");
    const { shape, data } = matrix;
    const [out = 0, width = 0] = shape;
    let u = unit(Float64Array.from(normals(fold(key, name), out)));
    let v = new Float64Array(width);
    for (let i = 0; i < WARM_UP; i++) {
      v = unit(timesLeft(u, data, width));
      u = unit(timesRight(data, v));
    }
    const [left, right] = [
      floatTensor([out], Float32Array.from(u)),
      floatTensor([width], Float32Array.from(v)),
    ];
    made.set(leftOf(name), left).set(rightOf(name), right);
  }
  return made;
}

/** What each matrix is held at, from the vectors that it begins with. */
export function spectralLevels(
  tensors: ReadonlyMap<string, FloatTensor>,
  names: readonly string[],
  vectors: ReadonlyMap<string, FloatTensor>,
  level: Level,
): Map<string, number> {
  const normOfOne = (name: string): number =>
    spectralNorm(
      requireEntry(tensors, name, "tensor"),
      requireEntry(vectors, leftOf(name), "vector"),
      requireEntry(vectors, rightOf(name), "vector"),
    );
  return new Map(names.map((name) => [name, level === "one" ? 1 : normOfOne(name)]));
}

/** uᵀ·W. */
function timesLeft(u: Float64Array, w: Float32Array, width: number): Float64Array<ArrayBuffer> {
  const y = new Float64Array(width);
  for (let i = 0; i < u.length; i++) {
    const a = u[i] ?? 0;
    for (let j = 0; j < width; j++) y[j] = (y[j] ?? 0) + a * (w[i * width + j] ?? 0);
  }
  return y;
}

/** W·v. */
function timesRight(w: Float32Array, v: Float64Array): Float64Array<ArrayBuffer> {
  const y = new Float64Array(v.length === 0 ? 0 : w.length / v.length);
  for (let i = 0; i < y.length; i++) {
    let sum = 0;
    for (let j = 0; j < v.length; j++) sum += (w[i * v.length + j] ?? 0) * (v[j] ?? 0);
    y[i] = sum;
  }
  return y;
}

function unit(x: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const norm = Math.sqrt(x.reduce((sum, a) => sum + a * a, 0) + TINY);
  return x.map((a) => a / norm);
}

/** σ = ũᵀ·W·ṽ on the host. */
export function spectralNorm(w: FloatTensor, u: FloatTensor, v: FloatTensor): number {
  const right = timesRight(w.data, Float64Array.from(v.data));
  return right.reduce((sum, a, i) => sum + a * (u.data[i] ?? 0), 0);
}

/** ũ and ṽ after one more iteration on W [out, in]. */
export interface Vectors {
  /** [out] */
  readonly u: Value;
  /** [in] */
  readonly v: Value;
}

/** One step of power iteration (Alg. 1, line 1): ṽ ← Wᵀũ/‖·‖, ũ ← Wṽ/‖·‖. Without gradients. */
export function iterate(w: Value, { u }: Vectors): Vectors {
  const fixed = stop(w);
  const v = row(matmul(asRow(u), fixed)); // [1, in]
  const next = row(matmul(v, fixed, { transposeB: true })); // [1, out]
  return { u: reshape(next, u.shape), v: reshape(v, [at(w.shape, 1)]) };
}

/** σ = ũᵀ·W·ṽ, [1, 1]; its gradient is that of W alone. */
export function normOf(w: Value, { u, v }: Vectors): Value {
  return matmul(matmul(asRow(stop(u)), w), asRow(stop(v)), { transposeB: true });
}

function asRow(x: Value): Value {
  return reshape(x, [1, at(x.shape, 0)]);
}

/** A row [1, n] divided by its length. */
function row(x: Value): Value {
  return div(x, sqrt(shift(matmul(x, x, { transposeB: true }), TINY)));
}

/** W·level/σ (Alg. 1, line 2). */
export function normalise(w: Value, vectors: Vectors, level = 1): Value {
  return div(w, scale(normOf(w, vectors), 1 / level));
}

/** The same of a trained matrix, on the host, by its kept vectors; a matrix without a level is as it is. */
export function normalised(
  name: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  levels: ReadonlyMap<string, number>,
): FloatTensor {
  const w = requireEntry(tensors, name, "tensor");
  const level = levels.get(name);
  if (level === undefined) return w;
  const [u, v] = [leftOf(name), rightOf(name)].map((kept) => requireEntry(tensors, kept, "vector"));
  const factor = level / spectralNorm(w, requireValue(u, "vector"), requireValue(v, "vector"));
  return floatTensor(
    w.shape,
    w.data.map((x) => x * factor),
  );
}

/** The answers of a method that normalises. */
export interface SpectralSites {
  readonly weight: (name: string, w: Value) => Value;
  /** The vectors after this batch. */
  readonly updates: () => Readonly<Record<string, Value>>;
}

/** W·level/σ(W) for each matrix that is read; in training after one more step of power iteration, which is kept. */
export function spectralSites(
  levels: ReadonlyMap<string, number>,
  tools: Tools,
  iterates: boolean,
): SpectralSites {
  const moved = new Map<string, Vectors>();
  const weight = (name: string, w: Value): Value => {
    const level = levels.get(name);
    if (level === undefined) return w;
    const vectors = { u: tools.tensor(leftOf(name)), v: tools.tensor(rightOf(name)) };
    const now = iterates ? iterate(w, vectors) : vectors;
    if (iterates) moved.set(name, now);
    return normalise(w, now, level);
  };
  const updates = (): Record<string, Value> =>
    Object.fromEntries(
      [...moved].flatMap(([name, { u, v }]) => [
        [leftOf(name), u],
        [rightOf(name), v],
      ]),
    );
  return { weight, updates };
}
