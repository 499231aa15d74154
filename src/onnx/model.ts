/**
 * An ONNX model as plain data: what the encoder writes and the decoder gives back.
 *
 * The names follow the ONNX specification (onnx.proto3 of onnx/onnx), in camelCase, and only what Espalier builds
 * or reads is here: no functions, no training info, no sparse or quantised initialisers, no optional or map types.
 * Nothing here checks a graph; ONNX Runtime does, when it loads one.
 */

import type { DType, Tensor } from "../base/tensor.ts";

/** A whole file. `opsets` maps a domain ("" is ai.onnx) to its version. */
export interface Model {
  readonly irVersion: number;
  readonly opsets: Readonly<Record<string, number>>;
  readonly graph: Graph;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Nodes in topological order, as the specification demands. An empty input name is an omitted optional input. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: readonly NamedTensor[];
  /** Types of inner values; optional everywhere. */
  readonly valueInfo?: readonly ValueInfo[];
}

/** One operator applied to named values. */
export interface Node {
  readonly opType: string;
  /** "com.microsoft" for ONNX Runtime's own operators; absent for ai.onnx. */
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An attribute's value; `int` and `ints` are safe integers. */
export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: Tensor }
  | { readonly kind: "graph"; readonly value: Graph }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] };

/**
 * The type of a named value. A dimension is a size, a symbol such as "batch", or "" when nothing is known of it;
 * an undefined shape says that not even the rank is known. `sequence` is a list of such tensors.
 */
export interface ValueInfo {
  readonly name: string;
  readonly kind: "tensor" | "sequence";
  readonly dtype: DType;
  readonly shape: readonly (number | string)[] | undefined;
}

/** An initialiser. */
export interface NamedTensor extends Tensor {
  readonly name: string;
}
