/**
 * Reads the model of a `tokenizer.json`, BPE or Unigram, and writes it back.
 *
 * Not here: WordPiece (tokenizer-json.ts), the steps around a model (steps-json.ts).
 */

import { type Fields, fieldsOf, flagOf, isUnset, listOf, numberOf, textOf, unread } from "../fields.ts";
import { checkPieces } from "../vocab-text.ts";
import type { BpeModel, Merge, Pipeline, UnigramModel } from "./pipeline.ts";

/** A model with the pieces that words are spelt with. */
export interface ParsedModel {
  readonly words: readonly string[];
  readonly model: Pipeline["model"];
}

/** Which model a section is of; a Unigram model of old files does not say so. */
export function kindOfModel(json: unknown, where: string): unknown {
  const model = fieldsOf(json, where);
  if (model.type !== undefined) return model.type;
  if (Array.isArray(model.vocab)) return "Unigram";
  return model.merges === undefined ? "WordPiece" : "BPE";
}

/** @throws {FormatError} `tokenizer/…`, `vocab/…` naming what is not read here */
export function parseBpe(words: readonly string[], fields: Fields, where: string): ParsedModel {
  if (!isUnset(fields.dropout) && fields.dropout !== 0)
    throw unread(where, "dropout", "none", fields.dropout);
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (!isUnset(fields[key]) && fields[key] !== "") throw unread(where, key, "none", fields[key]);
  }
  const model: BpeModel = {
    type: "BPE",
    merges: parseMerges(fields.merges, words, where),
    unk: isUnset(fields.unk_token) ? null : numberOfUnknown(fields.unk_token, words, where),
    fuse_unk: flagOf(fields, "fuse_unk", false, where),
    byte_fallback: flagOf(fields, "byte_fallback", false, where),
    ignore_merges: flagOf(fields, "ignore_merges", false, where),
  };
  return { words, model };
}

function numberOfUnknown(token: unknown, words: readonly string[], where: string): number {
  const id = words.indexOf(textOf(token, "unk_token", where));
  if (id >= 0) return id;
  throw unread(where, "unk_token", "a piece of the vocabulary", token);
}

/** Pairs, or since tokenizers 0.20 lists of two: both halves are pieces, and so is what they become. */
function parseMerges(json: unknown, words: readonly string[], where: string): Merge[] {
  const known = new Set(words);
  const seen = new Set<string>();
  const entries = listOf(json, "merges", where);
  // The first line of a merges.txt, which files of an older time have taken over.
  const isVersion = (entry: unknown): boolean => typeof entry === "string" && entry.startsWith("#version");
  return entries
    .filter((entry) => !isVersion(entry))
    .map((entry, i) => {
      const halves: readonly unknown[] =
        typeof entry === "string" ? entry.split(" ") : listOf(entry, `merge ${i}`, where);
      const [first, second] = halves;
      if (halves.length !== 2 || typeof first !== "string" || typeof second !== "string")
        throw unread(where, `merge ${i}`, "two pieces", entry);
      for (const piece of [first, second, first + second]) {
        if (!known.has(piece)) throw unread(where, `merge ${i}`, "pieces of the vocabulary", piece);
      }
      const key = `${first.length} ${first}${second}`;
      if (seen.has(key)) throw unread(where, `merge ${i}`, "another pair than before", entry);
      seen.add(key);
      return [first, second];
    });
}

/** @throws {FormatError} `tokenizer/…`, `vocab/…` naming what is not read here */
export function parseUnigram(json: Fields, where: string): ParsedModel {
  const pairs = listOf(json.vocab, "vocab", where).map((entry, i) => {
    const [piece, score] = listOf(entry, `piece ${i}`, where);
    if (typeof piece !== "string") throw unread(where, `piece ${i}`, "a text and a score", entry);
    return [piece, scoreOf(score, `score of "${piece}"`, where)] as const;
  });
  const words = pairs.map(([piece]) => piece);
  checkPieces(words, where);
  if (isUnset(json.unk_id)) throw unread(where, "unk_id", "the number of a piece", json.unk_id);
  const model: UnigramModel = {
    type: "Unigram",
    scores: pairs.map(([, score]) => score),
    unk: numberOf(json.unk_id, words.length - 1, "unk_id", where),
    byte_fallback: flagOf(json, "byte_fallback", false, where),
  };
  return { words, model };
}

function scoreOf(score: unknown, key: string, where: string): number {
  if (typeof score === "number" && Number.isFinite(score)) return score;
  throw unread(where, key, "a finite number", score);
}

/** The model as `tokenizer.json` has it. */
export function modelJson(words: readonly string[], model: Pipeline["model"]): Record<string, unknown> {
  const { type, unk, byte_fallback } = model;
  if (model.type === "Unigram") {
    return { type, unk_id: unk, vocab: words.map((piece, id) => [piece, model.scores[id]]), byte_fallback };
  }
  const { fuse_unk, ignore_merges, merges } = model;
  return {
    type,
    dropout: null,
    unk_token: unk === null ? null : words[unk],
    continuing_subword_prefix: "",
    end_of_word_suffix: "",
    fuse_unk,
    byte_fallback,
    ignore_merges,
    vocab: Object.fromEntries(words.map((piece, id) => [piece, id])),
    merges: merges.some((pair) => pair.some((piece) => piece.includes(" ")))
      ? merges
      : merges.map((pair) => pair.join(" ")),
  };
}
