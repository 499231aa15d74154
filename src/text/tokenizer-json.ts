/**
 * Reads `tokenizer.json`: WordPiece over words as BERT splits them, or the steps of a pipeline with BPE or Unigram, with any
 * added tokens and any template.
 *
 * What is not known is refused by name, so no pattern out of a file is ever compiled. What `transformers` sets
 * anew at each call (length and strategy of `truncation`, all of `padding` but its side) changes nothing there or here.
 * Not here: tokenizer_config.json, whose flags may go before this file's (vocabulary.ts).
 */

import { requireValue } from "../base/present.ts";
import {
  expectValue,
  type Fields,
  fieldsOf,
  flagOf,
  isUnset,
  listOf,
  nullableFlagOf,
  numberOf,
  textOf,
  unread,
} from "./fields.ts";
import { kindOfModel, parseBpe, parseUnigram } from "./pipeline/model-json.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { flatSteps, parseSteps } from "./pipeline/steps-json.ts";
import { bertTemplates, robertaTemplates, type TemplateItem } from "./rules.ts";
import { type NumberedToken, parseToken } from "./token.ts";
import type { TokenizerFlags } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizer-config.ts";
import { checkPieces } from "./vocab-text.ts";

/** Types are small: BERT has two, and the embedding table's size is checked where it is known. */
const MOST_TYPES = 255;
/** Pieces that a number may point to. */
const MOST_PIECES = 2 ** 31;

/** The templates of a post-processor, by piece number. */
export interface Templates {
  readonly single: readonly TemplateItem[];
  readonly pair: readonly TemplateItem[];
}

/** What a file of any kind says. */
interface AnyJson {
  /** Pieces of the model by number, without tokens that are added alone. */
  readonly words: readonly string[];
  /** In the file's order, in which those that are no pieces of the model get numbers. */
  readonly added: readonly NumberedToken[];
  readonly templates: Templates;
}

/** What a file of WordPiece says. */
export interface WordPieceJson extends AnyJson {
  readonly flags: Omit<TokenizerFlags, "maxLength">;
  readonly unk: string;
  readonly prefix: string;
  readonly maxWordLength: number;
  readonly pipeline?: undefined;
}

/** What a file of another kind says. */
export interface PipelineJson extends AnyJson {
  readonly pipeline: Pipeline;
}

/** What the file says. */
export type TokenizerJson = WordPieceJson | PipelineJson;

/**
 * @param config  of it, which sides tokenizer_config.json says, and how the class treats spaces
 * @throws {FormatError} `tokenizer/…` naming what is not read here, or a `vocab/…` code
 */
export function parseTokenizerJson(json: unknown, config: TokenizerConfig, where: string): TokenizerJson {
  const root = fieldsOf(json, where);
  for (const key of ["truncation", "padding"]) {
    if (isUnset(root[key]) || config.sides.includes(key)) continue;
    const { direction } = fieldsOf(root[key], `${where}: ${key}`);
    if (!isUnset(direction) && direction !== "Right")
      throw unread(`${where}: ${key}`, "direction", "Right", direction);
  }
  const added = listOf(root.added_tokens, "added_tokens", where).map((entry) => {
    const fields = fieldsOf(entry, `${where}: added_tokens`);
    const token = parseToken(fields, `${where}: added_tokens`);
    return { ...token, id: numberOf(fields.id, MOST_PIECES, `number of ${token.content}`, where) };
  });
  const [templates, trim] = parsePostProcessor(root.post_processor, where);
  const kind = kindOfModel(root.model, `${where}: model`);
  if (kind === "WordPiece") return { ...parseWordPiece(root, where), added, templates };
  if (kind !== "BPE" && kind !== "Unigram")
    throw unread(`${where}: model`, "type", "WordPiece, BPE or Unigram", kind);
  return { ...parsePipeline(root, kind, trim, config, where), added, templates };
}

function parseWordPiece(root: Fields, where: string): Omit<WordPieceJson, "added" | "templates"> {
  const flags = parseNormalizer(root, where);
  sectionOf(root, "pre_tokenizer", "BertPreTokenizer", where);
  if (!isUnset(root.decoder)) sectionOf(root, "decoder", "WordPiece", where);
  return { flags, ...parseModel(root.model, `${where}: model`) };
}

