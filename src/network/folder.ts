/**
 * A network as a Hugging Face model folder: `config.json`, weights, tokenizer files.
 *
 * Promise: a folder is read only when each tensor the configuration asks for is there, in its shape, finite, and no other
 * that an answer could depend on (folder-tensors.ts); what is written loads in stock `transformers` when the layers are of one size and the head reads the pooler, and
 * is read back here bit for bit (unless stored as float16).
 *
 * A pruned network's layer sizes go under `espalier` in `config.json`, its masks into a file of their own (masks.ts),
 * how it makes vectors also into the files of sentence-transformers (sentence-files.ts).
 * Not here: downloading (hub/), the ONNX model, checkpoints of a training run.
 */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import type { FloatTensor, Tensor } from "../base/tensor.ts";
import { ARCHITECTURES } from "../bert/architectures/table.ts";
import { type BertConfig, factsOf, type Head, parseConfig } from "../bert/config.ts";
import { configJson } from "../bert/config-json.ts";
import { findHead, parseHead } from "../bert/head.ts";
import { parameters, type Shapes, weightOf } from "../bert/names.ts";
import { readJsonIfPresent, readTextIfPresent, withFile, writeFileAtomic } from "../formats/files.ts";
import { encodeFloat16 } from "../formats/float16.ts";
import { jsonText } from "../formats/json.ts";
import { encodeSafetensors, readHeader, readTensor } from "../formats/safetensors.ts";
import { WEIGHTS_FILE } from "../formats/weights.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";
import type { JsonFile } from "../text/tokenizer-config.ts";
import { tokenizerTexts } from "../text/tokenizer-files.ts";
import {
  readTokenizer,
  SENTENCE_PIECE_FILES,
  TEXT_FILES,
  type TextFile,
  TOKENIZER_FILES,
} from "../text/vocabulary.ts";
import {
  checkTensors,
  fail,
  type Listed,
  listTensors,
  readTensors,
  storedTensors,
} from "./folder-tensors.ts";
import { lengthFor } from "./length.ts";
import { countUnpruned, MASKS_FILE, packMask, unpackMask } from "./masks.ts";
import type { Network } from "./network.ts";
import { checkLevels } from "./quantized.ts";
import { readSentenceFiles, sentenceTexts } from "./sentence-files.ts";

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

/**
 * The configuration, the head and the masks of a folder, without its weights, which may be gone: what is left of a network is all
 * that some studies ask for.
 *
 * @throws {InputError} `folder/config`; {ConfigError} `config/…`; {FormatError} `masks/size`, `safetensors/…`, `folder/unused`
 */
export async function readMaskedConfig(folder: string): Promise<Pick<Network, "config" | "head" | "masks">> {
  const { config, json, path } = await readConfig(folder);
  const head = parseHead(json, path);
  const masks = await readMasks(folder, parameters(config, head));
  return { config, head, ...(masks === undefined ? {} : { masks }) };
}

/** What a mask calls pruned is 0. A weight that is 0 and not pruned is nothing strange. */
function checkMasks(network: Pick<Network, "tensors" | "masks">, where: string): void {
  for (const [name, mask] of network.masks ?? []) {
    const wrong = countUnpruned(requireEntry(network.tensors, name, "tensor"), mask);
    if (wrong > 0)
      throw fail("mask", `mask of ${name}`, "weights of 0 where it has 0", `${wrong} others`, where);
  }
}

/**
 * The tokenizer of a folder: `tokenizer.json` or else `vocab.txt`, with the files beside it (text/vocabulary.ts).
 *
 * @throws {InputError} `folder/vocabulary` when neither is there
 * @throws {FormatError} `folder/vocabularies` when both are and differ; `tokenizer/…`, `vocab/…`
 */
export async function readVocabulary(folder: string): Promise<TokenizerFiles> {
  const read = async (name: string): Promise<JsonFile | undefined> => {
    const where = join(folder, name);
    const json = await readJsonIfPresent(where);
    return json === undefined ? undefined : { json, where };
  };
  const readText = async (name: string): Promise<TextFile | undefined> => {
    const where = join(folder, name);
    const text = await readTextIfPresent(where);
    return text === undefined ? undefined : { text, where };
  };
  return readTokenizer(
    {
      tokenizer: await read(TOKENIZER_FILES.tokenizer),
      config: await read(TOKENIZER_FILES.config),
      specialTokensMap: await read(TOKENIZER_FILES.specialTokensMap),
      addedTokens: await read(TOKENIZER_FILES.addedTokens),
      model: await read(TOKENIZER_FILES.model),
      numbers: await read(TOKENIZER_FILES.numbers),
      vocab: await readText(TEXT_FILES.vocab),
      merges: await readText(TEXT_FILES.merges),
      sentencePiece: SENTENCE_PIECE_FILES.find((name) => existsSync(join(folder, name))),
    },
    folder,
  );
}

function checkVocabulary(files: TokenizerFiles, config: BertConfig, folder: string): TokenizerFiles {
  if (files.vocab.length > config.vocabSize) {
    throw fail(
      "vocabulary-size",
      "vocabulary",
      `at most vocab_size ${config.vocabSize} pieces`,
      `${files.vocab.length}, the last ${files.vocab.at(-1)}`,
      folder,
    );
  }
  return { ...files, maxLength: lengthFor({ config, vocabulary: files }) };
}

/** Tells the user something that is no error. */
export type Note = (text: string) => void;

interface Opened {
  readonly config: BertConfig;
  readonly head: Head;
  readonly listed: Listed;
}

