/**
 * The first section of a .esp file: what the model is and what the sections after it hold, as JSON.
 *
 *   model       a Hugging Face config.json: shape, head and labels (bert/config.ts)
 *   tokenizer   a Hugging Face tokenizer_config.json; under `espalier` rules that are not BERT's (text/rules.ts), which
 *               name pieces by number; under `pipeline` the steps of a tokenizer that is no WordPiece
 *               (text/pipeline/packed-json.ts); the pieces are a section of their own
 *   metadata    free strings by name
 *   tensors     [name, shape, values] of a dense tensor, [name, shape, values, block] of a sparse one
 *
 * Promise: it is read only when the tensors listed are those of the configuration, each once, in its shape.
 */

import { BLOCK_SHAPES, type BlockShape } from "../../base/blocks.ts";
import { ConfigError, FormatError } from "../../base/errors.ts";
import { sizeOf } from "../../base/tensor.ts";
import { type BertConfig, type Head, parseConfig } from "../../bert/config.ts";
import { configJson } from "../../bert/config-json.ts";
import { parseHead } from "../../bert/head.ts";
import { optionalParameters, parameters, type Shapes, weightOf } from "../../bert/names.ts";
import { isObject, own, parseJson } from "../../formats/json.ts";
import { expectValue, fieldsOf } from "../../text/fields.ts";
import { type PackedPipeline, parsePacked } from "../../text/pipeline/packed-json.ts";
import { SPECIAL_PIECES, type TokenizerRules, type WordPieceRules } from "../../text/rules.ts";
import { parseRules, parseWordPieceRules } from "../../text/rules-json.ts";
import type { TokenizerFiles, TokenizerFlags } from "../../text/tokenizer.ts";
import { checkSettings, parseFlags } from "../../text/tokenizer-config.ts";
import { flagsJson, rulesJson } from "../../text/tokenizer-files.ts";
import { bad } from "./failure.ts";
import type { Storage } from "./matrices.ts";
import { VALUE_KINDS } from "./values.ts";

/** Numbers that the tensors of one model may have, their zeros included: 4 GiB of float32, three times BERT-large. */
const MAX_ELEMENTS = 2 ** 30;
/** Tokens of a text, where no table has a row for each: sixteen times ModernBERT's. */
const MAX_PLACES = 2 ** 17;
/** Objects and lists inside one another; the deepest of ours is the range of a layer in 8 bits, at 6. */
const MAX_DEPTH = 8;

/**
 * How an entry spells its blocks: those of one column by their rows, as when there were no others. A reader of that time
 * refuses what it does not know, and a file without it has the bytes that it had.
 */
const SPELLINGS: Readonly<Record<BlockShape, number | string>> = {
  "1": 1,
  "2x1": 2,
  "4x1": 4,
  "1x4": "1x4",
  "4x4": "4x4",
};

/** A WordPiece tokenizer without its pieces. */
export interface PackedWordPiece extends TokenizerFlags {
  readonly rules?: WordPieceRules;
  readonly pipeline?: undefined;
}

/** A tokenizer of another kind, without its pieces and what it spells with. */
export interface PackedOther {
  readonly maxLength: number;
  readonly rules: TokenizerRules;
  readonly pipeline: PackedPipeline;
}

/** A tokenizer without its pieces. */
export type PackedTokenizer = PackedWordPiece | PackedOther;

/** Everything about a file but its pieces and its numbers. */
export interface Directory {
  readonly config: BertConfig;
  readonly head: Head;
  readonly tokenizer: PackedTokenizer;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the sections. */
  readonly tensors: ReadonlyMap<string, Storage>;
}

/** Every tensor that a model may have, in the order in which they are written. */
export function tensorShapes(config: BertConfig, head: Head): Shapes {
  return new Map([...parameters(config, head), ...optionalParameters(config, head)]);
}

/** The text of a directory. */
export function directoryText(directory: Omit<Directory, "tokenizer">, vocabulary: TokenizerFiles): string {
  const { config, head, metadata, tensors } = directory;
  const sorted = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return JSON.stringify({
    model: configJson(config, head),
    tokenizer: { ...flagsJson(vocabulary), ...rulesJson(vocabulary) },
    metadata: Object.fromEntries(sorted),
    tensors: [...tensors].map(([name, { shape, values, block }]) => [
      name,
      shape,
      values,
      ...(block === undefined ? [] : [SPELLINGS[block]]),
    ]),
  });
}

/**
 * Reads a directory.
 *
 * @throws {FormatError} `esp/depth`, `esp/directory`, `esp/config`, `esp/metadata`, `esp/entry`, `esp/twice`, `esp/unused`,
 *   `esp/shape`, `esp/missing`, `esp/elements`, `esp/quantized`, `esp/places`, `esp/order`; `json/…`, `tokenizer/…`
 */
export function parseDirectory(text: string, where: string): Directory {
  if (depthOf(text) > MAX_DEPTH)
    throw bad("depth", "directory", `a depth of at most ${MAX_DEPTH}`, "more", where);
  const json = parseJson(text, where);
  const keys = isObject(json) ? Object.keys(json).join() : "another value";
  if (!isObject(json) || keys !== "model,tokenizer,metadata,tensors") {
    throw bad("directory", "directory", "an object of model, tokenizer, metadata and tensors", keys, where);
  }
  const model = own(json, "model");
  const [config, head] = configured(() => [parseConfig(model, where), parseHead(model, where)], where);
  const tensors = parseEntries(own(json, "tensors"), where);
  checkTensors(tensors, config, head, where);
  checkLevels(tensors, config, where);
  if (config.maxPositions > MAX_PLACES)
    throw bad("places", "texts", `at most ${MAX_PLACES} tokens`, config.maxPositions, where);
  const order = [...tensorShapes(config, head).keys()].filter((name) => tensors.has(name));
  if (order.join() !== [...tensors.keys()].join()) {
    throw bad("order", "tensors", "the order of the forward pass", "another", where);
  }
  return {
    config,
    head,
    tokenizer: parseTokenizer(own(json, "tokenizer"), where),
    metadata: parseMetadata(own(json, "metadata"), where),
    tensors,
  };
}

