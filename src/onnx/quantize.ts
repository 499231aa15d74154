/**
 * Dynamic int8 quantization of a model, as ONNX Runtime's own Python tool does it (`quantize_dynamic` of
 * onnxruntime.quantization 1.30, with `per_channel=True, reduce_range=True`): what a careful user of ONNX Runtime would run.
 *
 *   Gemm(x, W, b)      DynamicQuantizeLinear(x) → MatMulInteger → Cast → Mul by both scales → Add b
 *   Gather(table, ids) Gather of the uint8 table → DequantizeLinear
 *
 * Weights of linear layers are int8, symmetric, with one scale for each output, and use 7 of the 8 bits: a processor with
 * AVX2 and without VNNI adds two products in 16 bits, which 8 bits overflow. There they put a tiny classifier's logits off
 * by a third of their range, and nobody who exports a file knows where it will run. Tables have one scale and a zero
 * point. Activations are quantized as they come, to uint8 with one scale for a whole tensor, once for all layers that read
 * them. Only operators of the standard are written; ONNX Runtime fuses each layer's five into one.
 *
 * Promise: numbers and nodes are the tool's. Everything else, LayerNorm, softmax and the two products of attention,
 * stays float32. Not here: judging what it costs in accuracy.
 */

import { roundToEven, SMALLEST_SCALE } from "../base/levels.ts";
import type { FloatTensor, Tensor } from "../base/tensor.ts";
import type { Attribute, Graph, Model, NamedTensor, Node } from "./model.ts";

/** Weights run from -64 to 64: 2 · 255 · 64 is less than 2¹⁵. */
const LARGEST = 64;

const FLOAT: Attribute = { kind: "int", value: 1 };

/** A matrix in 8 bits: value ≈ scale · (number - zero). Scales and zeros are one for each column, or one for all. */
interface Quantized {
  readonly numbers: Tensor<"int8"> | Tensor<"uint8">;
  readonly scales: FloatTensor;
  readonly zeros: Tensor<"int8"> | Tensor<"uint8">;
}

/** What has been written so far: several nodes may read one tensor. */
export interface Rewriting {
  readonly floats: ReadonlyMap<string, FloatTensor>;
  readonly nodes: Node[];
  readonly made: Map<string, NamedTensor>;
  /** Activations that are quantized already. */
  readonly quantized: Set<string>;
}

/**
 * The model with its linear layers (`Gemm` by a constant matrix [out, in]) and tables (`Gather` from a constant matrix)
 * in int8. Weights that nothing reads any more are left out.
 */
export function quantizeDynamically(model: Model): Model {
  const { graph } = model;
  const rewriting = beginRewriting(graph);
  const { floats } = rewriting;
  for (const node of graph.nodes) {
    const [first = "", second = ""] = node.inputs;
    const [table, weight] = [floats.get(first), floats.get(second)];
    if (node.opType === "Gemm" && weight && isPlainLinear(node)) writeLinear(rewriting, node, weight);
    else if (node.opType === "Gather" && table?.shape.length === 2) writeLookUp(rewriting, node, table);
    else rewriting.nodes.push(node);
  }
  return { ...model, graph: finish(graph, rewriting) };
}

/** Nothing is written yet. */
export function beginRewriting({ initializers }: Graph): Rewriting {
  const floats = new Map(initializers.flatMap((tensor) => (isFloat(tensor) ? [[tensor.name, tensor]] : [])));
  return { floats, nodes: [], made: new Map(), quantized: new Set() };
}

/** Whether a tensor is of float32. */
function isFloat(tensor: NamedTensor): tensor is NamedTensor & FloatTensor {
  return tensor.dtype === "float32";
}

/** x·Wᵀ + b without factors: the form of every linear layer here. */
export function isPlainLinear({ attributes }: Node): boolean {
  const { transB, ...others } = attributes;
  return transB?.value === 1 && Object.keys(others).length === 0;
}

/** The graph with the nodes that were written, without weights that nothing reads any more. */
export function finish(graph: Graph, { nodes, made }: Rewriting): Graph {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const kept = graph.initializers.filter(({ name }) => read.has(name));
  return { ...graph, nodes, initializers: [...kept, ...made.values()] };
}

