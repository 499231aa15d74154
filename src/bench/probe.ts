/**
 * Models that tell from how many zeros the sparse runtime is the faster one: a bench's model with more zeros, at random.
 *
 * Blocks that are kept lie anywhere in a matrix and are of the shape of the model's own, where it has any: those of a mask of
 * 4 rows are read faster than single weights. What such a model answers does not matter; nobody sees it.
 */

import { type BlockShape, blockSize } from "../base/blocks.ts";
import { fold, type Key, uniform } from "../base/random.ts";
import { countNonzero, type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { Network } from "../network/network.ts";
import { matricesIn, weightsIn } from "../parts/matrices.ts";
import { zerosIn } from "../parts/prune.ts";
import { naturalBlock } from "../sparse/matrix.ts";

/** Below this share of zeros a model's own time does not lie on the line: kernels for dense matrices are in it. */
const ON_LINE = 0.6;
/** Shares of zeros, on both sides of where engines meet and far enough apart for a line. */
const [FEW, MANY] = [0.8, 0.95] as const;
/** Above this the model itself stands for many zeros. */
const NEARLY_MANY = 0.88;
/** In place of a zero where a block is kept; weights of BERT are of this size. */
const USUAL_WEIGHT = 0.02;

/** Whether a model's own time is a point of the line. */
export function isOnLine(zeros: number): boolean {
  return zeros >= ON_LINE;
}

/** The shares of zeros to time besides a model with `zeros` of its own. */
export function probeShares(zeros: number): readonly number[] {
  if (!isOnLine(zeros)) return [FEW, MANY];
  return zeros < NEARLY_MANY ? [MANY] : [FEW];
}

/** Share of zeros in the encoder's matrices; 0 for an encoder without any. */
export function encoderZeros({ tensors }: Network): number {
  const names = matricesIn(tensors, "encoder");
  const all = weightsIn(tensors, names);
  return all === 0 ? 0 : zerosIn(tensors, names) / all;
}

/** The network with this share of zeros in each of the encoder's matrices. The same key gives the same zeros. */
export function withRandomZeros(network: Network, share: number, key: Key): Network {
  const tensors = new Map(network.tensors);
  for (const name of matricesIn(network.tensors, "encoder")) {
    const matrix = network.tensors.get(name);
    if (matrix) tensors.set(name, thin(matrix, share, fold(key, name)));
  }
  return { ...network, tensors };
}

function thin(matrix: FloatTensor, share: number, key: Key): FloatTensor {
  const { data, shape } = matrix;
  const [rows = 0, columns = 0] = shape;
  const { height, width } = blockSize(ownBlock(matrix));
  const kept = new Float32Array(data.length);
  for (let top = 0; top < rows; top += height) {
    for (let left = 0; left < columns; left += width) {
      if (uniform(key, top * columns + left) < share) continue;
      for (let row = top; row < Math.min(rows, top + height); row++) {
        const [first, end] = [row * columns + left, row * columns + Math.min(columns, left + width)];
        for (let i = first; i < end; i++) kept[i] = data[i] || USUAL_WEIGHT;
      }
    }
  }
  return floatTensor(shape, kept);
}

/** A matrix that is mostly full has no blocks of its own: every shape fits it. */
function ownBlock(matrix: FloatTensor): BlockShape {
  const zeros = matrix.data.length - countNonzero(matrix.data);
  const isSparse = zeros >= ON_LINE * matrix.data.length && zeros < matrix.data.length;
  return isSparse ? naturalBlock(matrix) : "1";
}
