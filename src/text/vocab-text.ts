/**
 * `vocab.txt`: one piece per line, in the order of their numbers.
 *
 * Not here: what the pieces mean (rules.ts).
 */

import { FormatError } from "../base/errors.ts";

/**
 * The pieces of a `vocab.txt`, one per line, LF or CRLF.
 * @throws {FormatError} `vocab/duplicate`, `vocab/blank`
 */
export function parseVocab(text: string, where: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  const vocab = lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  while (vocab.at(-1) === "") vocab.pop();
  checkPieces(vocab, where);
  return vocab;
}

/** Every piece once, none empty. @throws {FormatError} `vocab/duplicate`, `vocab/blank` */
export function checkPieces(vocab: readonly string[], where: string): void {
  const lineOf = new Map<string, number>();
  vocab.forEach((piece, i) => {
    const before = lineOf.get(piece);
    if (before !== undefined) {
      const got = `"${piece}" again (first in line ${before})`;
      throw new FormatError("vocab/duplicate", `${where}:${i + 1}: expected a new piece, got ${got}`);
    }
    if (piece === "")
      throw new FormatError("vocab/blank", `${where}:${i + 1}: expected a piece, got a blank line`);
    lineOf.set(piece, i + 1);
  });
}

/** The text of `vocab.txt`. */
export function vocabText(words: readonly string[]): string {
  return `${words.join("\n")}\n`;
}
