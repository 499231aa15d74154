/**
 * Reads the files of a BERT tokenizer: `vocab.txt` with `tokenizer_config.json`, or `tokenizer.json` alone.
 *
 * Takes text and parsed JSON, never a path. Of `tokenizer.json` only BERT's subset is accepted (BertNormalizer,
 * BertPreTokenizer, WordPiece): anything that would give other pieces is refused by name instead of being ignored,
 * so no pattern out of a file is ever compiled. Writing is in `tokenizer.ts`.
 */

import { FormatError } from "../base/errors.ts";
import { SPECIAL_PIECES, specialIds, type TokenizerFiles } from "./tokenizer.ts";

/** The flags that lie beside a `vocab.txt`. */
export type TokenizerFlags = Omit<TokenizerFiles, "vocab">;

/** What BERT's uncased models use, for a folder with a vocabulary and no configuration. */
const DEFAULTS: TokenizerFlags = {
  lowercase: true,
  stripAccents: null,
  tokenizeChineseChars: true,
  maxLength: 512,
};

/**
 * The pieces of a `vocab.txt`, one per line, LF or CRLF.
 * @throws {FormatError} `vocab/duplicate`, `vocab/blank` or `vocab/special`.
 */
export function parseVocab(text: string, where: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  const vocab = lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  while (vocab.at(-1) === "") vocab.pop();
  checkPieces(vocab, where);
  return vocab;
}

/** Every piece once, none empty, the special ones present. */
function checkPieces(vocab: readonly string[], where: string): void {
  const lineOf = new Map<string, number>();
  vocab.forEach((piece, i) => {
    const before = lineOf.get(piece);
    if (before !== undefined) {
      const got = `"${piece}" again (first in line ${before})`;
      throw new FormatError("vocab/duplicate", `${where}:${i + 1}: expected a new piece, got ${got}`);
    }
    if (piece === "")
      throw new FormatError("vocab/blank", `${where}:${i + 1}: expected a piece, got a blank line`);
    lineOf.set(piece, i + 1);
  });
  specialIds(vocab);
}

/**
 * The flags of a `tokenizer_config.json`; a missing one has BERT's default.
 * @throws {FormatError} `tokenizer/kind` for a setting that would give other pieces, `tokenizer/object` when it is
 *   no object.
 */
export function parseTokenizerConfig(json: unknown, where: string): TokenizerFlags {
  const config = record(json, where);
  if (config.do_basic_tokenize === false) throw unread(where, "do_basic_tokenize", true, false);
  for (const [role, text] of Object.entries(SPECIAL_PIECES)) {
    const given = contentOf(config[`${role}_token`]);
    if (given !== undefined && given !== text) throw unread(where, `${role}_token`, text, given);
  }
  return {
    lowercase: flag(config, "do_lower_case", DEFAULTS.lowercase, where),
    stripAccents: nullableFlag(config, "strip_accents", where),
    tokenizeChineseChars: flag(config, "tokenize_chinese_chars", DEFAULTS.tokenizeChineseChars, where),
    maxLength: lengthOf(config.model_max_length, where),
  };
}

/** Special pieces are written as text or as `{ content }`. */
function contentOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "content" in value
    ? value.content
    : (value ?? undefined);
}

/** transformers writes 1e30 for "no limit"; BERT has positions for 512. */
function lengthOf(value: unknown, where: string): number {
  if (value === undefined || value === null) return DEFAULTS.maxLength;
  if (typeof value !== "number" || !(value >= 3)) throw unread(where, "model_max_length", "3 or more", value);
  return value > 1e9 ? DEFAULTS.maxLength : Math.floor(value);
}

/**
 * The BERT subset of a `tokenizer.json`; `maxLength` comes from `tokenizer_config.json`.
 * @throws {FormatError} `tokenizer/kind` naming what is not BERT's, or a `vocab/…` code.
 */
export function parseTokenizerJson(json: unknown, maxLength: number, where: string): TokenizerFiles {
  const root = record(json, where);
  const normalizer = section(root, "normalizer", "BertNormalizer", where);
  section(root, "pre_tokenizer", "BertPreTokenizer", where);
  if (root.decoder !== null && root.decoder !== undefined) section(root, "decoder", "WordPiece", where);
  checkPostProcessor(root, where);
  expectValue(normalizer, "clean_text", true, `${where}: normalizer`);
  const vocab = modelVocab(root, where);
  checkAddedTokens(root.added_tokens, vocab, where);
  return {
    vocab,
    lowercase: flag(normalizer, "lowercase", true, where),
    stripAccents: nullableFlag(normalizer, "strip_accents", where),
    tokenizeChineseChars: flag(normalizer, "handle_chinese_chars", true, where),
    maxLength,
  };
}

