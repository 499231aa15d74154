/**
 * The safetensors format: a strict reader over any byte source, and a writer with one output per content.
 *
 *   Format   https://github.com/huggingface/safetensors#format
 *            8 bytes: length N of the header, u64 little-endian · N bytes: JSON · the tensors' bytes
 *   Promise  a file is read only when its tensors cover the byte buffer exactly: no hole, no overlap, nothing after;
 *            sizes equal shape × dtype; no key occurs twice. Each way to fail has a code of its own.
 *   Stricter than the reference: a key of an entry that the format does not know is an error.
 *
 * Element types are those of base/tensor.ts; of the format's others none occurs in a BERT checkpoint. Hosts are
 * little-endian, as all that run Node on x64 and arm64 are. Not here: which tensors a model needs (network/folder.ts).
 */

import { FormatError } from "../base/errors.ts";
import type { ByteSource } from "../base/source.ts";
import { BYTES, type DType, type FloatTensor, sizeOf, type Tensor } from "../base/tensor.ts";
import { decodeBfloat16, decodeFloat16 } from "./float16.ts";
import { isObject, own, parseJson } from "./json.ts";

/** The format's name of each element type. */
const CODES: Readonly<Record<DType, string>> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

/** Largest header accepted, the limit of the reference implementation. */
const MAX_HEADER = 100_000_000;

/** Where one tensor lies: bytes `start` to `end` of the file. */
export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** A checked header. */
export interface SafetensorsHeader {
  /** In the order of the file's bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

function bad(code: string, what: string, expected: string, got: unknown, where: string): FormatError {
  const shown = typeof got === "string" ? got : (JSON.stringify(got) ?? "nothing");
  return new FormatError(
    `safetensors/${code}`,
    `${what}: expected ${expected}, got ${shown.slice(0, 200)} (${where})`,
  );
}

/** What "version " reads as: the first word of a pointer that Git LFS leaves where it has not fetched a file. */
const LFS_POINTER = new DataView(new TextEncoder().encode("version ").buffer).getBigUint64(0, true);

/** Header length N, checked against the file before anything is allocated. */
async function headerLength(source: ByteSource): Promise<number> {
  const { byteLength, name } = source;
  if (byteLength < 8) throw bad("short", "file", "at least 8 bytes", byteLength, name);
  const bytes = await source.slice(0, 8);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length === LFS_POINTER) {
    const way = "git lfs pull fetches them, and hf:owner/name needs no clone";
    throw bad("pointer", "file", `weights; ${way}`, "a pointer of Git LFS in their place", name);
  }
  if (length > MAX_HEADER)
    throw bad("header-length", "header", `at most ${MAX_HEADER} bytes`, `${length}`, name);
  if (Number(length) > byteLength - 8) {
    throw bad("header-length", "header", `at most the file's ${byteLength - 8} bytes`, `${length}`, name);
  }
  return Number(length);
}

async function headerText(source: ByteSource, length: number): Promise<string> {
  const bytes = await source.slice(8, 8 + length);
  if (bytes[0] !== 0x7b)
    throw bad("header-start", "header", '"{"', `byte ${bytes[0] ?? "nothing"}`, source.name);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError("safetensors/utf8", `header: expected UTF-8, got other bytes (${source.name})`, {
      cause,
    });
  }
}

function parseMetadata(value: unknown, where: string): Map<string, string> {
  if (value === undefined) return new Map();
  if (!isObject(value)) throw bad("metadata", "__metadata__", "an object of strings", value, where);
  return new Map(
    Object.entries(value).map(([key, text]) => {
      if (typeof text !== "string") throw bad("metadata", `__metadata__.${key}`, "a string", text, where);
      return [key, text];
    }),
  );
}

function parseDtype(code: unknown, name: string, where: string): DType {
  for (const dtype of Object.keys(CODES) as DType[]) if (CODES[dtype] === code) return dtype; // keys of a closed record
  throw bad("dtype", `tensor ${name}`, `a dtype of ${Object.values(CODES).join(", ")}`, code, where);
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parseShape(value: unknown, name: string, where: string): number[] {
  if (Array.isArray(value) && value.every(isSize)) return value;
  throw bad("shape", `tensor ${name}`, "a shape of integers from 0", value, where);
}

/** shape × dtype in bytes; a product beyond 2^53 is refused before it loses digits. */
function bytesOf(dtype: DType, shape: readonly number[], name: string, where: string): number {
  let bytes = BYTES[dtype];
  for (const dimension of shape) {
    bytes *= dimension;
    if (!Number.isSafeInteger(bytes))
      throw bad("overflow", `tensor ${name}`, "fewer than 2^53 bytes", shape, where);
  }
  return bytes;
}

function parseEntry(value: unknown, name: string, dataStart: number, where: string): TensorEntry {
  if (!isObject(value)) throw bad("entry", `tensor ${name}`, "an object", value, where);
  const foreign = Object.keys(value).find((key) => !["dtype", "shape", "data_offsets"].includes(key));
  if (foreign !== undefined)
    throw bad("entry", `tensor ${name}`, "dtype, shape and data_offsets", foreign, where);
  const dtype = parseDtype(own(value, "dtype"), name, where);
  const shape = parseShape(own(value, "shape"), name, where);
  const offsets = own(value, "data_offsets");
  const [start, end]: unknown[] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isSize(start) || !isSize(end) || end < start) {
    throw bad("offsets", `tensor ${name}`, "data_offsets [start, end]", offsets, where);
  }
  const bytes = bytesOf(dtype, shape, name, where);
  if (end - start !== bytes)
    throw bad("size", `tensor ${name}`, `${bytes} bytes for its shape`, end - start, where);
  return { dtype, shape, start: dataStart + start, end: dataStart + end };
}

