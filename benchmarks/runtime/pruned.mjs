/** Made-up networks with pruned encoders, for benches of the runtime: time does not depend on which weights are left. */

import { blockSize } from "../../dist/base/blocks.js";
import { keyOf } from "../../dist/base/random.js";
import { floatTensor } from "../../dist/base/tensor.js";
import { initialNetwork } from "../../dist/network/network.js";
import { configOf } from "../shapes.mjs";

let state = 1;

/** Uniform in [0, 1), the same in every run. */
export function draw() {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

export const PIECES = 30_522;
const bases = new Map();

/** A classifier of BERT's usual proportions; `shape` as in 12x768. */
function baseOf(shape) {
  const known = bases.get(shape);
  if (known) return known;
  const [layers, hidden] = shape.split("x").map(Number);
  const vocab = Array.from(
    { length: PIECES },
    (_, i) => ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"][i] ?? `w${i}`,
  );
  const config = configOf({ layers, hidden, heads: hidden / 64, ffn: 4 * hidden, vocab: PIECES });
  const files = { vocab, lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: 512 };
  const base = initialNetwork(config, { kind: "classification", labels: ["no", "yes"] }, files, keyOf(1));
  bases.set(shape, base);
  return base;
}

/** A network with blocks of a shape of the encoder's weights left, in as many places as the sparsity says. */
export function prunedNetwork(shape, sparsity, block) {
  const base = baseOf(shape);
  const tensors = new Map(base.tensors);
  for (const [name, { shape: sizes, data }] of tensors) {
    if (!name.startsWith("bert.encoder.") || sizes.length !== 2) continue;
    const [rows, columns] = sizes;
    const { height, width } = blockSize(block);
    const kept = new Float32Array(data.length);
    for (let r = 0; r < rows; r += height) {
      for (let c = 0; c < columns; c += width) {
        if (draw() < sparsity) continue;
        for (let i = r; i < Math.min(rows, r + height); i++) {
          const [first, end] = [i * columns + c, i * columns + Math.min(columns, c + width)];
          for (let n = first; n < end; n++) kept[n] = 2 * data[n];
        }
      }
    }
    tensors.set(name, floatTensor(sizes, kept));
  }
  return { ...base, tensors };
}
