/**
 * Whether an encoder's numbers stay within float32, whatever the text: a bound from the weights alone.
 *
 * A sum that overflows shows as NaN or infinity in the logits, but for one place: a LayerNorm squares what it gets, and
 * where the squares overflow it divides by infinity and gives β, a finite number. All texts then get one label, in
 * ONNX Runtime and in the sparse runtime alike. So what goes into a LayerNorm is bounded before anything runs:
 *
 *   after a LayerNorm    |y| ≤ √D·max|γ| + max|β|
 *   after W·x + b        |y| ≤ max over rows Σ|w| · max|x| + max|b|
 *   attention            a mean of values, so no larger than they are
 *   activations          |f(x)| ≤ |x| for GELU, its tanh form and ReLU
 *
 * Trained models are far within: the bound of a BERT-base is some 10⁶, and 10¹⁷ is allowed. Browser-safe.
 * Not here: queries and keys, pooler and head, whose overflow reaches the logits (network/predictions.ts).
 */

import type { FloatTensor } from "../base/tensor.ts";
import type { BertConfig } from "./config.ts";
import { biasOf, EMBEDDINGS, layerNames, weightOf } from "./names.ts";

/** How large the numbers of a tensor are. */
export interface WeightSizes {
  /** The largest |w|. */
  readonly largest: number;
  /** The largest Σ|w| of a row. */
  readonly rowSum: number;
}

/** A LayerNorm whose squares may overflow, and how large the numbers before it may be. */
export interface Overflow {
  readonly module: string;
  readonly reach: number;
}

const LARGEST_FLOAT = 3.4028235e38;

/** Of a matrix by rows; a vector is one row. NaN when a number is. */
export function weightSizes({ shape, data }: FloatTensor): WeightSizes {
  const [, width = data.length] = shape;
  let [largest, rowSum] = [0, 0];
  for (let start = 0; start < data.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) {
      const size = Math.abs(data[i] ?? 0);
      if (size > largest) largest = size;
      sum += size;
    }
    if (Number.isNaN(sum)) return { largest: sum, rowSum: sum };
    if (sum > rowSum) rowSum = sum;
  }
  return { largest, rowSum };
}

type Sizes = (name: string) => WeightSizes;

/** The first LayerNorm that is not sure to be finite; undefined when all are. @param sizes  of the tensor of a name */
export function findOverflow(config: Encoder, sizes: Sizes): Overflow | undefined {
  const most = Math.sqrt(LARGEST_FLOAT / 4 / config.hiddenSize); // of Σx² over D numbers, with room for rounding
  for (const norm of reaches(config, sizes)) if (!(norm.reach <= most)) return norm;
  return undefined;
}

type Encoder = Pick<BertConfig, "hiddenSize" | "layers">;

/** How large the numbers before each LayerNorm may be, from the first on. */
function* reaches({ hiddenSize, layers }: Encoder, sizes: Sizes): Generator<Overflow> {
  const after = (norm: string): number =>
    Math.sqrt(hiddenSize) * sizes(weightOf(norm)).largest + sizes(biasOf(norm)).largest;
  const { words, positions, types, norm } = EMBEDDINGS;
  yield {
    module: norm,
    reach: [words, positions, types].reduce((sum, name) => sum + sizes(name).largest, 0),
  };
  let hidden = after(norm);
  for (const [i, { heads, ffn }] of layers.entries()) {
    const names = layerNames(i);
    const halves = [
      [names.attentionNorm, names.value, names.attentionOutput, heads],
      [names.outputNorm, names.intermediate, names.output, ffn],
    ] as const;
    for (const [module, into, out, units] of halves) {
      const bias = sizes(biasOf(out)).largest; // all that is left of a half without units
      const added = units === 0 ? bias : linear(out, linear(into, hidden));
      yield { module, reach: hidden + added };
      hidden = after(module);
    }
  }

  function linear(module: string, x: number): number {
    return sizes(weightOf(module)).rowSum * x + sizes(biasOf(module)).largest;
  }
}
