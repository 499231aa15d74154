/** Tensors on the host: a dtype, a shape and a flat typed array in row-major order. No arithmetic lives here. */

import { InputError } from "./errors.ts";
import { mapPairs } from "./present.ts";

/** The element types the graph, the engine and the formats agree on. `float16` and `bfloat16` hold raw bits. */
export interface DTypeArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type DType = keyof DTypeArrays;

/** Bytes of one element. */
export const BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** One tensor in host memory; `data.length` is the product of `shape`. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: DTypeArrays[D];
}

/** A float32 tensor: what every weight is once it has been read. */
export type FloatTensor = Tensor<"float32">;

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** @throws {InputError} `tensor/size` when the data does not fill the shape. */
export function floatTensor(shape: readonly number[], data: Float32Array): FloatTensor {
  if (data.length !== sizeOf(shape)) {
    throw new InputError(
      "tensor/size",
      `tensor: expected ${sizeOf(shape)} elements for shape [${shape}], got ${data.length}`,
    );
  }
  return { dtype: "float32", shape, data };
}

/** How many are not 0. */
export function countNonzero(data: Float32Array): number {
  let n = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) n++;
  return n;
}

/** Between numbers at one place; NaN when one of them is. @throws {RunError} `internal/missing` for another number of them */
export function largestGap(a: Float32Array, b: Float32Array): number {
  return mapPairs(a, b, "numbers", (x, y) => Math.abs(x - y)).reduce((most, gap) => Math.max(most, gap), 0);
}

/** The place of the first NaN or infinity, or -1 where every number is finite. */
export function findNotFinite(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}

const ARRAYS: { readonly [D in DType]: new (length: number) => DTypeArrays[D] } = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** A tensor of zeros. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> {
  return { dtype, shape, data: new ARRAYS[dtype](sizeOf(shape)) };
}
