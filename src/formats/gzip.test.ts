import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { FormatError } from "../base/errors.ts";
import { bufferSource } from "../base/source.ts";
import { gunzip, gzip } from "./gzip.ts";

/** 100,000 bytes that hardly compress: they arrive in several parts. */
const MIXED = Uint8Array.from({ length: 100_000 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 13) & 255);
const PACKED = gzip([MIXED]);

test.each([
  ["nothing", new Uint8Array(0)],
  ["one byte", Uint8Array.of(7)],
  ["bytes without repetition", MIXED],
  ["zeros", new Uint8Array(300_000)],
])("%s come back as they were, here and in stock gzip", async (_, content) => {
  const packed = gzip([content.subarray(0, 1), content.subarray(1)]);
  expect(await gunzip(bufferSource("f", packed), 300_000)).toEqual(Buffer.from(content));
  expect(new Uint8Array(gunzipSync(packed))).toEqual(content);
  expect(gzip([content])).toEqual(packed);
});

test("content of exactly the limit is read, of one byte more refused", async () => {
  const packed = gzip([new Uint8Array(1000)]);
  expect((await gunzip(bufferSource("f", packed), 1000)).length).toBe(1000);
  await expect(gunzip(bufferSource("f", packed), 999)).rejects.toMatchObject({ code: "gzip/too-large" });
});

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The file with one byte changed. */
function altered(at: number): Uint8Array {
  return PACKED.map((byte, i) => (i === (at + PACKED.length) % PACKED.length ? byte ^ 1 : byte));
}

/** Files made to mislead a reader: what is wrong, the code it must give, the bytes. */
const ATTACKS: readonly [string, string, Uint8Array][] = [
  ["empty file", "gzip/foreign", new Uint8Array(0)],
  ["a text", "gzip/foreign", new TextEncoder().encode("base_model: bert\n")],
  ["the magic number alone", "gzip/damaged", PACKED.slice(0, 2)],
  ["the header alone", "gzip/damaged", PACKED.slice(0, 10)],
  ["half of it", "gzip/damaged", PACKED.slice(0, PACKED.length / 2)],
  ["the last byte cut off", "gzip/damaged", PACKED.slice(0, -1)],
  ["another method than deflate", "gzip/damaged", altered(2)],
  ["a reserved flag", "gzip/damaged", PACKED.map((byte, i) => (i === 3 ? 0x80 : byte))],
  ["a changed checksum", "gzip/damaged", altered(-8)],
  ["a changed length", "gzip/damaged", altered(-4)],
  ["zeros behind the end", "gzip/trailing", joined(PACKED, new Uint8Array(5))],
  ["many zeros behind the end", "gzip/trailing", joined(PACKED, new Uint8Array(100_000))],
  ["a text behind the end", "gzip/damaged", joined(PACKED, Uint8Array.of(1, 2, 3))],
  ["the start of a second file behind the end", "gzip/damaged", joined(PACKED, PACKED.slice(0, 12))],
  ["a bomb: 20 MB of zeros in 19 kB", "gzip/too-large", gzip([new Uint8Array(20_000_000)])],
  ["a file that is longer than its content may be", "gzip/too-large", new Uint8Array(200_001)],
];

test.each(ATTACKS)("attack: %s", async (_, code, bytes) => {
  const read = gunzip(bufferSource("evil.gz", bytes), 200_000);
  await expect(read).rejects.toThrow(FormatError);
  await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining("evil.gz") });
});
