/**
 * The bytes of an .onnx file as a `Model`.
 *
 * Promise: every input ends in a `Model` whose tensors fill their shapes, or in a `FormatError` that names the
 * message; memory stays within a small multiple of the input. Tensors own their data, none views the input.
 * Not read here, and refused by name: weights in other files, sparse initialisers, functions, training info, string
 * tensors, and element or value types the project has no use for. Unknown fields are passed over, as the format wants.
 */

import { FormatError } from "../base/errors.ts";
import type { DType } from "../base/tensor.ts";
import { decodeTensor, dtypeOf } from "./decode-tensor.ts";
import { ATTRIBUTE, ATTRIBUTE_TYPE, ENTRY, GRAPH, MODEL, NODE, OPSET, SHAPE, TYPE, VALUE } from "./fields.ts";
import type { Attribute, Graph, Model, NamedTensor, Node, ValueInfo } from "./model.ts";
import { MessageReader } from "./protobuf.ts";

/** What a file may ask for. */
export interface DecodeLimits {
  /** Size of the file. Default 2 GiB - 1, the format's own limit. */
  readonly bytes: number;
  /** Nodes, subgraphs included. Default 1,000,000. */
  readonly nodes: number;
  /** Graphs inside graphs (the branches of If, the body of Loop). Default 8. */
  readonly depth: number;
}

const DEFAULTS: DecodeLimits = { bytes: 2 ** 31 - 1, nodes: 1_000_000, depth: 8 };

/** What is left of the limits while a file is walked. */
interface Budget {
  nodes: number;
  readonly depth: number;
}

/**
 * Reads an .onnx file.
 * @throws {FormatError} `onnx/limit`, `onnx/unsupported`, `onnx/missing`, `onnx/duplicate`, `onnx/type`,
 *   `onnx/dims`, `onnx/tensor-size`, `onnx/external`, or `protobuf/*` for damage below the level of ONNX
 */
export function decodeModel(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): Model {
  const { bytes: maxBytes, nodes, depth } = { ...DEFAULTS, ...limits };
  if (bytes.length > maxBytes) throw tooMuch("bytes", maxBytes, bytes.length, "model");
  const budget: Budget = { nodes, depth };
  const r = new MessageReader(bytes, "model");
  const strings = { producerName: "", producerVersion: "" };
  const opsets: [string, number][] = [];
  const metadata: [string, string][] = [];
  let irVersion: number | undefined;
  let graph: Graph | undefined;
  while (r.next()) {
    if (r.field === MODEL.irVersion) irVersion = r.int();
    else if (r.field === MODEL.producerName) strings.producerName = r.string();
    else if (r.field === MODEL.producerVersion) strings.producerVersion = r.string();
    else if (r.field === MODEL.graph) graph = readGraph(r.message("graph"), budget, 0);
    else if (r.field === MODEL.opsetImport) opsets.push(readOpset(r.message("opset_import")));
    else if (r.field === MODEL.metadata) metadata.push(readEntry(r.message("metadata_props")));
    else if (r.field === MODEL.functions) throw unsupportedError("functions", r.where);
    else if (r.field === MODEL.trainingInfo) throw unsupportedError("training info", r.where);
    else r.skip();
  }
  if (irVersion === undefined) throw missing("ir_version", r.where);
  if (graph === undefined) throw missing("graph", r.where);
  return {
    irVersion,
    opsets: record(opsets, "opset_import"),
    graph,
    ...(strings.producerName && { producerName: strings.producerName }),
    ...(strings.producerVersion && { producerVersion: strings.producerVersion }),
    ...(metadata.length > 0 && { metadata: record(metadata, "metadata_props") }),
  };
}

function readOpset(r: MessageReader): [string, number] {
  let domain = "";
  let version = 0;
  while (r.next()) {
    if (r.field === OPSET.domain) domain = r.string();
    else if (r.field === OPSET.version) version = r.int();
    else r.skip();
  }
  return [domain, version];
}

function readEntry(r: MessageReader): [string, string] {
  let key = "";
  let value = "";
  while (r.next()) {
    if (r.field === ENTRY.key) key = r.string();
    else if (r.field === ENTRY.value) value = r.string();
    else r.skip();
  }
  return [key, value];
}

