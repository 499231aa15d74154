/**
 * A mask file: a task as what it adds to a base model. One bit for each masked weight, and the tensors of the head.
 *
 *   Format   gzip of a safetensors file: `mask.NAME` for each masked tensor, packed as in masks.ts; the head's tensors
 *            under their own names; metadata `espalier_mask` (the version), `config` (a config.json, for the head and
 *            its labels), `max_length` (where texts are cut; absent: as
 *            the base cuts them) and `base` (SHA-256 of what the file does not carry)
 *   Promise  base and mask file give the very network that was written; under another base a file is refused.
 *            A removed weight is 0, whatever the sign of the 0 it was. A base in 8 bits stands for the same numbers
 *            computed in float32, as methods take it
 *
 * A mask file is never larger than its base in float32: that bounds what is read of a hostile one.
 * Not here: the masks inside a model folder (masks.ts), where base and file lie.
 */

import { createHash } from "node:crypto";
import { FormatError, InputError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { type ByteSource, bufferSource } from "../base/source.ts";
import { type FloatTensor, findNotFinite, sizeOf, type Tensor } from "../base/tensor.ts";
import { type BertConfig, type Head, parseConfig } from "../bert/config.ts";
import { configJson } from "../bert/config-json.ts";
import { parseHead } from "../bert/head.ts";
import { isEncoder, parameters, type Shapes } from "../bert/names.ts";
import { gunzip, gzip } from "../formats/gzip.ts";
import { parseJson } from "../formats/json.ts";
import {
  encodeSafetensors,
  readFloats,
  readHeader,
  readTensor,
  type TensorEntry,
} from "../formats/safetensors.ts";
import { pipelineText } from "../text/pipeline/packed-json.ts";
import { canonical } from "../text/rules.ts";
import { lengthFor, withLength } from "./length.ts";
import { packMask, unpackMask } from "./masks.ts";
import type { Network } from "./network.ts";
import { inFloat } from "./quantized.ts";

const VERSION = "1";
const PREFIX = "mask.";

/** Bytes that the file of even the smallest base may have: names and labels are not weights. */
const LEAST_LIMIT = 1 << 20;

/** A network that mask files may be applied to. Reading its tensors for the digest is done once. */
export interface MaskBase {
  /** With every layer in float32. */
  readonly network: Network;
  /** SHA-256 of the encoder: its tensors, what its forward pass depends on besides, and its word pieces. */
  readonly digest: string;
}

/** Prepares a network for mask files. Its own head does not matter. */
export function maskBase(network: Network): MaskBase {
  const hash = createHash("sha256").update(settingsOf(network));
  for (const [name, shape] of encoderOf(network.config)) {
    const { data } = requireEntry(network.tensors, name, "tensor");
    hash.update(JSON.stringify([name, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return { network: inFloat(network), digest: hash.digest("hex") };
}

/** Everything but tensors that an encoder's answers depend on. Dropout and initialisation are not among it. */
function settingsOf({ config, vocabulary }: Network): string {
  const { vocab, rules } = vocabulary;
  const own = rules === undefined ? [] : [canonical(rules)];
  if (vocabulary.pipeline !== undefined) {
    return JSON.stringify([shapeOf(config), vocab, pipelineText(vocabulary.pipeline), ...own]);
  }
  const { lowercase, stripAccents, tokenizeChineseChars } = vocabulary;
  return JSON.stringify([shapeOf(config), vocab, lowercase, stripAccents, tokenizeChineseChars, ...own]);
}

/** What a forward pass depends on, by name. */
function shapeOf(config: BertConfig): Record<string, unknown> {
  const { vocabSize, hiddenSize, layers, maxPositions, typeVocab, activation, layerNormEps } = config;
  const sizes = layers.map(({ heads, headSize, ffn }) => [heads, headSize, ffn]);
  return {
    ...factsIn(config),
    layers: sizes,
    hiddenSize,
    vocabSize,
    maxPositions,
    typeVocab,
    activation,
    layerNormEps,
  };
}

/** What an encoder computes otherwise than BERT, heads and rates of dropout apart; nothing for BERT itself. */
function factsIn({ facts, layers }: BertConfig): Record<string, unknown> {
  if (facts === undefined) return {};
  const { dropouts: _, head: __, ...rest } = facts;
  return { facts: rest, layerFacts: layers.map(({ heads: _, headSize: __, ffn: ___, ...own }) => own) };
}

/** Names and shapes of the tensors that a mask file leaves to the base. */
function encoderOf(config: BertConfig): Shapes {
  return new Map([...parameters(config, { kind: "none" })].filter(([name]) => isEncoder(name)));
}

/**
 * The file that makes `product` of the base; undefined when a weight of its encoder is neither the base's nor removed
 * by a mask, when it computes in 8 bits, or when it is another encoder altogether.
 */
export function encodeMaskFile(
  { network: base, digest }: MaskBase,
  product: Network,
): Uint8Array | undefined {
  const { config, head, tensors, masks = new Map() } = product;
  if (config.quantized !== undefined || settingsOf(base) !== settingsOf(product)) return undefined;
  for (const name of encoderOf(config).keys()) {
    if (!isMasked(base.tensors.get(name), masks.get(name), tensors.get(name))) return undefined;
  }
  const parts = new Map<string, Tensor>();
  for (const [name, mask] of masks) parts.set(PREFIX + name, packMask(mask));
  for (const [name, tensor] of tensors) if (!isEncoder(name)) parts.set(name, tensor);
  const metadata = {
    espalier_mask: VERSION,
    base: digest,
    config: JSON.stringify(configJson(config, head)),
    max_length: String(lengthFor(product)),
  };
  return gzip(encodeSafetensors(parts, new Map(Object.entries(metadata))));
}

/** True when each weight is the base's, or 0 where the mask has a 0. */
function isMasked(
  base: FloatTensor | undefined,
  mask: Tensor<"uint8"> | undefined,
  product: FloatTensor | undefined,
): boolean {
  if (base === undefined || product?.data.length !== base.data.length) return false;
  return product.data.every((w, i) => w === (mask?.data[i] === 0 ? 0 : base.data[i]));
}

/**
 * Reads a mask file and applies it: the base's encoder under the masks, and the file's head.
 *
 * @throws {InputError} `mask/base` for the file of another base
 * @throws {FormatError} `mask/version` for no mask file or one of another version, `mask/shape` for one of a base of
 *   other sizes, `mask/length`, `mask/unused`, `mask/missing`, `mask/tensor` for parts that do not fit, `mask/finite`;
 *   `gzip/…`, `safetensors/…`, `json/…`, `masks/size`
 * @throws {ConfigError} `config/…`
 */
export async function applyMaskFile(
  { network: base, digest }: MaskBase,
  source: ByteSource,
): Promise<Network> {
  const where = source.name;
  const file = bufferSource(where, await gunzip(source, limitOf(base), "mask file"));
  const { tensors: entries, metadata } = await readHeader(file);
  if (metadata.get("espalier_mask") !== VERSION) {
    throw bad("version", "mask file", `one of version ${VERSION}`, got(metadata.get("espalier_mask")), where);
  }
  const head = headOf(base, metadata.get("config") ?? "{}", where);
  checkDigest(metadata.get("base"), digest, where);
  const shapes = parameters(base.config, head);
  const tensors = new Map<string, FloatTensor>();
  const masks = new Map<string, Tensor<"uint8">>();
  for (const [name, entry] of entries) {
    const masked = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
    const shape = shapes.get(masked ?? name);
    if (shape === undefined || (masked === undefined && isEncoder(name))) {
      throw bad("unused", `tensor ${name}`, "a mask or a tensor of the head", "another", where);
    }
    if (masked !== undefined)
      masks.set(masked, unpackMask(await readTensor(file, entry), shape, masked, where));
    else tensors.set(name, await readHeadTensor(file, name, entry));
  }
  const length = lengthOf(metadata.get("max_length"), base, where);
  const network = { ...base, head, tensors: mergeTensors(base, shapes, tensors, masks, where), masks };
  return withLength(network, length);
}

/** The file's length, or the base's where it says none. */
function lengthOf(text: string | undefined, base: Network, where: string): number {
  if (text === undefined) return lengthFor(base);
  const length = Number(text);
  const most = base.config.maxPositions;
  if (Number.isInteger(length) && length >= 3 && length <= most) return length;
  throw bad("length", "mask file", `a max_length of 3 to ${most}`, text, where);
}

async function readHeadTensor(file: ByteSource, name: string, entry: TensorEntry): Promise<FloatTensor> {
  const tensor = await readFloats(file, name, entry);
  const place = findNotFinite(tensor.data);
  if (place < 0) return tensor;
  throw bad(
    "finite",
    `tensor ${name}`,
    "finite numbers",
    `${tensor.data[place]} at place ${place}`,
    file.name,
  );
}

/** All tensors of the network, in the order of its forward pass. */
function mergeTensors(
  base: Network,
  shapes: Shapes,
  head: ReadonlyMap<string, FloatTensor>,
  masks: ReadonlyMap<string, Tensor<"uint8">>,
  where: string,
): Map<string, FloatTensor> {
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of shapes) {
    const tensor = isEncoder(name) ? base.tensors.get(name) : head.get(name);
    if (tensor === undefined) throw bad("missing", `tensor ${name}`, `[${shape}]`, "no such tensor", where);
    if (tensor.shape.join() !== shape.join()) {
      throw bad("tensor", `tensor ${name}`, `[${shape}]`, `[${tensor.shape}]`, where);
    }
    const mask = isEncoder(name) ? masks.get(name) : undefined;
    tensors.set(name, mask ? under(tensor, mask) : tensor);
  }
  return tensors;
}

function under({ dtype, shape, data }: FloatTensor, mask: Tensor<"uint8">): FloatTensor {
  return { dtype, shape, data: data.map((w, i) => (mask.data[i] === 0 ? 0 : w)) };
}

/** The file's head, when its configuration is the base's. */
function headOf(base: Network, config: string, where: string): Head {
  const json = parseJson(config, where);
  const found = shapeOf(parseConfig(json, where));
  for (const [name, value] of Object.entries(shapeOf(base.config))) {
    const [expected, other] = [value, found[name]].map((x) => JSON.stringify(x));
    if (expected !== other)
      throw bad("shape", "mask file", `${name} ${expected}, the base's`, `${other}`, where);
  }
  return parseHead(json, where);
}

function checkDigest(found: string | undefined, digest: string, where: string): void {
  if (found === digest) return;
  throw new InputError(
    "mask/base",
    `mask file: expected one for this base (SHA-256 ${digest.slice(0, 12)}…), got one for another (${got(found).slice(0, 12)}…) of the same sizes (${where})`,
  );
}

function limitOf({ tensors }: Network): number {
  return Math.max(
    LEAST_LIMIT,
    [...tensors.values()].reduce((bytes, { shape }) => bytes + 4 * sizeOf(shape), 0),
  );
}

function got(text: string | undefined): string {
  return text === undefined ? "none" : text;
}

function bad(code: string, what: string, expected: string, found: string, where: string): FormatError {
  return new FormatError(
    `mask/${code}`,
    `${what}: expected ${expected}, got ${found.slice(0, 200)} (${where})`,
  );
}
