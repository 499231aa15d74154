/**
 * `pytorch_model.bin`: what `torch.save` made of a state dictionary, read without executing anything.
 *
 *   Format   since torch 1.6 a zip of stored entries: data.pkl, and one entry for each storage (zip.ts, pickle.ts);
 *            before, and where it is asked for, pickles one after the other, then the storages (`readLegacy`)
 *   Promise  what is read is a dictionary of names and tensors, and every byte of the file belongs to it. A tensor is a
 *            view that lies within its storage (rebuild.ts). No number is read before it is asked for, and all tensors
 *            together are not much larger than the file.
 *
 * A checksum is held where a tensor takes all of its storage, as nearly all do.
 */

import { crc32 } from "node:zlib";
import { FormatError } from "../../base/errors.ts";
import { requireItem } from "../../base/present.ts";
import type { ByteSource } from "../../base/source.ts";
import { BYTES, type DType, type FloatTensor, sizeOf, type Tensor } from "../../base/tensor.ts";
import { toFloats, viewAs } from "../safetensors.ts";
import { readPickle } from "./pickle.ts";
import { hostOf, isKind, spanOf } from "./rebuild.ts";
import { inWords, type Storage, type Value, type View } from "./values.ts";
import { readZip, type ZipEntry } from "./zip.ts";

/** A tensor of a checkpoint, and where the bytes of its storage lie. */
export interface TorchTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly view: View;
  readonly place: Place;
}

/** Where a storage's bytes begin. */
interface Place {
  readonly start: number;
  /** 0: not known. */
  readonly crc: number;
  readonly isBigEndian: boolean;
}

/** Largest pickle: one of 400 tensors has some 75 kB. */
const MAX_PICKLE = 1 << 24;

/** All tensors may be so many times as large as the file: tied ones lie in it once, and views overlap. */
const MOST_TIMES = 8;
/** And so large in any case. */
const ALWAYS_ALLOWED = 1 << 26;

/** What a legacy file begins with, and the version that followed it ever since. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;

/** Entries beside data.pkl and the storages, of which only the byte order matters. */
const RECORDS = ["version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"];

function bad(code: string, what: string, expected: string, got: string, where: string): FormatError {
  return new FormatError(`torch/${code}`, `${what}: expected ${expected}, got ${got} (${where})`);
}

/**
 * The tensors of a checkpoint by name, in its order; their numbers are not touched.
 * @throws {FormatError} `torch/…`, `pickle/…`, `zip/…`
 */
export async function readCheckpoint(source: ByteSource): Promise<ReadonlyMap<string, TorchTensor>> {
  const start = await source.slice(0, Math.min(2, source.byteLength));
  const isZip = start[0] === 0x50 && start[1] === 0x4b;
  if (!isZip && start[0] !== 0x80) {
    throw bad("foreign", "file", "what torch.save writes", "another kind of file", source.name);
  }
  const { value, places } = isZip ? await readArchive(source) : await readLegacy(source);
  const tensors = tensorsOf(value, places, source.name);
  checkGrowth(tensors, source);
  return tensors;
}

function tensorsOf(
  value: Value,
  places: ReadonlyMap<string, Place>,
  where: string,
): Map<string, TorchTensor> {
  if (!isKind(value, "dict")) throw bad("content", "content", "a dict of tensors", inWords(value), where);
  const tensors = new Map<string, TorchTensor>();
  for (const [name, view] of value.entries) {
    if (!isKind(view, "tensor")) throw bad("content", `value of ${name}`, "a tensor", inWords(view), where);
    const place = places.get(view.storage.key);
    if (place === undefined) throw bad("storage", `storage ${view.storage.key}`, "its bytes", "none", where);
    tensors.set(name, { dtype: view.storage.dtype, shape: view.shape, view, place });
  }
  return tensors;
}

/** A few bytes can be a view of any size, by strides of 0, and a million views can overlap. */
function checkGrowth(tensors: ReadonlyMap<string, TorchTensor>, { byteLength, name }: ByteSource): void {
  let bytes = 0;
  for (const { dtype, view } of tensors.values()) {
    bytes += BYTES[dtype] * Math.max(sizeOf(view.shape), spanOf(view));
  }
  const most = Math.max(MOST_TIMES * byteLength, ALWAYS_ALLOWED);
  if (bytes > most) throw bad("growth", "tensors", `at most ${most} bytes together`, `${bytes}`, name);
}

