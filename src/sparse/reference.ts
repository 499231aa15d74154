/**
 * What the kernels compute, in plain TypeScript and double precision: the definition that every kernel has to agree with.
 *
 * Rows are [tokens, features], as one would write them down; panels and blocks are the kernels' own affair. Also run
 * once when a model is loaded, to see that compiled kernels are right on this machine (runtime/). Browser-safe.
 */

import { erf } from "../base/erf.ts";
import { type LevelMatrix, TOKEN_STEPS } from "../base/levels.ts";
import { requireItem } from "../base/present.ts";

/** A text's tokens, each a row of features. */
export interface Rows {
  readonly tokens: number;
  readonly features: number;
  /** [tokens, features] */
  readonly data: Float32Array;
}

function rowsOf(tokens: number, features: number, value: (t: number, f: number) => number): Rows {
  const data = new Float32Array(tokens * features);
  for (let t = 0; t < tokens; t++) {
    for (let f = 0; f < features; f++) data[t * features + f] = value(t, f);
  }
  return { tokens, features, data };
}

function at({ data, features }: Rows, t: number, f: number): number {
  return data[t * features + f] ?? 0;
}

/** x·Wᵀ + b with W [outputs, inputs]. */
export function linear(x: Rows, weight: Float32Array, bias: Float32Array): Rows {
  return rowsOf(x.tokens, bias.length, (t, o) => {
    let sum = bias[o] ?? 0;
    for (let i = 0; i < x.features; i++) sum += (weight[o * x.features + i] ?? 0) * at(x, t, i);
    return sum;
  });
}

/** A text's tokens in 8 bits, each by itself: x ≈ scale · (byte − zero). */
export interface ByteRows {
  readonly tokens: number;
  readonly features: number;
  /** [tokens, features], 0…127 */
  readonly bytes: Uint8Array;
  /** [tokens] */
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
}

/** The kernel `quantize`, in float32 step by step as there, so that bytes can be compared one by one. */
export function quantize(x: Rows): ByteRows {
  const { tokens, features, data } = x;
  const bytes = new Uint8Array(tokens * features);
  const scales = new Float32Array(tokens);
  const zeros = new Int32Array(tokens);
  const { fround } = Math;
  for (let t = 0; t < tokens; t++) {
    const row = data.subarray(t * features, (t + 1) * features);
    const least = row.reduce((a, b) => Math.min(a, b), 0);
    const range = fround(row.reduce((a, b) => Math.max(a, b), 0) - least);
    const factor = Math.min(fround(TOKEN_STEPS / range), LARGEST);
    scales[t] = range / TOKEN_STEPS;
    const zero = Math.floor(fround(0.75 - fround(least * factor)));
    zeros[t] = zero;
    for (let f = 0; f < features; f++)
      bytes[t * features + f] = roundEven(fround((row[f] ?? 0) * factor) + zero);
  }
  return { tokens, features, bytes, scales, zeros };
}

/** The numbers that bytes stand for. */
export function dequantize({ tokens, features, bytes, scales, zeros }: ByteRows): Rows {
  return rowsOf(tokens, features, (t, f) => {
    const level = requireItem(bytes, t * features + f, "bytes") - requireItem(zeros, t, "zero points");
    return level * requireItem(scales, t, "scales");
  });
}

const LARGEST = 3.4028234663852886e38;

/** To the nearest whole number, halves to the even one. */
function roundEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** x·Wᵀ + b in 8 bits: whole numbers are multiplied, and scaled at the end. */
export function byteLinear(x: ByteRows, { columns, levels, scales }: LevelMatrix, bias: Float32Array): Rows {
  return rowsOf(x.tokens, bias.length, (t, o) => {
    let sum = 0;
    for (let i = 0; i < columns; i++)
      sum += (levels[o * columns + i] ?? 0) * ((x.bytes[t * columns + i] ?? 0) - (x.zeros[t] ?? 0));
    return sum * (x.scales[t] ?? 0) * (scales[o] ?? 0) + (bias[o] ?? 0);
  });
}

/**
 * Multi-head attention of a text over itself; `q` carries the factor 1/√A already.
 *
 * @param term   what is added to the score of a head, by the asking token's place less the other's
 * @param reach  tokens that one may see on each side
 */