/** RoBERTa's class says itself how places are trimmed; any class whether a text of bytes begins with a space. */
function parsePipeline(
  root: Fields,
  kind: "BPE" | "Unigram",
  trim: Pipeline["trim"],
  { of: { trims }, addPrefixSpace, trimOffsets }: TokenizerConfig,
  where: string,
): Pick<PipelineJson, "words" | "pipeline"> {
  const fields = fieldsOf(root.model, `${where}: model`);
  const at = `${where}: model`;
  const { words, model } =
    kind === "Unigram" ? parseUnigram(fields, at) : parseBpe(parsePieces(fields.vocab, at), fields, at);
  const steps = parseSteps(root, where);
  const isAlone = !isUnset(root.pre_tokenizer) && fieldsOf(root.pre_tokenizer, where).type === "ByteLevel";
  const preTokenizers = steps.preTokenizers.map((step) =>
    isAlone && step.type === "ByteLevel" ? { ...step, add_prefix_space: addPrefixSpace } : step,
  );
  const own = trimOffsets ? { add_prefix_space: addPrefixSpace } : null;
  const isTrimmed = trims && hasTrim(root.post_processor, where);
  return { words, pipeline: { ...steps, preTokenizers, model, trim: isTrimmed ? own : trim } };
}

/** BERT's normaliser, or a sequence of it alone. */
function parseNormalizer(root: Fields, where: string): WordPieceJson["flags"] {
  const outer = isUnset(root.normalizer) ? undefined : fieldsOf(root.normalizer, `${where}: normalizer`);
  const parts = outer?.type === "Sequence" ? listOf(outer.normalizers, "normalizers", where) : [];
  const [only] = parts;
  const normalizer = sectionOf(
    parts.length === 1 ? { normalizer: only } : root,
    "normalizer",
    "BertNormalizer",
    where,
  );
  const at = `${where}: normalizer`;
  expectValue(normalizer, "clean_text", true, at);
  return {
    lowercase: flagOf(normalizer, "lowercase", true, at),
    stripAccents: nullableFlagOf(normalizer, "strip_accents", at),
    tokenizeChineseChars: flagOf(normalizer, "handle_chinese_chars", true, at),
  };
}

function sectionOf(root: Fields, name: string, type: string, where: string): Fields {
  const found = root[name];
  if (isUnset(found)) throw unread(where, name, type, found);
  const value = fieldsOf(found, `${where}: ${name}`);
  if (value.type !== type) throw unread(where, name, type, value.type);
  return value;
}

function parseModel(
  json: unknown,
  where: string,
): Pick<WordPieceJson, "words" | "unk" | "prefix" | "maxWordLength"> {
  const model = fieldsOf(json, where);
  const { unk_token: unk = "[UNK]", continuing_subword_prefix: prefix = "##" } = model;
  const words = parsePieces(model.vocab, where);
  if (typeof unk !== "string" || !words.includes(unk)) {
    throw unread(where, "unk_token", "a piece of the vocabulary", unk);
  }
  if (typeof prefix !== "string") throw unread(where, "continuing_subword_prefix", "a text", prefix);
  const { max_input_chars_per_word: most = 100 } = model;
  return {
    words,
    unk,
    prefix,
    maxWordLength: numberOf(most, MOST_PIECES, "max_input_chars_per_word", where),
  };
}

/** Pieces by number; each number from 0 on has one. */
function parsePieces(json: unknown, where: string): string[] {
  const entries = Object.entries(fieldsOf(json, `${where}.vocab`));
  const pieces: (string | undefined)[] = new Array(entries.length).fill(undefined);
  for (const [piece, value] of entries) {
    const id = numberOf(value, entries.length - 1, `number of "${piece}"`, where);
    if (pieces[id] !== undefined) {
      throw unread(where, `number ${id}`, "one piece", `"${pieces[id]}" and "${piece}"`);
    }
    pieces[id] = piece;
  }
  const whole = pieces.map((piece, id) => requireValue(piece, `piece ${id}`));
  checkPieces(whole, where);
  return whole;
}