/** The entries in file order, each beginning where the one before ended, up to the last byte. */
function checkCover(
  entries: readonly (readonly [string, TensorEntry])[],
  dataStart: number,
  source: ByteSource,
): Map<string, TensorEntry> {
  const sorted = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  let at = dataStart;
  for (const [name, { start, end }] of sorted) {
    if (start > at) throw bad("hole", `tensor ${name}`, `start at byte ${at}`, start, source.name);
    if (start < at) throw bad("overlap", `tensor ${name}`, `start at byte ${at}`, start, source.name);
    at = end;
  }
  if (at !== source.byteLength) {
    throw bad("length", "file", `${at} bytes, the end of its last tensor`, source.byteLength, source.name);
  }
  return new Map(sorted);
}

/**
 * Reads and checks the header; no tensor bytes are touched.
 *
 * @throws {FormatError} `safetensors/…` or `json/…`, naming the tensor and the file
 */
export async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const length = await headerLength(source);
  const json = parseJson(await headerText(source, length), source.name);
  if (!isObject(json)) throw bad("header-start", "header", "an object", json, source.name);
  const dataStart = 8 + length;
  const entries = Object.entries(json)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => [name, parseEntry(value, name, dataStart, source.name)] as const);
  return {
    tensors: checkCover(entries, dataStart, source),
    metadata: parseMetadata(own(json, "__metadata__"), source.name),
  };
}

/** Bytes in a buffer of their own, which every typed array may then lie over. */
function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  if (
    bytes.byteOffset === 0 &&
    bytes.buffer.byteLength === bytes.length &&
    bytes.buffer instanceof ArrayBuffer
  ) {
    return bytes.buffer;
  }
  return new Uint8Array(bytes).buffer;
}

/** How each element type lies over its bytes. */
const VIEWS: { readonly [D in DType]: (buffer: ArrayBuffer) => Tensor<D>["data"] } = {
  float32: (b) => new Float32Array(b),
  float64: (b) => new Float64Array(b),
  float16: (b) => new Uint16Array(b),
  bfloat16: (b) => new Uint16Array(b),
  int64: (b) => new BigInt64Array(b),
  int32: (b) => new Int32Array(b),
  int8: (b) => new Int8Array(b),
  uint8: (b) => new Uint8Array(b),
  bool: (b) => new Uint8Array(b),
};

/** Little-endian bytes as elements; copied where they are a part of a buffer. */
export function viewAs(dtype: DType, bytes: Uint8Array): Tensor["data"] {
  return VIEWS[dtype](ownBuffer(bytes));
}

/** Reads one tensor as it is stored. */
export async function readTensor(
  source: ByteSource,
  { dtype, shape, start, end }: TensorEntry,
): Promise<Tensor> {
  return { dtype, shape, data: viewAs(dtype, await source.slice(start, end)) };
}

/** The floats of a tensor of any float type; 64-bit ones are rounded to nearest. Undefined for other types. */
export function toFloats(tensor: Tensor): Float32Array | undefined {
  const { dtype, data } = tensor;
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (!(data instanceof Uint16Array)) return undefined;
  return dtype === "float16" ? decodeFloat16(data) : decodeBfloat16(data);
}

/**
 * Reads one tensor as float32.
 * @throws {FormatError} `safetensors/not-float` for integers and booleans
 */
export async function readFloats(source: ByteSource, name: string, entry: TensorEntry): Promise<FloatTensor> {
  const data = toFloats(await readTensor(source, entry));
  if (data !== undefined) return { dtype: "float32", shape: entry.shape, data };
  throw bad("not-float", `tensor ${name}`, "F32, F16, BF16 or F64", CODES[entry.dtype], source.name);
}

/** Widest elements first, so that each tensor is aligned; then by name, so that the order of the map does not matter. */
function inFileOrder(tensors: ReadonlyMap<string, Tensor>): [string, Tensor][] {
  return [...tensors].sort(
    ([a, x], [b, y]) => BYTES[y.dtype] - BYTES[x.dtype] || (a < b ? -1 : Number(a > b)),
  );
}

function headerJson(sorted: readonly [string, Tensor][], metadata: ReadonlyMap<string, string>): string {
  const entries: [string, unknown][] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
    entries.push(["__metadata__", Object.fromEntries(pairs)]);
  }
  let at = 0;
  for (const [name, { dtype, shape }] of sorted) {
    const end = at + sizeOf(shape) * BYTES[dtype];
    entries.push([name, { dtype: CODES[dtype], shape, data_offsets: [at, end] }]);
    at = end;
  }
  // Written entry by entry: in an object, names that look like numbers would move to the front.
  return `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
}

/**
 * The file's bytes in parts: the header, then each tensor, not copied. Equal content gives equal bytes, whatever the
 * order of the map; the header is padded with spaces so that the tensors begin at a multiple of 8.
 *
 * @throws {FormatError} `safetensors/name` for a tensor called `__metadata__`, `safetensors/size` for data which
 *   does not fill its shape
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array[] {
  if (tensors.has("__metadata__"))
    throw bad("name", "tensor", "a name other than", "__metadata__", "writing");
  const sorted = inFileOrder(tensors);
  for (const [name, { shape, data }] of sorted) {
    if (data.length === sizeOf(shape)) continue;
    throw bad("size", `tensor ${name}`, `${sizeOf(shape)} elements`, data.length, "writing");
  }
  const json = new TextEncoder().encode(headerJson(sorted, metadata));
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  const bodies = sorted.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [header, ...bodies];
}
