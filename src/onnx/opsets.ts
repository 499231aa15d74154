/**
 * Versions: which operator came with which opset, and which runtime reads what.
 *
 *   opset    IR    ONNX Runtime from   transformers.js from
 *   17, 18   8     1.14                2 (@xenova/transformers)
 *   19       9     1.16                3
 *   20       9     1.17                3
 *
 * ONNX Runtime's own table: https://onnxruntime.ai/docs/reference/compatibility.html. What is older is not written: 17 is
 * the first opset with LayerNormalization.
 */

import { FormatError } from "../base/errors.ts";
import type { Graph } from "./model.ts";

/** Opsets that a file for others can be written in, from the oldest. */
export const OPSETS = [17, 18, 19, 20] as const;
export type Opset = (typeof OPSETS)[number];

/** What a file for others is written in: the oldest, which most runtimes read. */
export const PORTABLE_OPSET: Opset = 17;

/** What a program for our own engine is written in. */
export const OWN_OPSET: Opset = 20;

/** The version of Microsoft's own operators; there is only one. */
export const MICROSOFT_OPSET = 1;

/** The version of the file's format that came with an opset; a newer one is refused by runtimes that know the opset. */
export function irVersionOf(opset: number): number {
  return opset < 19 ? 8 : 9;
}

/** The opset from which each operator of the standard has the inputs and attributes that are written here. */
export const SINCE: Readonly<Record<string, number>> = {
  Abs: 6,
  Add: 7,
  BitwiseXor: 18,
  Cast: 6,
  Clip: 11, // bounds as inputs
  Concat: 4,
  Cos: 7,
  DequantizeLinear: 13, // column by column
  Div: 7,
  DynamicQuantizeLinear: 11,
  Equal: 11, // of floating-point numbers
  Erf: 9,
  Exp: 6,
  Expand: 8,
  Gather: 1,
  Gelu: 20,
  Gemm: 7,
  Identity: 1,
  LayerNormalization: 17,
  Less: 9, // of integers
  Log: 6,
  LogSoftmax: 13, // over one axis
  MatMul: 1,
  MatMulInteger: 10,
  Mul: 7,
  Neg: 6,
  Pow: 7,
  QuantizeLinear: 10,
  Range: 11,
  ReduceMax: 13, // axes as an attribute, since 18 as an input
  ReduceMin: 13,
  ReduceSum: 13, // axes as an input
  Relu: 6,
  Reshape: 5, // shape as an input
  Round: 11,
  ScatterElements: 16, // with a reduction
  SequenceConstruct: 11,
  Shape: 15, // of a part of the axes
  Sigmoid: 6,
  Sign: 9,
  Slice: 10, // bounds as inputs
  Softmax: 13, // over one axis
  Sin: 7,
  Sqrt: 6,
  Squeeze: 13, // axes as an input
  Sub: 7,
  Tanh: 6,
  Transpose: 1,
  Unsqueeze: 13, // axes as an input
};

/** Whether an opset has an operator as it is written here. */
export function hasOperator(opType: string, opset: number): boolean {
  return Object.hasOwn(SINCE, opType) && (SINCE[opType] ?? Number.POSITIVE_INFINITY) <= opset;
}

/** @throws {FormatError} `onnx/opset` for an operator of the standard that is newer than the opset, or not in `SINCE` */
export function checkOpset({ nodes }: Graph, opset: number): void {
  for (const { opType, domain = "" } of nodes) {
    if (domain !== "" || hasOperator(opType, opset)) continue;
    const got = Object.hasOwn(SINCE, opType)
      ? `one of opset ${SINCE[opType]}`
      : "one that SINCE in src/onnx/opsets.ts does not have";
    throw new FormatError(
      "onnx/opset",
      `operator ${opType}: expected one of opset ${opset} or older, got ${got}`,
    );
  }
}
