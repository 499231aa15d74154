/**
 * From values to an ONNX graph: names, nodes, initializers and the arithmetic of run-time shapes.
 *
 * Every value is written once, in dependency order. Symbols of shapes are read from the graph's inputs at run time:
 * `B` is the axis called `B` of the first input that has one.
 */

import { requireItem } from "../base/present.ts";
import type { DType, Tensor } from "../base/tensor.ts";
import type { Attribute, Graph, Node, ValueInfo } from "../onnx/model.ts";
import { type Opset, OWN_OPSET } from "../onnx/opsets.ts";
import { type Dim, GraphError, type Shape, type Type } from "./shape.ts";

export const MICROSOFT = "com.microsoft";

export interface EmitOptions {
  /** Only operators of the ONNX standard: for models that leave the house. Default: Microsoft's fused ones too. */
  readonly portable?: boolean;
  /** Version of the standard's operators; by default the one of our own engine. */
  readonly opset?: Opset;
  /** Values of inputs, by name: these become part of the model, and nobody has to feed them. */
  readonly initializers?: ReadonlyMap<string, Tensor>;
}

/** What the emitter asks of a value: what it needs first, and how it is written. */
export interface Writable {
  readonly op: string;
  readonly inputs: readonly Writable[];
  readonly lower: (emit: Emitter, inputs: readonly string[]) => readonly string[];
}

/** Collects the nodes of one graph. */
export class Emitter {
  readonly portable: boolean;
  readonly opset: Opset;
  readonly inputs = new Map<string, Type>();
  private readonly given: ReadonlyMap<string, Tensor>;
  private readonly nodes: Node[] = [];
  private readonly initializers = new Map<string, Tensor>();
  private readonly names = new Map<Writable, readonly string[]>();
  private readonly shared = new Map<string, string>();
  private count = 0;

  constructor(options: EmitOptions = {}) {
    this.portable = options.portable ?? false;
    this.opset = options.opset ?? OWN_OPSET;
    this.given = options.initializers ?? new Map();
  }

  /** Writes `value` and everything it needs; returns its name. Iterative, since graphs are deeper than call stacks. */
  write(root: Writable): string {
    for (const value of topological([root], (v) => this.names.has(v))) {
      const inputs = value.inputs.map((v) => this.output(v, 0));
      this.names.set(value, value.lower(this, inputs));
    }
    return this.output(root, 0);
  }

  /** Name of the `index`-th output of a value that is already written. */
  output(value: Writable, index: number): string {
    const name = this.names.get(value)?.[index];
    if (name === undefined) throw new GraphError("graph/output", `${value.op}: has no output ${index}`);
    return name;
  }

  input(name: string, type: Type): string {
    const given = this.given.get(name);
    const known = given ?? this.inputs.get(name);
    if (known && (known.dtype !== type.dtype || String(known.shape) !== String(type.shape))) {
      throw new GraphError(
        "graph/input",
        `input ${name}: declared as ${describe(known)} and as ${describe(type)}`,
      );
    }
    if (given) this.initializers.set(name, given);
    else this.inputs.set(name, type);
    return name;
  }

  constant(tensor: Tensor): string {
    const small = tensor.data.length <= 16;
    const key = small ? `${tensor.dtype}[${tensor.shape}]=${spellElements(tensor)}` : `#${this.count}`;
    return this.once(key, () => {
      const name = this.fresh("c");
      this.initializers.set(name, tensor);
      return name;
    });
  }

