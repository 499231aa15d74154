/** Pickles and zips as `torch.save` writes them, with everything in reach that a hostile file may have otherwise. */

import { crc32 } from "node:zlib";
import type { FloatTensor } from "../../src/base/tensor.ts";

/** An entry; what is given beside name and content takes the place of what a sound writer would write. */
export interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly flags?: number;
  readonly method?: number;
  /** Upper byte of "version made by": 3 is Unix. */
  readonly system?: number;
  readonly attributes?: number;
  readonly comment?: string;
  readonly crc?: number;
  readonly size?: number;
  readonly packed?: number;
  readonly offset?: number;
  /** Extra field of the central directory. */
  readonly extra?: Uint8Array;
  readonly local?: Partial<Pick<Entry, "name" | "flags" | "method" | "crc" | "size" | "packed">>;
  readonly descriptor?: Partial<Pick<Entry, "crc" | "size">>;
  /** Bytes behind the entry. */
  readonly gap?: number;
}

/** What an archive may have otherwise. */
export interface Archive {
  readonly before?: Uint8Array;
  readonly count?: number;
  readonly start?: number;
  readonly comment?: string;
  readonly commentLength?: number;
  readonly disk?: number;
  /** False: only the record of 22 bytes, as most writers leave it. */
  readonly zip64?: boolean;
  readonly zip64Count?: number;
}

/** Numbers of 2, 4 or 8 bytes, little-endian. */
export function bytesOf(...fields: readonly (readonly [number, number])[]): Buffer {
  const parts = fields.map(([width, value]) => {
    const part = Buffer.alloc(8);
    part.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
    return part.subarray(0, width);
  });
  return Buffer.concat(parts);
}