/** A layer that computes in 8 bits is stored in 8 bits. */
function checkLevels(tensors: ReadonlyMap<string, Storage>, { quantized }: BertConfig, where: string): void {
  for (const module of quantized?.keys() ?? []) {
    const values = tensors.get(weightOf(module))?.values;
    if (values !== "int8")
      throw bad("quantized", `tensor ${weightOf(module)}`, "int8, as the model says", values, where);
  }
}

function parseTokenizer(json: unknown, where: string): PackedTokenizer {
  const at = `${where}: tokenizer`;
  const fields = fieldsOf(json, at);
  checkSettings(fields, at);
  const flags = parseFlags(fields, at);
  const rules = own(fields, "espalier");
  const pipeline = own(fields, "pipeline");
  if (pipeline !== undefined) {
    return {
      maxLength: flags.maxLength,
      rules: parseRules(rules, `${at}: espalier`),
      pipeline: parsePacked(pipeline, `${at}: pipeline`),
    };
  }
  if (rules !== undefined) return { ...flags, rules: parseWordPieceRules(rules, `${at}: espalier`) };
  for (const [role, text] of Object.entries(SPECIAL_PIECES)) expectValue(fields, `${role}_token`, text, at);
  return flags;
}

/** A configuration inside a file is a part of the file: its failures are the file's. */
function configured<T>(parse: () => T, where: string): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const message = `directory: expected a configuration that is read here, got: ${cause.message} (${where})`;
    throw new FormatError("esp/config", message, { cause });
  }
}

/** How far objects and lists lie inside one another; what walks over parsed JSON does so by recursion. */
function depthOf(text: string): number {
  let [depth, deepest, quoted] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted && c === "\\") i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === "{" || c === "[")) deepest = Math.max(deepest, ++depth);
    else if (!quoted && (c === "}" || c === "]")) depth--;
  }
  return deepest;
}

function parseMetadata(json: unknown, where: string): Record<string, string> {
  const entries = isObject(json) ? Object.entries(json) : [["", json] as const];
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (typeof value === "string") return [key, value];
      throw bad("metadata", "metadata", "strings", value, where);
    }),
  );
}

function parseEntries(json: unknown, where: string): Map<string, Storage> {
  if (!Array.isArray(json)) throw bad("entry", "tensors", "a list", json, where);
  const tensors = new Map<string, Storage>();
  const list: readonly unknown[] = json;
  for (const entry of list) {
    const [name, storage] = parseEntry(entry, where);
    if (tensors.has(name)) throw bad("twice", `tensor ${name}`, "one of that name", "another", where);
    tensors.set(name, storage);
  }
  return tensors;
}

function parseEntry(json: unknown, where: string): [string, Storage] {
  const fields: readonly unknown[] = Array.isArray(json) ? json : [];
  const [name, shape, kind, spelling] = fields;
  const values = VALUE_KINDS.find((known) => known === kind);
  const block = BLOCK_SHAPES.find((known) => SPELLINGS[known] === spelling);
  const sparse = fields.length === 4 && block !== undefined;
  if (
    typeof name !== "string" ||
    !isShape(shape) ||
    values === undefined ||
    !(sparse || fields.length === 3)
  ) {
    throw bad("entry", "tensor", "[name, shape, values] or [name, shape, values, block]", json, where);
  }
  if ((sparse || values === "int8") && shape.length !== 2) {
    throw bad("entry", `tensor ${name}`, "a matrix, as it is sparse or int8", shape, where);
  }
  return [name, { shape, values, ...(block === undefined ? {} : { block }) }];
}

function isShape(json: unknown): json is readonly number[] {
  return Array.isArray(json) && json.every((d: unknown) => Number.isSafeInteger(d) && Number(d) >= 0);
}

/**
 * The tensors of the configuration in their shapes, and no other.
 * @throws {FormatError} `esp/unused`, `esp/shape`, `esp/missing`, `esp/elements`
 */
export function checkTensors(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  config: BertConfig,
  head: Head,
  where: string,
): void {
  const [required, possible] = [parameters(config, head), tensorShapes(config, head)];
  let elements = 0;
  for (const [name, { shape }] of tensors) {
    const expected = possible.get(name);
    if (expected === undefined)
      throw bad("unused", `tensor ${name}`, `a parameter of a ${head.kind} model`, "an unused one", where);
    if (shape.join() !== expected.join())
      throw bad("shape", `tensor ${name}`, `[${expected}]`, `[${shape}]`, where);
    elements += sizeOf(shape);
  }
  for (const [name, shape] of required) {
    if (!tensors.has(name)) throw bad("missing", `tensor ${name}`, `[${shape}]`, "no such tensor", where);
  }
  if (elements > MAX_ELEMENTS)
    throw bad("elements", "tensors", `at most ${MAX_ELEMENTS} numbers`, elements, where);
}