function writeLinear(rewriting: Rewriting, node: Node, weight: FloatTensor): void {
  const { nodes, made } = rewriting;
  const [x = "", name = "", bias] = node.inputs;
  const [output = ""] = node.outputs;
  const stored = once(made, `${name}_transposed`, () => byOutput(weight));
  writeActivation(rewriting, x);
  const step = (
    opType: string,
    inputs: string[],
    to: string,
    attributes: Node["attributes"] = {},
  ): string => {
    nodes.push({ opType, name: to, inputs, outputs: [to], attributes });
    return to;
  };
  const sums = step(
    "MatMulInteger",
    [`${x}_quantized`, stored.numbers, `${x}_zero_point`, stored.zeros],
    `${output}_output_quantized`,
  );
  const cast = step("Cast", [sums], `${sums}_cast_output`, { to: FLOAT });
  const scales = step("Mul", [`${x}_scale`, stored.scales], `${output}_scales`);
  const product = step("Mul", [cast, scales], bias === undefined ? output : `${output}_product`);
  if (bias !== undefined) step("Add", [product, bias], output);
}

/** uint8, with a scale and a zero point that are found when it is computed. */
function writeActivation({ nodes, quantized }: Rewriting, x: string): void {
  if (quantized.has(x)) return;
  quantized.add(x);
  nodes.push({
    opType: "DynamicQuantizeLinear",
    name: `${x}_QuantizeLinear`,
    inputs: [x],
    outputs: [`${x}_quantized`, `${x}_scale`, `${x}_zero_point`],
    attributes: {},
  });
}

/** A look-up in a table of uint8, with one scale and a zero point for all of it. */
export function writeLookUp({ nodes, made }: Rewriting, node: Node, table: FloatTensor): void {
  const [name = "", ids = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const stored = once(made, name, () => asTable(table));
  const rows = `${output}_rows`; // not `_quantized`: a layer may read the output, and quantize it again
  nodes.push(
    { ...node, inputs: [stored.numbers, ids], outputs: [rows] },
    {
      opType: "DequantizeLinear",
      name: `${output}_DequantizeLinear`,
      inputs: [rows, stored.scales, stored.zeros],
      outputs: [output],
      attributes: {},
    },
  );
}

/** Names of a quantized matrix and what belongs to it, made when they are first asked for. */
function once(
  made: Map<string, NamedTensor>,
  name: string,
  make: () => Quantized,
): { readonly [K in keyof Quantized]: string } {
  const names = { numbers: `${name}_quantized`, scales: `${name}_scale`, zeros: `${name}_zero_point` };
  if (made.has(names.numbers)) return names;
  const { numbers, scales, zeros } = make();
  made.set(names.numbers, { name: names.numbers, ...numbers });
  made.set(names.scales, { name: names.scales, ...scales });
  made.set(names.zeros, { name: names.zeros, ...zeros });
  return names;
}

/** [out, in] → int8 [in, out], symmetric, with a scale for each output. */
function byOutput({ shape: [rows = 0, columns = 0], data }: FloatTensor): Quantized {
  const numbers = new Int8Array(data.length);
  const scales = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * columns, (i + 1) * columns);
    const [least, most] = rangeOf(row);
    const scale = scaleOf(Math.max(-least, most) / LARGEST);
    scales[i] = scale;
    for (let j = 0; j < columns; j++) numbers[j * rows + i] = rounded((row[j] ?? 0) / scale);
  }
  return {
    numbers: { dtype: "int8", shape: [columns, rows], data: numbers },
    scales: { dtype: "float32", shape: [rows], data: scales },
    zeros: { dtype: "int8", shape: [rows], data: new Int8Array(rows) },
  };
}

/** uint8 from the least to the largest number, with one scale for all. */
function asTable({ shape, data }: FloatTensor): Quantized {
  const [least, most] = rangeOf(data);
  const step = Math.fround(most - least) / 255;
  const scale = scaleOf(step);
  const zero = step < SMALLEST_SCALE ? 0 : rounded(-least / step);
  const numbers = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i++) numbers[i] = rounded((data[i] ?? 0) / scale) + zero;
  return {
    numbers: { dtype: "uint8", shape, data: new Uint8Array(numbers.buffer) },
    scales: { dtype: "float32", shape: [], data: Float32Array.of(scale) },
    zeros: { dtype: "uint8", shape: [], data: Uint8Array.of(zero) },
  };
}

/** Least and largest number; 0 is always within, because 0 must have a number of its own. */
function rangeOf(data: Float32Array): [number, number] {
  let [least, most] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    least = Math.min(least, data[i] ?? 0);
    most = Math.max(most, data[i] ?? 0);
  }
  return [least, most];
}

/** In float32; numbers too small for a scale become 0, and what is not finite keeps a scale that says so. */
function scaleOf(step: number): number {
  return step < SMALLEST_SCALE ? 1 : Math.fround(step);
}

/** As NumPy rounds a float32. */
function rounded(x: number): number {
  return roundToEven(Math.fround(x));
}