interface Content {
  readonly value: Value;
  readonly places: ReadonlyMap<string, Place>;
}

/** A small record of an archive as text. */
async function readRecord(source: ByteSource, entry: ZipEntry): Promise<string> {
  const length = entry.end - entry.start;
  if (length > 64) throw bad("entry", `entry ${entry.name}`, "at most 64 bytes", `${length}`, source.name);
  return Buffer.from(await source.slice(entry.start, entry.end)).toString("latin1");
}

/** Entries without the name of their common folder. */
function withoutFolder(entries: readonly ZipEntry[], where: string): Map<string, ZipEntry> {
  const [folder = ""] = entries[0]?.name.split("/") ?? [];
  const inside = new Map<string, ZipEntry>();
  for (const entry of entries) {
    const name = entry.name.slice(folder.length + 1);
    const isOne = folder !== "" && entry.name.startsWith(`${folder}/`);
    const isKnown = name === "data.pkl" || RECORDS.includes(name) || /^data\/\w+$/.test(name);
    if (!isOne || !isKnown) {
      throw bad(
        "entry",
        "entry",
        "data.pkl, data/… or a record of torch in one folder",
        entry.name.slice(0, 200),
        where,
      );
    }
    inside.set(name, entry);
  }
  return inside;
}

async function readArchive(source: ByteSource): Promise<Content> {
  const { name } = source;
  const entries = withoutFolder(await readZip(source), name);
  const version = entries.get("version");
  const written = version && (await readRecord(source, version));
  if (written === undefined || !/^([1-9]|10)\n?$/.test(written)) {
    throw bad("version", "version of the archive", "1 to 10", written ?? "none", name);
  }
  const order = entries.get("byteorder");
  const byteOrder = order ? await readRecord(source, order) : "little";
  if (byteOrder !== "little" && byteOrder !== "big")
    throw bad("byte-order", "byte order", "little or big", byteOrder, name);
  const pickle = entries.get("data.pkl");
  if (pickle === undefined) throw bad("entry", "archive", "an entry data.pkl", "none", name);
  const bytes = await readPickled(source, pickle);
  const storages = new Map<string, Storage>();
  const { value, end } = readPickle(bytes, 0, hostOf(storages, false), `data.pkl of ${name}`);
  if (end !== bytes.length)
    throw bad("trailing", "data.pkl", `${end} bytes, its end`, `${bytes.length}`, name);
  const places = new Map<string, Place>();
  for (const storage of storages.values()) {
    const entry = entries.get(`data/${storage.key}`);
    if (entry === undefined)
      throw bad("storage", `storage ${storage.key}`, "an entry of that name", "none", name);
    const size = storage.count * BYTES[storage.dtype];
    const got = entry.end - entry.start;
    if (got !== size) throw bad("storage", `storage ${storage.key}`, `${size} bytes`, `${got}`, name);
    places.set(storage.key, { start: entry.start, crc: entry.crc, isBigEndian: byteOrder === "big" });
  }
  const unused = [...entries.keys()].find((key) => key.startsWith("data/") && !storages.has(key.slice(5)));
  if (unused !== undefined) throw bad("entry", "storages", "those that tensors lie in", unused, name);
  return { value, places };
}

async function readPickled(source: ByteSource, { start, end, crc }: ZipEntry): Promise<Uint8Array> {
  if (end - start > MAX_PICKLE) {
    throw bad("pickle", "data.pkl", `at most ${MAX_PICKLE} bytes`, `${end - start}`, source.name);
  }
  const bytes = await source.slice(start, end);
  checkSum(bytes, crc, "data.pkl", source.name);
  return bytes;
}

function checkSum(bytes: Uint8Array, expected: number, what: string, where: string): void {
  if (expected === 0) return;
  const got = crc32(bytes);
  if (got !== expected) throw bad("checksum", `CRC-32 of ${what}`, `${expected}`, `${got}`, where);
}

