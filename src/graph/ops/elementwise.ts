/** Elementwise operations. Two operands broadcast as in NumPy; gradients are summed back to each operand's shape. */

import type { DType } from "../../base/tensor.ts";
import { DATA_TYPE } from "../../onnx/fields.ts";
import { hasOperator } from "../../onnx/opsets.ts";
import { int, text } from "../emitter.ts";
import { broadcast, GraphError } from "../shape.ts";
import { apply, type LowerContext, pick, type Rule, scalar, type Value } from "../value.ts";
import { sumTo } from "./broadcast.ts";

type None = Readonly<Record<string, never>>;
const NONE: None = {};

function binaryRule(
  name: string,
  opType: string,
  gradient: (g: Value, a: Value, b: Value, y: Value) => readonly [Value, Value],
): Rule<None> {
  return {
    name,
    doubles: true,
    elementwise: true,
    infer: (inputs) => {
      const [a, b] = [pick(inputs, 0), pick(inputs, 1)];
      if (a.dtype !== b.dtype) {
        throw new GraphError("graph/dtype", `${name}: expected equal dtypes, got ${a.dtype} and ${b.dtype}`);
      }
      return { dtype: a.dtype, shape: broadcast(a.shape, b.shape) };
    },
    gradient: ({ g, inputs, y }) => {
      const [a, b] = [pick(inputs, 0), pick(inputs, 1)];
      const [da, db] = gradient(g, a, b, y);
      return [sumTo(da, a.shape), sumTo(db, b.shape)];
    },
    lower: ({ emit, inputs }) => [emit.node(opType, inputs)],
  };
}

function unaryRule(
  name: string,
  opType: string,
  doubles: boolean,
  gradient: (g: Value, x: Value, y: Value) => Value,
): Rule<None> {
  return {
    name,
    doubles,
    elementwise: true,
    infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
    gradient: ({ g, inputs, y }) => [gradient(g, pick(inputs, 0), y)],
    lower: ({ emit, inputs }) => [emit.node(opType, inputs)],
  };
}

export const addRule = binaryRule("add", "Add", (g) => [g, g]);
export const subRule = binaryRule("sub", "Sub", (g) => [g, neg(g)]);
export const mulRule = binaryRule("mul", "Mul", (g, a, b) => [mul(g, b), mul(g, a)]);
// d(a/b) = da/b - a db/b² = da/b - y db/b
export const divRule = binaryRule("div", "Div", (g, _a, b, y) => [div(g, b), neg(div(mul(g, y), b))]);

export const negRule = unaryRule("neg", "Neg", true, (g) => neg(g));
export const expRule = unaryRule("exp", "Exp", true, (g, _x, y) => mul(g, y));
export const logRule = unaryRule("log", "Log", true, (g, x) => div(g, x));
export const sqrtRule = unaryRule("sqrt", "Sqrt", true, (g, _x, y) => div(g, mul(y, scalar(2, y.dtype))));
export const tanhRule = unaryRule("tanh", "Tanh", true, (g, _x, y) =>
  mul(g, sub(scalar(1, y.dtype), mul(y, y))),
);
export const sigmoidRule = unaryRule("sigmoid", "Sigmoid", true, (g, _x, y) =>
  mul(g, mul(y, sub(scalar(1, y.dtype), y))),
);
export const sinRule = unaryRule("sin", "Sin", true, (g, x) => mul(g, cos(x)));
export const cosRule = unaryRule("cos", "Cos", true, (g, x) => neg(mul(g, sin(x))));
export const absRule = unaryRule("abs", "Abs", true, (g, x) => mul(g, sign(x)));
// d erf(x)/dx = 2/√π · exp(-x²)
export const erfRule = unaryRule("erf", "Erf", false, (g, x) =>
  mul(g, mul(scalar(2 / Math.sqrt(Math.PI), x.dtype), exp(neg(mul(x, x))))),
);
/** The derivative at 0 is taken as 0. */
export const reluRule = unaryRule("relu", "Relu", true, (g, x) =>
  mul(g, cast(less(scalar(0, x.dtype), x), x.dtype)),
);

