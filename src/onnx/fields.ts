/**
 * The numbers of the ONNX wire format: field numbers of each message and codes of each enumeration.
 *
 * From onnx/onnx.proto of the ONNX specification (IR version 9). The encoder and the decoder share this one list, so
 * that they cannot disagree; fields which are in the specification but refused here are named so that the refusal
 * can say what it met.
 */

import type { DType } from "../base/tensor.ts";
import type { Attribute } from "./model.ts";

/** ModelProto. */
export const MODEL = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  graph: 7,
  opsetImport: 8,
  metadata: 14,
  trainingInfo: 20,
  functions: 25,
} as const;

/** OperatorSetIdProto. */
export const OPSET = { domain: 1, version: 2 } as const;

/** StringStringEntryProto. */
export const ENTRY = { key: 1, value: 2 } as const;

/** GraphProto. */
export const GRAPH = {
  node: 1,
  name: 2,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  sparseInitializer: 15,
} as const;

/** NodeProto. */
export const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;

/** AttributeProto. */
export const ATTRIBUTE = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  type: 20,
} as const;

/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPE: Readonly<Record<Attribute["kind"], number>> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
};

/** TensorProto. */
export const TENSOR = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14,
} as const;

/** TensorProto.DataType of the element types that the project knows. */
export const DATA_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** ValueInfoProto. */
export const VALUE = { name: 1, type: 2 } as const;

/** TypeProto, and the element type that its tensor and sequence messages begin with. */
export const TYPE = { tensor: 1, sequence: 4, elemType: 1, shape: 2 } as const;

/** TensorShapeProto and its Dimension. */
export const SHAPE = { dim: 1, value: 1, param: 2 } as const;