/** torch/serialization.py, `_legacy_save`: magic, version, facts of the machine, content, names, then each storage. */
async function readLegacy(source: ByteSource): Promise<Content> {
  const { name, byteLength } = source;
  const bytes = await source.slice(0, Math.min(byteLength, MAX_PICKLE));
  const storages = new Map<string, Storage>();
  const host = hostOf(storages, true);
  let at = 0;
  const next = (): Value => {
    const { value, end } = readPickle(bytes, at, host, name);
    at = end;
    return value;
  };
  const [magic, version] = [next(), next()];
  if (magic !== MAGIC) throw bad("foreign", "pickle", "torch's magic number", inWords(magic), name);
  if (version !== LEGACY_VERSION)
    throw bad("version", "version", `${LEGACY_VERSION}`, inWords(version), name);
  const facts = next();
  const isLittle = isKind(facts, "dict") ? facts.entries.get("little_endian") : undefined;
  if (typeof isLittle !== "boolean")
    throw bad("byte-order", "little_endian", "true or false", inWords(isLittle), name);
  const value = next();
  const keys = next();
  if (!isKind(keys, "list")) throw bad("storage", "names of storages", "a list", inWords(keys), name);
  const places = new Map<string, Place>();
  for (const key of keys.items) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key)) {
      throw bad("storage", "names of storages", "each that a tensor lies in, once", inWords(key), name);
    }
    places.set(storage.key, { start: at + 8, crc: 0, isBigEndian: !isLittle });
    at = await behindStorage(source, storage, at, isLittle);
  }
  if (at !== byteLength)
    throw bad("trailing", "file", `${at} bytes, the end of its last storage`, `${byteLength}`, name);
  return { value, places };
}

/** The end of a storage that begins with its count. */
async function behindStorage(
  source: ByteSource,
  storage: Storage,
  at: number,
  isLittle: boolean,
): Promise<number> {
  const { key, count, dtype } = storage;
  const end = at + 8 + count * BYTES[dtype];
  if (end > source.byteLength) {
    throw bad("storage", `storage ${key}`, `an end within ${source.byteLength} bytes`, `${end}`, source.name);
  }
  const bytes = await source.slice(at, at + 8);
  const written = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, isLittle);
  if (written === BigInt(count)) return end;
  throw bad("storage", `storage ${key}`, `${count} numbers`, `${written}`, source.name);
}

/** Where element after element of a tensor lies, without gaps and in order. */
function isContiguous({ shape, strides }: View): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] ?? 1;
    if (size > 1 && strides[i] !== expected) return false;
    expected *= size;
  }
  return true;
}

/** The bytes of a view's elements in row-major order, out of those from its first to its last. */
function gather(bytes: Uint8Array, { shape, strides }: View, width: number): Uint8Array {
  const out = new Uint8Array(sizeOf(shape) * width);
  let to = 0;
  const copy = (dimension: number, from: number): void => {
    if (dimension === shape.length) {
      for (let i = 0; i < width; i++) out[to++] = bytes[from + i] ?? 0;
      return;
    }
    const step = requireItem(strides, dimension, "strides") * width;
    const size = requireItem(shape, dimension, "shape");
    for (let i = 0; i < size; i++) copy(dimension + 1, from + i * step);
  };
  if (out.length > 0) copy(0, 0);
  return out;
}

/** A copy in which each element's bytes are turned round. */
function swapped(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.map((_, i) => bytes[i - (i % width) + width - 1 - (i % width)] ?? 0);
}

/** Reads one tensor as it is stored. @throws {FormatError} `torch/checksum` */
export async function readView(
  source: ByteSource,
  { dtype, shape, view, place }: TorchTensor,
): Promise<Tensor> {
  const width = BYTES[dtype];
  const start = place.start + view.offset * width;
  const span = spanOf(view);
  const stored = await source.slice(start, start + span * width);
  if (span === view.storage.count) checkSum(stored, place.crc, `storage ${view.storage.key}`, source.name);
  const bytes = isContiguous(view) ? stored : gather(stored, view, width);
  return { dtype, shape, data: viewAs(dtype, place.isBigEndian ? swapped(bytes, width) : bytes) };
}

/**
 * Reads one tensor as float32.
 * @throws {FormatError} `torch/not-float` for integers and booleans, `torch/checksum`
 */
export async function readViewFloats(
  source: ByteSource,
  name: string,
  tensor: TorchTensor,
): Promise<FloatTensor> {
  const data = toFloats(await readView(source, tensor));
  if (data !== undefined) return { dtype: "float32", shape: tensor.shape, data };
  throw bad("not-float", `tensor ${name}`, "floats", tensor.dtype, source.name);
}
