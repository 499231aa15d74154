/**
 * Writes the files of a tokenizer, such that stock `transformers` 4 and 5 and transformers.js give the same pieces.
 *
 * A tokenizer with BERT's templates keeps BERT's class, which every version knows. Any other is of the class that reads
 * tokenizer.json alone: BERT's class of `transformers` 5 puts its own template in place of the file's. vocab.txt is then
 * left out, since what reads it alone would give other pieces. Not here: reading (vocabulary.ts).
 */

import { InputError } from "../base/errors.ts";
import { modelJson } from "./pipeline/model-json.ts";
import { BYTE_PIECES } from "./pipeline/models.ts";
import { packPipeline } from "./pipeline/packed-json.ts";
import type { BpeModel, Pipeline } from "./pipeline/pipeline.ts";
import { stepsJson } from "./pipeline/steps-json.ts";
import { BYTE_CHARACTERS } from "./pipeline/words.ts";
import {
  type AddedToken,
  canonical,
  hasBertTemplates,
  pieceOf,
  rulesOf,
  type TemplateItem,
  type TokenizerRules,
} from "./rules.ts";
import type { PipelineFiles, TokenizerFiles, WordPieceFiles } from "./tokenizer.ts";
import { vocabText } from "./vocab-text.ts";
import { wordPieceSteps } from "./wordpiece/steps-json.ts";

/** Files of a tokenizer by name, with their text; undefined where there must be none of that name. */
export function tokenizerTexts(files: TokenizerFiles): ReadonlyMap<string, string | undefined> {
  const rules = rulesOf(files);
  return new Map([
    ["vocab.txt", isBertLike(files) ? vocabText(files.vocab.slice(0, rules.words)) : undefined],
    // Files of other kinds of tokenizers, whose content is in tokenizer.json.
    ...SPARE.map((name): [string, undefined] => [name, undefined]),
    ["tokenizer.json", pretty(tokenizerJson(files))],
    ["tokenizer_config.json", pretty(tokenizerConfigJson(files))],
    ["special_tokens_map.json", pretty(specialNames(files))],
    // Its content is in tokenizer_config.json; an older file's would be another's.
    ["added_tokens.json", undefined],
  ]);
}

/** What old folders have in place of tokenizer.json. */
const SPARE = ["vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model"];

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Whether BERT's own class gives these pieces in every version. It cuts out all special pieces from a text. */
function isBertLike(files: TokenizerFiles): files is WordPieceFiles {
  if (files.pipeline !== undefined) return false;
  const { special, added, prefix, maxWordLength } = rulesOf(files);
  const areCutOut = Object.values(special).every((piece) => added.some(({ id }) => id === piece));
  return hasBertTemplates(files) && areCutOut && prefix === "##" && maxWordLength === 100;
}

/** Names of the special pieces that are cut out of texts: naming another would make it one of them. */
function specialNames(files: TokenizerFiles): Record<string, string | undefined> {
  const { special, added } = rulesOf(files);
  const { pad, unk, cls, sep, mask } = special;
  const named = Object.entries({ pad, unk, cls, sep, mask }).filter(([, piece]) =>
    added.some(({ id }) => id === piece),
  );
  return Object.fromEntries(named.map(([role, id]) => [`${role}_token`, files.vocab[id]]));
}

/** Hugging Face's `tokenizer.json`; stock `transformers`, `tokenizers` and transformers.js read it. */
export function tokenizerJson(files: TokenizerFiles): Record<string, unknown> {
  const rules = rulesOf(files);
  const steps =
    files.pipeline === undefined
      ? { ...wordPieceSteps(files, rulesOf(files)), post_processor: templatesJson(files) }
      : pipelineSteps(files);
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: rules.added.map(({ id, ...flags }) => ({ id, ...tokenJson(pieceOf(files, id), flags) })),
    normalizer: steps.normalizer,
    pre_tokenizer: steps.pre_tokenizer,
    post_processor: steps.post_processor,
    decoder: steps.decoder,
    model: steps.model,
  };
}

