/**
 * From tensors by name to addresses in an arena. What several layers share is placed once; a bias that a network has not
 * is one of zeros. Browser-safe. Not here: which tensors a model has where (model.ts).
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type FloatTensor, zeros } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { biasOf, weightOf } from "../bert/names.ts";
import type { Arena } from "./arena.ts";
import type { Rates } from "./linear.ts";
import { isPacked, type PackedMatrix, unpackMatrix } from "./matrix.ts";
import type { PlacedNorm } from "./placed.ts";
import { type PlacedProduct, placeBytes, placeFloats } from "./product.ts";

/** A model's tensors and the layers of it that compute in 8 bits. */
export interface PlacerSource {
  readonly config: Pick<BertConfig, "quantized">;
  /** Under the checkpoint's names. */
  readonly tensors: ReadonlyMap<string, FloatTensor | PackedMatrix>;
}

/** Places what it is asked for, each thing once. */
export interface Placer {
  readonly tensor: (name: string) => FloatTensor;
  /** Numbers that are made here, under a name of their own. */
  readonly made: (name: string, make: () => Float32Array) => number;
  readonly table: (name: string) => number;
  readonly norm: (module: string) => PlacedNorm;
  readonly linear: (module: string, scale?: number) => PlacedProduct;
  /** Of a layer, in 8 bits where the configuration says so. */
  readonly product: (module: string, scale?: number) => PlacedProduct;
}

/** A placer of one model. @throws {InputError} `sparse/tensor` for a weight that is not there */
export function placerOf(arena: Arena, { config, tensors }: PlacerSource, rates: Rates): Placer {
  const places = new Map<string, number>();
  const products = new Map<string, PlacedProduct>();
  const found = (name: string): FloatTensor | PackedMatrix => {
    const tensor = tensors.get(name);
    if (tensor) return tensor;
    throw new InputError("sparse/tensor", `model: expected the tensor ${name}, got ${tensors.size} others`);
  };
  const tensor = (name: string): FloatTensor => {
    const value = found(name);
    return isPacked(value) ? unpackMatrix(value) : value;
  };
  const made = (name: string, make: () => Float32Array): number => {
    const place = places.get(name) ?? arena.place(make());
    places.set(name, place);
    return place;
  };
  const table = (name: string): number => made(name, () => tensor(name).data);
  const bias = (module: string, rows: number): FloatTensor =>
    tensors.has(biasOf(module)) ? tensor(biasOf(module)) : zeros("float32", [rows]);
  const once = (module: string, scale: number, inBytes: boolean): PlacedProduct => {
    const key = `${module} ${scale}`;
    const known = products.get(key);
    if (known) return known;
    const weight = found(weightOf(module));
    const rows = isPacked(weight) ? weight.rows : requireItem(weight.shape, 0, "shape");
    const place = inBytes ? placeBytes : placeFloats;
    const product = place(arena, weight, bias(module, rows), rates, scale);
    products.set(key, product);
    return product;
  };
  return {
    tensor,
    made,
    table,
    norm: (module) => {
      const { length } = tensor(weightOf(module)).data;
      return {
        gamma: table(weightOf(module)),
        beta: made(biasOf(module), () => bias(module, length).data),
      };
    },
    linear: (module, scale = 1) => once(module, scale, false),
    product: (module, scale = 1) => once(module, scale, config.quantized?.has(module) === true),
  };
}
