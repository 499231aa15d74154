/**
 * Static int8 quantization in QDQ form: a model whose linear layers read and multiply 8 bits wherever they run.
 *
 *   Gemm(x, W, b)   QuantizeLinear(x) → DequantizeLinear ┐
 *                        DequantizeLinear(W, row by row) ┴ MatMul → Add b
 *   Gather(table)   Gather of the uint8 table → DequantizeLinear
 *
 * Every operator is the standard's since opset 13; a runtime without 8-bit kernels computes what the pairs say in float32, and
 * ONNX Runtime from 1.14 on makes one integer product of each. Weights are int8 without a zero point, at the levels of
 * base/levels.ts. What a layer reads is uint8 with one scale for all texts, found by calibration: its range lies at 0 … 127, so
 * that a processor with AVX2 and without VNNI, which adds two products in 16 bits, does not overflow; 128 … 255 are left
 * for what is beyond the range.
 *
 * A bias is int32, in steps of s = (scale of x) · (scale of its row's weights), as sums of products are: at most half a step
 * off. So that it fits, the weights' scale of a row, in the file alone, is at least the least power of two at which the bias
 * is below 2^30 steps. That decides for rows that pruning left with nothing or next to nothing. Zeros are exact at every
 * scale, so their bias is as exact as in float32. Tiny weights keep fewer levels, each still off by at most 2^-30 of the
 * bias per step of x; a smaller scale would cut the bias off, a larger one round more than it must.
 *
 * Not here: which layers, and their ranges (quantize/), dynamic quantization (quantize.ts).
 */

import { type LevelMatrix, levelsOf, SMALLEST_SCALE } from "../base/levels.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import type { FloatTensor, Tensor } from "../base/tensor.ts";
import type { Model, NamedTensor, Node } from "./model.ts";
import { beginRewriting, finish, isPlainLinear, type Rewriting, writeLookUp } from "./quantize.ts";

/** What a layer reads, over all texts; 0 is within. */
export interface StaticRange {
  readonly low: number;
  readonly high: number;
}

/** The number that the upper end of a range becomes. */
const LARGEST = 127;
/** A bias leaves room for the sums that it is added to. */
const LARGEST_SUM = 2 ** 30;
/** What a scale makes of a bias at most: steps are float32, and off by up to 2^-24 of themselves. */
const LARGEST_BIAS = LARGEST_SUM - 2 ** 7;

/**
 * The model with the linear layers of these weights [out, in] in int8, and its tables. Weights that nothing reads any more are
 * left out.
 */
export function quantizeStatically(model: Model, ranges: ReadonlyMap<string, StaticRange>): Model {
  const { graph } = model;
  const rewriting = beginRewriting(graph);
  const { floats } = rewriting;
  for (const node of graph.nodes) {
    const [first = "", second = ""] = node.inputs;
    const [table, weight, range] = [floats.get(first), floats.get(second), ranges.get(second)];
    if (node.opType === "Gemm" && weight && range && isPlainLinear(node))
      writeLinear(rewriting, node, weight, range);
    else if (node.opType === "Gather" && table?.shape.length === 2) writeLookUp(rewriting, node, table);
    else rewriting.nodes.push(node);
  }
  return { ...model, graph: finish(graph, rewriting) };
}

function writeLinear(rewriting: Rewriting, node: Node, weight: FloatTensor, range: StaticRange): void {
  const [x = "", name = "", bias] = node.inputs;
  const input = writeInput(rewriting, x, range);
  const names = bias === undefined ? [name] : [name, bias];
  const pair = names.join(" "); // ALBERT's layers share theirs
  if (!rewriting.quantized.has(pair)) writeRows(rewriting, name, weight, bias, input.scale);
  rewriting.quantized.add(pair);
  rewriting.nodes.push({ ...node, inputs: [input.back, ...names.map(readName)] });
}

/** W as int8 and back, and b as int32 and back. */
function writeRows(
  rewriting: Rewriting,
  name: string,
  weight: FloatTensor,
  bias: string | undefined,
  inputScale: number,
): void {
  const added = bias === undefined ? undefined : requireEntry(rewriting.floats, bias, "bias").data;
  const { levels, scales } = levelsBeside(weight, added, inputScale);
  pushRows(rewriting, name, { dtype: "int8", shape: weight.shape, data: levels }, scales);
  if (bias === undefined || added === undefined) return;
  const steps = scales.map((each) => each * inputScale);
  const data = countSteps(added, steps);
  pushRows(rewriting, bias, { dtype: "int32", shape: [data.length], data }, steps);
}

