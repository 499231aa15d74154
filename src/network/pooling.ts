/**
 * From the last states of a text's tokens to its vector: pooling and length as sentence-transformers has them, for every
 * path that makes vectors. Sums are in float64. Browser-safe. Not here: how a model says which pooling (sentence-files.ts).
 */

import type { Pooling, PoolingMode } from "../bert/config.ts";

/**
 * Where the states of one text lie: feature f of token t at start + ⌊t / lanes⌋ · stride + f · lanes + t mod lanes.
 * Rows [tokens, features] have one lane and a stride of their features; the runtime's panels have 16.
 */
export interface StatesPlace {
  readonly start: number;
  readonly tokens: number;
  readonly lanes: number;
  readonly stride: number;
}

/** Below this a length is taken for it, as `torch.nn.functional.normalize` does: a vector of zeros stays one. */
const LEAST_LENGTH = 1e-12;

/** Fills `vector` with what the states of one text become; it has as many numbers as there are features. */
export function poolStates(
  states: Float32Array,
  place: StatesPlace,
  { mode, normalize }: Pooling,
  vector: Float32Array,
): void {
  const tokens = mode === "cls" ? 1 : place.tokens;
  const gather = mode === "max" ? largestOf : sumOf;
  const scale = scaleOf(mode, tokens);
  let squares = 0;
  for (let f = 0; f < vector.length; f++) {
    const pooled = gather(states, { ...place, start: place.start + f * place.lanes, tokens }) * scale;
    vector[f] = pooled;
    squares += pooled * pooled;
  }
  if (!normalize) return;
  const length = Math.max(Math.sqrt(squares), LEAST_LENGTH);
  for (let f = 0; f < vector.length; f++) vector[f] = (vector[f] ?? 0) / length;
}

/** What of a batch tells whose states are padding. */
interface PaddedBatch {
  readonly size: number;
  readonly length: number;
  /** [size, length]: 1 of a token, 0 of padding. */
  readonly mask: Float32Array;
}

/** Vectors [B, D] of last hidden states [B, T, D]; padding is at a text's end. */
export function poolBatch(
  states: Float32Array,
  { size, length, mask }: PaddedBatch,
  pooling: Pooling,
): Float32Array {
  const features = states.length / (size * length);
  const vectors = new Float32Array(size * features);
  for (let i = 0; i < size; i++) {
    let tokens = length;
    while (tokens > 1 && mask[i * length + tokens - 1] === 0) tokens--;
    const place = { start: i * length * features, tokens, lanes: 1, stride: features };
    poolStates(states, place, pooling, vectors.subarray(i * features, (i + 1) * features));
  }
  return vectors;
}

function scaleOf(mode: PoolingMode, tokens: number): number {
  if (mode === "mean") return 1 / tokens;
  return mode === "mean_sqrt_len_tokens" ? 1 / Math.sqrt(tokens) : 1;
}

/** The sum of one feature, which begins at `start`. */
function sumOf(states: Float32Array, { start, tokens, lanes, stride }: StatesPlace): number {
  let sum = 0;
  for (let first = 0, at = start; first < tokens; first += lanes, at += stride) {
    const end = at + Math.min(lanes, tokens - first);
    for (let i = at; i < end; i++) sum += states[i] ?? 0;
  }
  return sum;
}

/** The largest number of one feature. A state that is not a number stays one. */
function largestOf(states: Float32Array, { start, tokens, lanes, stride }: StatesPlace): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let first = 0, at = start; first < tokens; first += lanes, at += stride) {
    const end = at + Math.min(lanes, tokens - first);
    for (let i = at; i < end; i++) largest = Math.max(largest, states[i] ?? 0);
  }
  return largest;
}
