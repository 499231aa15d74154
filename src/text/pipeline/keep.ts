/**
 * A model with fewer pieces, and which pieces one needs that it is to spell texts alike with.
 *
 *   BPE      a piece is made of two others, and these of others: whoever keeps a piece keeps all that it was made of, so
 *            that every pair which was joined on the way to it is there still. Pairs that lead to no kept piece leave
 *   Unigram  the best way to spell a word stays the best when others leave. What unknown characters cost follows from the
 *            worst score, so one piece of that score stays
 *
 * Not here: which pieces texts have (used-pieces.ts).
 */

import { requireItem, requireValue } from "../../base/present.ts";
import type { Merge, Pipeline } from "./pipeline.ts";

/**
 * @param pieces  the old numbers of the pieces that stay, of those that words are spelt with
 * @param texts   their texts
 */
export function keepInModel(
  model: Pipeline["model"],
  pieces: readonly number[],
  texts: readonly string[],
): Pipeline["model"] {
  const unk = model.unk === null ? null : requireValue(numberOf(pieces, model.unk), `piece ${model.unk}`);
  if (model.type === "Unigram") {
    const scores = pieces.map((id) => requireItem(model.scores, id, "scores"));
    return { ...model, scores, unk: unk ?? 0 };
  }
  const kept = new Set(texts);
  const merges = model.merges.filter(([a, b]) => kept.has(a) && kept.has(b) && kept.has(a + b));
  return { ...model, merges, unk };
}

function numberOf(pieces: readonly number[], id: number): number | undefined {
  const place = pieces.indexOf(id);
  return place < 0 ? undefined : place;
}

/**
 * Numbers of the pieces that must stay besides `used`, for those to be spelt as they were.
 * @param vocab  the pieces that words are spelt with
 */
export function neededPieces(
  model: Pipeline["model"],
  used: ReadonlySet<number>,
  vocab: readonly string[],
): Set<number> {
  const needed = new Set(model.unk === null ? [] : [model.unk]);
  if (model.byte_fallback) {
    vocab.forEach((piece, id) => {
      if (/^<0x[\dA-F]{2}>$/.test(piece)) needed.add(id);
    });
  }
  if (model.type === "Unigram") {
    const worst = model.scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    return needed.add(model.scores.indexOf(worst));
  }
  const numbers = new Map(vocab.map((piece, id) => [piece, id]));
  const ranks = rankMerges(model.merges);
  const firsts = model.byte_fallback ? [CHARACTERS, BYTES_AND_CHARACTERS] : [CHARACTERS];
  for (const id of used) {
    const piece = vocab[id];
    if (piece === undefined) continue;
    for (const part of firsts.flatMap((pattern) => [...partsOf(piece.match(pattern) ?? [], ranks)])) {
      const number = numbers.get(part);
      if (number !== undefined) needed.add(number);
    }
  }
  return needed;
}

/** What a piece may begin to be made of. */
const CHARACTERS = /./gsu;
const BYTES_AND_CHARACTERS = /<0x[\dA-F]{2}>|./gsu;

type Ranks = ReadonlyMap<string, ReadonlyMap<string, number>>;

function rankMerges(merges: readonly Merge[]): Ranks {
  const ranks = new Map<string, Map<string, number>>();
  merges.forEach(([first, second], rank) => {
    const seconds = ranks.get(first) ?? new Map<string, number>();
    ranks.set(first, seconds.set(second, rank));
  });
  return ranks;
}

/** All that is joined on the way from these parts to a piece: within a word it is made as it would be alone. */
function* partsOf(given: readonly string[], ranks: Ranks): Generator<string> {
  const parts = [...given];
  yield* parts;
  while (parts.length > 1) {
    let [best, at] = [Number.POSITIVE_INFINITY, -1];
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(parts[i] ?? "")?.get(parts[i + 1] ?? "") ?? Number.POSITIVE_INFINITY;
      if (rank < best) [best, at] = [rank, i];
    }
    if (at < 0) return;
    const joined = (parts[at] ?? "") + (parts[at + 1] ?? "");
    parts.splice(at, 2, joined);
    yield joined;
  }
}