export function attention(
  q: Rows,
  k: Rows,
  v: Rows,
  heads: number,
  term: (head: number, distance: number) => number = () => 0,
  reach = Number.POSITIVE_INFINITY,
): Rows {
  const size = q.features / heads;
  const dot = (t: number, j: number, h: number): number => {
    let sum = 0;
    for (let a = 0; a < size; a++) sum += at(q, t, h * size + a) * at(k, j, h * size + a);
    return sum;
  };
  const out = new Float32Array(q.tokens * q.features);
  for (let h = 0; h < heads; h++) {
    for (let t = 0; t < q.tokens; t++) {
      const scores = Array.from({ length: k.tokens }, (_, j) =>
        Math.abs(t - j) > reach ? Number.NEGATIVE_INFINITY : dot(t, j, h) + term(h, t - j),
      );
      const top = Math.max(...scores);
      const powers = scores.map((s) => Math.exp(s - top));
      const total = powers.reduce((a, b) => a + b, 0);
      for (let a = 0; a < size; a++) {
        const mixed = powers.reduce((sum, p, j) => sum + p * at(v, j, h * size + a), 0);
        out[t * q.features + h * size + a] = mixed / total;
      }
    }
  }
  return { tokens: q.tokens, features: q.features, data: out };
}

/** γ·(x + r − mean)/√(var + ε) + β over the features of each token. */
export function layerNorm(
  x: Rows,
  residual: Rows | undefined,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
): Rows {
  const sum = (t: number, f: number): number => at(x, t, f) + (residual ? at(residual, t, f) : 0);
  const moments = Array.from({ length: x.tokens }, (_, t) => {
    const row = Array.from({ length: x.features }, (_, f) => sum(t, f));
    const mean = row.reduce((a, b) => a + b, 0) / x.features;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / x.features;
    return { mean, scale: 1 / Math.sqrt(variance + epsilon) };
  });
  return rowsOf(x.tokens, x.features, (t, f) => {
    const { mean, scale } = requireItem(moments, t, "moments");
    return (gamma[f] ?? 0) * (sum(t, f) - mean) * scale + (beta[f] ?? 0);
  });
}

/** Each head's features in pairs, i and A/2 + i, turned by token's place · rates[i]. */
export function rotate(x: Rows, heads: number, rates: ArrayLike<number>): Rows {
  const size = x.features / heads;
  return rowsOf(x.tokens, x.features, (t, f) => {
    const [start, i] = [f - (f % size), f % (size / 2)];
    const [a, b] = [at(x, t, start + i), at(x, t, start + size / 2 + i)];
    const angle = t * requireItem(rates, i, "rates");
    const isFirst = f % size < size / 2;
    return isFirst ? a * Math.cos(angle) - b * Math.sin(angle) : b * Math.cos(angle) + a * Math.sin(angle);
  });
}

/** The functions of the feed-forward module and of the heads, by the kernels' names. */
export const ACTIVATIONS = {
  gelu_erf: (x: number): number => (x / 2) * (1 + erf(x * Math.SQRT1_2)),
  gelu_tanh: (x: number): number =>
    (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x: number): number => Math.max(x, 0),
  tanh: (x: number): number => Math.tanh(x),
} as const;

/** Rows of the table of positions: those of the places, or counted from the pieces that are not `pad`. */
export function placesOf(ids: readonly number[], pad: number): number[] {
  const isReal = ids.map((id) => id !== pad);
  const before = (i: number): number => isReal.slice(0, i + 1).filter(Boolean).length;
  return ids.map((_, i) => (pad < 0 ? i : pad + (isReal[i] === true ? before(i) : 0)));
}

/** word + position + type embeddings of a text. @param places  rows of the table of positions */
export function gather(
  ids: readonly number[],
  types: readonly number[],
  places: readonly number[],
  tables: Readonly<Record<"words" | "positions" | "segments", Float32Array>>,
  features: number,
): Rows {
  const { words, positions, segments } = tables;
  return rowsOf(ids.length, features, (t, f) => {
    const [word, type] = [ids[t] ?? 0, types[t] ?? 0];
    const from = (table: Float32Array, row: number): number => table[row * features + f] ?? 0;
    return from(words, word) + from(segments, type) + from(positions, requireItem(places, t, "places"));
  });
}
