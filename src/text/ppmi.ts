/**
 * Word embeddings from a corpus without training: a truncated SVD of the positive pointwise mutual information.
 *
 *   Papers   Levy & Goldberg, NeurIPS 2014 (PPMI, SVD); Levy, Goldberg & Dagan, TACL 2015 · aclanthology.org/Q15-1016
 *
 *   paper             here
 *   #(w, c)           counts          co-occurrences, each weighted 1/distance (§3.1, harmonic "dynamic window")
 *   P_α(c), α         smoothing       context distribution smoothing, §3.2
 *   W = U_d Σ_d^p     p = 1/2         eigenvalue weighting, §3.3
 *
 * Departures: harmonic weights are exact sums, not sampled windows; rows are not normalised, the whole matrix is
 * scaled to one standard deviation instead, because it initialises a layer that will be trained.
 * Memory: counts are made for a band of words at a time, so a vocabulary of 30,000 needs passes, not gigabytes.
 * Not here: the SVD (svd.ts), reading the corpus (data/corpus.ts).
 */

import { ConfigError } from "../base/errors.ts";
import { fold, type Key, normals } from "../base/random.ts";
import { type SparseMatrix, truncateSvd } from "./svd.ts";

/** A corpus as piece numbers; document i is `tokens[starts[i] .. starts[i + 1])`, so `starts` has one more entry. */
export interface TokenStream {
  readonly tokens: Int32Array;
  readonly starts: Int32Array;
}

/** How co-occurrences are counted and weighted. */
export interface PpmiOptions {
  readonly vocabSize: number;
  /** Pieces looked at on each side; default 5. */
  readonly window?: number;
  /** α of §3.2, the power context counts are raised to; default 0.75. */
  readonly smoothing?: number;
  /** Most cells of the count matrix held at a time; default 2^26 (256 MB). */
  readonly bandCells?: number;
}

/** What embedding to make of the PPMI matrix. */
export interface EmbeddingOptions extends PpmiOptions {
  /** d: columns of the embedding, at most `vocabSize`. */
  readonly dimension: number;
  /** Standard deviation of all entries, as `initializer_range` in a BERT config; default 0.02. */
  readonly deviation?: number;
  readonly key: Key;
}

/**
 * The positive PMI of pieces (rows) and contexts (columns): max(0, log(#(w, c) / (#(w) · P_α(c)))), §2.1 and §3.2.
 *
 * Windows stay inside a document. Only positive cells are stored, in rows of ascending columns.
 * @throws {ConfigError} `ppmi/token` when a piece number is not below `vocabSize`
 */
export function ppmiMatrix(stream: TokenStream, options: PpmiOptions): SparseMatrix {
  const { vocabSize, window = 5, smoothing = 0.75, bandCells = 2 ** 26 } = options;
  checkTokens(stream.tokens, vocabSize);
  const totals = weightTotals(stream, vocabSize, window);
  const contexts = smoothContexts(totals, smoothing);
  const bandRows = Math.max(1, Math.min(vocabSize, Math.floor(bandCells / vocabSize)));
  const counts = new Float32Array(bandRows * vocabSize);
  const offsets = new Int32Array(vocabSize + 1);
  const bands: CellList[] = [];
  for (let first = 0; first < vocabSize; first += bandRows) {
    const last = Math.min(vocabSize, first + bandRows);
    counts.fill(0);
    countBand(stream, counts, { first, last, vocabSize, window });
    bands.push(positiveCells(counts, { first, last, totals, contexts, offsets }));
  }
  return { rows: vocabSize, columns: vocabSize, offsets, ...concatenate(bands) };
}

/**
 * Embedding [vocabSize, dimension]: U_d Σ_d^½ of the PPMI matrix, scaled to the asked standard deviation.
 *
 * Pieces that never occur (special ones, mostly) have an empty row; theirs is drawn from a normal distribution.
 * @throws {ConfigError} `ppmi/token`; `svd/rank` when `dimension` exceeds `vocabSize`
 */
export function ppmiEmbedding(stream: TokenStream, options: EmbeddingOptions): Float32Array {
  return embeddingOf(ppmiMatrix(stream, options), options);
}

/** The second half of `ppmiEmbedding`, for a matrix at hand: several dimensions from one count. */
function embeddingOf(
  matrix: SparseMatrix,
  { dimension, deviation = 0.02, key }: Pick<EmbeddingOptions, "dimension" | "deviation" | "key">,
): Float32Array {
  const { left, values } = truncateSvd(matrix, { rank: dimension, key: fold(key, "svd") });
  const embedding = new Float32Array(matrix.rows * dimension);
  let squares = 0;
  let filled = 0;
  for (let row = 0; row < matrix.rows; row++) {
    if (matrix.offsets[row] === matrix.offsets[row + 1]) continue;
    filled++;
    for (let j = 0; j < dimension; j++) {
      const x = (left[row * dimension + j] ?? 0) * Math.sqrt(values[j] ?? 0);
      embedding[row * dimension + j] = x;
      squares += x * x;
    }
  }
  const scale = squares > 0 ? deviation / Math.sqrt(squares / (filled * dimension)) : 1;
  for (let i = 0; i < embedding.length; i++) embedding[i] = (embedding[i] ?? 0) * scale;
  for (let row = 0; row < matrix.rows; row++) {
    if (matrix.offsets[row] !== matrix.offsets[row + 1]) continue;
    embedding.set(normals(fold(fold(key, "unseen"), row), dimension, deviation), row * dimension);
  }
  return embedding;
}

