/**
 * One or more samples of every operation: operands, how the value is built, and each element of the result in plain
 * TypeScript. ops.test.ts checks all of them, forward and backward; a new operation without a sample does not compile.
 *
 * Symbols stand for the lengths in `SIZES`.
 */

import { fold, keyOf, uniform } from "../../src/base/random.ts";
import { expand, reshape, sum } from "../../src/graph/ops/broadcast.ts";
import * as e from "../../src/graph/ops/elementwise.ts";
import { linear, matmul, transpose } from "../../src/graph/ops/linear.ts";
import { largest, layerNorm, logSoftmax, smallest, softmax } from "../../src/graph/ops/normal.ts";
import { concat, gather, range, rotateHalf, scatterAdd, slice, take } from "../../src/graph/ops/select.ts";
import type { OpName } from "../../src/graph/ops.ts";
import type { Shape, Sizes } from "../../src/graph/shape.ts";
import type { Value } from "../../src/graph/value.ts";

export const SIZES: Sizes & { readonly B: number; readonly T: number } = { B: 2, T: 3 };

/** Numbers drawn from [low, high), or the integers given, row by row. */
export type Operand =
  | { readonly shape: Shape; readonly low: number; readonly high: number }
  | { readonly shape: Shape; readonly integers: readonly number[]; readonly dtype: "int32" | "int64" };

/** Reads an element of an operand; an index broadcasts as in NumPy. */
export type Read = (index: readonly number[]) => number;

export interface Sample {
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly build: (...x: Value[]) => Value;
  /** The element of the result at `index`. */
  readonly reference: (index: readonly number[], ...x: Read[]) => number;
  /** False where the sample itself is about float32. */
  readonly doubles?: false;
}

function real(shape: Shape, low = -1.5, high = 1.5): Operand {
  return { shape, low, high };
}

function integers(shape: Shape, values: readonly number[], dtype: "int32" | "int64" = "int32"): Operand {
  return { shape, integers: values, dtype };
}

/** Values of an operand of `size` elements. */
export function valuesOf(operand: Operand, size: number, place: number): number[] {
  if ("integers" in operand) return [...operand.integers];
  const { low, high } = operand;
  return Array.from({ length: size }, (_, i) => low + (high - low) * uniform(fold(keyOf(11), place), i));
}

function total(n: number, term: (i: number) => number): number {
  return Array.from({ length: n }, (_, i) => term(i)).reduce((a, b) => a + b, 0);
}

function unary(build: (x: Value) => Value, f: (x: number) => number, low = -1.5, high = 1.5): Sample[] {
  return [
    { name: "[B, 3]", operands: [real(["B", 3], low, high)], build, reference: (i, x = zero) => f(x(i)) },
  ];
}

const zero: Read = () => 0;

/** Shapes of two operands that broadcast in every way. */
const PAIRS: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [["B", "T", 4], [4]],
  [
    ["B", 1, 4],
    ["T", 1],
  ],
  [[], ["B", 3]],
];

function binary(
  build: (a: Value, b: Value) => Value,
  f: (a: number, b: number) => number,
  low = -1.5,
  high = 1.5,
): Sample[] {
  return PAIRS.map(([a, b]) => ({
    name: `[${a}] and [${b}]`,
    operands: [real(a, low, high), real(b, low, high)],
    build,
    reference: (i, x = zero, y = zero) => f(x(i), y(i)),
  }));
}

