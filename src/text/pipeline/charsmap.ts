/**
 * SentencePiece's table of characters and what becomes of them, as the normalizer Precompiled applies it.
 *
 *   From    google/sentencepiece, src/normalizer.cc: u32 bytes of a trie, the trie, then texts that end in a zero
 *   Trie    a double array (Darts-clone): units of 32 bits with a label, an offset to the children, and a value in a leaf
 *
 * Hugging Face's Rust code looks up a whole grapheme of fewer than six bytes first, and takes the shortest entry that the
 * grapheme begins with, so what stands behind that within the grapheme is lost; then character by character. So does this.
 */

import { change, type Stretch } from "./stretch.ts";

/** What becomes of a text at its beginning; undefined where the table says nothing. */
type LookUp = (text: string) => string | undefined;

/** Graphemes of so many bytes are not looked up as a whole. */
const LONG = 6;
/** A text without a character from here on, and without CR LF, has graphemes of one character. */
const JOINING = /[\u0300-\u{10ffff}]|\r\n/u;

/** Whether bytes have the form of such a table. */
export function isCharsmap(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const size = trieSize(bytes);
  return size >= 4 && size % 4 === 0 && size <= bytes.length - 4;
}

function trieSize(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0, true);
}

/** Applies a table. What it has is remembered. */
export function createCharsmap(bytes: Uint8Array): (stretch: Stretch) => Stretch {
  const lookUp = openCharsmap(bytes);
  const known = new Map<string, string | null>();
  const find: LookUp = (text) => {
    const before = known.get(text);
    if (before !== undefined) return before ?? undefined;
    const found = lookUp(text);
    if (known.size >= REMEMBERED) known.clear();
    known.set(text, found ?? null);
    return found;
  };
  return (stretch) => {
    if (stretch.origins === undefined) {
      let text = "";
      for (const [part, found] of partsOf(stretch.text, find)) text += found ?? part;
      return { ...stretch, text };
    }
    const changes: Counted[] = [];
    for (const [part, found] of partsOf(stretch.text, find)) put(changes, part, found ?? part);
    return change(stretch, changes);
  };
}

/** Characters and graphemes that are remembered, then forgotten together. */
const REMEMBERED = 1 << 16;

/** Graphemes that the table knows, else their characters, each with what becomes of it. */
function* partsOf(text: string, find: LookUp): Generator<[string, string | undefined]> {
  for (const grapheme of graphemesOf(text)) {
    const whole = bytesOf(grapheme) < LONG ? find(grapheme) : undefined;
    if (whole !== undefined) yield [grapheme, whole];
    else for (const char of grapheme) yield [char, find(char)];
  }
}

let segmenter: Intl.Segmenter | undefined;

/** Units of a stretch that is looked at at once: a segmenter of Node 20 takes the square of a text's length. */
const STRETCH = 256;

function* graphemesOf(text: string): Generator<string> {
  if (!JOINING.test(text)) return yield* text;
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  let [start, length] = [0, STRETCH];
  while (start < text.length) {
    const isLast = start + length >= text.length;
    const found = [...segmenter.segment(text.slice(start, start + length))];
    // What ends a stretch may go on behind it: the next one begins with it.
    const whole = isLast ? found : found.slice(0, -1);
    for (const { segment } of whole) yield segment;
    start += whole.reduce((units, { segment }) => units + segment.length, 0);
    length = whole.length === 0 ? 2 * length : STRETCH;
  }
}

/** Bytes in UTF-8, of a few characters; many where there are more. */
function bytesOf(text: string): number {
  if (text.length >= LONG) return LONG;
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

type Counted = [char: string, change: number];

/** What is put in is counted at the last characters; what is taken out at the last there is, be it of another part. */
function put(changes: Counted[], old: string, found: string): void {
  const [before, chars] = [[...old].length, [...found]];
  chars.forEach((char, i) => {
    changes.push([char, i < before ? 0 : 1]);
  });
  const last = changes.at(-1);
  if (last !== undefined && chars.length < before) last[1] += chars.length - before;
}

/** What the table says; a unit that points out of it has no children. */
function openCharsmap(bytes: Uint8Array): LookUp {
  const size = trieSize(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const unitAt = (place: number): number => (place < size / 4 ? view.getUint32(4 + 4 * place, true) : 0);
  const texts = bytes.subarray(4 + size);
  const textAt = (start: number): string => {
    const end = texts.indexOf(0, start);
    return new TextDecoder().decode(texts.subarray(start, end < 0 ? texts.length : end));
  };
  const encoder = new TextEncoder();
  return (text) => {
    let place = offsetOf(unitAt(0));
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return undefined;
      place = (place ^ byte) >>> 0;
      const unit = unitAt(place);
      if ((unit & 0x8000_00ff) >>> 0 !== byte) return undefined;
      place = (place ^ offsetOf(unit)) >>> 0;
      if ((unit & 0x100) !== 0) return textAt(unitAt(place) & 0x7fff_ffff);
    }
    return undefined;
  };
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