function modelVocab(root: Readonly<Record<string, unknown>>, where: string): string[] {
  const model = record(root.model, `${where}: model`);
  // Files older than tokenizers 0.10 do not name the kind of their model.
  expectValue(model, "type", "WordPiece", `${where}: model`);
  expectValue(model, "unk_token", SPECIAL_PIECES.unk, `${where}: model`);
  expectValue(model, "continuing_subword_prefix", "##", `${where}: model`);
  expectValue(model, "max_input_chars_per_word", 100, `${where}: model`);
  const entries = Object.entries(record(model.vocab, `${where}: model.vocab`));
  const vocab: (string | undefined)[] = new Array(entries.length).fill(undefined);
  for (const [piece, id] of entries) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= entries.length) {
      throw unread(where, `number of "${piece}"`, `an integer from 0 to ${entries.length - 1}`, id);
    }
    if (vocab[id] !== undefined) {
      const message = `${where}: number ${id}: expected one piece, got "${vocab[id]}" and "${piece}"`;
      throw new FormatError("vocab/duplicate", message);
    }
    vocab[id] = piece;
  }
  const pieces = vocab.map((piece) => piece ?? "");
  checkPieces(pieces, where);
  return pieces;
}

/** Each added token has to be one of the five, at its place in the vocabulary: others would split text elsewhere. */
function checkAddedTokens(value: unknown, vocab: readonly string[], where: string): void {
  const special: readonly string[] = Object.values(SPECIAL_PIECES);
  if (value !== undefined && !Array.isArray(value)) throw unread(where, "added_tokens", "a list", value);
  const list: readonly unknown[] = value ?? [];
  for (const entry of list) {
    const token = record(entry, `${where}: added_tokens`);
    const { content, id } = token;
    if (typeof content !== "string" || !special.includes(content)) {
      throw unread(where, "added token", special.join(" "), content);
    }
    if (vocab.indexOf(content) !== id)
      throw unread(where, `number of ${content}`, vocab.indexOf(content), id);
    for (const key of ["lstrip", "rstrip", "single_word"])
      expectValue(token, key, false, `${where}: ${content}`);
  }
}

function checkPostProcessor(root: Readonly<Record<string, unknown>>, where: string): void {
  const value = root.post_processor;
  if (value === null || value === undefined) return;
  const { type } = record(value, `${where}: post_processor`);
  if (type !== "TemplateProcessing" && type !== "BertProcessing") {
    throw unread(where, "post_processor", "TemplateProcessing or BertProcessing", type);
  }
}

function section(
  root: Readonly<Record<string, unknown>>,
  name: string,
  type: string,
  where: string,
): Readonly<Record<string, unknown>> {
  const found = root[name];
  if (found === null || found === undefined) throw unread(where, name, type, found);
  const value = record(found, `${where}: ${name}`);
  if (value.type !== type) throw unread(where, name, type, value.type);
  return value;
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError("tokenizer/object", `${where}: expected a JSON object, got ${show(value)}`);
  }
  return Object.fromEntries(Object.entries(value));
}

function expectValue(
  record: Readonly<Record<string, unknown>>,
  key: string,
  expected: unknown,
  where: string,
): void {
  const got = record[key];
  if (got !== undefined && got !== expected) throw unread(where, key, expected, got);
}

function flag(
  config: Readonly<Record<string, unknown>>,
  key: string,
  otherwise: boolean,
  where: string,
): boolean {
  const value = config[key] ?? otherwise;
  if (typeof value !== "boolean") throw unread(where, key, "true or false", value);
  return value;
}

function nullableFlag(config: Readonly<Record<string, unknown>>, key: string, where: string): boolean | null {
  return config[key] === undefined || config[key] === null ? null : flag(config, key, false, where);
}

function unread(where: string, key: string, expected: unknown, got: unknown): FormatError {
  const code = key.endsWith("izer") || key.endsWith("cessor") || key.startsWith("added") ? "kind" : "config";
  return new FormatError(
    `tokenizer/${code}`,
    `${where}: ${key}: expected ${show(expected)}, got ${show(got)}`,
  );
}

function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing").slice(0, 80);
}
