/** Reading rows by index, writing them back, joining and cutting along an axis. */

import { int, text } from "../emitter.ts";
import { at, axisOf, type Dim, GraphError, lengthAt, product, type Shape, sameShape } from "../shape.ts";
import { apply, pick, type Rule, scalar, type Value } from "../value.ts";
import { expand, reshape } from "./broadcast.ts";
import { cast, equal, mul, neg } from "./elementwise.ts";
import { matmul } from "./linear.ts";

type None = Readonly<Record<string, never>>;

export const gatherRule: Rule<None> = {
  name: "gather",
  doubles: true,
  infer: (inputs) => {
    const [table, ids] = [pick(inputs, 0), pick(inputs, 1)];
    return { dtype: table.dtype, shape: [...ids.shape, ...table.shape.slice(1)] };
  },
  gradient: ({ g, inputs }) => {
    const [table, ids] = [pick(inputs, 0), pick(inputs, 1)];
    const flat = reshape(ids, [product(ids.shape)]);
    const rows = reshape(g, [product(ids.shape), ...table.shape.slice(1)]);
    return [scatterAdd(flat, rows, at(table.shape, 0)), undefined];
  },
  lower: ({ emit, inputs }) => [emit.node("Gather", inputs, { axis: int(0) })],
};
/** Rows `ids` of `table`. */
export const gather = (table: Value, ids: Value): Value => apply(gatherRule, [table, ids], {});

/**
 * Rows `ids` of an expression over tables: what is done to each number is done to the rows that are read and not to the
 * whole table, on the way back too. A step of Adapting by Pruning, which masks 30,522 × 256 word embeddings, takes 1.30
 * times one of plain fine-tuning with it and 1.64 times without (benchmarks/training/methods.mjs).
 */
export function lookup(table: Value, ids: Value): Value {
  const made = new Map<Value, Value>();
  const rowsOf = (x: Value): Value => {
    const known = made.get(x);
    if (known !== undefined) return known;
    const isFitting = x.inputs.every(({ shape }) => shape.length === 0 || sameShape(shape, x.shape));
    const rows =
      x.again !== undefined && isFitting
        ? x.again(x.inputs.map((own) => (own.shape.length === 0 ? own : rowsOf(own))))
        : gather(x, ids);
    made.set(x, rows);
    return rows;
  };
  return rowsOf(table);
}

export const scatterAddRule: Rule<{ readonly rows: Dim }> = {
  name: "scatterAdd",
  doubles: true,
  infer: (inputs, { rows }) => ({
    dtype: pick(inputs, 1).dtype,
    shape: [rows, ...pick(inputs, 1).shape.slice(1)],
  }),
  gradient: ({ g, inputs }) => [undefined, gather(g, pick(inputs, 0))],
  lower: ({ emit, inputs: [ids = "", rows = ""], types, type }) => {
    const zeros = emit.node("Expand", [emit.float(0, type.dtype), emit.shape(type.shape)]);
    // Not ScatterND: its threads add to one row without a lock, and sums go missing (microsoft/onnxruntime#18048).
    const values = pick(types, 1).shape;
    const column = emit.node("Unsqueeze", [ids, emit.ints(values.slice(1).map((_, i) => i + 1))]);
    const wide = emit.node("Expand", [column, emit.shape(values)]);
    return [emit.node("ScatterElements", [zeros, wide, rows], { axis: int(0), reduction: text("add") })];
  },
};
/**
 * A table of zeros with each row of `values` [N, …] added at `ids` [N].
 *
 * A small table is a product with one-hot rows instead: for 2048 × 384 into 2 rows 0.4 ms, not 8.
 */
export function scatterAdd(ids: Value, values: Value, rows: Dim): Value {
  if (typeof rows === "number" && rows <= 64 && values.shape.length === 2)
    return matmul(oneHot(ids, rows, values), values, { transposeA: true });
  return apply(scatterAddRule, [ids, values], { rows });
}

export const rangeRule: Rule<{ readonly length: Dim }> = {
  name: "range",
  doubles: true,
  infer: (_, { length }) => ({ dtype: "int64", shape: [length] }),
  lower: ({ emit, attributes: { length } }) => {
    const zero = emit.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
    const one = emit.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(1n) });
    return [emit.node("Range", [zero, emit.node("Squeeze", [emit.dim(length)]), one])];
  },
};
/** 0, 1, …, length − 1 as int64. `of` is any value of the graph: it ties the symbol to an input. */
export function range(length: Dim, of: Value): Value {
  return apply(rangeRule, [of], { length });
}

