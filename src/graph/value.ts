/**
 * Symbolic tensors. A `Value` is an immutable expression: an operation, the values it reads, a dtype and a symbolic
 * shape. Nothing is computed here and nothing is registered anywhere; an unused value costs nothing.
 *
 * An operation is one `Rule`, which keeps its shape rule, its gradient and its ONNX lowering side by side.
 */

import type { DType, Tensor } from "../base/tensor.ts";
import type { Emitter } from "./emitter.ts";
import { GraphError, type Shape, type Type } from "./shape.ts";

export interface Value extends Type {
  /** Name of the operation, for messages and tests. */
  readonly op: string;
  readonly inputs: readonly Value[];
  /** Types of further outputs, read with `part`. */
  readonly extras: readonly Type[];
  /** Gradients with respect to `inputs`, given the gradient of this value; undefined where there is none. */
  readonly gradient: ((g: Value) => readonly (Value | undefined)[]) | undefined;
  /** Writes this value's ONNX nodes; returns the names of its outputs. */
  readonly lower: (emit: Emitter, inputs: readonly string[]) => readonly string[];
  /** The same operation on other inputs; there for elementwise operations alone. */
  readonly again?: (inputs: readonly Value[]) => Value;
}

/** One operation of the table. `A` are its static attributes. */
export interface Rule<A> {
  readonly name: string;
  /** Whether ONNX Runtime's CPU provider has the lowering in double precision; gradient checks then use it. */
  readonly doubles: boolean;
  /** Each number of the result depends on the numbers at its own place, and an input of another shape is broadcast. */
  readonly elementwise?: true;
  readonly infer: (inputs: readonly Type[], attributes: A) => Type & { readonly extras?: readonly Type[] };
  /** Absent where the operation has no derivative (integers, comparisons) or passes none (`stop`). */
  readonly gradient?: (context: GradientContext<A>) => readonly (Value | undefined)[];
  readonly lower: (context: LowerContext<A>) => readonly string[];
}

export interface GradientContext<A> {
  /** Gradient of the loss with respect to `y`. */
  readonly g: Value;
  readonly inputs: readonly Value[];
  readonly y: Value;
  readonly attributes: A;
}

export interface LowerContext<A> {
  readonly emit: Emitter;
  /** ONNX names of the inputs. */
  readonly inputs: readonly string[];
  readonly types: readonly Type[];
  readonly type: Type;
  readonly attributes: A;
}

/** Applies an operation. */
export function apply<A>(rule: Rule<A>, inputs: readonly Value[], attributes: A): Value {
  const { extras = [], ...type } = rule.infer(inputs, attributes);
  const { gradient } = rule;
  const y: Value = {
    op: rule.name,
    inputs,
    ...type,
    extras,
    gradient: gradient && ((g) => gradient({ g, inputs, y, attributes })),
    lower: (emit, names) => rule.lower({ emit, inputs: names, types: inputs, type, attributes }),
    ...(rule.elementwise ? { again: (others) => apply(rule, others, attributes) } : {}),
  };
  return y;
}

/** The `i`-th input of a rule. */
export function pick<T>(items: readonly T[], i: number): T {
  const item = items[i];
  if (item === undefined) throw new GraphError("graph/arity", `graph: expected at least ${i + 1} operands`);
  return item;
}

/** A named input of the graph: a weight, a batch, a scalar fed at each step. */
export function input(name: string, dtype: DType, shape: Shape): Value {
  return {
    op: "input",
    inputs: [],
    dtype,
    shape,
    extras: [],
    gradient: undefined,
    lower: (emit) => [emit.input(name, { dtype, shape })],
  };
}

/** A constant that becomes an initializer of the model. */
export function constant(tensor: Tensor): Value {
  return {
    op: "constant",
    inputs: [],
    dtype: tensor.dtype,
    shape: tensor.shape,
    extras: [],
    gradient: undefined,
    lower: (emit) => [emit.constant(tensor)],
  };
}

/** A scalar constant of the given floating-point or int32 type. */
export function scalar(value: number, dtype: DType = "float32"): Value {
  if (dtype === "float64") return constant({ dtype, shape: [], data: Float64Array.of(value) });
  if (dtype === "int32") return constant({ dtype, shape: [], data: Int32Array.of(value) });
  if (dtype === "int64") return constant({ dtype, shape: [], data: BigInt64Array.of(BigInt(value)) });
  return constant({ dtype: "float32", shape: [], data: Float32Array.of(value) });
}

/** A further output of an operation, such as LayerNorm's mean. No gradient flows through it. */
export function part(value: Value, index: number): Value {
  const type = pick(value.extras, index);
  return {
    op: "part",
    inputs: [value],
    ...type,
    extras: [],
    gradient: undefined,
    lower: (emit) => [emit.output(value, index + 1)],
  };
}
