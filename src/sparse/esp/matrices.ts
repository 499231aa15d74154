/**
 * One tensor as the bytes of its section: dense, or only the blocks that hold a number other than zero.
 *
 *   dense    the numbers (values.ts)
 *   sparse   K, the number of blocks (u32); if there are any, their positions (positions.ts) and their numbers
 *
 * Shape and storage stand in the file's directory. A tensor has one form: which of the two it is, and the shape of its
 * blocks, follows from its rounded numbers (`formOf`), so that what was read is written as the same bytes.
 */

import { type BlockShape, blockGrid, blockSize, weightsOfBlock } from "../../base/blocks.ts";
import { countNonzero, type FloatTensor, floatTensor, sizeOf } from "../../base/tensor.ts";
import { isPacked, naturalBlock, type PackedMatrix, packMatrix } from "../matrix.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { readPositions, writePositions } from "./positions.ts";
import { denseLayout, type Layout, readValues, roundMatrix, type ValueKind, writeValues } from "./values.ts";

/** A matrix is stored as sparse when at most this share of its numbers is not zero. */
const MOST_NONZERO = 0.5;

/** How a tensor is stored; with `block` a sparse one. */
export interface Storage {
  readonly shape: readonly number[];
  readonly values: ValueKind;
  readonly block?: BlockShape;
}

/** What a tensor may be stored as. */
export interface Choices {
  /** Numbers of a sparse matrix. */
  readonly sparse: ValueKind;
  /** Numbers of a dense matrix. */
  readonly dense: ValueKind;
  /** Undefined: the natural one. */
  readonly block: BlockShape | undefined;
}

/** A decoded tensor. */
export type StoredTensor = FloatTensor | PackedMatrix;

/** The storage of a decoded tensor that was stored as `values`. */
export function storageOf(tensor: StoredTensor, values: ValueKind): Storage {
  if (!isPacked(tensor)) return { shape: tensor.shape, values };
  return { shape: [tensor.rows, tensor.columns], values, block: tensor.block };
}

/**
 * A matrix as it will be read: rounded, and packed when it is sparse. A matrix that only rounding to `dense` makes
 * sparse is sparse.
 *
 * @throws {FormatError} as `roundMatrix` does
 */
export function formOf(matrix: FloatTensor, choices: Choices, what: string): [StoredTensor, ValueKind] {
  const sparse = roundMatrix(matrix, choices.sparse, what);
  if (isSparse(sparse)) return [pack(sparse, choices), choices.sparse];
  const dense = roundMatrix(matrix, choices.dense, what);
  if (choices.dense === choices.sparse) return [dense, choices.dense];
  const both = roundMatrix(dense, choices.sparse, what);
  return isSparse(both) ? [pack(both, choices), choices.sparse] : [dense, choices.dense];
}

function pack(matrix: FloatTensor, { block }: Choices): PackedMatrix {
  return packMatrix(matrix, block ?? naturalBlock(matrix));
}

function isSparse({ data }: FloatTensor): boolean {
  return countNonzero(data) <= MOST_NONZERO * data.length;
}

/** The layout of a dense tensor: of a matrix its rows, of anything else one row. */
export function layoutOf(shape: readonly number[]): Layout {
  const [rows = 1, columns = 1] = shape.length === 2 ? shape : [1, sizeOf(shape)];
  return denseLayout(rows, columns);
}

/** The section of a tensor whose numbers are rounded to `values`. */
export function encodeTensor(tensor: StoredTensor, values: ValueKind): Uint8Array {
  const writer = new ByteWriter();
  if (!isPacked(tensor)) {
    writeValues(writer, tensor.data, values, layoutOf(tensor.shape));
    return writer.bytes();
  }
  writer.u32(tensor.indices.length);
  if (tensor.indices.length > 0) {
    writePositions(writer, tensor, blockGrid(tensor));
    writeValues(writer, tensor.values, values, tensor);
  }
  return writer.bytes();
}

/** Says no when a file asks for more memory than its size allows. */
export type Budget = (elements: number, what: string) => void;

/**
 * The tensor of a section.
 *
 * @param budget  asked before anything is allocated
 * @throws {FormatError} `esp/…`, naming the tensor
 */
export function decodeTensor(
  section: Uint8Array,
  storage: Storage,
  budget: Budget,
  what: string,
  where: string,
): StoredTensor {
  const reader = new ByteReader(section, what, where);
  const tensor = readTensor(reader, storage, budget);
  reader.done();
  return tensor;
}

function readTensor(reader: ByteReader, { shape, values, block }: Storage, budget: Budget): StoredTensor {
  if (block === undefined) {
    const count = sizeOf(shape);
    budget(count + (shape[0] ?? 0), reader.what);
    return floatTensor(shape, readValues(reader, count, values, layoutOf(shape)));
  }
  const [rows = 0, columns = 0] = shape;
  const count = reader.u32();
  const grid = blockGrid({ rows, columns, block });
  const [R, C] = grid;
  if (count > R * C) throw reader.bad("blocks", `at most ${R * C} blocks`, count);
  const size = weightsOfBlock(block);
  budget(R + rows + count * (size + 1), reader.what);
  if (count === 0) {
    const [starts, indices] = [new Uint32Array(R + 1), new Uint32Array(0)];
    return { rows, columns, block, starts, indices, values: new Float32Array(0) };
  }
  const positions = readPositions(reader, count, grid);
  const layout = { rows, block, starts: positions.starts };
  const matrix = {
    ...positions,
    rows,
    columns,
    block,
    values: readValues(reader, count * size, values, layout),
  };
  checkBlocks(reader, matrix);
  return matrix;
}

/** One matrix has one form: no block of zeros only, nothing in what blocks have below the last row and behind the last column. */
function checkBlocks(
  reader: ByteReader,
  { rows, columns, block, starts, indices, values }: PackedMatrix,
): void {
  const { height, width } = blockSize(block);
  const size = height * width;
  for (let n = 0; n < values.length; n += size) {
    let found = false;
    for (let i = 0; i < size; i++) found ||= values[n + i] !== 0;
    if (!found)
      throw reader.bad("zero-block", "a number other than zero in each block", `none in block ${n / size}`);
  }
  const present = (rows % height || height) * width;
  for (let n = (starts.at(-2) ?? 0) * size; n < values.length; n++) {
    if (n % size >= present && values[n] !== 0)
      throw reader.bad("padding", "zeros below the last row", String(values[n]));
  }
  const narrow = columns % width;
  if (narrow === 0) return;
  const last = Math.floor(columns / width);
  for (let k = 0; k < indices.length; k++) {
    if (indices[k] !== last) continue;
    for (let n = k * size; n < (k + 1) * size; n++) {
      if (n % width >= narrow && values[n] !== 0)
        throw reader.bad("padding", "zeros behind the last column", String(values[n]));
    }
  }
}
