/**
 * model.esp: one file that is a model: an encoder, with whatever head it has. Configuration, labels, tokenizer and weights,
 * the sparse ones packed.
 *
 *   section 0       directory (directory.ts)
 *   section 1       word pieces (pieces.ts)
 *   section 2 + i   tensor i of the directory (matrices.ts)
 *
 * With a tokenizer that is no WordPiece the file is of another version, and between pieces and tensors lies a section more
 * (pipeline-section.ts).
 *
 * Promise: what is read is a whole model that agrees with itself; equal content and options are written as equal bytes, and
 * writing what was read gives the file again. A file is refused with a FormatError, whatever its bytes, before more memory
 * is taken than its size can account for. Browser-safe. The format's rules are in docs/format.md.
 * Not here: files and addresses, masks (the zeros are the mask), running the model.
 */

import type { BlockShape } from "../../base/blocks.ts";
import { requireEntry, requireItem } from "../../base/present.ts";
import type { FloatTensor } from "../../base/tensor.ts";
import type { BertConfig, Head } from "../../bert/config.ts";
import { isEmbedding, weightOf } from "../../bert/names.ts";
import { findOverflow, overflowWords, weightSizes } from "../../bert/range.ts";
import { lengthFor } from "../../network/length.ts";
import type { Network } from "../../network/network.ts";
import type { TokenizerFiles } from "../../text/tokenizer.ts";
import { isPacked, type PackedMatrix, packedSizes, unpackMatrix } from "../matrix.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { joinSections, openSections, PIPELINE_VERSION, VERSION } from "./container.ts";
import {
  checkTensors,
  type Directory,
  directoryText,
  type PackedTokenizer,
  parseDirectory,
  tensorShapes,
} from "./directory.ts";
import { bad } from "./failure.ts";
import {
  type Budget,
  type Choices,
  decodeTensor,
  encodeTensor,
  formOf,
  type Storage,
  type StoredTensor,
  storageOf,
} from "./matrices.ts";
import { decodePieces, encodePieces } from "./pieces.ts";
import { decodePipeline, encodePipeline } from "./pipeline-section.ts";
import { readText, writeText } from "./text.ts";
import { roundMatrix, type ValueKind } from "./values.ts";

