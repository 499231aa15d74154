/**
 * The zip archives that `torch.save` writes: a strict reader over any byte source, which unpacks nothing.
 *
 *   Format   https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, by its section numbers below
 *   Promise  an archive is read only when its records cover the file exactly, from the first byte to the last: no hole,
 *            no overlap, no comment, nothing before or after. Entries are stored, not compressed, so nothing grows; each
 *            has one name, and its local header says what the central directory says. Each way to fail has a code.
 *
 * Names are keys that a caller looks up. They never become paths, and an entry's content is never taken for an archive.
 * Not here: what the entries mean (checkpoint.ts).
 */

import { FormatError } from "../../base/errors.ts";
import { requireItem } from "../../base/present.ts";
import type { ByteSource } from "../../base/source.ts";

/** One entry: its content is bytes `start` to `end` of the file. */
export interface ZipEntry {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** CRC-32 of the content; 0 where the writer did not compute it, as `torch.save` may be told. */
  readonly crc: number;
}

/** What the central directory says of an entry. */
interface Listed extends Pick<ZipEntry, "name" | "crc"> {
  readonly flags: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
  readonly nameBytes: Uint8Array;
}

/** A tensor is an entry; the largest encoders have some hundreds. */
const MAX_ENTRIES = 1 << 14;
const MAX_DIRECTORY = 1 << 23;

/** Lengths of the fixed parts of records: §4.3.7, §4.3.12, §4.3.14 to §4.3.16. */
const LOCAL = 30;
const CENTRAL = 46;
const END64 = 56;
const LOCATOR = 20;
const END = 22;

/** §4.4.4: sizes follow the content in a descriptor, and names are UTF-8. Encryption and patches are other bits. */
const DESCRIPTOR_BIT = 1 << 3;
const KNOWN_FLAGS = DESCRIPTOR_BIT | (1 << 11);

/** Marks of sizes that stand in the zip64 record instead. */
const IN_ZIP64_16 = 0xffff;
const IN_ZIP64_32 = 0xffffffff;

/** §4.4.5 */
const METHODS: Readonly<Record<number, string>> = {
  8: "deflate",
  9: "deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "zstd",
};

function bad(code: string, what: string, expected: string, got: unknown, where: string): FormatError {
  return new FormatError(`zip/${code}`, `${what}: expected ${expected}, got ${String(got)} (${where})`);
}

async function view(source: ByteSource, start: number, end: number): Promise<DataView> {
  if (start < 0 || end > source.byteLength) {
    throw bad(
      "short",
      "zip",
      `${end - start} bytes from ${start}`,
      `a file of ${source.byteLength}`,
      source.name,
    );
  }
  const bytes = await source.slice(start, end);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An unsigned number of 64 bits; one beyond 2^53 is larger than any file, and so refused later by any check. */
function u64(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}

function requireSignature(data: DataView, at: number, signature: number, what: string, where: string): void {
  const got = data.getUint32(at, true);
  if (got !== signature)
    throw bad("signature", what, `0x${signature.toString(16)}`, `0x${got.toString(16)}`, where);
}

/** Where the central directory lies, and how many entries it has. */
interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** §4.3.16, which has to be the file's last bytes, and §4.3.14 and §4.3.15 before it where there are such. */
async function findDirectory(source: ByteSource): Promise<Directory> {
  const { name, byteLength } = source;
  const at = byteLength - END;
  const tail = await view(source, at, byteLength);
  requireSignature(tail, 0, 0x06054b50, "end of zip", name);
  const short: Ends = [
    tail.getUint16(8, true),
    tail.getUint16(10, true),
    tail.getUint32(12, true),
    tail.getUint32(16, true),
  ];
  if (tail.getUint32(4, true) !== 0) throw bad("disks", "zip", "one disk", "several", name);
  if (tail.getUint16(20, true) !== 0)
    throw bad("comment", "zip", "no comment", tail.getUint16(20, true), name);
  const zip64 = await readEnd64(source, at - LOCATOR - END64);
  const marks = [IN_ZIP64_16, IN_ZIP64_16, IN_ZIP64_32, IN_ZIP64_32];
  const full = zip64 ?? short;
  const differing = short.findIndex((value, i) => value !== full[i] && value !== marks[i]);
  const [count, all, size, start] = full;
  if (differing >= 0 || count !== all)
    throw bad("end", "end of zip", "the same in both records", short, name);
  const end = zip64 ? at - LOCATOR - END64 : at;
  if (count > MAX_ENTRIES) throw bad("entries", "zip", `at most ${MAX_ENTRIES} entries`, count, name);
  if (size > MAX_DIRECTORY) throw bad("directory", "directory", `at most ${MAX_DIRECTORY} bytes`, size, name);
  if (start + size !== end) throw bad("directory", "directory", `an end at byte ${end}`, start + size, name);
  return { start, end, count };
}

/** Entries of this disk, entries, size and start of the directory. */
type Ends = readonly [number, number, number, number];

/** Undefined where the file has no zip64 record. */
async function readEnd64(source: ByteSource, at: number): Promise<Ends | undefined> {
  if (at < 0) return undefined;
  const data = await view(source, at, at + END64 + LOCATOR);
  if (data.getUint32(END64, true) !== 0x07064b50) return undefined;
  requireSignature(data, 0, 0x06064b50, "zip64 end", source.name);
  if (u64(data, END64 + 8) !== at)
    throw bad("end", "zip64 end", `at byte ${at}`, u64(data, END64 + 8), source.name);
  if (u64(data, 4) !== END64 - 12)
    throw bad("end", "zip64 end", `${END64 - 12} bytes`, u64(data, 4), source.name);
  const disks = [data.getUint32(16, true), data.getUint32(20, true), data.getUint32(END64 + 4, true)];
  if (disks.some((disk) => disk !== 0)) throw bad("disks", "zip", "one disk", "several", source.name);
  return [u64(data, 24), u64(data, 32), u64(data, 40), u64(data, 48)];
}

function decodeName(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad("name", "entry", "a name in UTF-8", "other bytes", where);
  }
}