/** erf by its Maclaurin series, to the last place for |x| < 2. */
function erf(x: number): number {
  let term = x;
  let value = 0;
  for (let n = 0; n < 60; n++) {
    value += term / (2 * n + 1);
    term *= -(x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * value;
}

function geluErf(x: number): number {
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

const [M, K, N] = [2, 3, 4];
const BATCHES: readonly (readonly [Shape, Shape])[] = [
  [["B"], ["B"]],
  [
    ["B", 2],
    ["B", 2],
  ],
  [["B"], []],
  [[], ["B"]],
  [["B", 1], ["T"]],
];

/** α·op(a)·op(b), leading axes broadcast. */
function product(batch: readonly [Shape, Shape], alpha: number, turned: string): Sample {
  const [transposeA, transposeB] = [turned.includes("a"), turned.includes("b")];
  const a = [...batch[0], ...(transposeA ? [K, M] : [M, K])];
  const b = [...batch[1], ...(transposeB ? [N, K] : [K, N])];
  return {
    name: `${alpha} × [${a}]${transposeA ? "ᵀ" : ""} × [${b}]${transposeB ? "ᵀ" : ""}`,
    operands: [real(a), real(b)],
    build: (x, y) => matmul(x, y, { transposeA, transposeB, alpha }),
    reference: (index, x = zero, y = zero) => {
      const [lead, [m = 0, n = 0]] = [index.slice(0, -2), index.slice(-2)];
      const left = (k: number): number => x([...lead, ...(transposeA ? [k, m] : [m, k])]);
      const right = (k: number): number => y([...lead, ...(transposeB ? [n, k] : [k, n])]);
      return alpha * total(K, (k) => left(k) * right(k));
    },
  };
}

function linearSample(rows: number | string, bias: boolean): Sample {
  return {
    name: `[${rows}, 3] with weights [4, 3]${bias ? " and bias" : ""}`,
    operands: [real([rows, 3]), real([4, 3]), ...(bias ? [real([4])] : [])],
    build: linear,
    reference: ([n = 0, o = 0], x = zero, w = zero, b = zero) =>
      total(3, (i) => x([n, i]) * w([o, i])) + b([o]),
  };
}

function gathered(table: Shape, dtype: "int32" | "int64"): Sample {
  return {
    name: `rows of [${table}] by repeated ${dtype} [B, T]`,
    operands: [real(table), integers(["B", "T"], [4, 0, 4, 2, 4, 0], dtype)],
    build: gather,
    reference: ([b = 0, t = 0, ...rest], x = zero, ids = zero) => x([ids([b, t]), ...rest]),
  };
}

function scattered(rows: number, rest: readonly number[]): Sample {
  return {
    name: `[${[4, ...rest]}] into ${rows} rows, two of them into one`,
    operands: [integers([4], [3, 1, 3, 0]), real([4, ...rest])],
    build: (ids, values) => scatterAdd(ids, values, rows),
    reference: ([row = 0, ...at], ids = zero, x = zero) =>
      total(4, (n) => (ids([n]) === row ? x([n, ...at]) : 0)),
  };
}

const scatteredToPositions: Sample = {
  name: "[B*T, 2] into B*T rows, some of them into one",
  operands: [integers(["B", "T"], [5, 0, 5, 2, 5, 0]), real(["B", "T", 2])],
  build: (ids, x) => scatterAdd(reshape(ids, ["B*T"]), reshape(x, ["B*T", 2]), "B*T"),
  reference: ([row = 0, i = 0], ids = zero, x = zero) =>
    total(2, (b) => total(3, (t) => (ids([b, t]) === row ? x([b, t, i]) : 0))),
};

function sliced(shape: Shape, axis: number, start: number, end: number): Sample {
  const place = axis < 0 ? axis + shape.length : axis;
  return {
    name: `[${shape}] from ${start} to ${end} on axis ${axis}`,
    operands: [real(shape)],
    build: (x) => slice(x, axis, start, end),
    reference: (index, x = zero) => x(index.map((i, j) => (j === place ? i + start : i))),
  };
}

function taken(axis: number, index: number): Sample {
  const place = axis < 0 ? axis + 3 : axis;
  return {
    name: `[B, T, 4] at ${index} of axis ${axis}`,
    operands: [real(["B", "T", 4])],
    build: (x) => take(x, axis, index),
    reference: (i, x = zero) => x([...i.slice(0, place), index, ...i.slice(place)]),
  };
}

function summed(axes: readonly number[], keep: boolean, reference: Sample["reference"]): Sample {
  return {
    name: `[B, T, 4] over [${axes}]${keep ? ", kept" : ""}`,
    operands: [real(["B", "T", 4])],
    build: (x) => sum(x, axes, keep),
    reference,
  };
}

function softmaxOf(index: readonly number[], x: Read, n: number): number {
  const [lead, last = 0] = [index.slice(0, -1), index.at(-1)];
  return Math.exp(x([...lead, last])) / total(n, (i) => Math.exp(x([...lead, i])));
}

function extremeOf(shape: Shape, n: number, most: boolean): Sample {
  return {
    name: `[${shape}], the ${most ? "largest" : "smallest"}`,
    operands: [real(shape)],
    build: most ? largest : smallest,
    reference: (index, x = zero) => {
      const all = Array.from({ length: n }, (_, i) => x([...index.slice(0, -1), i]));
      return most ? Math.max(...all) : Math.min(...all);
    },
  };
}

function normed(lead: Shape): Sample {
  return {
    name: `[${[...lead, 4]}]`,
    operands: [real([...lead, 4]), real([4]), real([4])],
    build: (x, gamma, beta) => layerNorm(x, gamma, beta, 1e-3),
    reference: (index, x = zero, gamma = zero, beta = zero) => {
      const at = (i: number): number => x([...index.slice(0, -1), i]);
      const [last = 0, mean] = [index.at(-1), total(4, at) / 4];
      const variance = total(4, (i) => (at(i) - mean) ** 2) / 4;
      return (gamma([last]) * (at(last) - mean)) / Math.sqrt(variance + 1e-3) + beta([last]);
    },
  };
}

const softmaxShapes: readonly (readonly [Shape, number])[] = [
  [["B", 4], 4],
  [["B", 2, "T"], SIZES.T],
];

/** The table. */
export const SAMPLES: Readonly<Record<OpName, readonly Sample[]>> = {
  abs: unary(e.abs, Math.abs),
  add: binary(e.add, (a, b) => a + b),
  cast: [
    {
      name: "[B, 3] to float64 and back",
      operands: [real(["B", 3])],
      build: (x) => e.cast(e.cast(x, "float64"), "float32"),
      reference: (i, x = zero) => x(i),
      doubles: false,
    },
  ],
  clip: unary(
    (x) => e.clip(x, -0.5, 0.75),
    (x) => Math.min(0.75, Math.max(-0.5, x)),
  ),
  concat: [
    {
      name: "[B, 2], [B, 3] and [B, 1] on axis -1",
      operands: [real(["B", 2]), real(["B", 3]), real(["B", 1])],
      build: (...x) => concat(x, -1),
      reference: ([b = 0, i = 0], x = zero, y = zero, z = zero) =>
        i < 2 ? x([b, i]) : i < 5 ? y([b, i - 2]) : z([b, 0]),
    },
    {
      name: "[2, T] and [1, T] on axis 0",
      operands: [real([2, "T"]), real([1, "T"])],
      build: (...x) => concat(x, 0),
      reference: ([i = 0, t = 0], x = zero, y = zero) => (i < 2 ? x([i, t]) : y([0, t])),
    },
  ],
  cos: unary(e.cos, Math.cos, -7, 7),
  div: binary(e.div, (a, b) => a / b, 0.5, 2),
  equal: [
    {
      name: "int64 [B, T] and [T]",
      operands: [integers(["B", "T"], [0, 1, 2, 2, 1, 0], "int64"), integers(["T"], [0, 1, 1], "int64")],
      build: e.equal,
      reference: (i, a = zero, b = zero) => Number(a(i) === b(i)),
    },
  ],
  erf: unary(e.erf, erf),
  exp: unary(e.exp, Math.exp),
  expand: [
    {
      name: "[T, 1] to [B, T, 4]",
      operands: [real(["T", 1])],
      build: (x) => expand(x, ["B", "T", 4]),
      reference: (i, x = zero) => x(i),
    },
    {
      name: "[] to [B]",
      operands: [real([])],
      build: (x) => expand(x, ["B"]),
      reference: (i, x = zero) => x(i),
    },
  ],
  extreme: [
    extremeOf(["B", 4], 4, true),
    extremeOf(["B", 2, "T"], SIZES.T, false),
    extremeOf(["T"], SIZES.T, true),
  ],
  gather: [
    gathered([5, 3], "int32"),
    gathered([70, 2], "int64"),
    gathered([70, 2, 2], "int32"),
    gathered([70], "int32"),
  ],
  gelu: (["erf", "tanh"] as const).map((kind) => ({
    name: `[B, 3] by ${kind}`,
    operands: [real(["B", 3])],
    build: (x) => e.gelu(x, kind),
    reference: (i, x = zero) => (kind === "erf" ? geluErf : geluTanh)(x(i)),
  })),
  layerNorm: [normed(["B", "T"]), normed(["B"]), normed([])],
  less: binary(e.less, (a, b) => Number(a < b)),
  linear: [linearSample("B", true), linearSample("B", false), linearSample(3, true)],
  log: unary(e.log, Math.log, 0.5, 2),
  logSoftmax: softmaxShapes.map(([shape, n]) => ({
    name: `[${shape}]`,
    operands: [real(shape)],
    build: logSoftmax,
    reference: (i, x = zero) => Math.log(softmaxOf(i, x, n)),
  })),
  matmul: [
    ...["", "a", "b", "ab"].flatMap((turned) => [1, 0.5].map((alpha) => product([[], []], alpha, turned))),
    ...["", "a", "b", "ab"].flatMap((turned) => BATCHES.map((batch) => product(batch, 0.5, turned))),
  ],
  mul: binary(e.mul, (a, b) => a * b),
  neg: unary(e.neg, (x) => -x),
  range: [
    { name: "T", operands: [real(["T"])], build: (x) => range("T", x), reference: ([i = 0]) => i },
    { name: "4", operands: [real(["T"])], build: (x) => range(4, x), reference: ([i = 0]) => i },
  ],
  relu: unary(e.relu, (x) => Math.max(0, x)),
  reshape: [
    {
      name: "[B, T, 4] to [B*T, 4]",
      operands: [real(["B", "T", 4])],
      build: (x) => reshape(x, ["B*T", 4]),
      reference: ([n = 0, i = 0], x = zero) => x([Math.floor(n / SIZES.T), n % SIZES.T, i]),
    },
    {
      name: "[B, T, 4] to [4, T, B]",
      operands: [real(["B", "T", 4])],
      build: (x) => reshape(x, [4, "T", "B"]),
      reference: ([i = 0, t = 0, b = 0], x = zero) => {
        const flat = (i * SIZES.T + t) * SIZES.B + b;
        return x([Math.floor(flat / 12), Math.floor(flat / 4) % 3, flat % 4]);
      },
    },
  ],
  rotateHalf: [
    {
      name: "[B, T, 4]",
      operands: [real(["B", "T", 4])],
      build: rotateHalf,
      reference: ([b = 0, t = 0, i = 0], x = zero) => (i < 2 ? -x([b, t, i + 2]) : x([b, t, i - 2])),
    },
  ],
  round: [
    ...unary(
      (x) => e.round(e.scale(x, 10)),
      (x) => Math.round(x * 10),
    ),
    // Halves go to the even number.
    ...[2.5, 1.5].flatMap((half) =>
      unary(
        (x) => e.round(e.scale(e.sign(x), half)),
        (x) => 2 * Math.sign(x),
      ).map((sample) => ({ ...sample, name: `${sample.name} of halves, ${half}` })),
    ),
  ],
  scatterAdd: [
    scattered(70, [2]),
    scattered(5, [2]),
    scatteredToPositions,
    scattered(70, []),
    scattered(70, [2, 2]),
  ],
  sigmoid: unary(e.sigmoid, (x) => 1 / (1 + Math.exp(-x))),
  sign: unary(e.sign, Math.sign),
  sin: unary(e.sin, Math.sin, -7, 7),
  slice: [
    sliced(["B", 5], 1, 1, 3),
    sliced(["B", 5], -1, 0, 2),
    sliced(["B", 5], 1, 0, 5),
    sliced([4, "T"], 0, 2, 4),
  ],
  softmax: softmaxShapes.map(([shape, n]) => ({
    name: `[${shape}]`,
    operands: [real(shape)],
    build: softmax,
    reference: (i, x = zero) => softmaxOf(i, x, n),
  })),
  sqrt: unary(e.sqrt, Math.sqrt, 0.5, 2),
  stop: unary(e.stop, (x) => x),
  sub: binary(e.sub, (a, b) => a - b),
  sum: [
    summed([0], false, ([t = 0, i = 0], x = zero) => total(2, (b) => x([b, t, i]))),
    summed([0, 2], false, ([t = 0], x = zero) => total(2, (b) => total(4, (i) => x([b, t, i])))),
    summed([-1], true, ([b = 0, t = 0], x = zero) => total(4, (i) => x([b, t, i]))),
    summed([0, 1, 2], false, (_, x = zero) =>
      total(2, (b) => total(3, (t) => total(4, (i) => x([b, t, i])))),
    ),
    ...[true, false].map((keep) => ({
      name: `[T, 4] over [0]${keep ? ", kept" : ""}`,
      operands: [real(["T", 4])],
      build: (x: Value) => sum(x, [0], keep),
      reference: (index: readonly number[], x = zero) => total(3, (t) => x([t, index.at(-1) ?? 0])),
    })),
    summed([], false, (i, x = zero) => x(i)),
  ],
  surrogate: unary(
    (x) => e.surrogate(e.stop(x), x),
    (x) => x,
  ),
  take: [taken(1, 0), taken(1, 2), taken(-1, 1), taken(0, 1)],
  tanh: unary(e.tanh, Math.tanh),
  transpose: [
    {
      name: "[B, T, 2, 4] by [0, 2, 1, 3]",
      operands: [real(["B", "T", 2, 4])],
      build: (x) => transpose(x, [0, 2, 1, 3]),
      reference: ([b = 0, h = 0, t = 0, i = 0], x = zero) => x([b, t, h, i]),
    },
    {
      name: "[B, T, 4] by [2, 0, 1]",
      operands: [real(["B", "T", 4])],
      build: (x) => transpose(x, [2, 0, 1]),
      reference: ([i = 0, b = 0, t = 0], x = zero) => x([b, t, i]),
    },
  ],
  xor: [
    {
      name: "int32 [B, T] and [T]",
      operands: [integers(["B", "T"], [0, 1, -2, 2 ** 31 - 1, 12, 7]), integers(["T"], [5, 255, 3])],
      build: e.xor,
      reference: (i, a = zero, b = zero) => a(i) ^ b(i),
    },
  ],
};
