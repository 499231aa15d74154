/**
 * What may stand in the place of a word: the candidates of TinyBERT's augmentation (data/augment.ts).
 *
 * A word that is one piece is masked, and the M most probable pieces of a masked language model are its candidates.
 * A word of several pieces has its M nearest neighbours (text/neighbours.ts). After the authors' data_augmentation.py:
 * one masked word per forward pass; the whole text follows as a second one, so that the model sees what it replaces
 * (`context: "pair"`; without it, `"alone"`); candidates that continue a word are left out and not made up for; the
 * word itself may be among its candidates.
 *
 * Departures: special pieces are no candidates. Of a text that is too long the second one is cut first; a word behind
 * the limit has no candidates. Without a file of word vectors the neighbours are those of the model's own word
 * embeddings.
 */

import { InputError } from "../base/errors.ts";
import { requireEntry, requireItem, requireValue } from "../base/present.ts";
import { largest } from "../base/select.ts";
import { EMBEDDINGS } from "../bert/names.ts";
import type { Replaceable } from "../data/augment.ts";
import { type Encoded, evalBatches } from "../data/batches.ts";
import type { Engine } from "../engine/engine.ts";
import { type MaskedModel, openMasked } from "../network/masked-lm.ts";
import type { Network } from "../network/network.ts";
import { type NearWords, nearByPieces } from "../text/neighbours.ts";
import { hasBertTemplates, rulesOf } from "../text/rules.ts";
import { createTokenizer, type Tokenizer, type WordPieceFiles } from "../text/tokenizer.ts";
import { type PlacedWords, placeWords, replaceableWords, type Word } from "../text/words.ts";

/** How candidates are found. */
export interface CandidateRules {
  /** M. */
  readonly candidates: number;
  /** What the model reads beside the masked text: the text as it is, or nothing. */
  readonly context: "pair" | "alone";
  /** Longest sequence, in pieces. */
  readonly maxLength: number;
  /** Masked texts of one forward pass. */
  readonly batchSize: number;
}

/** The replaceable words of each text, in the order of the texts. */
export type Proposer = (texts: readonly string[]) => Promise<(readonly Replaceable[])[]>;

/** A text with its words and pieces. */
interface Plan extends PlacedWords {
  readonly words: readonly Word[];
}

/** One masked text. */
interface Row extends Encoded {
  /** Place of [MASK]. */
  readonly position: number;
}

/**
 * Loads a masked language model that proposes candidates.
 *
 * @param near  neighbours of words; by default by the model's own word embeddings
 * @throws {InputError} `augment/tokenizer` for one that is no WordPiece, `augment/template` for one that puts a text into another template than BERT's
 * @throws as `openMasked` does
 */
export async function openProposer(
  engine: Engine,
  network: Network,
  rules: CandidateRules,
  near: NearWords = nearByEmbeddings(network, rules.candidates),
): Promise<Proposer> {
  const { vocabulary } = network;
  if (vocabulary.pipeline !== undefined) {
    const kind = vocabulary.pipeline.model.type;
    const message = `augment: expected a WordPiece tokenizer, whose words are pieces, got ${kind}`;
    throw new InputError("augment/tokenizer", message);
  }
  if (!hasBertTemplates(vocabulary)) {
    const message = "augment: expected a tokenizer with BERT's post_processor, got another";
    throw new InputError("augment/template", message);
  }
  const model = await openMasked(engine, network);
  const tokenizer = createTokenizer(vocabulary);
  const segments = Math.min(2, network.config.typeVocab);
  return async (texts) => {
    const plans = texts.map((text): Plan => {
      return planOf(text, vocabulary, tokenizer);
    });
    const rows = plans.map((plan) => maskWords(plan, tokenizer, rules, segments));
    const tops = await topPieces(model, rows.flat(), tokenizer.special.pad, rules);
    const names = pieceNames(vocabulary);
    return plans.map((plan, t) => {
      const own = requireItem(rows, t, "rows").map(
        (row) => [row.position - 1, requireValue(tops.get(row), "pieces")] as const,
      );
      const pieces = new Map(own);
      return plan.words.map((word, w) => candidatesOf(word, plan, w, pieces, { names, near }));
    });
  };
}