async function readConfig(folder: string): Promise<{ config: BertConfig; json: unknown; path: string }> {
  const path = join(folder, "config.json");
  const json = await readJsonIfPresent(path);
  if (json === undefined) {
    throw new InputError("folder/config", `model: expected a folder with config.json, got none (${folder})`);
  }
  return { config: parseConfig(json, path), json, path };
}

async function openFolder(folder: string, note: Note): Promise<Opened> {
  const { config, json, path } = await readConfig(folder);
  const listed = await listTensors(folder, ARCHITECTURES[factsOf(config).type].spelling);
  const { head, notes } = findHead(json, new Set(listed.values()), path);
  for (const text of notes) note(text);
  return { config, head, listed };
}

/**
 * Reads a Hugging Face folder: an encoder of an architecture of bert/architectures/ with one of the heads of `Head`.
 *
 * @param note  hears how the head was found where `config.json` does not say it, and which tensors were left out
 * @throws {InputError} `folder/config`, `folder/vocabulary`, `weights/missing`, `weights/foreign`
 * @throws {ConfigError} `config/…`
 * @throws {FormatError} `folder/missing`, `folder/unused`, `folder/shape`, `folder/twice`, `folder/untied`,
 *   `folder/finite`, `folder/overflow`, `folder/vocabularies`, `folder/vocabulary-size`, `folder/mask`, `folder/quantized`; `weights/…`, `safetensors/…`, `json/…`,
 *   `tokenizer/…`, `masks/size`
 */
export async function readFolder(folder: string, note: Note = () => {}): Promise<Network> {
  const { config, head: found, listed } = await openFolder(folder, note);
  const files = checkVocabulary(await readVocabulary(folder), config, folder);
  const { head, maxLength } = await readSentenceFiles(folder, { head: found, vocabulary: files }, note);
  // A sentence encoder's own length stands in place of `model_max_length`, also above it.
  const vocabulary = Number.isFinite(maxLength) ? { ...files, maxLength } : files;
  const tensors = await readTensors(folder, listed, config, head, note);
  const masks = await readMasks(folder, parameters(config, head));
  const network = { config, head, tensors, vocabulary, ...(masks === undefined ? {} : { masks }) };
  checkMasks(network, join(folder, MASKS_FILE));
  checkLevels(network, folder);
  return network;
}

/** How weights are stored; the network itself is always float32. Layers in 8 bits are stored as float32 either way. */
export type Storage = "float32" | "float16";

function toHalf(name: string, { shape, data }: FloatTensor): Tensor {
  const halves = encodeFloat16(data);
  const lost = halves.findIndex((half, i) => (half & 0x7fff) === 0x7c00 && Number.isFinite(data[i]));
  if (lost >= 0)
    throw fail("float16", `tensor ${name}`, "values below 65,520", `${data[lost]}`, "float16 storage");
  return { dtype: "float16", shape, data: halves };
}

/** The weights of layers in 8 bits stay float32: a level times its scale has up to 15 digits, a half has 11. */
function weightParts(network: Network, storage: Storage): Uint8Array[] {
  const exact = new Set([...(network.config.quantized?.keys() ?? [])].map(weightOf));
  const stored = new Map<string, Tensor>(
    storedTensors(network).map(({ name, tensor, holds }) => {
      const isHalf = storage === "float16" && !holds.some((part) => exact.has(part));
      return [name, isHalf ? toHalf(name, tensor) : tensor];
    }),
  );
  // `transformers` before version 5 refuses a file without this line.
  return encodeSafetensors(stored, new Map([["format", "pt"]]));
}

async function writeMasks(folder: string, masks: Network["masks"]): Promise<void> {
  const path = join(folder, MASKS_FILE);
  if (masks === undefined || masks.size === 0) return rm(path, { force: true });
  const packed = new Map([...masks].map(([name, mask]) => [name, packMask(mask)]));
  return writeFileAtomic(path, encodeSafetensors(packed));
}

/** The names of a network's folder that `writeFolder` writes, or sees to that they are absent. */
export function folderNames(network: Pick<Network, "config" | "head" | "vocabulary">): string[] {
  const texts = [...tokenizerTexts(network.vocabulary).keys(), ...sentenceTexts(network).keys()];
  return ["config.json", WEIGHTS_FILE, MASKS_FILE, ...texts];
}

/**
 * Writes a Hugging Face folder. Each file appears whole; `config.json` goes first and comes back last, so that a folder
 * which has one is complete.
 *
 * @throws {FormatError} `folder/missing`, `folder/unused`, `folder/shape`, `folder/mask`, `folder/quantized` for a network that contradicts itself;
 *   `folder/float16` for a value that is infinite in half precision
 */
export async function writeFolder(
  folder: string,
  network: Network,
  { storage = "float32" }: { readonly storage?: Storage } = {},
): Promise<void> {
  const { config, head, tensors, vocabulary } = network;
  checkTensors(tensors, config, head, folder);
  checkMasks(network, folder);
  checkLevels(network, folder);
  const weights = weightParts(network, storage);
  await rm(join(folder, "config.json"), { force: true });
  await writeFileAtomic(join(folder, WEIGHTS_FILE), weights);
  await writeMasks(folder, network.masks);
  for (const [name, text] of [...tokenizerTexts(vocabulary), ...sentenceTexts(network)]) {
    if (text === undefined) await rm(join(folder, name), { force: true });
    else await writeFileAtomic(join(folder, name), text);
  }
  // `dtype` is what `transformers` computes in; halves are only how the file is stored.
  await writeFileAtomic(
    join(folder, "config.json"),
    jsonText({ ...configJson(config, head), dtype: "float32" }),
  );
}