/** Bytes of a text. */
export function latin(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function localRecord(entry: Entry): Buffer {
  const { name, content, flags = 0x808, method = 0, descriptor, gap = 0 } = entry;
  const isBehind = (flags & 8) !== 0;
  const { crc = crc32(content), size = content.length, packed = size } = entry;
  const local = {
    name,
    flags,
    method,
    ...(isBehind ? { crc: 0, size: 0, packed: 0 } : { crc, size, packed }),
    ...entry.local,
  };
  const header = bytesOf(
    [4, 0x04034b50],
    [2, 0],
    [2, local.flags],
    [2, local.method],
    [4, 0],
    [4, local.crc],
  );
  const sizes = bytesOf([4, local.packed], [4, local.size], [2, Buffer.byteLength(local.name)], [2, 6]);
  const padding = Buffer.concat([latin("FB"), bytesOf([2, 2]), latin("ZZ")]);
  const told = { crc, size, ...descriptor };
  const behind = isBehind
    ? bytesOf([4, 0x08074b50], [4, told.crc], [4, told.size], [4, told.size])
    : Buffer.alloc(0);
  return Buffer.concat([header, sizes, Buffer.from(local.name), padding, content, behind, Buffer.alloc(gap)]);
}

function listedRecord(entry: Entry, at: number): Buffer {
  const {
    name,
    content,
    flags = 0x808,
    method = 0,
    system = 0,
    attributes = 0,
    comment = "",
    offset = at,
  } = entry;
  const { crc = crc32(content), size = content.length, packed = size, extra = Buffer.alloc(0) } = entry;
  return Buffer.concat([
    bytesOf(
      [4, 0x02014b50],
      [1, 0],
      [1, system],
      [2, 0],
      [2, flags],
      [2, method],
      [4, 0],
      [4, crc],
      [4, packed],
    ),
    bytesOf([4, size], [2, Buffer.byteLength(name)], [2, extra.length], [2, comment.length], [2, 0], [2, 0]),
    bytesOf([4, attributes], [4, offset]),
    ...[Buffer.from(name), extra, latin(comment)],
  ]);
}

/** An archive of stored entries. */
export function zipOf(entries: readonly Entry[], archive: Archive = {}): Buffer {
  const { before = Buffer.alloc(0), comment = "", disk = 0, zip64 = true } = archive;
  const { commentLength = comment.length } = archive;
  const records: Buffer[] = [];
  const listed: Buffer[] = [];
  let at = before.length;
  for (const entry of entries) {
    const record = localRecord(entry);
    records.push(record);
    listed.push(listedRecord(entry, at));
    at += record.length;
  }
  const directory = Buffer.concat(listed);
  const { count = entries.length, start = at, zip64Count = count } = archive;
  const end64 = Buffer.concat([
    bytesOf([4, 0x06064b50], [8, 44], [2, 0], [2, 0], [4, 0], [4, 0], [8, zip64Count], [8, zip64Count]),
    bytesOf([8, directory.length], [8, start], [4, 0x07064b50], [4, 0], [8, at + directory.length], [4, 1]),
  ]);
  const end = bytesOf(
    [4, 0x06054b50],
    [2, disk],
    [2, disk],
    [2, count],
    [2, count],
    [4, directory.length],
    [4, start],
  );
  return Buffer.concat([
    ...[before, ...records, directory, zip64 ? end64 : Buffer.alloc(0), end],
    ...[bytesOf([2, commentLength]), latin(comment)],
  ]);
}

/** Opcodes of a pickle, each as its bytes. */
export const op = {
  begin: latin("\x80\x02"),
  mark: latin("("),
  stop: latin("."),
  none: latin("N"),
  yes: latin("\x88"),
  no: latin("\x89"),
  tuple: latin("t"),
  tuple1: latin("\x85"),
  tuple2: latin("\x86"),
  tuple3: latin("\x87"),
  nothing: latin(")"),
  list: latin("]"),
  append: latin("a"),
  appends: latin("e"),
  dict: latin("}"),
  set: latin("s"),
  sets: latin("u"),
  reduce: latin("R"),
  build: latin("b"),
  persistent: latin("Q"),
  text: (text: string) =>
    Buffer.concat([latin("X"), bytesOf([4, Buffer.byteLength(text)]), Buffer.from(text)]),
  int: (value: number) => Buffer.concat([latin("J"), bytesOf([4, value])]),
  long: (value: number) => Buffer.concat([latin("\x8a\x08"), bytesOf([8, value])]),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  put: (place: number) => latin(`q${String.fromCharCode(place)}`),
  get: (place: number) => latin(`h${String.fromCharCode(place)}`),
};

/** A pickle of opcodes, with its beginning and its end. */
export function pickleOf(...opcodes: readonly Uint8Array[]): Buffer {
  return Buffer.concat([op.begin, ...opcodes, op.stop]);
}

/** A tuple of integers. */
export function sizes(...items: readonly number[]): Buffer {
  return Buffer.concat([op.mark, ...items.map(op.long), op.tuple]);
}

/** A storage of a checkpoint in a zip. */
export function storage(key: string, count: number, type = "FloatStorage"): Buffer {
  const id = [op.text("storage"), op.global("torch", type), op.text(key), op.text("cpu"), op.long(count)];
  return Buffer.concat([op.mark, ...id, op.tuple, op.persistent]);
}

const ordered = Buffer.concat([op.global("collections", "OrderedDict"), op.nothing, op.reduce]);

/** A tensor of a checkpoint. */
export function tensor(
  from: Uint8Array,
  { offset = 0, shape, strides }: { offset?: number; shape: readonly number[]; strides: readonly number[] },
  rest: readonly Uint8Array[] = [op.no, ordered],
): Buffer {
  const args = [from, op.long(offset), sizes(...shape), sizes(...strides), ...rest];
  return Buffer.concat([
    op.global("torch._utils", "_rebuild_tensor_v2"),
    op.mark,
    ...args,
    op.tuple,
    op.reduce,
  ]);
}

/** A dictionary of names and values. */
export function dictOf(entries: readonly (readonly [string, Uint8Array])[]): Buffer {
  return Buffer.concat([
    ordered,
    op.mark,
    ...entries.flatMap(([name, value]) => [op.text(name), value]),
    op.sets,
  ]);
}

/** The entries of a checkpoint in a zip. */
export function checkpointEntries(
  pickle: Uint8Array,
  storages: readonly (readonly [string, Uint8Array])[],
  more: readonly Entry[] = [{ name: "a/byteorder", content: latin("little") }],
): Entry[] {
  return [
    { name: "a/data.pkl", content: pickle },
    ...more,
    ...storages.map(([key, content]) => ({ name: `a/data/${key}`, content })),
    { name: "a/version", content: latin("3\n") },
  ];
}

/** A file of `torch.save` with these tensors. */
export function torchFile(tensors: ReadonlyMap<string, FloatTensor>): Buffer {
  const all = [...tensors];
  const values = all.map(([name, { shape, data }], i) => {
    const strides = shape.map((_, d) => shape.slice(d + 1).reduce((n, size) => n * size, 1));
    return [name, tensor(storage(`${i}`, data.length), { shape, strides })] as const;
  });
  const contents = all.map(([, { data }], i) => {
    return [`${i}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] as const;
  });
  return zipOf(checkpointEntries(pickleOf(dictOf(values)), contents));
}
