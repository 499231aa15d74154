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
import { type FloatTensor, floatTensor, sizeOf } from "../base/tensor.ts";
import { type BertConfig, isStock, type LayerConfig } from "../bert/config.ts";
import { parameters } from "../bert/names.ts";
import type { Network } from "./network.ts";

/**
 * The same function with stock layers; the very same network when it has them. Masks are left behind.
 *
 * @throws {InputError} `stock/reader` for a head that reads a mixture of the layers
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
  const config = stockConfig(network.config);
  const padded = new Map(tensors);
  for (const [name, shape] of parameters(config, head)) {
    const tensor = tensors.get(name);
    if (tensor) padded.set(name, tensor.shape.join() === shape.join() ? tensor : padTo(tensor, shape));
  }
  return { config, head, tensors: padded, vocabulary };
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
  const layer: LayerConfig = { heads, headSize, ffn: Math.max(1, ...layers.map(({ ffn }) => ffn)) };
  return { ...config, layers: layers.map(() => layer) };
}

/** A vector or matrix with zeros after its entries. */
function padTo({ shape, data }: FloatTensor, larger: readonly number[]): FloatTensor {
  const [from = 0, to = 0] = [shape.at(-1), larger.at(-1)];
  const out = new Float32Array(sizeOf(larger));
  const rows = from === 0 ? 0 : data.length / from;
  for (let row = 0; row < rows; row++) out.set(data.subarray(row * from, (row + 1) * from), row * to);
  return floatTensor(larger, out);
}
