/**
 * A network with some of its word pieces: rows of the word embeddings leave, and the pieces are numbered anew.
 *
 * What stays keeps its order, so that piece number `pieces[i]` becomes number i. Texts whose pieces all stay give the same
 * logits. A masked language model loses the same rows of its tied output matrix and of its bias, so it proposes only
 * what is left. Rows that no piece ever had, which some checkpoints carry to fill up a table, leave too.
 *
 * Not here: which pieces a corpus needs (text/used-pieces.ts).
 */

import { InputError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import type { Facts } from "../bert/facts.ts";
import { EMBEDDINGS, MLM } from "../bert/names.ts";
import { keepOnly, specialIds } from "../text/rules.ts";
import type { Network } from "./network.ts";

/** The tensors with one row for each piece. */
const ROWS_OF_PIECES: readonly string[] = [EMBEDDINGS.words, MLM.bias];

/**
 * The network with only these pieces.
 *
 * @param pieces  numbers of the pieces that stay, in ascending order, those that the tokenizer's rules name among them
 * @throws {InputError} `vocabulary/pieces` for numbers that are not ascending pieces of the network
 * @throws {InputError} `vocabulary/padding` when positions count from the padding's number and it cannot change
 * @throws {FormatError} `vocab/special` when such a piece is not among them
 * @example keepPieces(network, usedPieces(network.vocabulary, texts));
 */
export function keepPieces(network: Network, pieces: readonly number[]): Network {
  const { config, vocabulary } = network;
  checkPieces(pieces, vocabulary.vocab.length);
  const kept = keepOnly(vocabulary, pieces);
  const { pad } = specialIds(kept);
  const padding = pieces.indexOf(config.padTokenId);
  const [tensors, masks] = [new Map(network.tensors), new Map(network.masks ?? [])];
  for (const name of ROWS_OF_PIECES) {
    const [tensor, mask] = [tensors.get(name), masks.get(name)];
    if (tensor) tensors.set(name, keepRows(tensor, pieces));
    if (mask) masks.set(name, keepMaskRows(mask, pieces));
  }
  const padTokenId = padding < 0 ? pad : padding;
  const facts = recounted(network, padTokenId, tensors, masks);
  return {
    ...network,
    config: { ...config, vocabSize: pieces.length, padTokenId, ...(facts === undefined ? {} : { facts }) },
    vocabulary: kept,
    tensors,
    ...(network.masks ? { masks } : {}),
  };
}

/**
 * The facts of an encoder whose positions count from the padding's id: where that has become smaller, the rows of the
 * table that are before every token's leave too.
 *
 * @throws {InputError} `vocabulary/padding` for an encoder in which that id is a constant
 */
function recounted(
  { config: { facts, padTokenId: before } }: Network,
  pad: number,
  tensors: Map<string, FloatTensor>,
  masks: Map<string, Tensor<"uint8">>,
): Facts | undefined {
  if (facts?.positions.kind !== "counted" || pad === facts.positions.pad) return facts;
  const lost = facts.positions.pad - pad;
  if (before !== facts.positions.pad || lost < 0) {
    const message = `pieces: expected the padding to stay number ${facts.positions.pad}, from which positions count, got ${pad}`;
    throw new InputError("vocabulary/padding", message);
  }
  const name = EMBEDDINGS.positions;
  const [tensor, mask] = [requireEntry(tensors, name, "tensor"), masks.get(name)];
  const rows = Array.from({ length: requireItem(tensor.shape, 0, "rows") - lost }, (_, i) => i + lost);
  tensors.set(name, keepRows(tensor, rows));
  if (mask) masks.set(name, keepMaskRows(mask, rows));
  return { ...facts, positions: { kind: "counted", pad } };
}

function checkPieces(pieces: readonly number[], count: number): void {
  const wrong = pieces.findIndex(
    (id, i) => !(Number.isInteger(id) && id < count && id > (pieces[i - 1] ?? -1)),
  );
  if (wrong < 0) return;
  throw new InputError(
    "vocabulary/pieces",
    `pieces: expected ascending numbers below ${count}, got ${pieces[wrong]} at place ${wrong}`,
  );
}

function keepRows({ shape, data }: FloatTensor, rows: readonly number[]): FloatTensor {
  const width = shape[1] ?? 1;
  const kept = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    kept.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return floatTensor([rows.length, ...shape.slice(1)], kept);
}

function keepMaskRows({ shape, data }: Tensor<"uint8">, rows: readonly number[]): Tensor<"uint8"> {
  const width = shape[1] ?? 1;
  const kept = new Uint8Array(rows.length * width);
  rows.forEach((row, i) => {
    kept.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return { dtype: "uint8", shape: [rows.length, ...shape.slice(1)], data: kept };
}
