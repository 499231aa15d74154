import { expect, test } from "vitest";
import { type Archive, bytesOf, type Entry, latin, zipOf } from "../../../test/support/torch-file.ts";
import { bufferSource } from "../../base/source.ts";
import { readZip } from "./zip.ts";

const A: Entry = { name: "a/data.pkl", content: latin("first") };
const B: Entry = { name: "a/data/0", content: latin("second!") };

const read = (bytes: Uint8Array) => readZip(bufferSource("evil.bin", bytes));

const WIDE = 0xffffffff;
const SOUND: readonly (readonly [string, Entry, Archive])[] = [
  ["sizes behind the content, as torch writes it", B, {}],
  ["sizes before the content", { ...B, flags: 0 }, {}],
  ["no zip64 record", B, { zip64: false }],
  [
    "sizes and a place in zip64 fields",
    {
      ...B,
      size: WIDE,
      packed: WIDE,
      offset: WIDE,
      descriptor: { size: 7 },
      extra: bytesOf([2, 1], [2, 24], [8, 7], [8, 7], [8, 67]),
    },
    {},
  ],
  ["a plain file of Unix", { ...B, system: 3, attributes: 0o100644 * 0x10000 }, {}],
];

test.each(SOUND)("an archive is read: %s", async (_, entry, archive) => {
  const bytes = zipOf([A, entry], archive);
  const contents = (await read(bytes)).map(({ name, start, end }) => [
    name,
    String(bytes.subarray(start, end)),
  ]);
  expect(contents).toEqual([
    ["a/data.pkl", "first"],
    ["a/data/0", "second!"],
  ]);
});

/** What is done, the code, the second entry, the archive. */
const ATTACKS: readonly (readonly [string, string, Partial<Entry>, Archive])[] = [
  ["a deflated entry: a bomb or not", "zip/compressed", { method: 8 }, {}],
  ["bzip2", "zip/compressed", { method: 12 }, {}],
  ["an unknown method", "zip/compressed", { method: 77 }, {}],
  ["stored bytes that grow", "zip/size", { packed: 1 }, {}],
  ["an encrypted entry", "zip/flags", { flags: 0x809 }, {}],
  ["a patch of another file", "zip/flags", { flags: 0x828 }, {}],
  ["a masked local header", "zip/flags", { flags: 0x2808 }, {}],
  ["a symbolic link", "zip/link", { system: 3, attributes: 0o120777 * 0x10000 }, {}],
  ["a device", "zip/link", { system: 3, attributes: 0o060644 * 0x10000 }, {}],
  ["a folder by its attribute", "zip/folder", { attributes: 0x10 }, {}],
  ["a folder by its name", "zip/folder", { name: "a/data/" }, {}],
  ["a name that is not UTF-8", "zip/name", { name: "a\xff" }, {}],
  ["a name twice", "zip/twice", { name: A.name }, {}],
  ["a comment of an entry", "zip/comment", { comment: "PK" }, {}],
  ["a comment of the archive", "zip/signature", {}, { comment: "PK" }],
  ["a comment that is not there", "zip/comment", {}, { commentLength: 2 }],
  ["another local name", "zip/local", { local: { name: "a/data/1" } }, {}],
  ["a longer local name", "zip/local", { local: { name: "a/data/00" } }, {}],
  ["another local method", "zip/local", { local: { method: 8 } }, {}],
  ["other local flags", "zip/local", { local: { flags: 0x800 } }, {}],
  ["another local size", "zip/local", { local: { size: 6 } }, {}],
  ["another packed size", "zip/local", { local: { packed: 6 } }, {}],
  ["no local size where none is behind", "zip/local", { flags: 0, local: { size: 0 } }, {}],
  ["another local checksum", "zip/local", { local: { crc: 1 } }, {}],
  ["another size in the descriptor", "zip/local", { descriptor: { size: 6 } }, {}],
  ["another checksum in the descriptor", "zip/local", { descriptor: { crc: 1 } }, {}],
  ["two entries over the same bytes", "zip/overlap", { offset: 0 }, {}],
  ["an entry behind the file", "zip/hole", { offset: 9999 }, {}],
  ["a hole before an entry", "zip/hole", { offset: 68 }, {}],
  ["bytes behind an entry", "zip/hole", { gap: 1 }, {}],
  ["bytes behind an entry without descriptor", "zip/hole", { flags: 0, gap: 16 }, {}],
  ["a size beyond the file", "zip/overlap", { size: 1e9, flags: 0 }, {}],
  [
    "a size of 2^63",
    "zip/overlap",
    { size: WIDE, packed: WIDE, extra: bytesOf([2, 1], [2, 16], [8, 2 ** 63], [8, 2 ** 63]) },
    {},
  ],
  ["zip64 sizes that are not there", "zip/extra", { size: WIDE, packed: WIDE }, {}],
  ["zip64 sizes of no field", "zip/extra", { extra: bytesOf([2, 1], [2, 8], [8, 7]) }, {}],
  [
    "two zip64 fields",
    "zip/extra",
    { size: WIDE, extra: bytesOf([2, 1], [2, 8], [8, 7], [2, 1], [2, 8], [8, 7]) },
    {},
  ],
  ["an extra field that is cut off", "zip/extra", { extra: bytesOf([2, 9], [2, 5]) }, {}],
  ["an extra field of three bytes", "zip/extra", { extra: bytesOf([2, 9], [1, 5]) }, {}],
  ["a program before the archive", "zip/hole", {}, { before: latin("#!/bin/sh\n") }],
  ["fewer entries than there are", "zip/entries", {}, { count: 1 }],
  ["more entries than there are", "zip/entries", {}, { count: 3 }],
  ["a million entries", "zip/entries", {}, { count: 0xffff, zip64Count: 1e6 }],
  ["two records that disagree", "zip/end", {}, { zip64Count: 3 }],
  ["a directory elsewhere", "zip/directory", {}, { start: 0 }],
  ["a part of several disks", "zip/disks", {}, { disk: 1 }],
];

test.each(ATTACKS)("attack: %s is %s", async (_, code, entry, archive) => {
  const bytes = zipOf([A, { ...B, ...entry }], archive);
  const evil =
    entry.name === "a\xff"
      ? Buffer.from(bytes.toString("latin1").replaceAll("\xc3\xbf", "\xff\xff"), "latin1")
      : bytes;
  await expect(read(evil)).rejects.toMatchObject({ code, message: expect.stringContaining("evil.bin") });
});

test("an archive that is cut off anywhere, or has a byte behind it, is refused", async () => {
  const whole = zipOf([A, B]);
  for (let length = 0; length < whole.length; length++) {
    await expect(read(whole.subarray(0, length))).rejects.toMatchObject({
      code: expect.stringMatching(/^zip\//),
    });
  }
  await expect(read(Buffer.concat([whole, latin("\0")]))).rejects.toMatchObject({ code: "zip/signature" });
  expect(await read(zipOf([]))).toEqual([]);
});
