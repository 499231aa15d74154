/**
 * The vocabulary's section: the word pieces in the order of their numbers, one a line.
 *
 * Not here: the tokenizer's flags, which stand in the directory.
 */

import { FormatError } from "../../base/errors.ts";
import { specialIds } from "../../text/tokenizer.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { bad } from "./failure.ts";
import { readText, writeText } from "./text.ts";

/**
 * @param most  pieces that the model has embeddings for
 * @throws {FormatError} `esp/pieces`, `esp/piece` for pieces that would not come back as they are; `vocab/special`
 */
export function encodePieces(pieces: readonly string[], most: number): Uint8Array {
  checkPieces(pieces, most, "writing");
  const writer = new ByteWriter();
  writeText(writer, pieces.join("\n"), "vocabulary");
  return writer.bytes();
}

/** @throws {FormatError} `esp/pieces`, `esp/piece`, `vocab/special`; as `readText` does */
export function decodePieces(section: Uint8Array, most: number, where: string): string[] {
  const pieces = readText(new ByteReader(section, "vocabulary", where)).split("\n");
  checkPieces(pieces, most, where);
  return pieces;
}

/** Each once, none empty, each on one line and in UTF-8, the special ones among them. */
function checkPieces(pieces: readonly string[], most: number, where: string): void {
  if (pieces.length > most) {
    throw bad("pieces", "vocabulary", `at most vocab_size ${most} pieces`, pieces.length, where);
  }
  const seen = new Set<string>();
  pieces.forEach((piece, i) => {
    if (piece !== "" && !piece.includes("\n") && !/\p{Surrogate}/u.test(piece) && !seen.has(piece))
      seen.add(piece);
    else throw bad("piece", `piece ${i}`, "a new one, without line breaks", piece, where);
  });
  try {
    specialIds(pieces);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(cause.code, `${cause.message} (${where})`, { cause });
  }
}
