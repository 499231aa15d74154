/**
 * A pruned network in the sizes that stock `transformers` can hold: all layers alike, the heads filling the hidden size.
 *
 * What was removed comes back as zeros, which changes nothing: a head whose value is 0 contributes 0 whatever it
 * attends to, and a neuron of no input has activation 0 (GELU and ReLU alike) and no output weights. The network
 * computes the same and is as large and slow as its widest layer makes it: this is for compatibility alone.
 *
 * A head that reads a mixture of the layers has no stock form. Stock `transformers` would leave its tensors out, draw a
 * pooler at random and only warn, so such a network is refused here. As ONNX it ships like any other.
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type FloatTensor, floatTensor, sizeOf } from "../base/tensor.ts";
import { type BertConfig, isStock } from "../bert/config.ts";
import { biasOf, layerNames, parameters, weightOf } from "../bert/names.ts";
import type { Network } from "./network.ts";

/**
 * The same function with stock layers; the very same network when it has them. Masks are left behind.
 *
 * @throws {InputError} `stock/reader` for a head that reads a mixture of the layers
 * @throws {InputError} `stock/norm` for an encoder with norms before modules whose first layer was removed or moved
 * @throws {InputError} `stock/heads` when heads of several sizes, or of one that does not divide the hidden size,
 *   leave no way to do it
 */
export function toStock(network: Network): Network {
  const { head, tensors, vocabulary } = network;
  if ("reader" in head) {
    const expected = "a head that reads the pooler, as stock transformers does";
    throw new InputError("stock/reader", `network: expected ${expected}, got a ${head.reader} of the layers`);
  }
  if (isStock(network.config)) return network;
  checkNorms(network.config);
  const config = stockConfig(network.config);
  const padded = new Map(tensors);
  for (const [name, shape] of parameters(config, head)) {
    const tensor = tensors.get(name);
    if (tensor) padded.set(name, tensor.shape.join() === shape.join() ? tensor : padTo(tensor, shape));
  }
  return { config, head, tensors: inPlace(network.config, config, padded), vocabulary };
}

/** @throws {InputError} `stock/norm` where layers were moved: only the first has no norm before its attention */
function checkNorms({ layers, facts }: BertConfig): void {
  const wrong = layers.findIndex(({ bare }, i) => facts?.norm === "before" && (bare === true) !== (i === 0));
  if (wrong < 0) return;
  const got = `a layer ${wrong} ${wrong === 0 ? "with one, which was another layer before" : "without one, which was layer 0"}`;
  throw new InputError(
    "stock/norm",
    `network: expected the first layer alone to have no norm before its attention, got ${got}`,
  );
}

/** Heads whose place has numbers of its own in a table stand at that place again. */
function inPlace(
  from: BertConfig,
  to: BertConfig,
  tensors: Map<string, FloatTensor>,
): Map<string, FloatTensor> {
  from.layers.forEach(({ places }, i) => {
    if (places === undefined) return;
    const { heads, headSize } = requireItem(to.layers, i, "layers");
    const sources = Array.from({ length: heads }, (_, place) => places.indexOf(place));
    const empty = sources.indexOf(-1) < 0 ? 0 : places.length; // a head of zeros
    const order = sources.flatMap((source) =>
      Array.from({ length: headSize }, (_, a) => (source < 0 ? empty : source) * headSize + a),
    );
    const { query, key, value, attentionOutput } = layerNames(i);
    const move = (name: string, axis: 0 | 1): void => {
      const tensor = tensors.get(name);
      if (tensor) tensors.set(name, reordered(tensor, order, axis));
    };
    for (const module of [query, key, value])
      for (const name of [weightOf(module), biasOf(module)]) move(name, 0);
    move(weightOf(attentionOutput), 1);
  });
  return tensors;
}

/** Rows or columns in another order; one may be taken twice. */
function reordered({ shape, data }: FloatTensor, order: readonly number[], axis: 0 | 1): FloatTensor {
  const width = shape.length === 1 ? 1 : requireItem(shape, 1, "columns");
  const at = (i: number): number => {
    const [row, column] = [Math.floor(i / width), i % width];
    return axis === 0
      ? requireItem(order, row, "rows") * width + column
      : row * width + requireItem(order, column, "columns");
  };
  return floatTensor(
    shape,
    Float32Array.from(data, (_, i) => requireItem(data, at(i), "numbers")),
  );
}

function stockConfig(config: BertConfig): BertConfig {
  const { hiddenSize, layers } = config;
  const [headSize = 1, ...others] = new Set(layers.filter(({ heads }) => heads > 0).map((l) => l.headSize));
  const heads = hiddenSize / headSize;
  if (others.length > 0 || !Number.isInteger(heads) || layers.some((layer) => layer.heads > heads)) {
    const got = layers.map((layer) => `${layer.heads} × ${layer.headSize}`).join(", ");
    const expected = `heads of one size that divides the hidden size ${hiddenSize}`;
    throw new InputError("stock/heads", `network: expected ${expected}, got ${got}`);
  }
  const sizes = { heads, headSize, ffn: Math.max(1, ...layers.map(({ ffn }) => ffn)) };
  const places = Array.from({ length: heads }, (_, i) => i);
  return {
    ...config,
    layers: layers.map((layer) => ({
      ...layer,
      ...sizes,
      ...(layer.places === undefined ? {} : { places }),
    })),
  };
}

/** A vector or matrix with zeros after its entries. */
function padTo({ shape, data }: FloatTensor, larger: readonly number[]): FloatTensor {
  const [from = 0, to = 0] = [shape.at(-1), larger.at(-1)];
  const out = new Float32Array(sizeOf(larger));
  const rows = from === 0 ? 0 : data.length / from;
  for (let row = 0; row < rows; row++) out.set(data.subarray(row * from, (row + 1) * from), row * to);
  return floatTensor(larger, out);
}