/** Whether places are trimmed by one of the steps, or might be. */
function hasTrim(json: unknown, where: string): boolean {
  return flatSteps(json, "post_processor", where).some(
    ({ type }) => type === "RobertaProcessing" || type === "ByteLevel",
  );
}

/** The templates, and how places are trimmed. */
function parsePostProcessor(json: unknown, where: string): [Templates, Pipeline["trim"]] {
  const at = `${where}: post_processor`;
  let templates: Templates | undefined;
  let trim: Pipeline["trim"] = null;
  for (const step of flatSteps(json, "post_processor", where)) {
    const isTrimming = step.type === "RobertaProcessing" || step.type === "ByteLevel";
    if (isTrimming && flagOf(step, "trim_offsets", true, at))
      trim = { add_prefix_space: flagOf(step, "add_prefix_space", true, at) };
    if (step.type === "ByteLevel") continue;
    if (templates !== undefined) throw unread(where, "post_processor", "one template", step.type);
    templates = parseTemplates(step, where);
  }
  return [templates ?? NO_TEMPLATES, trim];
}

const TEXT: TemplateItem = { text: "A", type: 0 };
/** Of texts that nothing is put around. */
const NO_TEMPLATES: Templates = { single: [TEXT], pair: [TEXT, { text: "B", type: 1 }] };

function parseTemplates(fields: Fields, name: string): Templates {
  const where = `${name}: post_processor`;
  if (fields.type === "BertProcessing" || fields.type === "RobertaProcessing") {
    const ids = { cls: numberIn(fields.cls, "cls", where), sep: numberIn(fields.sep, "sep", where) };
    return fields.type === "BertProcessing" ? bertTemplates(ids) : robertaTemplates(ids);
  }
  if (fields.type !== "TemplateProcessing") {
    const known = "TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel";
    throw unread(name, "post_processor", known, fields.type);
  }
  const special = fieldsOf(fields.special_tokens ?? {}, `${where}: special_tokens`);
  const idsOf = (token: unknown): number[] => {
    const entry = typeof token === "string" && Object.hasOwn(special, token) ? special[token] : undefined;
    if (entry === undefined) throw unread(where, "special_tokens", `the token ${token}`, undefined);
    const { ids } = fieldsOf(entry, `${where}: ${token}`);
    return listOf(ids, `ids of ${token}`, where).map((id) =>
      numberOf(id, MOST_PIECES, `ids of ${token}`, where),
    );
  };
  return {
    single: parseTemplate(fields.single, "single", ["A"], idsOf, where),
    pair: parseTemplate(fields.pair, "pair", ["A", "B"], idsOf, where),
  };
}

/** The number of `[text, number]`, as BertProcessing has it. */
function numberIn(value: unknown, key: string, where: string): number {
  const [text, id] = listOf(value, key, where);
  textOf(text, key, where);
  return numberOf(id, MOST_PIECES, key, where);
}

/** A template has each of its texts once. */
function parseTemplate(
  json: unknown,
  key: string,
  texts: readonly string[],
  idsOf: (name: unknown) => number[],
  where: string,
): TemplateItem[] {
  const items = listOf(json, key, where).flatMap((entry) => parseItem(entry, key, idsOf, where));
  const found = items.flatMap((item) => ("text" in item ? [item.text] : []));
  if ([...found].sort().join() === texts.join()) return items;
  throw unread(where, key, `${texts.join(" and ")} once`, found.join(" and ") || "neither");
}

function parseItem(
  entry: unknown,
  key: string,
  idsOf: (name: unknown) => number[],
  where: string,
): TemplateItem[] {
  const { Sequence: sequence, SpecialToken: token, ...others } = fieldsOf(entry, `${where}: ${key}`);
  const given = fieldsOf(sequence ?? token, `${where}: ${key}`);
  const type = numberOf(given.type_id, MOST_TYPES, `${key}: type_id`, where);
  if (Object.keys(others).length > 0 || (sequence !== undefined && token !== undefined)) {
    throw unread(where, key, "a Sequence or a SpecialToken", entry);
  }
  if (sequence === undefined) return idsOf(given.id).map((id) => ({ id, type }));
  if (given.id !== "A" && given.id !== "B") throw unread(where, key, "Sequence A or B", given.id);
  return [{ text: given.id, type }];
}
