/**
 * A network as a Hugging Face model folder: `config.json`, weights, tokenizer files.
 *
 * Promise: a folder is read only when each tensor the configuration asks for is there, in its shape, and no other
 * is; what is written loads in stock `transformers` when the layers are of one size and the head reads the pooler, and
 * is read back here bit for bit (unless stored as float16).
 *
 * A pruned network's layer sizes go under `espalier` in `config.json`, its masks into a file of their own (masks.ts).
 * Not here: downloading (hub/), the ONNX model, checkpoints of a training run.
 */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, InputError } from "../base/errors.ts";
import type { FloatTensor, Tensor } from "../base/tensor.ts";
import { type BertConfig, configJson, type Head, parseConfig, parseHead } from "../bert/config.ts";
import { normaliseName, optionalParameters, parameters, type Shapes, TIED } from "../bert/names.ts";
import { readJsonIfPresent, readTextIfPresent, withFile, writeFileAtomic } from "../formats/files.ts";
import { encodeFloat16 } from "../formats/float16.ts";
import { isObject, own } from "../formats/json.ts";
import { encodeSafetensors, readFloats, readHeader, readTensor } from "../formats/safetensors.ts";
import { eachTensor, WEIGHTS_FILE } from "../formats/weights.ts";
import {
  SPECIAL_PIECES,
  type TokenizerFiles,
  tokenizerConfigJson,
  tokenizerJson,
  vocabText,
} from "../text/tokenizer.ts";
import { parseTokenizerConfig, parseTokenizerJson, parseVocab } from "../text/vocabulary.ts";
import { MASKS_FILE, packMask, unpackMask } from "./masks.ts";
import type { Network } from "./network.ts";

function fail(code: string, what: string, expected: string, got: string, where: string): FormatError {
  return new FormatError(`folder/${code}`, `${what}: expected ${expected}, got ${got} (${where})`);
}

/** Every name required is there, every name there is known, and the shapes are those of the configuration. */
function checkTensors(
  tensors: ReadonlyMap<string, Tensor>,
  config: BertConfig,
  head: Head,
  where: string,
): void {
  const required = parameters(config, head);
  const optional = optionalParameters(config, head);
  for (const [name, { shape }] of tensors) {
    const expected = required.get(name) ?? optional.get(name);
    if (expected === undefined) {
      throw fail("unused", `tensor ${name}`, `a parameter of a ${head.kind} model`, "an unused one", where);
    }
    if (shape.join() !== expected.join()) {
      throw fail("shape", `tensor ${name}`, `[${expected}]`, `[${shape}]`, where);
    }
  }
  for (const [name, shape] of required) {
    if (!tensors.has(name)) throw fail("missing", `tensor ${name}`, `[${shape}]`, "no such tensor", where);
  }
}