/** Mean Euclidean norm of the rows of a [n, dimension] matrix. */
export function meanRowNorm(matrix: Float32Array, dimension: number): number {
  let sum = 0;
  for (let at = 0; at < matrix.length; at += dimension)
    sum += Math.hypot(...matrix.subarray(at, at + dimension));
  return (sum * dimension) / matrix.length;
}

/**
 * Position embeddings [max, dimension] as sinusoids (Vaswani et al. 2017, §3.5), every row of Euclidean norm `norm`.
 *
 * @throws {ConfigError} `positions/dimension` when `dimension` is odd: sines and cosines come in pairs
 */
export function sinusoidPositions(max: number, dimension: number, norm: number): Float32Array {
  if (dimension % 2 !== 0) {
    throw new ConfigError("positions/dimension", `positions: expected an even dimension, got ${dimension}`);
  }
  const positions = new Float32Array(max * dimension);
  const amplitude = norm / Math.sqrt(dimension / 2); // sin² + cos² = 1 for each of the dimension/2 pairs
  for (let position = 0; position < max; position++) {
    for (let j = 0; j < dimension; j += 2) {
      const angle = position / 10_000 ** (j / dimension);
      positions[position * dimension + j] = amplitude * Math.sin(angle);
      positions[position * dimension + j + 1] = amplitude * Math.cos(angle);
    }
  }
  return positions;
}

function checkTokens(tokens: Int32Array, vocabSize: number): void {
  const at = tokens.findIndex((token) => token < 0 || token >= vocabSize);
  if (at < 0) return;
  throw new ConfigError(
    "ppmi/token",
    `ppmi: expected pieces below ${vocabSize}, got ${tokens[at]} (token ${at})`,
  );
}

/** #(w): every piece's summed weights of co-occurrence. The counts are symmetric, so it is #(c) as well. */
function weightTotals({ tokens, starts }: TokenStream, vocabSize: number, window: number): Float64Array {
  const totals = new Float64Array(vocabSize);
  for (let document = 0; document + 1 < starts.length; document++) {
    const end = starts[document + 1] ?? 0;
    for (let i = starts[document] ?? 0; i < end; i++) {
      const piece = tokens[i] ?? 0;
      for (let distance = 1; distance <= window && i + distance < end; distance++) {
        const other = tokens[i + distance] ?? 0;
        totals[piece] = (totals[piece] ?? 0) + 1 / distance;
        totals[other] = (totals[other] ?? 0) + 1 / distance;
      }
    }
  }
  return totals;
}

/** P_α(c) = #(c)^α / Σ #(c')^α (§3.2): rare contexts weigh a little more than they occur. */
function smoothContexts(totals: Float64Array, alpha: number): Float64Array {
  const powers = totals.map((n) => n ** alpha);
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** Adds up #(w, c) for the pieces w in [first, last) into `counts` [last - first, vocabSize]. */
function countBand(
  { tokens, starts }: TokenStream,
  counts: Float32Array,
  band: { first: number; last: number; vocabSize: number; window: number },
): void {
  const { first, last, vocabSize, window } = band;
  for (let document = 0; document + 1 < starts.length; document++) {
    const begin = starts[document] ?? 0;
    const end = starts[document + 1] ?? 0;
    for (let i = begin; i < end; i++) {
      const piece = tokens[i] ?? 0;
      if (piece < first || piece >= last) continue;
      const row = (piece - first) * vocabSize;
      const stop = Math.min(end - 1, i + window);
      for (let j = Math.max(begin, i - window); j <= stop; j++) {
        if (j === i) continue;
        const cell = row + (tokens[j] ?? 0);
        counts[cell] = (counts[cell] ?? 0) + 1 / Math.abs(j - i);
      }
    }
  }
}

/** Cells in row order: their columns and values. */
interface CellList {
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/** The positive PMI cells of a band of counts; writes the band's part of `offsets`. */
function positiveCells(
  counts: Float32Array,
  band: {
    first: number;
    last: number;
    totals: Float64Array;
    contexts: Float64Array;
    offsets: Int32Array;
  },
): CellList {
  const { first, last, totals, contexts, offsets } = band;
  const indices: number[] = [];
  const values: number[] = [];
  const columns = contexts.length;
  const before = offsets[first] ?? 0;
  for (let row = first; row < last; row++) {
    const total = totals[row] ?? 0;
    for (let column = 0; column < columns; column++) {
      const count = counts[(row - first) * columns + column] ?? 0;
      const expected = total * (contexts[column] ?? 0);
      if (count <= expected) continue;
      indices.push(column);
      values.push(Math.log(count / expected));
    }
    offsets[row + 1] = before + indices.length;
  }
  return { indices: Int32Array.from(indices), values: Float32Array.from(values) };
}

function concatenate(bands: readonly CellList[]): CellList {
  const size = bands.reduce((n, band) => n + band.values.length, 0);
  const indices = new Int32Array(size);
  const values = new Float32Array(size);
  let at = 0;
  for (const band of bands) {
    indices.set(band.indices, at);
    values.set(band.values, at);
    at += band.values.length;
  }
  return { indices, values };
}
