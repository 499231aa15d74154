/** Sums over axes and their transpose, expansion: what every broadcasting gradient rests on. */

import { int } from "../emitter.ts";
import { at, broadcast, GraphError, product, type Shape, sameShape } from "../shape.ts";
import { apply, type LowerContext, pick, type Rule, type Value } from "../value.ts";

export interface Axes {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

function reduceShape(shape: Shape, { axes, keep }: Axes): Shape {
  const drop = new Set(axes.map((axis) => (axis < 0 ? shape.length + axis : axis)));
  return keep ? shape.map((dim, i) => (drop.has(i) ? 1 : dim)) : shape.filter((_, i) => !drop.has(i));
}

export const sumRule: Rule<Axes> = {
  name: "sum",
  doubles: true,
  infer: (types, axes) => {
    const { dtype, shape } = pick(types, 0);
    return { dtype, shape: reduceShape(shape, axes) };
  },
  // d sum(x) / dx = 1: every element of x gets the gradient of the sum it went into.
  gradient: ({ g, inputs, attributes }) => {
    const { shape } = pick(inputs, 0);
    return [expand(reshape(g, reduceShape(shape, { ...attributes, keep: true })), shape)];
  },
  lower: (context) => [sumsRows(context) ? lowerRowSum(context) : lowerSum(context)],
};

function lowerSum({ emit, inputs, attributes: { axes, keep } }: LowerContext<Axes>): string {
  return emit.node("ReduceSum", [...inputs, emit.ints(axes)], { keepdims: int(keep ? 1 : 0) });
}

/** A matrix summed over its rows: what every bias gradient is. */
function sumsRows({ types, type, attributes: { axes } }: LowerContext<Axes>): boolean {
  const floating = type.dtype === "float32" || type.dtype === "float64";
  return floating && axes.length === 1 && axes[0] === 0 && pick(types, 0).shape.length === 2;
}

/** 1ᵀ·x: the matrix product reads x in order, 0.10 ms for 2048 × 1536 where ReduceSum takes 0.21. */
function lowerRowSum({ emit, inputs, types, type, attributes: { keep } }: LowerContext<Axes>): string {
  const rows = at(pick(types, 0).shape, 0);
  const ones = emit.once(`ones ${type.dtype} ${rows}`, () =>
    emit.node("Expand", [emit.float(1, type.dtype), emit.shape([1, rows])]),
  );
  const y = emit.node("MatMul", [ones, ...inputs]);
  return keep ? y : emit.node("Reshape", [y, emit.ints([-1])]);
}

/** Sum over `axes`; over none it is x itself (ONNX would sum over all). */
export function sum(x: Value, axes: readonly number[], keep = false): Value {
  return axes.length === 0 ? x : apply(sumRule, [x], { axes, keep });
}

export const expandRule: Rule<{ readonly shape: Shape }> = {
  name: "expand",
  doubles: true,
  infer: (types, { shape: to }) => {
    const { dtype, shape } = pick(types, 0);
    return { dtype, shape: broadcast(shape, to) };
  },
  gradient: ({ g, inputs }) => [sumTo(g, pick(inputs, 0).shape)],
  lower: ({ emit, inputs, attributes }) => [emit.node("Expand", [...inputs, emit.shape(attributes.shape)])],
};

/** Repeats axes of length 1 up to `shape`. */
export function expand(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : apply(expandRule, [x], { shape });
}

/** Undoes broadcasting: sums `g` down to `shape`. */
export function sumTo(g: Value, shape: Shape): Value {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.shape.length - shape.length;
  const axes = g.shape.flatMap((dim, i) => (i < lead || (at(shape, i - lead) === 1 && dim !== 1) ? [i] : []));
  return reshape(sum(g, axes), shape);
}

export const reshapeRule: Rule<{ readonly shape: Shape }> = {
  name: "reshape",
  doubles: true,
  infer: (inputs, { shape }) => {
    const x = pick(inputs, 0);
    if (product(x.shape) !== product(shape))
      throw new GraphError("graph/reshape", `reshape: [${x.shape}] does not fill [${shape}]`);
    return { dtype: x.dtype, shape };
  },
  gradient: ({ g, inputs }) => [reshape(g, pick(inputs, 0).shape)],
  lower: ({ emit, inputs, attributes }) => [
    emit.node("Reshape", [...inputs, emit.shape(attributes.shape, true)]),
  ],
};

/** The same elements in another shape. */
export function reshape(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : apply(reshapeRule, [x], { shape });
}
