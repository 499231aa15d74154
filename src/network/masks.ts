/**
 * Masks on disk: one bit per weight, in a safetensors file beside the model, so that a pruned network which is read
 * again knows its pruned weights from those that happen to be zero. Other tools do not look at that file.
 *
 * Bit i of a mask lies in byte i >> 3 at place i & 7, row-major; bits after the last weight are 0.
 */

import { FormatError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { type FloatTensor, sizeOf, type Tensor } from "../base/tensor.ts";
import type { Network } from "./network.ts";

/** The file's name in a model folder. */
export const MASKS_FILE = "espalier-masks.safetensors";

type Mask = Tensor<"uint8">;

/** 8 weights in a byte; any value but 0 counts as kept. */
export function packMask({ data }: Mask): Mask {
  const bytes = new Uint8Array(Math.ceil(data.length / 8));
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== 0) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7));
  }
  return { dtype: "uint8", shape: [bytes.length], data: bytes };
}

/**
 * The mask of a tensor of `shape`.
 * @param name   the tensor's, for the message
 * @param where  the file, for the message
 * @throws {FormatError} `masks/size` when the bytes are not those of the shape, or a bit after the last is set
 */
export function unpackMask(packed: Tensor, shape: readonly number[], name: string, where = MASKS_FILE): Mask {
  const size = sizeOf(shape);
  const bytes = packed.data;
  if (!(bytes instanceof Uint8Array) || bytes.length !== Math.ceil(size / 8)) {
    throw wrong(name, `${Math.ceil(size / 8)} bytes`, `${packed.dtype} [${packed.shape}]`, where);
  }
  if (size % 8 !== 0 && (bytes.at(-1) ?? 0) >> (size % 8) !== 0)
    throw wrong(name, `${size} bits`, "more", where);
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i++) data[i] = ((bytes[i >> 3] ?? 0) >> (i & 7)) & 1;
  return { dtype: "uint8", shape, data };
}

/** Weights that a mask calls pruned and that are not 0. */
export function countUnpruned({ data: weights }: FloatTensor, { data: kept }: Mask): number {
  return weights.reduce((n, weight, i) => n + Number(kept[i] === 0 && weight !== 0), 0);
}

/** The network with those of its masks that are true of it: training may have brought pruned weights back. */
export function withTrueMasks(network: Network): Network {
  const { masks, ...rest } = network;
  const kept = [...(masks ?? [])].filter(
    ([name, mask]) => countUnpruned(requireEntry(rest.tensors, name, "tensor"), mask) === 0,
  );
  return kept.length === 0 ? rest : { ...rest, masks: new Map(kept) };
}

function wrong(name: string, expected: string, got: string, where: string): FormatError {
  return new FormatError("masks/size", `mask of ${name}: expected ${expected}, got ${got} (${where})`);
}
