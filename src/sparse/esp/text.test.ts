import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { readText, writeText } from "./text.ts";

function written(text: string): Uint8Array {
  const writer = new ByteWriter();
  writeText(writer, text, "text");
  return writer.bytes();
}

function read(bytes: Uint8Array): string {
  return readText(new ByteReader(bytes, "vocabulary", "f"));
}

test("any text comes back, byte order marks and all", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
      expect(read(written(text))).toBe(text);
    }),
    { numRuns: 60, seed: 1 },
  );
  for (const text of ["", "\uFEFFa", "a".repeat(5000), "\u0000\uFFFF"])
    expect(read(written(text))).toBe(text);
});

test("the embedded model's vocabulary takes less than deflate at its best makes of it", () => {
  const text = readFileSync("assets/wiki-bert-4x160/vocab.txt", "utf8");
  expect(written(text).length).toBeLessThan(deflateRawSync(text, { level: 9 }).length);
});

test("a text that would not be read back is not written (esp/text-size)", () => {
  const failure = expect.objectContaining({ code: "esp/text-size" });
  expect(() => written("a".repeat(2 ** 21))).toThrow(failure);
});

/** A code whose length is a lie, or whose last byte is another. */
function lied(text: string, length: number, flip = 0): Uint8Array {
  const bytes = written(text);
  new DataView(bytes.buffer).setUint32(0, length, true);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ flip;
  return bytes;
}

const ATTACKS: readonly [string, string, Uint8Array][] = [
  ["no length", "esp/short", Uint8Array.of(1, 0, 0)],
  ["4 GiB out of 10 bytes", "esp/text-size", lied("a".repeat(2000), 2 ** 32 - 1)],
  ["a byte more than 2^20 and 256 for each of 4", "esp/text-size", lied("", 2 ** 20 + 1025)],
  [
    "more than 16 MiB",
    "esp/text-size",
    new ByteWriter()
      .u32(2 ** 24 + 1)
      .put(new Uint8Array(2 ** 20))
      .bytes(),
  ],
  ["one byte more than was coded", "esp/text", lied("a text", 7)],
  ["one byte fewer", "esp/text", lied("a text", 5)],
  ["no bytes of some", "esp/text", lied("a text", 0)],
  ["another last byte", "esp/text", lied("a text", 6, 1)],
  ["nothing after the length", "esp/text", Uint8Array.of(0, 0, 0, 0)],
];

test.each(ATTACKS)("attack: %s", (_, code, bytes) => {
  expect(() => read(bytes)).toThrow(expect.objectContaining({ name: "FormatError", code }));
});

test("the code of bytes that are no UTF-8 is refused, whichever they are", () => {
  let refused = 0;
  for (let first = 0; first < 256; first++) {
    const bytes = new ByteWriter().u32(1).u8(first).u32(0).bytes().slice(0, 8);
    try {
      read(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: "esp/text" });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(0);
});