export const concatRule: Rule<{ readonly axis: number }> = {
  name: "concat",
  doubles: true,
  infer: (inputs, { axis }) => {
    const { dtype, shape } = pick(inputs, 0);
    const total = inputs.reduce((n, x) => n + lengthAt(x.shape, axis), 0);
    return { dtype, shape: shape.map((dim, i) => (i === axis ? total : dim)) };
  },
  gradient: ({ g, inputs, attributes: { axis } }) => {
    let start = 0;
    return inputs.map((x) => {
      const length = lengthAt(x.shape, axis);
      start += length;
      return slice(g, axis, start - length, start);
    });
  },
  lower: ({ emit, inputs, attributes }) => [emit.node("Concat", inputs, { axis: int(attributes.axis) })],
};
/** Joins values along an axis of known lengths. */
export function concat(values: readonly Value[], axis: number): Value {
  return apply(concatRule, values, { axis: axisOf(pick(values, 0).shape, axis) });
}

export interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

export const sliceRule: Rule<Cut> = {
  name: "slice",
  doubles: true,
  infer: (inputs, { axis, start, end }) => {
    const { dtype, shape } = pick(inputs, 0);
    if (!(0 <= start && start < end && end <= lengthAt(shape, axis)))
      throw new GraphError("graph/slice", `slice: [${shape}] has no ${start} to ${end} on axis ${axis}`);
    return { dtype, shape: replaceAxis(shape, axis, end - start) };
  },
  gradient: ({ g, inputs, attributes: { axis, start, end } }) => {
    const { shape } = pick(inputs, 0);
    const zeros = (length: number): Value[] =>
      length === 0
        ? []
        : [
            expand(
              reshape(
                scalar(0, g.dtype),
                shape.map(() => 1),
              ),
              replaceAxis(shape, axis, length),
            ),
          ];
    const length = lengthAt(shape, axis);
    const pieces = [...zeros(start), g, ...zeros(length - end)];
    return [pieces.length === 1 ? g : concat(pieces, axis)];
  },
  lower: ({ emit, inputs, attributes: { axis, start, end } }) => [
    emit.node("Slice", [...inputs, emit.ints([start]), emit.ints([end]), emit.ints([axis])]),
  ],
};

function replaceAxis(shape: Shape, axis: number, length: number): Shape {
  return shape.map((dim, i) => (i === axis ? length : dim));
}

/** Elements `start` to `end` (exclusive) of an axis of known length. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  return apply(sliceRule, [x], { axis: axisOf(x.shape, axis), start, end });
}

export const rotateHalfRule: Rule<None> = {
  name: "rotateHalf",
  doubles: true,
  infer: (inputs) => {
    const { dtype, shape } = pick(inputs, 0);
    if (lengthAt(shape, -1) % 2 !== 0)
      throw new GraphError("graph/rotateHalf", `rotateHalf: expected an even last axis, got [${shape}]`);
    return { dtype, shape };
  },
  // A quarter turn of each pair (x, y); its transpose is the turn back.
  gradient: ({ g }) => [neg(rotateHalf(g))],
  lower: ({ emit, inputs, type }) => {
    const length = lengthAt(type.shape, -1);
    const cut = (start: number, end: number): string =>
      emit.node("Slice", [...inputs, emit.ints([start]), emit.ints([end]), emit.ints([-1])]);
    const back = emit.node("Neg", [cut(length / 2, length)]);
    return [emit.node("Concat", [back, cut(0, length / 2)], { axis: int(-1) })];
  },
};
/** The halves (x, y) of the last axis as (−y, x): rotary positions turn features in such pairs. */
export const rotateHalf = (x: Value): Value => apply(rotateHalfRule, [x], {});

export const takeRule: Rule<{ readonly axis: number; readonly index: number }> = {
  name: "take",
  doubles: true,
  infer: (inputs, { axis }) => ({
    dtype: pick(inputs, 0).dtype,
    shape: pick(inputs, 0).shape.filter((_, i) => i !== axis),
  }),
  // The gradient is zero but at the index: an outer product with a one-hot vector, so that a symbolic axis works.
  gradient: ({ g, inputs, attributes: { axis, index } }) => {
    const { shape } = pick(inputs, 0);
    const length = at(shape, axis);
    const hot = cast(equal(range(length, g), scalar(index, "int64")), g.dtype);
    const column = reshape(
      hot,
      shape.map((dim, i) => (i === axis ? dim : 1)),
    );
    return [mul(reshape(g, replaceAxis(shape, axis, 1)), column)];
  },
  lower: ({ emit, inputs, attributes: { axis, index } }) => {
    const at0 = emit.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(index)) });
    return [emit.node("Gather", [...inputs, at0], { axis: int(axis) })];
  },
};
/** Element `index` of an axis, which disappears: the [CLS] vector is `take(x, 1, 0)`. */
export function take(x: Value, axis: number, index: number): Value {
  if (index < 0) throw new GraphError("graph/take", `take: expected an index of at least 0, got ${index}`);
  return apply(takeRule, [x], { axis: axisOf(x.shape, axis), index });
}

/** [N] indices as [N, classes] rows with a single one. */
export function oneHot(ids: Value, classes: number, of: Value): Value {
  const column = reshape(cast(ids, "int64"), [at(ids.shape, 0), 1]);
  return cast(equal(column, reshape(range(classes, ids), [1, classes])), of.dtype);
}