  /** int64 constant vector: axes, shapes, starts. */
  ints(values: readonly number[]): string {
    return this.constant({
      dtype: "int64",
      shape: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
  }

  /** A scalar of a floating-point type. */
  float(value: number, dtype: DType): string {
    const data = dtype === "float64" ? Float64Array.of(value) : Float32Array.of(value);
    return this.constant({ dtype: dtype === "float64" ? "float64" : "float32", shape: [], data });
  }

  /** One node with one output. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    domain = "",
  ): string {
    const y = this.fresh("v");
    this.append(opType, inputs, [y], attributes, domain);
    return y;
  }

  /** One node with several outputs. */
  many(
    opType: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Record<string, Attribute> = {},
    domain = "",
  ): readonly string[] {
    const names = Array.from({ length: outputs }, () => this.fresh("v"));
    this.append(opType, inputs, names, attributes, domain);
    return names;
  }

  /** A node has the name of its first output. */
  private append(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, Attribute>,
    domain: string,
  ): void {
    const name = requireItem(outputs, 0, "outputs");
    this.nodes.push({ opType, domain, name, inputs: [...inputs], outputs, attributes });
  }

  /** A shape as an int64 vector; constant where it can be. One unknown dimension becomes -1 where `infer` allows. */
  shape(shape: Shape, infer = false): string {
    const symbolic = shape.filter((dim) => typeof dim === "string");
    if (symbolic.length === 0 || (infer && symbolic.length === 1)) {
      return this.ints(shape.map((dim) => (typeof dim === "number" ? dim : -1)));
    }
    return this.once(`shape ${shape}`, () =>
      this.node(
        "Concat",
        shape.map((dim) => this.dim(dim)),
        { axis: int(0) },
      ),
    );
  }

  /** One dimension as an int64 vector of length 1. */
  dim(dim: Dim): string {
    if (typeof dim === "number") return this.ints([dim]);
    return this.once(`dim ${dim}`, () => {
      const [first, ...rest] = dim.split("*");
      const start = Number.isNaN(Number(first)) ? this.symbol(first ?? "") : this.ints([Number(first)]);
      return rest.reduce((a, symbol) => this.node("Mul", [a, this.symbol(symbol)]), start);
    });
  }

  /** Declares the outputs and returns the finished graph. */
  graph(name: string, outputs: readonly ValueInfo[]): Graph {
    const inputs = [...this.inputs].map(
      ([inputName, { dtype, shape }]): ValueInfo => ({
        kind: "tensor",
        name: inputName,
        dtype,
        shape: [...shape],
      }),
    );
    const initializers = [...this.initializers].map(([tensorName, tensor]) => ({
      name: tensorName,
      ...tensor,
    }));
    return { name, nodes: this.nodes, inputs, outputs, initializers, valueInfo: [] };
  }

  /** One node whose output has a name of its own. */
  named(opType: string, inputs: readonly string[], output: string): void {
    this.nodes.push({
      opType,
      domain: "",
      name: output,
      inputs: [...inputs],
      outputs: [output],
      attributes: {},
    });
  }

  /** Gives a written value the name under which it leaves the graph. */
  alias(name: string, as: string): void {
    this.named("Identity", [name], as);
  }

  private symbol(symbol: string): string {
    return this.once(`dim ${symbol}`, () => {
      for (const [name, { shape }] of this.inputs) {
        const axis = shape.indexOf(symbol);
        if (axis >= 0) return this.node("Shape", [name], { start: int(axis), end: int(axis + 1) });
      }
      throw new GraphError("graph/symbol", `no input of the graph has a dimension ${symbol}`);
    });
  }

  /** The name made for a key, made the first time it is asked for. */
  once(key: string, make: () => string): string {
    const known = this.shared.get(key);
    if (known !== undefined) return known;
    const name = make();
    this.shared.set(key, name);
    return name;
  }

  private fresh(prefix: string): string {
    return `${prefix}${this.count++}`;
  }
}

/** Values in dependency order, without those that are `known` and what only they need. */
export function topological<V extends { readonly inputs: readonly V[] }>(
  roots: readonly V[],
  known: (value: V) => boolean = () => false,
): V[] {
  const order: V[] = [];
  const state = new Set<V>();
  const stack: { readonly value: V; next: number }[] = [];
  for (const root of roots) {
    if (state.has(root) || known(root)) continue;
    state.add(root);
    stack.push({ value: root, next: 0 });
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const child = top.value.inputs[top.next++];
      if (child === undefined) {
        order.push(top.value);
        stack.pop();
      } else if (!state.has(child) && !known(child)) {
        state.add(child);
        stack.push({ value: child, next: 0 });
      }
    }
  }
  return order;
}

export function int(value: number): Attribute {
  return { kind: "int", value };
}

export function ints(values: readonly number[]): Attribute {
  return { kind: "ints", value: [...values] };
}

export function float(value: number): Attribute {
  return { kind: "float", value };
}

export function text(value: string): Attribute {
  return { kind: "string", value };
}

/** Elements as text, equal exactly when they are: `String` alone makes one of 0 and -0. */
function spellElements({ data }: Tensor): string {
  return Array.from<number | bigint, string>(data, (x) => (Object.is(x, -0) ? "-0" : String(x))).join();
}

function describe({ dtype, shape }: Type): string {
  return `${dtype}[${shape}]`;
}