/** The sections of a kind. */
type Sections = Record<"normalizer" | "pre_tokenizer" | "post_processor" | "decoder" | "model", unknown>;

function pipelineSteps(files: PipelineFiles): Sections {
  const { vocab, rules, pipeline } = files;
  const { trim } = pipeline;
  const bytes = { type: "ByteLevel", ...trim, trim_offsets: true, use_regex: true };
  const templates = templatesJson(files);
  return {
    ...stepsJson(pipeline),
    post_processor: trim === null ? templates : { type: "Sequence", processors: [bytes, templates] },
    model: modelJson(vocab.slice(0, rules.words), pipeline.model),
  };
}

function templatesJson(files: TokenizerFiles): Record<string, unknown> {
  const { vocab } = files;
  const rules = rulesOf(files);
  const placed = [...rules.single, ...rules.pair].flatMap((item) => ("id" in item ? [item.id] : []));
  const piece = (item: TemplateItem) =>
    "id" in item
      ? { SpecialToken: { id: vocab[item.id], type_id: item.type } }
      : { Sequence: { id: item.text, type_id: item.type } };
  return {
    type: "TemplateProcessing",
    single: rules.single.map(piece),
    pair: rules.pair.map(piece),
    special_tokens: Object.fromEntries(
      [...new Set(placed)].map((id) => [vocab[id], { id: vocab[id], ids: [id], tokens: [vocab[id]] }]),
    ),
  };
}

/** A token's text and flags, in the order in which Hugging Face writes them. */
function tokenJson(content: string, flags: Omit<AddedToken, "id">): Record<string, unknown> {
  const { singleWord, lstrip, rstrip, normalized, special } = flags;
  return { content, single_word: singleWord, lstrip, rstrip, normalized, special };
}

/** Hugging Face's `tokenizer_config.json`. */
export function tokenizerConfigJson(files: TokenizerFiles): Record<string, unknown> {
  const rules = rulesOf(files);
  const flags = {
    ...flagsJson(files),
    tokenizer_class: isBertLike(files) ? "BertTokenizer" : FILE_CLASS,
  };
  if (files.rules === undefined) return flags;
  const decoder = rules.added.map(({ id, ...token }) => [id, tokenJson(pieceOf(files, id), token)]);
  return {
    ...flags,
    // Models that know no types refuse them.
    model_input_names: ["input_ids", ...(isTyped(rules) ? ["token_type_ids"] : []), "attention_mask"],
    added_tokens_decoder: Object.fromEntries(decoder),
  };
}

/** Whether a template has another type than 0. */
function isTyped({ single, pair }: TokenizerRules): boolean {
  return [...single, ...pair].some(({ type }) => type !== 0);
}

/** The class that takes tokenizer.json as it is, in every version. */
const FILE_CLASS = "PreTrainedTokenizerFast";

/** The class, the normaliser's flags, the length and the names of special pieces. */
export function flagsJson(files: TokenizerFiles): Record<string, unknown> {
  const lengthAndNames = { model_max_length: files.maxLength, ...specialNames(files) };
  if (files.pipeline !== undefined) {
    return { tokenizer_class: FILE_CLASS, ...prefixJson(files), ...lengthAndNames };
  }
  return {
    tokenizer_class: "BertTokenizer",
    do_lower_case: files.lowercase,
    strip_accents: files.stripAccents,
    tokenize_chinese_chars: files.tokenizeChineseChars,
    ...lengthAndNames,
  };
}

/** `transformers` takes this from here and not from tokenizer.json, where bytes are the only step. */
function prefixJson({ pipeline: { preTokenizers } }: PipelineFiles): Record<string, unknown> {
  const step = preTokenizers.find(({ type }) => type === "ByteLevel");
  return step?.type === "ByteLevel" ? { add_prefix_space: step.add_prefix_space } : {};
}

