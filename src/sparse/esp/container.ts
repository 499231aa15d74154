/**
 * The container of a .esp file: a head with the length and checksum of every section, then the sections.
 *
 *   8   magic         89 45 53 50 0D 0A 1A 0A
 *   4   version       2, or 3 for a tokenizer that is no WordPiece
 *   4   flags         0
 *   4   n             sections
 *   8n  length, CRC   of each section
 *   4   CRC           of all bytes before it
 *       the sections, end to end
 *
 * Promise: a file is opened only when every byte of it is accounted for and every checksum holds. Where a section begins
 * follows from the lengths before it and is written nowhere, so sections cannot overlap or leave a hole.
 * Not here: what a section means (model.ts). The format's rules are in docs/format.md.
 */

import { ByteReader, ByteWriter } from "./bytes.ts";
import { crc32 } from "./crc.ts";
import { bad } from "./failure.ts";

/** As PNG's: a byte above 127, both line ends and an end-of-file sign show what a transfer as text has done to a file. */
export const MAGIC = Uint8Array.of(0x89, 0x45, 0x53, 0x50, 0x0d, 0x0a, 0x1a, 0x0a);

/** Version 1 was that of files written while this format was being made. */
export const VERSION = 2;
/** The version with a section more, for a tokenizer that is no WordPiece: readers of version 2 refuse it. */
export const PIPELINE_VERSION = 3;

/** Sections of one file at most. */
const MAX_SECTIONS = 65_536;

/** The file of these sections. */
export function joinSections(sections: readonly Uint8Array[], version: number = VERSION): Uint8Array {
  const head = new ByteWriter().put(MAGIC).u32(version).u32(0).u32(sections.length);
  for (const section of sections) head.u32(section.length).u32(crc32(section));
  head.u32(crc32(head.bytes()));
  const bytes = new Uint8Array(sections.reduce((n, { length }) => n + length, head.length));
  bytes.set(head.bytes());
  let at = head.length;
  for (const section of sections) {
    bytes.set(section, at);
    at += section.length;
  }
  return bytes;
}

/** A server answers a wrong address with a page more often than with an error. */
const PAGE = "; this looks like an HTML page: is the address right?";

/** Whether bytes begin as HTML or XML does: `<`, maybe after a byte order mark and blanks. */
function isMarkup(bytes: Uint8Array): boolean {
  return /^\s*</.test(new TextDecoder().decode(bytes.slice(0, 64)));
}

/** A file's sections, not copied, and its version. */
export interface Sections {
  readonly version: number;
  readonly sections: readonly Uint8Array[];
}

/**
 * Opens a file.
 *
 * @throws {FormatError} `esp/magic`, `esp/version`, `esp/flags`, `esp/sections`, `esp/short`, `esp/checksum`, `esp/length`
 */
export function openSections(bytes: Uint8Array, where: string): Sections {
  const head = new ByteReader(bytes, "head", where);
  if (head.left < MAGIC.length || head.take(MAGIC.length).some((byte, i) => byte !== MAGIC[i])) {
    throw head.bad("magic", "an .esp file", `another kind of file${isMarkup(bytes) ? PAGE : ""}`);
  }
  const [version, flags, count] = [head.u32(), head.u32(), head.u32()];
  if (version !== VERSION && version !== PIPELINE_VERSION)
    throw head.bad("version", `version ${VERSION} or ${PIPELINE_VERSION}`, version);
  if (flags !== 0) throw head.bad("flags", "no flags", flags);
  if (count > MAX_SECTIONS) throw head.bad("sections", `at most ${MAX_SECTIONS} sections`, count);
  const table = new ByteReader(head.take(8 * count), "head", where);
  const checked = bytes.length - head.left;
  expectChecksum(bytes.subarray(0, checked), head.u32(), "head", where);
  const entries = Array.from({ length: count }, () => ({ length: table.u32(), checksum: table.u32() }));
  const total = entries.reduce((n, { length }) => n + length, 0);
  if (total !== head.left) throw bad("length", "file", `${total} bytes after the head`, head.left, where);
  const sections = entries.map(({ length, checksum }, i) => {
    const section = head.take(length);
    expectChecksum(section, checksum, `section ${i}`, where);
    return section;
  });
  return { version, sections };
}

function expectChecksum(bytes: Uint8Array, expected: number, what: string, where: string): void {
  const found = crc32(bytes);
  if (found === expected) return;
  throw bad("checksum", what, `CRC-32 ${expected.toString(16)}`, found.toString(16), where);
}
