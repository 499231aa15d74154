/**
 * Every operation a graph can hold, by name.
 *
 * The table is what the gradient check runs over: an operation that is missing here fails a test, and one without a
 * sample there does not compile. Graphs themselves are built with the functions beside the rules.
 */

import { expandRule, reshapeRule, sumRule } from "./ops/broadcast.ts";
import * as elementwise from "./ops/elementwise.ts";
import { linearRule, matmulRule, transposeRule } from "./ops/linear.ts";
import { extremeRule, layerNormRule, logSoftmaxRule, softmaxRule } from "./ops/normal.ts";
import {
  concatRule,
  gatherRule,
  rangeRule,
  rotateHalfRule,
  scatterAddRule,
  sliceRule,
  takeRule,
} from "./ops/select.ts";

export const OPS = {
  abs: elementwise.absRule,
  add: elementwise.addRule,
  cast: elementwise.castRule,
  clip: elementwise.clipRule,
  concat: concatRule,
  cos: elementwise.cosRule,
  div: elementwise.divRule,
  equal: elementwise.equalRule,
  erf: elementwise.erfRule,
  exp: elementwise.expRule,
  expand: expandRule,
  extreme: extremeRule,
  gather: gatherRule,
  gelu: elementwise.geluRule,
  layerNorm: layerNormRule,
  less: elementwise.lessRule,
  linear: linearRule,
  log: elementwise.logRule,
  logSoftmax: logSoftmaxRule,
  matmul: matmulRule,
  mul: elementwise.mulRule,
  neg: elementwise.negRule,
  range: rangeRule,
  relu: elementwise.reluRule,
  reshape: reshapeRule,
  rotateHalf: rotateHalfRule,
  round: elementwise.roundRule,
  scatterAdd: scatterAddRule,
  sigmoid: elementwise.sigmoidRule,
  sign: elementwise.signRule,
  sin: elementwise.sinRule,
  slice: sliceRule,
  softmax: softmaxRule,
  sqrt: elementwise.sqrtRule,
  stop: elementwise.stopRule,
  sub: elementwise.subRule,
  sum: sumRule,
  surrogate: elementwise.surrogateRule,
  take: takeRule,
  tanh: elementwise.tanhRule,
  transpose: transposeRule,
  xor: elementwise.xorRule,
} as const;

/** Name of an operation. */
export type OpName = keyof typeof OPS;
