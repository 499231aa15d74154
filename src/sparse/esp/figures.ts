/**
 * What each part of a .esp file takes, beside what it cannot be smaller than: sizes are stated with their bound.
 *
 *   positions   log2 of the number of ways to choose K places of P, up to a term in log P: P·H(K/P) bits
 *   values      order-0 entropy of each of the streams that hold the numbers (values.ts), added up
 *
 * No coder that knows a matrix only by its density and its numbers' frequencies gets below their sum.
 */

import { blockGrid } from "../../base/blocks.ts";
import { requireEntry, requireItem } from "../../base/present.ts";
import { isPacked } from "../matrix.ts";
import { countBytes, entropyBits } from "./frequencies.ts";
import { layoutOf, type Storage, type StoredTensor } from "./matrices.ts";
import { decodeEsp, openEsp } from "./model.ts";
import { valueStreams } from "./values.ts";

/** One tensor's section. */
export interface TensorFigures {
  readonly name: string;
  readonly storage: Storage;
  /** Numbers other than those that sparse storage leaves out. */
  readonly stored: number;
  /** Of the section. */
  readonly bytes: number;
  /** In bits; the scales of int8 rows count as values. */
  readonly bound: { readonly positions: number; readonly values: number };
}

/** A file's bytes by part; they add up to the file. */
export interface EspFigures {
  readonly bytes: number;
  /** The container's head, with lengths and checksums. */
  readonly head: number;
  readonly directory: number;
  readonly vocabulary: number;
  readonly tensors: readonly TensorFigures[];
}

/** H(p) in bits. */
function binaryEntropy(p: number): number {
  return p <= 0 || p >= 1 ? 0 : -p * Math.log2(p) - (1 - p) * Math.log2(1 - p);
}

function positionBits(tensor: StoredTensor): number {
  if (!isPacked(tensor)) return 0;
  const [down, across] = blockGrid(tensor);
  const places = down * across;
  return places === 0 ? 0 : places * binaryEntropy(tensor.indices.length / places);
}

/** @throws as `decodeEsp` does */
export async function espFigures(bytes: Uint8Array, where = "model.esp"): Promise<EspFigures> {
  const { tensors } = await decodeEsp(bytes, where);
  const { directory, sections, sizes } = openEsp(bytes, where);
  const listed = [...directory.tensors].map(([name, storage], i): TensorFigures => {
    const tensor = requireEntry(tensors, name, "tensor");
    const [numbers, layout] = isPacked(tensor)
      ? [tensor.values, tensor]
      : [tensor.data, layoutOf(tensor.shape)];
    const streams = valueStreams(numbers, storage.values, layout);
    const values = streams.reduce((sum, stream) => sum + entropyBits(countBytes(stream)), 0);
    const bound = { positions: positionBits(tensor), values };
    return {
      name,
      storage,
      stored: numbers.length,
      bytes: requireItem(sections, i, "sections").length,
      bound,
    };
  });
  return { bytes: bytes.length, ...sizes, tensors: listed };
}