/** The rules and the steps as the packed file holds them; nothing when they are BERT's. */
export function rulesJson({ rules, pipeline }: TokenizerFiles): Record<string, unknown> {
  if (rules === undefined) return {};
  const steps = pipeline === undefined ? {} : { pipeline: packPipeline(pipeline) };
  return { espalier: canonical(rules), ...steps };
}

/**
 * Refuses what transformers.js would read otherwise without a word.
 *
 * It looks for tokens that must be words of their own inside of words too, spells words with tokens that were only added,
 * and gives no types to a pair unless the class is BERT's. Where BPE lacks characters it joins and fuses others.
 *
 * @throws {InputError} `export/tokenizer` naming the key
 */
export function requireBrowserTokenizer(files: TokenizerFiles): void {
  const rules = rulesOf(files);
  const { added, words } = rules;
  const prefix = files.pipeline === undefined ? rulesOf(files).prefix : "";
  const word = added.find(({ singleWord }) => singleWord);
  if (word !== undefined) throw unsupported("single_word", `${files.vocab[word.id]} with it`);
  const piece = added.find(({ id, normalized }) => {
    const content = pieceOf(files, id);
    const goesOn = prefix !== "" && content.startsWith(prefix);
    const isWord = WORD.test(goesOn ? content.slice(prefix.length) : content);
    return files.pipeline === undefined && id >= words && isWord && (goesOn || !normalized);
  });
  if (piece !== undefined) throw unsupported("normalized", `${files.vocab[piece.id]}, a word, without it`);
  if (files.pipeline !== undefined) requireBrowserPipeline(files);
  if (!isBertLike(files) && isTyped(rules))
    throw unsupported("post_processor", "one that is not BERT's, with types");
}

function requireBrowserPipeline({ vocab, rules: { words }, pipeline }: PipelineFiles): void {
  const { model, preTokenizers } = pipeline;
  if (model.type === "BPE") requireBrowserBpe(model, new Set(vocab.slice(0, words)), preTokenizers);
  else if (model.byte_fallback) throw unsupported("byte_fallback", "true with Unigram");
  const first = preTokenizers.findIndex(
    (step) => step.type === "Metaspace" && step.prepend_scheme === "first",
  );
  if (first > 0) throw unsupported("prepend_scheme", "first, behind another step");
}

/** It joins pairs before it asks what has no piece, and makes one of unknown pieces side by side over words too. */
function requireBrowserBpe(
  { unk, byte_fallback: hasBytes, fuse_unk: isFused, merges }: BpeModel,
  pieces: ReadonlySet<string>,
  steps: Pipeline["preTokenizers"],
): void {
  const bytes = new Set(hasBytes ? BYTE_PIECES.filter((piece) => pieces.has(piece)) : []);
  if (merges.some((pair) => pair.some((piece) => bytes.has(piece))))
    throw unsupported("merges", "one of bytes");
  const isOfBytes = steps.some(({ type }) => type === "ByteLevel");
  const isSpelt = isOfBytes && BYTE_CHARACTERS.every((char) => pieces.has(char));
  if (isSpelt || bytes.size === BYTE_PIECES.length) return; // no character is unknown
  if (bytes.size > 0) throw unsupported("byte_fallback", `true with ${bytes.size} of 256 bytes`);
  if (unk === null) throw unsupported("unk_token", "none, and characters without a piece");
  const isCut = steps.some((step) => step.type !== "Metaspace" || !pieces.has(step.replacement));
  if (isFused && isCut) throw unsupported("fuse_unk", "true with words side by side");
}

/** What BERT does not split, whatever its flags. */
const WORD = /^[^\p{White_Space}\p{P}!-/:-@[-`{-~]+$/u;

function unsupported(key: string, got: string): InputError {
  const expected = `${key}: expected what transformers.js reads alike, got ${got}`;
  return new InputError("export/tokenizer", `tokenizer: ${expected} (--to safetensors and esp write it)`);
}
