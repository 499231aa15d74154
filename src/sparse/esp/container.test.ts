import { crc32 as reference } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { splitSections } from "../../../test/support/esp-sections.ts";
import { joinSections, MAGIC } from "./container.ts";
import { crc32 } from "./crc.ts";

const SECTIONS = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)];
const FILE = joinSections(SECTIONS);
/** Bytes before the sections. */
const HEAD = MAGIC.length + 12 + 8 * SECTIONS.length + 4;

test("CRC-32 of 123456789 is cbf43926, the check value of the standard, and of any bytes what zlib says", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(crc32(bytes)).toBe(reference(bytes));
    }),
  );
});

test("sections come back, and lie end to end behind the head", () => {
  expect(splitSections(FILE, "f")).toEqual(SECTIONS);
  expect(FILE.length).toBe(HEAD + 4);
  expect(splitSections(joinSections([]), "f")).toEqual([]);
});

/** The file with some bytes set, and the head's checksum made to fit. */
function edited(at: number, ...bytes: readonly number[]): Uint8Array {
  const file = FILE.slice();
  file.set(bytes, at);
  new DataView(file.buffer).setUint32(HEAD - 4, crc32(file.subarray(0, HEAD - 4)), true);
  return file;
}

const FIRST = MAGIC.length + 12;

const ATTACKS: readonly [string, string, Uint8Array][] = [
  ["an empty file", "esp/magic", new Uint8Array(0)],
  ["another magic", "esp/magic", edited(1, 0x46)],
  ["a file whose line ends were changed", "esp/magic", edited(4, 0x0a)],
  ["version 0", "esp/version", edited(8, 0)],
  ["version 1", "esp/version", edited(8, 1)],
  ["version 2^24 + 1", "esp/version", edited(11, 1)],
  ["a flag", "esp/flags", edited(12, 1)],
  ["2^32 - 1 sections", "esp/sections", edited(16, 255, 255, 255, 255)],
  ["65,536 sections in 48 bytes", "esp/short", edited(16, 0, 0, 1, 0)],
  ["a section more than there is", "esp/short", FILE.with(16, 4)],
  ["a section less than there is", "esp/checksum", FILE.with(16, 2)],
  ["a head whose checksum is another", "esp/checksum", FILE.with(HEAD - 1, (FILE[HEAD - 1] ?? 0) ^ 1)],
  ["a section whose checksum is another", "esp/checksum", edited(FIRST + 4, 0)],
  ["a changed byte in a section", "esp/checksum", FILE.with(HEAD, 0)],
  ["a section a byte shorter: a hole", "esp/length", edited(FIRST, 2)],
  ["a section a byte longer: an overlap", "esp/length", edited(FIRST, 4)],
  ["sections of 4 GiB", "esp/length", edited(FIRST, 255, 255, 255, 255)],
  ["a byte moved from one section to the next", "esp/checksum", edited(FIRST, 2, 0, 0, 0, 0, 0, 0, 0, 1)],
  ["a byte after the last section", "esp/length", Uint8Array.of(...FILE, 0)],
  ["a second file after the first", "esp/length", Uint8Array.of(...FILE, ...FILE)],
];

test.each(ATTACKS)("attack: %s", (_, code, bytes) => {
  expect(() => splitSections(bytes, "evil.esp")).toThrow(
    expect.objectContaining({ name: "FormatError", code, message: expect.stringContaining("evil.esp") }),
  );
});

test.each(["<!doctype html>", "\uFEFF\n <html>", "<?xml ?>"])("a page, %j, brings up the address", (page) => {
  const message =
    "head: expected an .esp file, got another kind of file; this looks like an HTML page: is the address right? (f)";
  expect(() => splitSections(new TextEncoder().encode(page), "f")).toThrow(message);
  expect(() => splitSections(new TextEncoder().encode("{}"), "f")).toThrow("another kind of file (f)");
});

test("a file cut off anywhere is refused", () => {
  for (let length = 0; length < FILE.length; length++) {
    expect(() => splitSections(FILE.subarray(0, length), "f")).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^esp\/(magic|short|length|checksum)$/) }),
    );
  }
});

test("any single changed byte is noticed", () => {
  for (let at = 0; at < FILE.length; at++) {
    for (const flip of [1, 128, 255]) {
      const bytes = FILE.with(at, (FILE[at] ?? 0) ^ flip);
      expect(() => splitSections(bytes, "f")).toThrow(expect.objectContaining({ name: "FormatError" }));
    }
  }
});