/** Neighbours by a network's word embeddings. */
export function nearByEmbeddings({ tensors, vocabulary }: Network, count: number): NearWords {
  const { data: rows, shape } = requireEntry(tensors, EMBEDDINGS.words, "tensor");
  return nearByPieces(vocabulary.vocab, rows, requireItem(shape, 1, "columns"), count);
}

/**
 * Words outside of added tokens, and where their pieces are. A token that reaches over several words, or that is found
 * by what stands beside it, makes a text's pieces other than those of its words: then none of them is replaced.
 */
function planOf(text: string, vocabulary: WordPieceFiles, tokenizer: Tokenizer): Plan {
  const stretches = tokenizer.between(text);
  const isOutside = ({ start, end }: Word): boolean =>
    stretches.some((stretch) => stretch.start <= start && end <= stretch.end);
  const words = replaceableWords(text, vocabulary).filter(isOutside);
  const placed = placeWords(text, words, tokenizer.pieces);
  const pieces = tokenizer.pieces(text);
  return placed.pieces.join() === pieces.join() ? { words, ...placed } : { words: [], pieces, places: [] };
}

/** Texts of the pieces that may stand for a word: not what goes on with one, and no special piece. */
function pieceNames(vocabulary: WordPieceFiles): (string | undefined)[] {
  const { prefix, added } = rulesOf(vocabulary);
  const special = new Set(added.flatMap((token) => (token.special ? [token.id] : [])));
  return vocabulary.vocab.map((piece, id) => {
    const goesOn = prefix !== "" && piece.startsWith(prefix);
    return goesOn || special.has(id) || /^\[.+\]$/.test(piece) ? undefined : piece;
  });
}

/** A row for each word that is one piece and within the limit. */
function maskWords(
  { pieces, places }: Plan,
  { special }: Tokenizer,
  { maxLength, context }: CandidateRules,
  segments: number,
): Row[] {
  const { cls, sep, mask } = special;
  const text = pieces.slice(0, maxLength - 2);
  const second = context === "pair" ? pieces.slice(0, Math.max(0, maxLength - text.length - 3)) : [];
  const ids = Int32Array.of(cls, ...text, sep, ...second, ...(second.length > 0 ? [sep] : []));
  const types = new Int32Array(ids.length).fill(segments - 1, text.length + 2);
  return places.flatMap(({ first, count }) => {
    if (count !== 1 || first >= text.length) return [];
    const masked = ids.slice();
    masked[first + 1] = mask;
    return [{ ids: masked, types, labels: [], position: first + 1 }];
  });
}

/** The most probable pieces of each row, the most probable first. */
async function topPieces(
  model: MaskedModel,
  rows: readonly Row[],
  pad: number,
  { batchSize, candidates }: CandidateRules,
): Promise<Map<Row, number[]>> {
  const tops = new Map<Row, number[]>();
  for (const batch of evalBatches({ task: "classification", examples: rows, pad }, batchSize)) {
    const chosen = [...batch.indices].map((index) => requireItem(rows, index, "rows"));
    const positions = Int32Array.from(chosen, ({ position }, i) => i * batch.length + position);
    const logits = await model.logits(batch, positions);
    const width = logits.length / chosen.length;
    chosen.forEach((row, i) => {
      tops.set(row, largest(logits.subarray(i * width, (i + 1) * width), candidates));
    });
  }
  return tops;
}

/** `tops` holds the pieces proposed for the piece at a place of the text. */
function candidatesOf(
  { start, end, text }: Word,
  { pieces, places }: Plan,
  w: number,
  tops: ReadonlyMap<number, readonly number[]>,
  { names, near }: { readonly names: readonly (string | undefined)[]; readonly near: NearWords },
): Replaceable {
  const { first, count } = requireItem(places, w, "places");
  if (count > 1) return { start, end, candidates: near(text, pieces.slice(first, first + count)) };
  const proposed = (tops.get(first) ?? []).map((id) => names[id]);
  return { start, end, candidates: proposed.filter((name) => name !== undefined) };
}
