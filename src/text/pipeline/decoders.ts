/**
 * Decoders: readable text of pieces.
 *
 * As Hugging Face's Rust `tokenizers`, but for an added token, which stands for itself wherever bytes are put together.
 */

import type { Decoder } from "./pipeline.ts";
import { BYTE_CHARACTERS } from "./words.ts";

/** The text of a piece, and whether it is an added token. */
export interface ReadPiece {
  readonly text: string;
  readonly isAdded: boolean;
}

/** All steps, one after the other; without one there is a space between pieces. */
export function createDecoder(decoders: readonly Decoder[]): (pieces: readonly ReadPiece[]) => string {
  if (decoders.length === 0) return (pieces) => pieces.map(({ text }) => text).join(" ");
  return (pieces) => {
    const texts = decoders.reduce<readonly ReadPiece[]>((given, decoder) => decode(given, decoder), pieces);
    return texts.map(({ text }) => text).join("");
  };
}

function decode(pieces: readonly ReadPiece[], decoder: Decoder): readonly ReadPiece[] {
  const each = (change: (text: string, i: number) => string): ReadPiece[] =>
    pieces.map((piece, i) => ({ ...piece, text: change(piece.text, i) }));
  switch (decoder.type) {
    case "Fuse":
      return [{ text: pieces.map(({ text }) => text).join(""), isAdded: false }];
    case "Replace":
      return each((text) => text.replaceAll(decoder.pattern.String, decoder.content));
    case "Strip":
      return each((text) => stripped(text, decoder));
    case "Metaspace": {
      const { replacement, prepend_scheme: scheme } = decoder;
      return each((text, i) => text.replaceAll(replacement, i === 0 && scheme !== "never" ? "" : " "));
    }
    case "ByteLevel":
      return joinBytes(
        pieces,
        ({ text, isAdded }) => (isAdded ? undefined : bytesOfCharacters(text)),
        textOf,
      );
    case "ByteFallback":
      return joinBytes(
        pieces,
        ({ text }) => {
          const byte = /^<0x([\dA-F]{2})>$/.exec(text)?.[1];
          return byte === undefined ? undefined : [Number.parseInt(byte, 16)];
        },
        wholeTextOf,
      );
  }
}

function stripped(text: string, { content, start, stop }: Decoder & { readonly type: "Strip" }): string {
  const chars = [...text];
  let [first, last] = [0, chars.length];
  while (first < start && chars[first] === content) first++;
  while (last > first && chars.length - last < stop && chars[last - 1] === content) last--;
  return chars.slice(first, last).join("");
}

/** Pieces that are bytes, side by side, become one text; others stay. */
function joinBytes(
  pieces: readonly ReadPiece[],
  bytesOf: (piece: ReadPiece) => readonly number[] | undefined,
  read: (bytes: Uint8Array) => string,
): ReadPiece[] {
  const out: ReadPiece[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    const text = read(Uint8Array.from(bytes));
    if (text !== "") out.push({ text, isAdded: false });
    bytes = [];
  };
  for (const piece of pieces) {
    const own = bytesOf(piece);
    if (own !== undefined) for (const byte of own) bytes.push(byte);
    else {
      flush();
      out.push(piece);
    }
  }
  flush();
  return out;
}

/** Bytes as UTF-8; what is none becomes U+FFFD. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Bytes as UTF-8; where some are none, each of all these bytes becomes U+FFFD, as Rust's ByteFallback has it. */
function wholeTextOf(bytes: Uint8Array): string {
  const text = textOf(bytes);
  const again = new TextEncoder().encode(text);
  return again.join() === bytes.join() ? text : "\ufffd".repeat(bytes.length);
}

const BYTES: ReadonlyMap<string, number> = new Map(BYTE_CHARACTERS.map((char, byte) => [char, byte]));

function bytesOfCharacters(text: string): number[] | undefined {
  const bytes = Array.from(text, (char) => BYTES.get(char));
  const found = bytes.filter((byte) => byte !== undefined);
  return found.length === bytes.length ? found : undefined;
}