function equal(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

/** Removes the copies of tied tensors; a copy without its original becomes it. */
function untie(tensors: Map<string, FloatTensor>, where: string): Map<string, FloatTensor> {
  const result = new Map(tensors);
  for (const [copy, original] of TIED) {
    const tensor = result.get(copy);
    if (tensor === undefined) continue;
    result.delete(copy);
    const other = result.get(original);
    if (other !== undefined && !equal(other.data, tensor.data)) {
      throw fail("untied", `tensor ${copy}`, `the values of ${original}`, "others", where);
    }
    result.set(original, other ?? tensor);
  }
  return result;
}

async function readTensors(
  folder: string,
  config: BertConfig,
  head: Head,
): Promise<Map<string, FloatTensor>> {
  const tensors = new Map<string, FloatTensor>();
  await eachTensor(folder, async (stored, entry, source) => {
    const name = normaliseName(stored);
    if (name === undefined) return;
    if (tensors.has(name))
      throw fail("twice", `tensor ${name}`, "one of that name", `also ${stored}`, source.name);
    tensors.set(name, await readFloats(source, stored, entry));
  });
  const complete = head.kind === "mlm" ? untie(tensors, folder) : tensors;
  checkTensors(complete, config, head, folder);
  return complete;
}

async function readMasks(folder: string, shapes: Shapes): Promise<Map<string, Tensor<"uint8">> | undefined> {
  const path = join(folder, MASKS_FILE);
  if (!existsSync(path)) return undefined;
  return withFile(path, async (source) => {
    const masks = new Map<string, Tensor<"uint8">>();
    for (const [name, entry] of (await readHeader(source)).tensors) {
      const shape = shapes.get(name);
      if (shape === undefined) throw fail("unused", `mask ${name}`, "a parameter's name", "another", path);
      masks.set(name, unpackMask(await readTensor(source, entry), shape, name));
    }
    return masks;
  });
}

/** `tokenizer.json` with the flags that `tokenizer_config.json` overrides, as `transformers` lets it. */
function fromTokenizerJson(json: unknown, config: unknown, path: string, configPath: string): TokenizerFiles {
  const flags = parseTokenizerConfig(config ?? {}, configPath);
  const files = parseTokenizerJson(json, flags.maxLength, path);
  const says = (key: string) => isObject(config) && own(config, key) !== undefined;
  return {
    ...files,
    lowercase: says("do_lower_case") ? flags.lowercase : files.lowercase,
    stripAccents: says("strip_accents") ? flags.stripAccents : files.stripAccents,
    tokenizeChineseChars: says("tokenize_chinese_chars")
      ? flags.tokenizeChineseChars
      : files.tokenizeChineseChars,
  };
}

/**
 * The tokenizer of a folder, from `tokenizer.json` or else `vocab.txt`, with the flags of `tokenizer_config.json`.
 *
 * @throws {InputError} `folder/vocabulary` when neither is there
 * @throws {FormatError} `folder/vocabularies` when both are and differ; `tokenizer/…`, `vocab/…`
 */
export async function readVocabulary(folder: string): Promise<TokenizerFiles> {
  const jsonPath = join(folder, "tokenizer.json");
  const configPath = join(folder, "tokenizer_config.json");
  const vocabPath = join(folder, "vocab.txt");
  const [json, config] = [await readJsonIfPresent(jsonPath), await readJsonIfPresent(configPath)];
  const text = await readTextIfPresent(vocabPath);
  const vocab = text === undefined ? undefined : parseVocab(text, vocabPath);
  if (json !== undefined) {
    const files = fromTokenizerJson(json, config, jsonPath, configPath);
    if (vocab === undefined || vocab.join("\n") === files.vocab.join("\n")) return files;
    throw fail("vocabularies", "vocab.txt", "the pieces of tokenizer.json", "others", folder);
  }
  if (vocab !== undefined) return { vocab, ...parseTokenizerConfig(config ?? {}, configPath) };
  throw new InputError(
    "folder/vocabulary",
    `tokenizer: expected vocab.txt or tokenizer.json, got neither (${folder})`,
  );
}

function checkVocabulary(files: TokenizerFiles, config: BertConfig, folder: string): TokenizerFiles {
  if (files.vocab.length > config.vocabSize) {
    throw fail(
      "vocabulary-size",
      "vocabulary",
      `at most vocab_size ${config.vocabSize} pieces`,
      `${files.vocab.length}`,
      folder,
    );
  }
  return { ...files, maxLength: Math.min(files.maxLength, config.maxPositions) };
}

/** Configuration and head of a folder, without touching its weights. @throws as `readFolder` does */
export async function readFolderConfig(folder: string): Promise<{ config: BertConfig; head: Head }> {
  const path = join(folder, "config.json");
  const json = await readJsonIfPresent(path);
  if (json === undefined) {
    throw new InputError("folder/config", `model: expected a folder with config.json, got none (${folder})`);
  }
  return { config: parseConfig(json, path), head: parseHead(json, path) };
}

/**
 * Reads a Hugging Face folder: a BERT encoder with one of the heads of `Head`.
 *
 * @throws {InputError} `folder/config`, `folder/vocabulary`, `weights/missing`, `weights/foreign`
 * @throws {ConfigError} `config/…`
 * @throws {FormatError} `folder/missing`, `folder/unused`, `folder/shape`, `folder/twice`, `folder/untied`,
 *   `folder/vocabularies`, `folder/vocabulary-size`; `weights/…`, `safetensors/…`, `json/…`, `tokenizer/…`, `masks/size`
 */
export async function readFolder(folder: string): Promise<Network> {
  const { config, head } = await readFolderConfig(folder);
  const vocabulary = checkVocabulary(await readVocabulary(folder), config, folder);
  const tensors = await readTensors(folder, config, head);
  const masks = await readMasks(folder, parameters(config, head));
  return { config, head, tensors, vocabulary, ...(masks === undefined ? {} : { masks }) };
}

/** How weights are stored; the network itself is always float32. */
export type Storage = "float32" | "float16";

function toHalf(name: string, { shape, data }: FloatTensor): Tensor {
  const halves = encodeFloat16(data);
  const lost = data.findIndex((x, i) => Number.isFinite(x) && ((halves[i] ?? 0) & 0x7fff) === 0x7c00);
  if (lost >= 0)
    throw fail("float16", `tensor ${name}`, "values below 65,520", `${data[lost]}`, "float16 storage");
  return { dtype: "float16", shape, data: halves };
}

function weightParts(tensors: ReadonlyMap<string, FloatTensor>, storage: Storage): Uint8Array[] {
  const stored = new Map<string, Tensor>(tensors);
  if (storage === "float16") for (const [name, tensor] of tensors) stored.set(name, toHalf(name, tensor));
  // `transformers` before version 5 refuses a file without this line.
  return encodeSafetensors(stored, new Map([["format", "pt"]]));
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function writeMasks(folder: string, masks: Network["masks"]): Promise<void> {
  const path = join(folder, MASKS_FILE);
  if (masks === undefined || masks.size === 0) return rm(path, { force: true });
  const packed = new Map([...masks].map(([name, mask]) => [name, packMask(mask)]));
  return writeFileAtomic(path, encodeSafetensors(packed));
}

/**
 * Writes a Hugging Face folder. Each file appears whole; `config.json` goes first and comes back last, so that a folder
 * which has one is complete.
 *
 * @throws {FormatError} `folder/missing`, `folder/unused`, `folder/shape` for a network that contradicts itself;
 *   `folder/float16` for a value that is infinite in half precision
 */
export async function writeFolder(
  folder: string,
  network: Network,
  { storage = "float32" }: { readonly storage?: Storage } = {},
): Promise<void> {
  const { config, head, tensors, vocabulary } = network;
  checkTensors(tensors, config, head, folder);
  const special = Object.entries(SPECIAL_PIECES).map(([role, text]) => [`${role}_token`, text]);
  const weights = weightParts(tensors, storage);
  await rm(join(folder, "config.json"), { force: true });
  await writeFileAtomic(join(folder, WEIGHTS_FILE), weights);
  await writeMasks(folder, network.masks);
  const texts: readonly [string, string][] = [
    ["vocab.txt", vocabText(vocabulary)],
    ["tokenizer.json", pretty(tokenizerJson(vocabulary))],
    ["tokenizer_config.json", pretty(tokenizerConfigJson(vocabulary))],
    ["special_tokens_map.json", pretty(Object.fromEntries(special))],
    // `dtype` is what `transformers` computes in; halves are only how the file is stored.
    ["config.json", pretty({ ...configJson(config, head), dtype: "float32" })],
  ];
  for (const [name, text] of texts) await writeFileAtomic(join(folder, name), text);
}