export const add = (a: Value, b: Value): Value => apply(addRule, [a, b], NONE);
export const sub = (a: Value, b: Value): Value => apply(subRule, [a, b], NONE);
export const mul = (a: Value, b: Value): Value => apply(mulRule, [a, b], NONE);
export const div = (a: Value, b: Value): Value => apply(divRule, [a, b], NONE);
export const neg = (x: Value): Value => apply(negRule, [x], NONE);
export const exp = (x: Value): Value => apply(expRule, [x], NONE);
export const log = (x: Value): Value => apply(logRule, [x], NONE);
export const sqrt = (x: Value): Value => apply(sqrtRule, [x], NONE);
export const tanh = (x: Value): Value => apply(tanhRule, [x], NONE);
export const sigmoid = (x: Value): Value => apply(sigmoidRule, [x], NONE);
export const sin = (x: Value): Value => apply(sinRule, [x], NONE);
export const cos = (x: Value): Value => apply(cosRule, [x], NONE);
export const abs = (x: Value): Value => apply(absRule, [x], NONE);
export const erf = (x: Value): Value => apply(erfRule, [x], NONE);
export const relu = (x: Value): Value => apply(reluRule, [x], NONE);

export const signRule: Rule<None> = {
  name: "sign",
  doubles: true,
  elementwise: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  lower: ({ emit, inputs }) => [emit.node("Sign", inputs)],
};
/** -1, 0 or 1. No gradient. */
export const sign = (x: Value): Value => apply(signRule, [x], NONE);

export const roundRule: Rule<None> = {
  name: "round",
  doubles: true,
  elementwise: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  lower: ({ emit, inputs }) => [emit.node("Round", inputs)],
};
/** The nearest whole number, halves to the even one. No gradient. */
export const round = (x: Value): Value => apply(roundRule, [x], NONE);

/** `erf` for BERT's own GELU, `tanh` for its approximation (Hendrycks & Gimpel 2016, §2). */
export type GeluKind = "erf" | "tanh";

export const geluRule: Rule<{ readonly kind: GeluKind }> = {
  name: "gelu",
  doubles: false,
  elementwise: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  gradient: ({ g, inputs, attributes }) => [
    mul(g, attributes.kind === "erf" ? geluSlope(pick(inputs, 0)) : geluTanhSlope(pick(inputs, 0))),
  ],
  lower: lowerGelu,
};

/** x·Φ(x), or its tanh approximation. */
export const gelu = (x: Value, kind: GeluKind = "erf"): Value => apply(geluRule, [x], { kind });

/**
 * Φ(x) + x·φ(x), with Φ and φ the standard normal distribution and density. With z = x/√2 that is
 * ½ + ½erf(z) + z·exp(−z² − ln √π): constants ride along, since each pass over [N, F] counts.
 */
function geluSlope(x: Value): Value {
  const half = scalar(0.5, x.dtype);
  const z = mul(x, scalar(Math.SQRT1_2, x.dtype));
  const density = exp(sub(scalar(-Math.log(Math.PI) / 2, x.dtype), mul(z, z)));
  return add(add(mul(erf(z), half), half), mul(z, density));
}

/** y = x·s, s = ½(1 + tanh u), u = c(x + a·x³): y' = s + x · ½(1 − tanh² u) · c(1 + 3a·x²). */
function geluTanhSlope(x: Value): Value {
  const c = Math.sqrt(2 / Math.PI);
  const half = scalar(0.5, x.dtype);
  const one = scalar(1, x.dtype);
  const square = mul(x, x);
  const u = mul(mul(x, scalar(c, x.dtype)), add(one, mul(square, scalar(0.044715, x.dtype))));
  const t = tanh(u);
  const du = mul(add(one, mul(square, scalar(3 * 0.044715, x.dtype))), scalar(c, x.dtype));
  return add(mul(add(one, t), half), mul(mul(x, half), mul(sub(one, mul(t, t)), du)));
}

/** Opset 20's Gelu is float32 only in the CPU provider. */
function lowerGelu(context: LowerContext<{ readonly kind: GeluKind }>): readonly string[] {
  const { emit, inputs, attributes } = context;
  if (!hasOperator("Gelu", emit.opset)) return [writtenOut(context)];
  return [emit.node("Gelu", inputs, { approximate: text(attributes.kind === "erf" ? "none" : "tanh") })];
}

/**
 * The same in older operators, in the very order in which PyTorch's exporter writes it: ONNX Runtime since 1.0 finds
 * these nodes and runs them as one.
 *
 *   erf    x·(1 + erf(x/√2))·½          tanh   x·½·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
 */
