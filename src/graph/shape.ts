/**
 * Symbolic shapes: a dimension is a number, or a product of symbols such as `B*T`.
 *
 * Products are canonical (`2*B*T`: the number first, symbols in order), so two dimensions are equal exactly when their
 * spellings are. There are no sums: a graph never adds lengths.
 */

import { EspalierError } from "../base/errors.ts";
import type { DType } from "../base/tensor.ts";

export type Dim = number | string;
export type Shape = readonly Dim[];

/** What a value is, before it is computed. */
export interface Type {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A graph that cannot be built: shapes or dtypes that do not fit. A bug in our own code, never in the user's input. */
export class GraphError extends EspalierError {
  override readonly name = "GraphError";
}

/** The canonical product of dimensions; 1 for none. */
export function product(dims: Shape): Dim {
  let coefficient = 1;
  const symbols: string[] = [];
  for (const dim of dims) {
    for (const factor of String(dim).split("*")) {
      const n = Number(factor);
      if (Number.isNaN(n)) symbols.push(factor);
      else coefficient *= n;
    }
  }
  if (symbols.length === 0) return coefficient;
  symbols.sort();
  return (coefficient === 1 ? symbols : [coefficient, ...symbols]).join("*");
}

/** Numpy broadcasting of two shapes. A symbol broadcasts with itself and with 1, never with a number. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new GraphError(
        "graph/broadcast",
        `broadcast: expected equal shapes or ones, got [${a}] and [${b}]`,
      );
    }
    return x === 1 ? y : x;
  });
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** The dimension at `axis`, which may count from the end. */
export function at(shape: Shape, axis: number): Dim {
  const dim = shape[axis < 0 ? shape.length + axis : axis];
  if (dim === undefined) throw new GraphError("graph/axis", `shape [${shape}] has no axis ${axis}`);
  return dim;
}

/** `axis`, which may count from the end, as it counts from the start. */
export function axisOf(shape: Shape, axis: number): number {
  at(shape, axis);
  return axis < 0 ? shape.length + axis : axis;
}

/** The length of an axis that has to be known when the graph is built. */
export function lengthAt(shape: Shape, axis: number): number {
  const dim = at(shape, axis);
  if (typeof dim === "string")
    throw new GraphError("graph/symbolic", `expected a known length, got axis ${axis} of [${shape}]`);
  return dim;
}

/** Numbers for symbols, such as `{ B: 32, T: 17 }`. */
export type Sizes = Readonly<Record<string, number>>;

/** A symbolic shape in numbers. @throws {GraphError} `graph/symbol` for a symbol that `sizes` lacks */
export function evaluate(shape: Shape, sizes: Sizes): number[] {
  const factor = (symbol: string): number => {
    const size = sizes[symbol] ?? Number(symbol);
    if (Number.isNaN(size))
      throw new GraphError("graph/symbol", `[${shape}]: no input that was fed has a dimension ${symbol}`);
    return size;
  };
  return shape.map((dim) =>
    String(dim)
      .split("*")
      .reduce((n, symbol) => n * factor(symbol), 1),
  );
}
