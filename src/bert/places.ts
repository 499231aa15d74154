/**
 * What a token's place does in an encoder: rows of a table, angles, and terms of the attention scores.
 *
 *   B batch   T tokens   Q tokens that ask, T or 1   H heads   A features of one head
 *
 * Each is made once for a pass and shared by the layers that have it. Not here: the arithmetic around it (forward.ts).
 */

import { requireValue } from "../base/present.ts";
import { floatTensor } from "../base/tensor.ts";
import { reshape } from "../graph/ops/broadcast.ts";
import { abs, add, cast, cos, equal, less, mul, scale, shift, sin, sub } from "../graph/ops/elementwise.ts";
import { matmul, transpose } from "../graph/ops/linear.ts";
import { concat, gather, range, rotateHalf } from "../graph/ops/select.ts";
import { at as axis, type Dim } from "../graph/shape.ts";
import { constant, scalar, type Value } from "../graph/value.ts";
import type { BertConfig, LayerConfig } from "./config.ts";
import { bucketOf, HIDDEN_SCORE, rotaryRates } from "./distances.ts";
import type { Facts } from "./facts.ts";
import { EMBEDDINGS } from "./names.ts";
import type { Tokens } from "./sites.ts";

/** A batch: ids [B, T] of integers, and its padding mask, float [B, T]. */
interface Batch {
  readonly ids: Value;
  readonly mask: Value;
}

/** What places are read with. */
interface Model {
  readonly config: BertConfig;
  readonly facts: Facts;
  readonly parameter: (name: string) => Value;
}

/** What places do in the attention of a layer. */
export interface Places {
  /** What is added to the scores: it broadcasts to [B, H, Q, T]. */
  readonly bias: (layer: LayerConfig, tokens: Tokens) => Value;
  /** 1 for what a token reads through a layer's window, 0 beyond, [T, T]; undefined where it reads all. */
  readonly window: (layer: LayerConfig) => Value | undefined;
  /** Queries or keys [B, H, Q, A] by their angles. */
  readonly turned: (x: Value, layer: LayerConfig, tokens: Tokens) => Value;
}

/** Rows of the table of positions for each token, [T] or [B, T]; undefined where there is no table. */
export function tableRows({ positions }: Facts, { ids }: Batch): Value | undefined {
  if (positions.kind === "rotary") return undefined;
  const T = axis(ids.shape, 1);
  if (positions.kind === "table") return range(T, ids);
  // How many tokens up to each are none of the padding's: a product with a triangle of ones.
  const real = shift(scale(cast(equal(ids, scalar(positions.pad, ids.dtype)), "float32"), -1), 1); // [B, T]
  const [from, to] = [reshape(range(T, ids), [T, 1]), reshape(shift(range(T, ids), 1), [1, T])];
  const count = matmul(real, cast(less(from, to), "float32")); // [B, T]
  return cast(shift(mul(count, real), positions.pad), "int64");
}

/** The padding mask as a term of the scores: 0 for a token, −10⁴ for padding, [B, 1, 1, T]. */
export function scoreBias({ mask }: Pick<Batch, "mask">): Value {
  const [B, T] = [axis(mask.shape, 0), axis(mask.shape, 1)];
  return reshape(scale(shift(mask, -1), HIDDEN_SCORE), [B, 1, 1, T]);
}

/** What places do in one pass. */
export function placesOf(model: Model, inputs: Batch): Places {
  const padding = scoreBias(inputs);
  const made = new Map<string, Value>();
  const once = (key: string, make: () => Value): Value => {
    const value = made.get(key) ?? make();
    made.set(key, value);
    return value;
  };
  const { positions, relative } = model.facts;
  return {
    bias: ({ window, places }, tokens) => {
      if (window === undefined && relative === undefined) return padding;
      return once(`bias ${window} ${places?.join()} ${tokens}`, () => {
        const near =
          window === undefined ? padding : add(padding, scale(beyond(inputs, window, tokens), -HIDDEN_SCORE));
        return relative === undefined ? near : add(relativeBias(model, inputs, { places, tokens }), near);
      });
    },
    window: ({ window }) =>
      window === undefined
        ? undefined
        : once(`window ${window}`, () => shift(scale(beyond(inputs, window, "all"), -1), 1)),
    turned: (x, { window, headSize }, tokens) => {
      // The first token is at place 0, where nothing turns.
      if (positions.kind !== "rotary" || tokens === "first") return x;
      const base = window === undefined ? positions.full : positions.window;
      const angles = once(`angles ${base} ${headSize}`, () => anglesOf(inputs, base, headSize));
      const [c, s] = [
        once(`cos ${base} ${headSize}`, () => cos(angles)),
        once(`sin ${base} ${headSize}`, () => sin(angles)),
      ];
      return add(mul(x, c), mul(rotateHalf(x), s));
    },
  };
}

/** Places of the tokens that ask as a column, those of all as a row; int64. */
function placesBeside({ ids }: Batch, tokens: Tokens): readonly [asking: Value, all: Value] {
  const T = axis(ids.shape, 1);
  const Q: Dim = tokens === "first" ? 1 : T;
  return [reshape(range(Q, ids), [Q, 1]), reshape(range(T, ids), [1, T])];
}

/** 0 within so many tokens, 1 beyond: [Q, T]. */
function beyond(inputs: Batch, window: number, tokens: Tokens): Value {
  const [asking, all] = placesBeside(inputs, tokens);
  const distance = abs(sub(asking, all));
  return cast(less(scalar(window, "int64"), distance), "float32");
}

/** What distance adds for each head, [H, Q, T] (Raffel et al. 2020, §2.1, by way of Song et al. 2020). */
function relativeBias(
  { config, facts, parameter }: Model,
  inputs: Batch,
  { places, tokens }: { readonly places: readonly number[] | undefined; readonly tokens: Tokens },
): Value {
  const { buckets, farthest, heads } = requireValue(facts.relative, "relative positions");
  const [asking, all] = placesBeside(inputs, tokens);
  const P = config.maxPositions;
  const table = BigInt64Array.from({ length: 2 * P - 1 }, (_, i) =>
    BigInt(bucketOf(P - 1 - i, buckets, farthest)),
  );
  const bucket = gather(
    constant({ dtype: "int64", shape: [2 * P - 1], data: table }),
    shift(sub(asking, all), P - 1),
  );
  const bias = transpose(gather(parameter(EMBEDDINGS.relative), bucket), [2, 0, 1]);
  if (places === undefined || places.length === heads) return bias;
  const own = BigInt64Array.from(places, BigInt);
  return gather(bias, constant({ dtype: "int64", shape: [own.length], data: own }));
}

/** place · base^(−2i/A) for feature i of both halves of a head: [T, A] (Su et al. 2021, §3.2). */
function anglesOf({ ids }: Batch, base: number, features: number): Value {
  const T = axis(ids.shape, 1);
  const half = rotaryRates(base, features);
  const rates = constant(floatTensor([1, half.length], half));
  const angles = mul(cast(reshape(range(T, ids), [T, 1]), "float32"), rates);
  return concat([angles, angles], 1);
}
