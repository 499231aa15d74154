/**
 * TensorProto as a named tensor: from `raw_data`, or from the typed fields that older writers use.
 *
 * The number of elements is checked against the shape before anything is allocated. Raw data is little-endian in
 * the file and is taken as it lies, as in encode.ts.
 */

import { FormatError } from "../base/errors.ts";
import { BYTES, type DType, type DTypeArrays } from "../base/tensor.ts";
import { DATA_TYPE, TENSOR } from "./fields.ts";
import type { NamedTensor } from "./model.ts";
import type { MessageReader } from "./protobuf.ts";

/** How an element type is made from raw bytes, and from the numbers of its typed field (`typed`). */
interface Codec<D extends DType> {
  readonly raw: (buffer: ArrayBuffer) => DTypeArrays[D];
  readonly typed: (fields: TypedFields) => DTypeArrays[D];
}

interface TypedFields {
  readonly float: number[];
  readonly int32: number[];
  readonly int64: bigint[];
  readonly double: number[];
}

/** float16 and bfloat16 travel as bits in `int32_data`, the small integers and booleans as numbers. */
const CODECS: { readonly [D in DType]: Codec<D> } = {
  float32: { raw: (b) => new Float32Array(b), typed: (f) => Float32Array.from(f.float) },
  float64: { raw: (b) => new Float64Array(b), typed: (f) => Float64Array.from(f.double) },
  float16: { raw: (b) => new Uint16Array(b), typed: (f) => Uint16Array.from(f.int32) },
  bfloat16: { raw: (b) => new Uint16Array(b), typed: (f) => Uint16Array.from(f.int32) },
  int64: { raw: (b) => new BigInt64Array(b), typed: (f) => BigInt64Array.from(f.int64) },
  int32: { raw: (b) => new Int32Array(b), typed: (f) => Int32Array.from(f.int32) },
  int8: { raw: (b) => new Int8Array(b), typed: (f) => Int8Array.from(f.int32) },
  uint8: { raw: (b) => new Uint8Array(b), typed: (f) => Uint8Array.from(f.int32) },
  bool: { raw: (b) => new Uint8Array(b), typed: (f) => Uint8Array.from(f.int32) },
};

const DTYPES = new Map<number, DType>(
  (["float32", "float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"] as const).map(
    (dtype) => [DATA_TYPE[dtype], dtype],
  ),
);

/** @throws {FormatError} `onnx/unsupported` for an element type the project does not know. */
export function dtypeOf(code: number, where: string): DType {
  const dtype = DTYPES.get(code);
  if (dtype === undefined) {
    throw new FormatError(
      "onnx/unsupported",
      `onnx: expected a known element type, got code ${code} (${where})`,
    );
  }
  return dtype;
}

/**
 * One TensorProto.
 * @throws {FormatError} `onnx/external` when its data is in another file, `onnx/dims` for a negative or huge shape,
 *   `onnx/tensor-size` when its data does not fill the shape, `onnx/unsupported` for strings, segments, unsigned 64
 */
export function decodeTensor(r: MessageReader): NamedTensor {
  const dims: number[] = [];
  const typed: TypedFields = { float: [], int32: [], int64: [], double: [] };
  let name = "";
  let type = 0;
  let raw: Uint8Array | undefined;
  let external = false;
  while (r.next()) {
    if (r.field === TENSOR.dims) append(dims, r.ints());
    else if (r.field === TENSOR.dataType) type = r.int();
    else if (r.field === TENSOR.name) name = r.string();
    else if (r.field === TENSOR.rawData) raw = r.bytes();
    else if (r.field === TENSOR.floatData) append(typed.float, r.floats());
    else if (r.field === TENSOR.int32Data) append(typed.int32, r.ints());
    else if (r.field === TENSOR.int64Data) append(typed.int64, r.int64s());
    else if (r.field === TENSOR.doubleData) append(typed.double, r.doubles());
    else if (r.field === TENSOR.dataLocation) external ||= r.int() !== 0;
    else if (r.field === TENSOR.externalData) {
      external = true;
      r.skip();
    } else if (REFUSED.has(r.field)) {
      throw new FormatError(
        "onnx/unsupported",
        `onnx tensor ${name}: expected plain data, got ${REFUSED.get(r.field)} (${r.where})`,
      );
    } else r.skip();
  }
  const where = name ? `${name}, ${r.where}` : r.where;
  if (external) {
    throw new FormatError(
      "onnx/external",
      `onnx tensor: expected its data in this file, got a reference to another (${where})`,
    );
  }
  return { name, ...fill(dtypeOf(type, where), checkDims(dims, where), raw, typed, where) };
}

const REFUSED = new Map<number, string>([
  [TENSOR.segment, "a segment"],
  [TENSOR.stringData, "strings"],
  [TENSOR.uint64Data, "unsigned 64-bit integers"],
]);

function append<T>(to: T[], values: readonly T[]): void {
  for (const value of values) to.push(value);
}

function checkDims(dims: readonly number[], where: string): readonly number[] {
  let size = 1;
  for (const d of dims) {
    size *= Math.max(d, 1); // a zero must not hide an overflow beside it
    if (d < 0 || size > Number.MAX_SAFE_INTEGER) {
      throw new FormatError(
        "onnx/dims",
        `onnx tensor: expected sizes of at least 0 and in range, got [${dims}] (${where})`,
      );
    }
  }
  return dims;
}

function fill(
  dtype: DType,
  shape: readonly number[],
  raw: Uint8Array | undefined,
  typed: TypedFields,
  where: string,
): Omit<NamedTensor, "name"> {
  const size = shape.reduce((n, d) => n * d, 1);
  if (raw && raw.length !== size * BYTES[dtype]) {
    throw sizeError(`${size * BYTES[dtype]} bytes`, raw.length, shape, where);
  }
  // not raw.slice(): a Buffer's is a view, whose buffer is the whole file
  const data = raw ? CODECS[dtype].raw(new Uint8Array(raw).buffer) : CODECS[dtype].typed(typed);
  if (data.length !== size) throw sizeError(`${size} elements`, data.length, shape, where);
  return { dtype, shape, data };
}

function sizeError(expected: string, got: number, shape: readonly number[], where: string): FormatError {
  return new FormatError(
    "onnx/tensor-size",
    `onnx tensor: expected ${expected} for shape [${shape}], got ${got} (${where})`,
  );
}