/** An entry's size, its packed size, and where its local header begins. */
type Wide = readonly [number, number, number];

/** §4.5.3: numbers of 64 bits for the fields that say so, in their order. */
function readZip64(extra: DataView, [size, packed, offset]: Wide, where: string): Wide {
  const wide = [size, packed, offset].filter((field) => field === IN_ZIP64_32).length;
  const found: number[] = [];
  for (let at = 0; at < extra.byteLength; ) {
    const left = extra.byteLength - at - 4;
    const length = left < 0 ? left : extra.getUint16(at + 2, true);
    if (length > left || left < 0) throw bad("extra", "extra field", `at most ${left} bytes`, length, where);
    if (extra.getUint16(at, true) === 1) {
      if (found.length > 0 || length !== 8 * wide)
        throw bad("extra", "zip64 field", `${8 * wide} bytes`, length, where);
      for (let i = 0; i < wide; i++) found.push(u64(extra, at + 4 + 8 * i));
    }
    at += 4 + length;
  }
  if (found.length !== wide) throw bad("extra", "zip64 field", `${wide} sizes`, found.length, where);
  let next = 0;
  const full = (field: number): number =>
    field === IN_ZIP64_32 ? requireItem(found, next++, "zip64 sizes") : field;
  return [full(size), full(packed), full(offset)];
}

/** §4.4.15: a directory, or under Unix (§4.4.2) anything but a plain file. */
function checkAttributes(data: DataView, at: number, name: string, where: string): void {
  const attributes = data.getUint32(at + 38, true);
  const type = data.getUint8(at + 5) === 3 ? (attributes >>> 28) & 0xf : 0;
  if (type === 0xa) throw bad("link", `entry ${name}`, "a plain file", "a symbolic link", where);
  if (type !== 0 && type !== 8)
    throw bad("link", `entry ${name}`, "a plain file", `type ${type} of Unix`, where);
  if ((attributes & 0x10) !== 0 || name.endsWith("/")) {
    throw bad("folder", `entry ${name}`, "a plain file", "a folder", where);
  }
}

/** The entry whose record begins at `at` (§4.3.12), and where the next one does. */
function readListed(
  data: DataView,
  at: number,
  where: string,
): { readonly entry: Listed; readonly next: number } {
  const need = (length: number): void => {
    if (at + length > data.byteLength) throw bad("directory", "directory", "whole records", "a part", where);
  };
  need(CENTRAL);
  requireSignature(data, at, 0x02014b50, "directory", where);
  const nameLength = data.getUint16(at + 28, true);
  const extraStart = at + CENTRAL + nameLength;
  const next = extraStart + data.getUint16(at + 30, true);
  need(next - at);
  const nameBytes = new Uint8Array(data.buffer, data.byteOffset + at + CENTRAL, nameLength);
  const name = decodeName(nameBytes, where);
  const flags = data.getUint16(at + 8, true);
  const method = data.getUint16(at + 10, true);
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    const got = flags & 1 ? "an encrypted one" : `flags 0x${flags.toString(16)}`;
    throw bad("flags", `entry ${name}`, "a plain one", got, where);
  }
  if (method !== 0) {
    const got = METHODS[method] ?? `method ${method}`;
    throw bad("compressed", `entry ${name}`, "stored bytes, as torch writes them", got, where);
  }
  const comment = data.getUint16(at + 32, true);
  if (comment !== 0) throw bad("comment", `entry ${name}`, "no comment", comment, where);
  if (data.getUint16(at + 34, true) !== 0) throw bad("disks", `entry ${name}`, "one disk", "several", where);
  checkAttributes(data, at, name, where);
  const extra = new DataView(data.buffer, data.byteOffset + extraStart, next - extraStart);
  const u32 = (field: number): number => data.getUint32(at + field, true);
  const [size, packed, offset] = readZip64(extra, [u32(24), u32(20), u32(42)], where);
  if (size !== packed) throw bad("size", `entry ${name}`, `${size} bytes, as it is stored`, packed, where);
  return { entry: { name, flags, size, offset, nameBytes, crc: u32(16) }, next };
}

