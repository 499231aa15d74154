/**
 * The vocabulary's section: the word pieces in the order of their numbers, one a line.
 *
 * Not here: the tokenizer's flags, which stand in the directory.
 */

import { FormatError } from "../../base/errors.ts";
import { type Ruled, specialIds } from "../../text/rules.ts";
import { checkRules } from "../../text/rules-json.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { PackedTokenizer } from "./directory.ts";
import { bad } from "./failure.ts";
import { readText, writeText } from "./text.ts";

/**
 * @param most  pieces that the model has embeddings for
 * @throws {FormatError} `esp/pieces`, `esp/piece` for pieces that would not come back as they are; `vocab/special`
 */
export function encodePieces(pieces: Ruled, most: number): Uint8Array {
  const alone = pieces.vocab.findIndex((piece) => /\p{Surrogate}/u.test(piece));
  if (alone >= 0)
    throw bad("piece", `piece ${alone}`, "letters that UTF-8 can hold", pieces.vocab[alone], "writing");
  checkPieces(pieces, most, "writing");
  const writer = new ByteWriter();
  writeText(writer, pieces.vocab.join("\n"), "vocabulary");
  return writer.bytes();
}

/**
 * @param tokenizer  what the directory says of the pieces
 * @throws {FormatError} `esp/pieces`, `esp/piece`, `vocab/special`, `tokenizer/…`; as `readText` does
 */
export function decodePieces(
  section: Uint8Array,
  most: number,
  tokenizer: PackedTokenizer,
  where: string,
): string[] {
  const vocab = readText(new ByteReader(section, "vocabulary", where)).split("\n");
  checkPieces({ vocab, ...tokenizer }, most, where);
  return vocab;
}

/** Pieces, and what names some of them. */
type NamedPieces = Pick<Ruled, "vocab"> & (Pick<Ruled, "rules" | "pipeline"> | PackedTokenizer);

/** Each once, none empty, each on one line; those that the rules name are among them. */
function checkPieces(ruled: NamedPieces, most: number, where: string): void {
  const pieces = ruled.vocab;
  if (pieces.length > most) {
    throw bad("pieces", "vocabulary", `at most vocab_size ${most} pieces`, pieces.length, where);
  }
  const seen = new Set<string>();
  pieces.forEach((piece, i) => {
    if (piece !== "" && !piece.includes("\n") && !seen.has(piece)) seen.add(piece);
    else throw bad("piece", `piece ${i}`, "a new one, without line breaks", piece, where);
  });
  try {
    specialIds(ruled);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(cause.code, `${cause.message} (${where})`, { cause });
  }
  checkRules(ruled, `${where}: tokenizer: espalier`);
}