function readGraph(r: MessageReader, budget: Budget, depth: number): Graph {
  if (depth > budget.depth) throw tooMuch("nested graphs", budget.depth, depth, "graph");
  let name = "";
  const nodes: Node[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const initializers: NamedTensor[] = [];
  const valueInfo: ValueInfo[] = [];
  while (r.next()) {
    if (r.field === GRAPH.node) nodes.push(readNode(r.message(`node ${nodes.length}`), budget, depth));
    else if (r.field === GRAPH.name) name = r.string();
    else if (r.field === GRAPH.initializer) {
      initializers.push(decodeTensor(r.message(`initializer ${initializers.length}`)));
    } else if (r.field === GRAPH.input) inputs.push(readValue(r.message("input")));
    else if (r.field === GRAPH.output) outputs.push(readValue(r.message("output")));
    else if (r.field === GRAPH.valueInfo) valueInfo.push(readValue(r.message("value_info")));
    else if (r.field === GRAPH.sparseInitializer) throw unsupportedError("sparse initialisers", r.where);
    else r.skip();
  }
  return { name, nodes, inputs, outputs, initializers, ...(valueInfo.length > 0 && { valueInfo }) };
}

function readNode(r: MessageReader, budget: Budget, depth: number): Node {
  if (--budget.nodes < 0) throw new FormatError("onnx/limit", `onnx: too many nodes (${r.where})`);
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: [string, Attribute][] = [];
  let name = "";
  let domain = "";
  let opType = "";
  while (r.next()) {
    if (r.field === NODE.input) inputs.push(r.string());
    else if (r.field === NODE.output) outputs.push(r.string());
    else if (r.field === NODE.name) name = r.string();
    else if (r.field === NODE.opType) opType = r.string();
    else if (r.field === NODE.attribute)
      attributes.push(readAttribute(r.message("attribute"), budget, depth));
    else if (r.field === NODE.domain) domain = r.string();
    else r.skip();
  }
  if (!opType) throw missing("op_type", r.where);
  return {
    opType,
    inputs,
    outputs,
    attributes: record(attributes, r.where),
    ...(name && { name }),
    ...(domain && { domain }),
  };
}

/** Every field an attribute may carry; `type` says which of them counts. */
interface AttributeFields {
  name: string;
  type: number;
  float: number;
  int: number;
  string: string;
  tensor: NamedTensor | undefined;
  graph: Graph | undefined;
  floats: number[];
  ints: number[];
  strings: string[];
}

function readAttribute(r: MessageReader, budget: Budget, depth: number): [string, Attribute] {
  const f: AttributeFields = {
    name: "",
    type: 0,
    float: 0,
    int: 0,
    string: "",
    tensor: undefined,
    graph: undefined,
    floats: [],
    ints: [],
    strings: [],
  };
  while (r.next()) {
    if (r.field === ATTRIBUTE.name) f.name = r.string();
    else if (r.field === ATTRIBUTE.type) f.type = r.int();
    else if (r.field === ATTRIBUTE.float) f.float = r.float();
    else if (r.field === ATTRIBUTE.int) f.int = r.int();
    else if (r.field === ATTRIBUTE.string) f.string = r.string();
    else if (r.field === ATTRIBUTE.tensor) f.tensor = decodeTensor(r.message("tensor"));
    else if (r.field === ATTRIBUTE.graph) f.graph = readGraph(r.message("graph"), budget, depth + 1);
    else if (r.field === ATTRIBUTE.floats) f.floats = f.floats.concat(r.floats());
    else if (r.field === ATTRIBUTE.ints) f.ints = f.ints.concat(r.ints());
    else if (r.field === ATTRIBUTE.strings) f.strings.push(r.string());
    else r.skip();
  }
  return [f.name, attributeOf(f, r.where)];
}

function attributeOf(f: AttributeFields, where: string): Attribute {
  const kind = KINDS.get(f.type);
  switch (kind) {
    case "int":
    case "float":
      return { kind, value: f[kind] };
    case "string":
      return { kind, value: f.string };
    case "ints":
    case "floats":
      return { kind, value: f[kind] };
    case "strings":
      return { kind, value: f.strings };
    case "graph":
      if (f.graph === undefined) throw missing(`graph of attribute ${f.name}`, where);
      return { kind, value: f.graph };
    case "tensor": {
      if (f.tensor === undefined) throw missing(`tensor of attribute ${f.name}`, where);
      const { dtype, shape, data } = f.tensor;
      return { kind, value: { dtype, shape, data } };
    }
    case undefined:
      throw unsupportedError(`attribute ${f.name} of type ${f.type}`, where);
  }
}

const KINDS = new Map<number, Attribute["kind"]>(
  (["float", "int", "string", "tensor", "graph", "floats", "ints", "strings"] as const).map((kind) => [
    ATTRIBUTE_TYPE[kind],
    kind,
  ]),
);

function readValue(r: MessageReader): ValueInfo {
  let name = "";
  let type: Omit<ValueInfo, "name"> | undefined;
  while (r.next()) {
    if (r.field === VALUE.name) name = r.string();
    else if (r.field === VALUE.type) type = readType(r.message("type"));
    else r.skip();
  }
  if (type === undefined)
    throw new FormatError("onnx/type", `onnx value ${name}: expected a type, got none (${r.where})`);
  return { name, ...type };
}

function readType(r: MessageReader): Omit<ValueInfo, "name"> | undefined {
  let type: Omit<ValueInfo, "name"> | undefined;
  while (r.next()) {
    if (r.field === TYPE.tensor) type = { kind: "tensor", ...readTensorType(r.message("tensor_type")) };
    else if (r.field === TYPE.sequence) {
      type = { kind: "sequence", ...readSequenceType(r.message("sequence_type")) };
    } else r.skip();
  }
  return type;
}

function readSequenceType(r: MessageReader): Pick<ValueInfo, "dtype" | "shape"> {
  let element: Pick<ValueInfo, "dtype" | "shape"> | undefined;
  while (r.next()) {
    if (r.field !== TYPE.elemType) {
      r.skip();
      continue;
    }
    const inner = r.message("elem_type");
    while (inner.next()) {
      if (inner.field === TYPE.tensor) element = readTensorType(inner.message("tensor_type"));
      else throw unsupportedError("a sequence of anything but tensors", inner.where);
    }
  }
  if (element === undefined) throw missing("elem_type", r.where);
  return element;
}

function readTensorType(r: MessageReader): Pick<ValueInfo, "dtype" | "shape"> {
  let dtype: DType | undefined;
  let shape: (number | string)[] | undefined;
  while (r.next()) {
    if (r.field === TYPE.elemType) dtype = dtypeOf(r.int(), r.where);
    else if (r.field === TYPE.shape) shape = readShape(r.message("shape"));
    else r.skip();
  }
  if (dtype === undefined) throw missing("elem_type", r.where);
  return { dtype, shape };
}

function readShape(r: MessageReader): (number | string)[] {
  const shape: (number | string)[] = [];
  while (r.next()) {
    if (r.field !== SHAPE.dim) {
      r.skip();
      continue;
    }
    const dim = r.message("dim");
    let size: number | string = "";
    while (dim.next()) {
      if (dim.field === SHAPE.value) size = dim.int();
      else if (dim.field === SHAPE.param) size = dim.string();
      else dim.skip();
    }
    shape.push(size);
  }
  return shape;
}

/** `Object.fromEntries` defines own properties, so that a key such as `__proto__` is only a key. */
function record<T>(entries: readonly (readonly [string, T])[], where: string): Record<string, T> {
  const keys = new Set(entries.map(([key]) => key));
  if (keys.size < entries.length) {
    throw new FormatError("onnx/duplicate", `onnx: expected distinct names, got one twice (${where})`);
  }
  return Object.fromEntries(entries);
}

function unsupportedError(what: string, where: string): FormatError {
  return new FormatError("onnx/unsupported", `onnx: expected a model without ${what} (${where})`);
}

function missing(what: string, where: string): FormatError {
  return new FormatError("onnx/missing", `onnx: expected ${what}, got none (${where})`);
}

function tooMuch(what: string, limit: number, got: number, where: string): FormatError {
  return new FormatError("onnx/limit", `onnx: expected at most ${limit} ${what}, got ${got} (${where})`);
}