async function readDirectory(source: ByteSource, { start, end, count }: Directory): Promise<Listed[]> {
  const data = await view(source, start, end);
  const entries: Listed[] = [];
  const names = new Set<string>();
  let at = 0;
  while (at < data.byteLength) {
    const { entry, next } = readListed(data, at, source.name);
    if (names.has(entry.name))
      throw bad("twice", `entry ${entry.name}`, "one of that name", "two", source.name);
    names.add(entry.name);
    entries.push(entry);
    at = next;
  }
  if (entries.length !== count)
    throw bad("entries", "directory", `${count} entries`, entries.length, source.name);
  return entries.sort((a, b) => a.offset - b.offset);
}

/** True when a size or checksum that stands before or behind the content is the directory's. */
function agrees(got: number, listed: number, isLeftOut: boolean): boolean {
  return got === listed || (isLeftOut && got === 0) || (listed >= IN_ZIP64_32 && got === IN_ZIP64_32);
}

/** §4.3.7: the content's place, behind a local header that begins at `entry.offset` and repeats the directory. */
async function locate(source: ByteSource, entry: Listed): Promise<ZipEntry> {
  const { name, crc, size, offset, nameBytes, flags } = entry;
  const differs = (what: string, expected: unknown, got: unknown): FormatError =>
    bad("local", `${what} of entry ${name}`, `${expected}, as in the directory`, got, source.name);
  const data = await view(source, offset, offset + LOCAL + nameBytes.length);
  requireSignature(data, 0, 0x04034b50, `entry ${name}`, source.name);
  const [localFlags, method] = [data.getUint16(6, true), data.getUint16(8, true)];
  if (localFlags !== flags) throw differs("flags", flags, localFlags);
  if (method !== 0) throw differs("method", 0, method);
  const local = new Uint8Array(data.buffer, data.byteOffset + LOCAL, nameBytes.length);
  const isSame =
    data.getUint16(26, true) === nameBytes.length && nameBytes.every((byte, i) => local[i] === byte);
  if (!isSame) throw differs("name", name, "another");
  const isLeftOut = (flags & DESCRIPTOR_BIT) !== 0;
  for (const [what, at, listed] of [
    ["checksum", 14, crc],
    ["packed size", 18, size],
    ["size", 22, size],
  ] as const) {
    const got = data.getUint32(at, true);
    if (!agrees(got, listed, isLeftOut)) throw differs(what, listed, got);
  }
  const start = offset + LOCAL + nameBytes.length + data.getUint16(28, true);
  return { name, start, end: start + size, crc };
}

/** §4.3.9: what lies between an entry's content and the next record is nothing, or its descriptor. */
async function checkBehind(
  source: ByteSource,
  { name, end, crc }: ZipEntry,
  entry: Listed,
  next: number,
): Promise<void> {
  const length = next - end;
  if (length < 0) throw bad("overlap", `entry ${name}`, `an end before byte ${next}`, end, source.name);
  const hasDescriptor = (entry.flags & DESCRIPTOR_BIT) !== 0;
  if (!(hasDescriptor ? [16, 24] : [0]).includes(length)) {
    throw bad(
      "hole",
      `bytes behind entry ${name}`,
      hasDescriptor ? "a descriptor" : "none",
      length,
      source.name,
    );
  }
  if (!hasDescriptor) return;
  const data = await view(source, end, next);
  requireSignature(data, 0, 0x08074b50, `descriptor of entry ${name}`, source.name);
  const sizes =
    length === 16 ? [8, 12].map((at) => data.getUint32(at, true)) : [8, 16].map((at) => u64(data, at));
  if (data.getUint32(4, true) === crc && sizes.every((size) => size === entry.size)) return;
  throw bad(
    "local",
    `descriptor of entry ${name}`,
    "the directory's size and checksum",
    "others",
    source.name,
  );
}

/**
 * The entries of an archive, in the order of their bytes.
 * @throws {FormatError} `zip/…`, naming the entry and the file
 */
export async function readZip(source: ByteSource): Promise<ZipEntry[]> {
  const directory = await findDirectory(source);
  const listed = await readDirectory(source, directory);
  const found: ZipEntry[] = [];
  let at = 0;
  for (const [i, entry] of listed.entries()) {
    if (entry.offset !== at) {
      const code = entry.offset < at ? "overlap" : "hole";
      throw bad(code, `entry ${entry.name}`, `a start at byte ${at}`, entry.offset, source.name);
    }
    const place = await locate(source, entry);
    at = listed[i + 1]?.offset ?? directory.start;
    await checkBehind(source, place, entry, at);
    found.push(place);
  }
  if (at !== directory.start) throw bad("hole", "zip", "its first entry at byte 0", "none", source.name);
  return found;
}