/** What a .esp file holds, decoded. */
export interface EspModel {
  readonly config: BertConfig;
  readonly head: Head;
  readonly vocabulary: TokenizerFiles;
  /** Under the checkpoint's names; sparse matrices packed, everything else dense. */
  readonly tensors: ReadonlyMap<string, FloatTensor | PackedMatrix>;
  /** Free strings: the producer's version, a kernel table shipped with the file. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** How a network is written. */
export interface EspOptions {
  /** How values of sparse matrices are stored. Default float16. */
  readonly values?: ValueKind;
  /**
   * How embedding tables are stored, and of a network without layers in 8 bits other dense matrices too. Default as `values`.
   */
  readonly tables?: ValueKind;
  /** Of sparse matrices. Default: what is natural for each of them. */
  readonly block?: BlockShape;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Layers that compute in 8 bits are stored so, whatever the options say: their weights are on levels already. */
const IN_LEVELS = { sparse: "int8", dense: "int8" } as const;

/** Where a failure of writing happened. */
const WRITING = "writing";

/** What is written of a network. */
export type EspContent = Pick<Network, "config" | "head" | "vocabulary" | "tensors">;

/**
 * The bytes of a .esp file. Biases and LayerNorm stay float32, matrices are rounded as the options say.
 *
 * @throws {FormatError} `esp/missing`, `esp/unused`, `esp/shape` for a network that contradicts itself; `esp/finite`,
 *   `esp/range` for numbers that cannot be stored; `esp/piece`, `esp/pieces`, `vocab/special`; `esp/config` for a
 *   configuration that would not be read back
 */
export async function encodeEsp(network: EspContent, options: EspOptions = {}): Promise<Uint8Array> {
  const { config, head, vocabulary, tensors } = network;
  const { values = "float16", tables = values, block, metadata = {} } = options;
  checkTensors(tensors, config, head, WRITING);
  const exact = new Set([...(config.quantized?.keys() ?? [])].map(weightOf));
  const storages = new Map<string, Storage>();
  const sections: Uint8Array[] = [];
  for (const name of tensorShapes(config, head).keys()) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    // Beside layers in 8 bits the other matrices are those that were to be more exact: only tables are as `tables` says.
    const dense = config.quantized === undefined || isEmbedding(name) ? tables : values;
    const choices = exact.has(name) ? IN_LEVELS : { sparse: values, dense };
    const [stored, kind] = chooseStorage(name, tensor, { ...choices, block });
    storages.set(name, storageOf(stored, kind));
    sections.push(encodeTensor(stored, kind));
  }
  const text = directoryText({ config, head, metadata, tensors: storages }, vocabulary);
  parseDirectory(text, WRITING);
  const directory = new ByteWriter();
  writeText(directory, text, "directory");
  const pieces = encodePieces(vocabulary, config.vocabSize);
  const { pipeline, rules, vocab } = vocabulary;
  if (pipeline === undefined) return joinSections([directory.bytes(), pieces, ...sections]);
  const numbers = encodePipeline(pipeline, vocab.slice(0, rules.words));
  return joinSections([directory.bytes(), pieces, numbers, ...sections], PIPELINE_VERSION);
}

/** Vectors are float32, embedding tables dense; of any other matrix its numbers decide. */
function chooseStorage(name: string, tensor: FloatTensor, choices: Choices): [StoredTensor, ValueKind] {
  const what = `tensor ${name}`;
  if (tensor.shape.length !== 2) return [roundMatrix(tensor, "float32", what), "float32"];
  if (isEmbedding(name)) return [roundMatrix(tensor, choices.dense, what), choices.dense];
  return formOf(tensor, choices, what);
}

/**
 * Reads a .esp file.
 *
 * @param where     named in messages: the file
 * @param progress  told after each tensor which share of the tensors' bytes is read
 * @throws {FormatError} `esp/…`, `json/…`, `tokenizer/…`, `vocab/…`
 */
export async function decodeEsp(
  bytes: Uint8Array,
  where = "model.esp",
  progress: (share: number) => void = () => {},
): Promise<EspModel> {
  const { directory, vocabulary, sections } = openEsp(bytes, where);
  const { config, head, metadata } = directory;
  const budget = budgetOf(bytes.length, where);
  const tensors = new Map<string, StoredTensor>();
  const all = sections.reduce((sum, { length }) => sum + length, 0);
  let read = 0;
  for (const [name, storage] of directory.tensors) {
    const section = requireItem(sections, tensors.size, "sections");
    tensors.set(name, decodeTensor(section, storage, budget, `tensor ${name}`, where));
    read += section.length;
    progress(read / all);
  }
  checkRange(config, tensors, where);
  return { config, head, vocabulary, tensors, metadata };
}

/** @throws {FormatError} `esp/overflow` when a LayerNorm may get numbers whose squares are infinite */
function checkRange(config: BertConfig, tensors: ReadonlyMap<string, StoredTensor>, where: string): void {
  const overflow = findOverflow(config, (name) => {
    const tensor = requireEntry(tensors, name, "tensor");
    return isPacked(tensor) ? packedSizes(tensor) : weightSizes(tensor);
  });
  if (overflow !== undefined) throw bad("overflow", ...overflowWords(overflow), where);
}

/** A file whose container, directory and vocabulary are checked; the tensors' sections are as they lie in it. */
export interface OpenedEsp {
  readonly directory: Directory;
  readonly vocabulary: TokenizerFiles;
  readonly sections: readonly Uint8Array[];
  /** Bytes of the parts that are no tensors. */
  readonly sizes: { readonly head: number; readonly directory: number; readonly vocabulary: number };
}

/** Opens a file. @throws as `decodeEsp` does */
export function openEsp(bytes: Uint8Array, where: string): OpenedEsp {
  const { version, sections: all } = openSections(bytes, where);
  const [first, second, ...others] = all;
  if (first === undefined || second === undefined) {
    throw bad("sections", "file", "a directory and a vocabulary", "fewer sections", where);
  }
  const directory = parseDirectory(readText(new ByteReader(first, "directory", where)), where);
  const { config, tokenizer } = directory;
  const isOther = tokenizer.pipeline !== undefined;
  const expected = isOther ? PIPELINE_VERSION : VERSION;
  if (version !== expected)
    throw bad("version", "file", `version ${expected} for its tokenizer`, version, where);
  const sections = isOther ? others.slice(1) : others;
  const numbers = isOther ? others[0] : undefined;
  if (sections.length !== directory.tensors.size) {
    throw bad("sections", "file", `${directory.tensors.size} tensors`, sections.length, where);
  }
  const files = decodeTokenizer(tokenizer, second, numbers, config.vocabSize, where);
  const vocabulary = { ...files, maxLength: lengthFor({ config, vocabulary: files }) };
  const head = all.reduce((left, { length }) => left - length, bytes.length);
  const sizes = { head, directory: first.length, vocabulary: second.length + (numbers?.length ?? 0) };
  return { directory, vocabulary, sections, sizes };
}

/** The tokenizer of a directory, with its pieces and what it spells with. */
function decodeTokenizer(
  tokenizer: PackedTokenizer,
  pieces: Uint8Array,
  numbers: Uint8Array | undefined,
  most: number,
  where: string,
): TokenizerFiles {
  const vocab = decodePieces(pieces, most, tokenizer, where);
  if (tokenizer.pipeline === undefined) return { ...tokenizer, vocab };
  const words = vocab.slice(0, tokenizer.rules.words);
  if (numbers === undefined) throw bad("sections", "file", "merges or scores", "none", where);
  return { ...tokenizer, vocab, pipeline: decodePipeline(numbers, tokenizer.pipeline, words, where) };
}

/**
 * What a file may unpack to: 256 numbers for each of its bytes, and 2^24 besides. A constant is coded in next to nothing,
 * so without this a file of a kilobyte could ask for gigabytes.
 */
function budgetOf(size: number, where: string): Budget {
  let left = 2 ** 24 + 256 * size;
  return (elements, what) => {
    left -= elements;
    if (left < 0)
      throw bad("budget", what, `numbers that a file of ${size} bytes can account for`, "more", where);
  };
}

/** The network of a file, its matrices with their zeros: for ONNX and evaluation. */
export function networkOf({ config, head, vocabulary, tensors }: EspModel): Network {
  const dense = [...tensors].map(
    ([name, tensor]) => [name, isPacked(tensor) ? unpackMatrix(tensor) : tensor] as const,
  );
  return { config, head, vocabulary, tensors: new Map(dense) };
}
