/** Matrix products: the only operations that cost real arithmetic. */

import { float, int, ints, MICROSOFT } from "../emitter.ts";
import { at, broadcast, GraphError, sameShape } from "../shape.ts";
import { apply, type LowerContext, pick, type Rule, type Value } from "../value.ts";
import { sum, sumTo } from "./broadcast.ts";
import { scale } from "./elementwise.ts";

export interface Product {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Factor of the result; free in the fused kernel. */
  readonly alpha: number;
}

export const matmulRule: Rule<Product> = {
  name: "matmul",
  doubles: true,
  infer: (inputs, { transposeA, transposeB }) => {
    const [a, b] = [pick(inputs, 0), pick(inputs, 1)];
    const [m, k] = transposeA ? [at(a.shape, -1), at(a.shape, -2)] : [at(a.shape, -2), at(a.shape, -1)];
    const [k2, n] = transposeB ? [at(b.shape, -1), at(b.shape, -2)] : [at(b.shape, -2), at(b.shape, -1)];
    if (k !== k2)
      throw new GraphError(
        "graph/matmul",
        `matmul: inner dimensions of [${a.shape}] and [${b.shape}] differ`,
      );
    return { dtype: a.dtype, shape: [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n] };
  },
  // y = α·op(a)·op(b): da = α·g·op(b)ᵀ, db = α·op(a)ᵀ·g, each transposed again where its operand was.
  gradient: ({ g, inputs, attributes: { transposeA, transposeB, alpha } }) => {
    const [a, b] = [pick(inputs, 0), pick(inputs, 1)];
    const da = transposeA
      ? matmul(b, g, { transposeA: transposeB, transposeB: true, alpha })
      : matmul(g, b, { transposeB: !transposeB, alpha });
    const db = transposeB
      ? matmul(g, a, { transposeA: true, transposeB: transposeA, alpha })
      : matmul(a, g, { transposeA: !transposeA, alpha });
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  },
  lower: lowerMatmul,
};

/** α·op(a)·op(b) over the last two axes; leading axes broadcast. */
export function matmul(a: Value, b: Value, options: Partial<Product> = {}): Value {
  return apply(matmulRule, [a, b], { transposeA: false, transposeB: false, alpha: 1, ...options });
}

function lowerMatmul({ emit, inputs, types, attributes, type }: LowerContext<Product>): readonly string[] {
  const { transposeA, transposeB, alpha } = attributes;
  if (!transposeA && !transposeB && alpha === 1) return [emit.node("MatMul", inputs)];
  if (type.dtype === "float32" && !emit.portable) {
    const fused = { transA: int(transposeA ? 1 : 0), transB: int(transposeB ? 1 : 0), alpha: float(alpha) };
    return [emit.node("FusedMatMul", inputs, fused, MICROSOFT)];
  }
  const turned = inputs.map((name, i) => {
    if (!(i === 0 ? transposeA : transposeB)) return name;
    const rank = pick(types, i).shape.length;
    const perm = Array.from({ length: rank }, (_, axis) => axis);
    return emit.node("Transpose", [name], { perm: ints([...perm.slice(0, -2), rank - 1, rank - 2]) });
  });
  const y = emit.node("MatMul", turned);
  return [alpha === 1 ? y : emit.node("Mul", [y, emit.float(alpha, type.dtype)])];
}

export const linearRule: Rule<{ readonly bias: boolean }> = {
  name: "linear",
  doubles: true,
  infer: (inputs) => {
    const [x, w] = [pick(inputs, 0), pick(inputs, 1)];
    if (x.shape.length !== 2 || w.shape.length !== 2 || at(x.shape, 1) !== at(w.shape, 1)) {
      throw new GraphError("graph/linear", `linear: [${x.shape}] does not fit weights [${w.shape}]`);
    }
    if (inputs[2] && !sameShape(inputs[2].shape, [at(w.shape, 0)])) {
      throw new GraphError(
        "graph/linear",
        `linear: bias [${inputs[2].shape}] does not fit weights [${w.shape}]`,
      );
    }
    return { dtype: x.dtype, shape: [at(x.shape, 0), at(w.shape, 0)] };
  },
  gradient: ({ g, inputs }) => {
    const [x, w] = [pick(inputs, 0), pick(inputs, 1)];
    const dx = matmul(g, w);
    const dw = matmul(g, x, { transposeA: true });
    return inputs[2] ? [dx, dw, sum(g, [0])] : [dx, dw];
  },
  lower: ({ emit, inputs }) => [emit.node("Gemm", inputs, { transB: int(1) })],
};

/** x·wᵀ + b for x [N, in], w [out, in] as checkpoints store it, b [out]. */
export function linear(x: Value, w: Value, b?: Value): Value {
  return apply(linearRule, b ? [x, w, b] : [x, w], { bias: b !== undefined });
}

export const transposeRule: Rule<{ readonly perm: readonly number[] }> = {
  name: "transpose",
  doubles: true,
  infer: (inputs, { perm }) => ({
    dtype: pick(inputs, 0).dtype,
    shape: perm.map((axis) => at(pick(inputs, 0).shape, axis)),
  }),
  gradient: ({ g, attributes: { perm } }) => [
    transpose(
      g,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  lower: ({ emit, inputs, attributes }) => [emit.node("Transpose", inputs, { perm: ints(attributes.perm) })],
};

/** Reorders axes: axis i of the result is axis `perm[i]` of x. */
export function transpose(x: Value, perm: readonly number[]): Value {
  return apply(transposeRule, [x], { perm });
}

/** Mean over the last axis, kept. */
export function meanLast(x: Value): Value {
  const n = at(x.shape, -1);
  if (typeof n !== "number")
    throw new GraphError("graph/mean", `mean: the last axis of [${x.shape}] is not a number`);
  return scale(sum(x, [-1], true), 1 / n);
}
