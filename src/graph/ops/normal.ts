/** Operations that look at the whole of the last axis: softmax and LayerNorm, which normalise it, and its extremes. */

import { float, int, ints } from "../emitter.ts";
import { at, GraphError } from "../shape.ts";
import { apply, part, pick, type Rule, type Value } from "../value.ts";
import { sum } from "./broadcast.ts";
import { cast, exp, mul, sub } from "./elementwise.ts";
import { meanLast } from "./linear.ts";

type None = Readonly<Record<string, never>>;

export const softmaxRule: Rule<None> = {
  name: "softmax",
  doubles: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  // dx = y ∘ (g − Σ g∘y), the sum along the axis.
  gradient: ({ g, y }) => [mul(y, sub(g, sum(mul(g, y), [-1], true)))],
  lower: ({ emit, inputs }) => [emit.node("Softmax", inputs, { axis: int(-1) })],
};
/** Softmax over the last axis. */
export const softmax = (x: Value): Value => apply(softmaxRule, [x], {});

export const logSoftmaxRule: Rule<None> = {
  name: "logSoftmax",
  doubles: true,
  infer: (inputs) => ({ dtype: pick(inputs, 0).dtype, shape: pick(inputs, 0).shape }),
  // dx = g − softmax(x) · Σ g
  gradient: ({ g, y }) => [sub(g, mul(exp(y), sum(g, [-1], true)))],
  lower: ({ emit, inputs }) => [emit.node("LogSoftmax", inputs, { axis: int(-1) })],
};
/** log(softmax(x)) over the last axis. */
export const logSoftmax = (x: Value): Value => apply(logSoftmaxRule, [x], {});

export const layerNormRule: Rule<{ readonly epsilon: number }> = {
  name: "layerNorm",
  doubles: true,
  infer: (inputs) => {
    const { dtype, shape } = pick(inputs, 0);
    if (at(shape, -1) !== at(pick(inputs, 1).shape, 0)) {
      throw new GraphError(
        "graph/layerNorm",
        `layerNorm: [${shape}] does not fit weights [${pick(inputs, 1).shape}]`,
      );
    }
    const row = { dtype: "float32" as const, shape: [...shape.slice(0, -1), 1] }; // float32 even for float64
    return { dtype, shape, extras: [row, row] };
  },
  // With x̂ = (x − μ)/σ and h = g∘γ: dx = (h − mean(h) − x̂·mean(h∘x̂))/σ, dγ = Σ g∘x̂, dβ = Σ g (Ba et al. 2016).
  gradient: ({ g, inputs, y }) => {
    const [x, gamma] = [pick(inputs, 0), pick(inputs, 1)];
    const [mean, inverse] = [cast(part(y, 0), x.dtype), cast(part(y, 1), x.dtype)];
    const normal = mul(sub(x, mean), inverse);
    const h = mul(g, gamma);
    const dx = mul(sub(sub(h, meanLast(h)), mul(normal, meanLast(mul(h, normal)))), inverse);
    const rows = x.shape.slice(0, -1).map((_, axis) => axis);
    return [dx, sum(mul(g, normal), rows), sum(g, rows)];
  },
  lower: ({ emit, inputs, attributes }) =>
    emit.many("LayerNormalization", inputs, 3, { axis: int(-1), epsilon: float(attributes.epsilon) }),
};

/** γ∘(x − mean)/√(variance + ε) + β over the last axis. Its parts are the mean and the inverse deviation. */
export function layerNorm(x: Value, gamma: Value, beta: Value, epsilon: number): Value {
  return apply(layerNormRule, [x, gamma, beta], { epsilon });
}

export const extremeRule: Rule<{ readonly largest: boolean }> = {
  name: "extreme",
  doubles: true,
  infer: (inputs) => {
    const { dtype, shape } = pick(inputs, 0);
    return { dtype, shape: [...shape.slice(0, -1), 1] };
  },
  lower: ({ emit, inputs, attributes }) => {
    const opType = attributes.largest ? "ReduceMax" : "ReduceMin";
    // Axes are an input since opset 18.
    if (emit.opset < 18) return [emit.node(opType, inputs, { axes: ints([-1]) })];
    return [emit.node(opType, [...inputs, emit.ints([-1])])];
  },
};
/** The largest number of the last axis, which is kept with length 1. No gradient. */
export const largest = (x: Value): Value => apply(extremeRule, [x], { largest: true });
/** The smallest number of the last axis, which is kept with length 1. No gradient. */
export const smallest = (x: Value): Value => apply(extremeRule, [x], { largest: false });
