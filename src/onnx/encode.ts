/**
 * A `Model` as the bytes of an .onnx file.
 *
 * Fields are written in the order of their numbers, repeated numbers unpacked, tensors as `raw_data`: byte for byte
 * what the Python `onnx` package writes for the same model. Weights are copied once, into the result.
 * Raw data is little-endian in the file and taken from memory as it lies: every platform Node and ONNX Runtime
 * share is little-endian.
 */

import { FormatError } from "../base/errors.ts";
import { sizeOf, type Tensor } from "../base/tensor.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  ENTRY,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR,
  TYPE,
  VALUE,
} from "./fields.ts";
import type { Attribute, Graph, Model, Node, ValueInfo } from "./model.ts";
import { MessageWriter } from "./protobuf.ts";

/** Protocol buffers cannot hold a message of 2 GiB or more. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * The bytes of an .onnx file.
 * @throws {FormatError} `onnx/too-large` when they would not be below 2 GiB; `onnx/tensor-size` when a tensor's
 *   data does not fill its shape
 */
export function encodeModel(model: Model): Uint8Array {
  const out = new MessageWriter();
  out.int(MODEL.irVersion, model.irVersion);
  if (model.producerName) out.string(MODEL.producerName, model.producerName);
  if (model.producerVersion) out.string(MODEL.producerVersion, model.producerVersion);
  out.message(MODEL.graph, (w) => writeGraph(w, model.graph));
  for (const [domain, version] of Object.entries(model.opsets)) {
    out.message(MODEL.opsetImport, (w) => {
      w.string(OPSET.domain, domain);
      w.int(OPSET.version, version);
    });
  }
  for (const [key, value] of Object.entries(model.metadata ?? {})) {
    out.message(MODEL.metadata, (w) => {
      w.string(ENTRY.key, key);
      w.string(ENTRY.value, value);
    });
  }
  if (out.length > MAX_BYTES) {
    throw new FormatError(
      "onnx/too-large",
      `onnx: expected a model below 2 GiB, got ${out.length} bytes (graph ${model.graph.name})`,
    );
  }
  return out.finish();
}

function writeGraph(w: MessageWriter, graph: Graph): void {
  for (const node of graph.nodes) w.message(GRAPH.node, (n) => writeNode(n, node));
  w.string(GRAPH.name, graph.name);
  for (const tensor of graph.initializers) {
    w.message(GRAPH.initializer, (t) => writeTensor(t, tensor, tensor.name));
  }
  for (const value of graph.inputs) w.message(GRAPH.input, (v) => writeValue(v, value));
  for (const value of graph.outputs) w.message(GRAPH.output, (v) => writeValue(v, value));
  for (const value of graph.valueInfo ?? []) w.message(GRAPH.valueInfo, (v) => writeValue(v, value));
}

function writeNode(w: MessageWriter, node: Node): void {
  for (const name of node.inputs) w.string(NODE.input, name);
  for (const name of node.outputs) w.string(NODE.output, name);
  if (node.name) w.string(NODE.name, node.name);
  w.string(NODE.opType, node.opType);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    w.message(NODE.attribute, (a) => writeAttribute(a, name, attribute));
  }
  if (node.domain) w.string(NODE.domain, node.domain);
}

function writeAttribute(w: MessageWriter, name: string, attribute: Attribute): void {
  w.string(ATTRIBUTE.name, name);
  writeAttributeValue(w, attribute);
  w.int(ATTRIBUTE.type, ATTRIBUTE_TYPE[attribute.kind]);
}

function writeAttributeValue(w: MessageWriter, { kind, value }: Attribute): void {
  if (kind === "int") w.int(ATTRIBUTE.int, value);
  else if (kind === "float") w.float(ATTRIBUTE.float, value);
  else if (kind === "string") w.string(ATTRIBUTE.string, value);
  else if (kind === "tensor") w.message(ATTRIBUTE.tensor, (t) => writeTensor(t, value, ""));
  else if (kind === "graph") w.message(ATTRIBUTE.graph, (g) => writeGraph(g, value));
  else if (kind === "ints") for (const v of value) w.int(ATTRIBUTE.ints, v);
  else if (kind === "floats") for (const v of value) w.float(ATTRIBUTE.floats, v);
  else for (const v of value) w.string(ATTRIBUTE.strings, v);
}

function writeTensor(w: MessageWriter, { dtype, shape, data }: Tensor, name: string): void {
  if (data.length !== sizeOf(shape)) {
    throw new FormatError(
      "onnx/tensor-size",
      `onnx tensor: expected ${sizeOf(shape)} elements for shape [${shape}], got ${data.length} (${name})`,
    );
  }
  for (const size of shape) w.int(TENSOR.dims, size);
  w.int(TENSOR.dataType, DATA_TYPE[dtype]);
  if (name) w.string(TENSOR.name, name);
  w.bytes(TENSOR.rawData, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValue(w: MessageWriter, value: ValueInfo): void {
  w.string(VALUE.name, value.name);
  w.message(VALUE.type, (type) => {
    if (value.kind === "tensor") writeTensorType(type, value);
    else type.message(TYPE.sequence, (s) => s.message(TYPE.elemType, (e) => writeTensorType(e, value)));
  });
}

function writeTensorType(w: MessageWriter, { dtype, shape }: ValueInfo): void {
  w.message(TYPE.tensor, (t) => {
    t.int(TYPE.elemType, DATA_TYPE[dtype]);
    if (shape) t.message(TYPE.shape, (s) => writeShape(s, shape));
  });
}

function writeShape(w: MessageWriter, shape: readonly (number | string)[]): void {
  for (const size of shape) {
    w.message(SHAPE.dim, (d) => {
      if (typeof size === "number") d.int(SHAPE.value, size);
      else if (size) d.string(SHAPE.param, size);
    });
  }
}
