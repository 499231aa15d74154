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
 *   activations          |f(x)| ≤ |x| for GELU, its tanh form and ReLU; a gate multiplies that by another W·x + b
 *
 * Trained models are far within: the bound of a BERT-base is some 10⁶, and 10¹⁷ is allowed. Browser-safe.
 * Scores of attention are bounded too where what they are for is rounded to 8 bits: rounding passes over NaN. In float32
 * their overflow reaches the logits, as that of pooler and head does (network/predictions.ts).
 */

import type { FloatTensor } from "../base/tensor.ts";
import { type BertConfig, factsOf, type LayerConfig } from "./config.ts";
import type { Biased, Facts } from "./facts.ts";
import { biasOf, EMBEDDINGS, FINAL_NORM, type LayerNames, layerNames, weightOf } from "./names.ts";

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

/** What a message says of one: what it is about, what is expected, what there is. */
export function overflowWords({ module, reach }: Overflow): readonly [string, string, string] {
  return [`numbers before ${module}`, "squares within float32", `up to ${reach.toPrecision(2)}`];
}

type Encoder = Pick<BertConfig, "hiddenSize" | "layers" | "typeVocab" | "facts" | "quantized">;

/** How large the numbers before each LayerNorm may be, from the first on. */
function* reaches(config: Encoder, sizes: Sizes): Generator<Overflow> {
  const facts = factsOf(config);
  const bounds = boundsBy(sizes, facts);
  const { positions, types, words, norm, projection } = EMBEDDINGS;
  const tables = [
    words,
    ...(facts.positions.kind === "rotary" ? [] : [positions]),
    ...(config.typeVocab === 0 ? [] : [types]),
  ];
  yield { module: norm, reach: tables.reduce((sum, name) => sum + sizes(name).largest, 0) };
  const embedded = bounds.after(norm, facts.embeddingSize ?? config.hiddenSize);
  let hidden = facts.embeddingSize === undefined ? embedded : bounds.linear(projection, embedded);
  for (const [i, layer] of config.layers.entries()) {
    const names = layerNames(layer.sharing ?? i);
    for (const half of halvesOf(names, layer, bounds)) {
      const read =
        facts.norm === "after" || half.isBare ? hidden : bounds.after(half.norm, config.hiddenSize);
      if (half.scores !== undefined && config.quantized?.has(names.attentionOutput)) {
        const reach = Math.sqrt(half.scores(read) / config.hiddenSize); // as of a LayerNorm: its square times D
        yield { module: `the softmax of ${names.query}`, reach };
      }
      if (facts.norm === "after") {
        yield { module: half.norm, reach: hidden + half.added(hidden) };
        hidden = bounds.after(half.norm, config.hiddenSize);
      } else {
        if (!half.isBare) yield { module: half.norm, reach: hidden };
        hidden += half.added(read);
      }
    }
  }
  if (facts.norm === "before") yield { module: FINAL_NORM, reach: hidden };
}

/** One of the two modules of a layer. */
interface Half {
  readonly norm: string;
  /** Whether it reads its input without that norm. */
  readonly isBare: boolean;
  /** How large its output may be. */
  readonly added: (x: number) => number;
  /** How large its scores may be, of a half that has such. */
  readonly scores?: (x: number) => number;
}

function halvesOf(
  names: LayerNames,
  { heads, headSize, ffn, gated, bare }: LayerConfig,
  bounds: Bounds,
): readonly [Half, Half] {
  const { linear, bias } = bounds; // a bias is all that is left of a half without units
  const neurons = (x: number): number =>
    linear(names.intermediate, x, "ffn") * (gated === true ? linear(names.gate, x, "ffn") : 1);
  return [
    {
      norm: names.attentionNorm,
      isBare: bare === true,
      added: (x) =>
        heads === 0
          ? bias(names.attentionOutput, "attention")
          : linear(names.attentionOutput, linear(names.value, x, "attention"), "attention"),
      ...(heads === 0
        ? {}
        : {
            scores: (x) => headSize * linear(names.query, x, "attention") * linear(names.key, x, "attention"),
          }),
    },
    {
      norm: names.outputNorm,
      isBare: false,
      added: (x) => (ffn === 0 ? bias(names.output, "ffn") : linear(names.output, neurons(x), "ffn")),
    },
  ];
}

type Bounds = ReturnType<typeof boundsBy>;

/** Bounds of what modules give. */
function boundsBy(sizes: Sizes, { without }: Facts) {
  const bias = (module: string, kind?: Biased): number =>
    kind !== undefined && without.includes(kind) ? 0 : sizes(biasOf(module)).largest;
  return {
    bias,
    linear: (module: string, x: number, kind?: Biased): number =>
      sizes(weightOf(module)).rowSum * x + bias(module, kind),
    after: (norm: string, features: number): number =>
      Math.sqrt(features) * sizes(weightOf(norm)).largest + bias(norm, "norm"),
  };
}