/** x as uint8 and back; layers that read one x in one range share it. */
function writeInput(
  rewriting: Rewriting,
  x: string,
  { low, high }: StaticRange,
): { readonly back: string; readonly scale: number } {
  const scale = Math.max(SMALLEST_SCALE, Math.fround((high - low) / LARGEST));
  const zero = Math.min(LARGEST, Math.round(-low / scale));
  const stem = `${x}_${scale}_${zero}`;
  const back = `${stem}_read`;
  if (rewriting.quantized.has(back)) return { back, scale };
  rewriting.quantized.add(back);
  const [scales, zeros] = [`${stem}_scale`, `${stem}_zero_point`];
  give(rewriting, { name: scales, dtype: "float32", shape: [], data: Float32Array.of(scale) });
  give(rewriting, { name: zeros, dtype: "uint8", shape: [], data: Uint8Array.of(zero) });
  push(rewriting, "QuantizeLinear", [x, scales, zeros], `${stem}_quantized`);
  push(rewriting, "DequantizeLinear", [`${stem}_quantized`, scales, zeros], back);
  return { back, scale };
}

/** Levels of W with a scale for each row, none so small that the row's bias does not fit. */
function levelsBeside(
  weight: FloatTensor,
  bias: Float32Array | undefined,
  inputScale: number,
): Pick<LevelMatrix, "levels" | "scales"> {
  const { levels, scales, columns } = levelsOf(weight);
  const raised = scales.map((own, row) => {
    const least = leastScale(bias === undefined ? 0 : requireItem(bias, row, "bias"), inputScale);
    if (own >= least) return own;
    const start = row * columns;
    weight.data.subarray(start, start + columns).forEach((w, i) => {
      levels[start + i] = Math.round(w / least);
    });
    return least;
  });
  return { levels, scales: raised };
}

/** The least scale of weights at which a bias is below 2^30 steps; a power of two, so that levels stay exact. */
function leastScale(bias: number, inputScale: number): number {
  const fitting = 2 ** Math.ceil(Math.log2(Math.abs(bias) / inputScale / LARGEST_BIAS));
  const normal = SMALLEST_SCALE / Math.min(1, inputScale); // it and its product with the input's scale are normal float32
  return Math.min(2 ** 127, Math.max(normal, fitting));
}

/** A bias in whole steps. */
function countSteps(bias: Float32Array, steps: Float32Array): Int32Array {
  return Int32Array.from(bias, (b, row) => {
    const count = Math.round(b / requireItem(steps, row, "steps"));
    return Math.max(-LARGEST_SUM, Math.min(LARGEST_SUM, count));
  });
}

/** Numbers whose rows have a scale each, and back. */
function pushRows(
  rewriting: Rewriting,
  name: string,
  numbers: Tensor<"int8"> | Tensor<"int32">,
  scales: Float32Array,
): void {
  const [quantized, scale, back] = [`${name}_quantized`, `${name}_scale`, readName(name)];
  const zero = `${name}_zero_point`;
  give(rewriting, { name: quantized, ...numbers });
  give(rewriting, { name: scale, dtype: "float32", shape: [scales.length], data: scales });
  const zeros = numbers.dtype === "int8" ? new Int8Array(scales.length) : new Int32Array(scales.length);
  give(rewriting, { name: zero, dtype: numbers.dtype, shape: [scales.length], data: zeros });
  rewriting.nodes.push({
    opType: "DequantizeLinear",
    name: back,
    inputs: [quantized, scale, zero],
    outputs: [back],
    attributes: { axis: { kind: "int", value: 0 } },
  });
}

/** What stands for a tensor where it is read. */
function readName(name: string): string {
  return `${name}_read`;
}

function give({ made }: Rewriting, tensor: NamedTensor): void {
  made.set(tensor.name, tensor);
}

function push({ nodes }: Rewriting, opType: string, inputs: string[], output: string): void {
  nodes.push({ opType, name: output, inputs, outputs: [output], attributes: {} });
}