function writtenOut({ emit, inputs, type, attributes }: LowerContext<{ readonly kind: GeluKind }>): string {
  const x = pick(inputs, 0);
  const number = (value: number) => emit.float(value, type.dtype);
  if (attributes.kind === "erf") {
    const inner = emit.node("Erf", [emit.node("Div", [x, number(Math.SQRT2)])]);
    const twice = emit.node("Mul", [x, emit.node("Add", [inner, number(1)])]);
    return emit.node("Mul", [twice, number(0.5)]);
  }
  const cube = emit.node("Pow", [x, number(3)]);
  const sum = emit.node("Add", [x, emit.node("Mul", [cube, number(0.044715)])]);
  const inner = emit.node("Tanh", [emit.node("Mul", [sum, number(Math.sqrt(2 / Math.PI))])]);
  return emit.node("Mul", [emit.node("Mul", [x, number(0.5)]), emit.node("Add", [inner, number(1)])]);
}

export const castRule: Rule<{ readonly to: DType }> = {
  name: "cast",
  doubles: true,
  elementwise: true,
  infer: (inputs, { to }) => ({ dtype: to, shape: pick(inputs, 0).shape }),
  gradient: ({ g, inputs }) => {
    const { dtype } = pick(inputs, 0);
    return [dtype === "float32" || dtype === "float64" ? cast(g, dtype) : undefined];
  },
  lower: ({ emit, inputs, attributes }) => [emit.node("Cast", inputs, { to: int(DATA_TYPE[attributes.to]) })],
};

/** Changes the element type. Gradients pass between floating-point types only. */
export function cast(x: Value, to: DType): Value {
  return x.dtype === to ? x : apply(castRule, [x], { to });
}

function compareRule(name: string, opType: string): Rule<None> {
  return {
    name,
    doubles: true,
    elementwise: true,
    infer: (inputs) => ({ dtype: "bool", shape: broadcast(pick(inputs, 0).shape, pick(inputs, 1).shape) }),
    lower: ({ emit, inputs }) => [emit.node(opType, inputs)],
  };
}
export const lessRule = compareRule("less", "Less");
export const equalRule = compareRule("equal", "Equal");
/** a < b, elementwise. */
export const less = (a: Value, b: Value): Value => apply(lessRule, [a, b], NONE);
/** a = b, elementwise. */
export const equal = (a: Value, b: Value): Value => apply(equalRule, [a, b], NONE);

export const xorRule: Rule<None> = {
  name: "xor",
  doubles: false,
  elementwise: true,
  infer: (inputs) => ({
    dtype: pick(inputs, 0).dtype,
    shape: broadcast(pick(inputs, 0).shape, pick(inputs, 1).shape),
  }),
  lower: ({ emit, inputs }) => [emit.node("BitwiseXor", inputs)],
};
/** Bitwise exclusive or of integers. */
export const xor = (a: Value, b: Value): Value => apply(xorRule, [a, b], NONE);

export const stopRule: Rule<None> = {
  name: "stop",
  doubles: true,
  elementwise: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  lower: ({ inputs }) => [pick(inputs, 0)],
};
/** The same value, with no gradient. */
export const stop = (x: Value): Value => apply(stopRule, [x], NONE);

export const surrogateRule: Rule<None> = {
  name: "surrogate",
  doubles: true,
  elementwise: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  gradient: ({ g }) => [undefined, g],
  lower: ({ inputs }) => [pick(inputs, 0)],
};
/**
 * `value`, with the gradient of `stand` in its place: a step function that learns by a smooth one, or by the identity
 * (Bengio et al. 2013, straight-through). Both have one shape.
 */
export const surrogate = (value: Value, stand: Value): Value => apply(surrogateRule, [value, stand], NONE);

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export const clipRule: Rule<Bounds> = {
  name: "clip",
  doubles: true,
  elementwise: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  // What was not cut off is what it was: one comparison says where the gradient passes.
  gradient: ({ g, inputs, y }) => [mul(g, cast(equal(pick(inputs, 0), y), y.dtype))],
  lower: ({ emit, inputs, type, attributes: { low, high } }) => [
    emit.node("Clip", [...inputs, emit.float(low, type.dtype), emit.float(high, type.dtype)]),
  ],
};
/** min(high, max(low, x)). */
export const clip = (x: Value, low: number, high: number): Value => apply(clipRule, [x], { low, high });

/** x times a number. */
export function scale(x: Value, factor: number): Value {
  return factor === 1 ? x : mul(x, scalar(factor, x.dtype));
}

/** x plus a number. */
export function shift(x: Value, term: number): Value {
  return add(x, scalar(term, x.dtype));
}
