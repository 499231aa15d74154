/**
 * A vector for each word piece, distilled from an encoder: what a Transformer says of the piece alone.
 *
 *   Model    model2vec, https://github.com/MinishLab/model2vec (Tulkens & van Dongen 2024)
 *   Vector   mean of the last states of `[CLS] piece [SEP]`, without the mean of all; its first 256 principal components
 *   Weight   a / (a + p), p the piece's share of the training texts (Arora, Liang & Ma, "A simple but tough-to-beat baseline
 *            for sentence embeddings", ICLR 2017, Eq. 3)
 *   Text     mean of its pieces' weighted vectors
 *
 * Departures from model2vec: only the pieces that training texts have get a vector, and single characters, which new words
 * fall into (text/used-pieces.ts); p is counted in place of Zipf's law by rank, with the paper's a = 1e-3; a text's vector is not
 * brought to length 1, they are so on average: under a linear model a piece is then one number for each output (model.ts).
 */

import { gram, symmetricEigen } from "../base/linear-algebra.ts";
import { keyOf } from "../base/random.ts";
import { unlabelled } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { decodeFloat16, encodeFloat16 } from "../formats/float16.ts";
import { logitsOf } from "../measure/logits.ts";
import { openAnswers } from "../network/inference.ts";
import { type Network, withHead } from "../network/network.ts";
import { keepPieces } from "../network/vocabulary.ts";
import { rulesOf } from "../text/rules.ts";
import { createTokenizer, type Tokenizer, type TokenizerFiles } from "../text/tokenizer.ts";
import { usedPieces } from "../text/used-pieces.ts";
import type { SparseRow } from "./terms.ts";

/** Where vectors come from. */
export interface Distillation {
  readonly network: Network;
  readonly threads: number;
  readonly device: Provider;
}

/** The pieces, and a vector for each. */
export interface PieceTable {
  readonly vocabulary: TokenizerFiles;
  readonly tokenizer: Tokenizer;
  /** [pieces, width]; null where the linear model is folded into one number for each piece and output. */
  readonly vectors: Float32Array | null;
  readonly width: number;
}

/** a of the header. */
const RARE = 1e-3;
/** Principal components at most. */
const COMPONENTS = 256;
/** Pieces of one batch. */
const BATCH = 256;

/** @throws the reason of the signal, between batches */
export async function distilPieces(
  { network, threads, device }: Distillation,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<PieceTable> {
  const small = keepPieces(network, usedPieces(network.vocabulary, texts));
  const { vocabulary } = small;
  const pooling = { mode: "mean", normalize: false } as const;
  const encoder = withHead(small, { kind: "none", pooling }, keyOf(0));
  const engine = new Engine({ threads, provider: device });
  try {
    const inference = await openAnswers(engine, encoder);
    const { single, special } = rulesOf(vocabulary);
    const alone = vocabulary.vocab.map((_, piece) => ({
      ids: single.map((item) => ("id" in item ? item.id : piece)),
      types: single.map(({ type }) => type),
    }));
    const vectors = await logitsOf(inference, unlabelled(alone, special.pad), BATCH, signal);
    const tokenizer = createTokenizer(vocabulary);
    const width = Math.min(COMPONENTS, encoder.config.hiddenSize);
    const components = principalComponents(vectors, encoder.config.hiddenSize, width);
    return scaled({ vocabulary, tokenizer, vectors: components, width }, texts);
  } finally {
    await engine.close();
  }
}

/** How often each piece occurs. */
function countPieces(tokenizer: Tokenizer, texts: readonly string[]): Float64Array {
  const counts = new Float64Array(tokenizer.vocabSize);
  for (const text of texts) {
    for (const piece of tokenizer.pieces(text)) counts[piece] = (counts[piece] ?? 0) + 1;
  }
  return counts;
}

/** Of vectors [n, from] the first `to` coordinates along the axes in which they vary most, their mean at 0. */
function principalComponents(vectors: Float32Array, from: number, to: number): Float32Array {
  const n = vectors.length / from;
  const mean = new Float64Array(from);
  for (let i = 0; i < vectors.length; i++) mean[i % from] = (mean[i % from] ?? 0) + (vectors[i] ?? 0) / n;
  const centred = Float64Array.from(vectors, (x, i) => x - (mean[i % from] ?? 0));
  const axes = symmetricEigen(gram(centred, from), from).vectors;
  const out = new Float32Array(n * to);
  for (let row = 0; row < n; row++) {
    for (let k = 0; k < to; k++) {
      let sum = 0;
      for (let f = 0; f < from; f++) sum += (axes[k * from + f] ?? 0) * (centred[row * from + f] ?? 0);
      out[row * to + k] = sum;
    }
  }
  return out;
}

/** Weighs each piece, and scales all so that the texts' vectors have length 1 on average. */
function scaled(
  table: PieceTable & { readonly vectors: Float32Array },
  texts: readonly string[],
): PieceTable {
  const { tokenizer, vectors, width } = table;
  const counts = countPieces(tokenizer, texts);
  const total = Math.max(
    1,
    counts.reduce((a, b) => a + b, 0),
  );
  const weighted = vectors.map((x, i) => (x * RARE) / (RARE + (counts[Math.floor(i / width)] ?? 0) / total));
  let squares = 0;
  for (const text of texts) {
    for (const x of meanRow(tokenizer.pieces(text), weighted, width).values) squares += x * x;
  }
  const scale = squares > 0 ? Math.sqrt(texts.length / squares) : 1;
  // In the numbers that are stored.
  return { ...table, vectors: decodeFloat16(encodeFloat16(weighted.map((x) => x * scale))) };
}

/** A text's row: its vector, or the share of each piece where a piece is one number. */
export function pieceRow({ tokenizer, vectors, width }: PieceTable, text: string): SparseRow {
  const pieces = tokenizer.pieces(text);
  if (vectors !== null) return meanRow(pieces, vectors, width);
  const counts = new Map<number, number>();
  for (const piece of pieces) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const places = [...counts.keys()].sort((a, b) => a - b);
  return { places, values: places.map((piece) => (counts.get(piece) ?? 0) / pieces.length) };
}

function meanRow(pieces: readonly number[], vectors: Float32Array, width: number): SparseRow {
  const mean = new Float64Array(width);
  for (const piece of pieces) {
    for (let f = 0; f < width; f++) mean[f] = (mean[f] ?? 0) + (vectors[piece * width + f] ?? 0);
  }
  const values = Array.from(mean, (x) => x / Math.max(1, pieces.length));
  return { places: values.map((_, f) => f), values };
}
