/**
 * `vocab.txt`: one piece per line, in the order of their numbers.
 *
 * Not here: what the pieces mean (rules.ts).
 */

import { FormatError } from "../base/errors.ts";

/**
 * The pieces of a `vocab.txt`, one per line; lines end as Python has it, in LF, CRLF or CR.
 * @throws {FormatError} `vocab/duplicate`, `vocab/blank`
 */
export function parseVocab(text: string, where: string): string[] {
  const vocab = text.replace(/^\uFEFF/, "").split(LINE_END);
  while (vocab.at(-1) === "") vocab.pop();
  checkPieces(vocab, where);
  return vocab;
}

const LINE_END = /\r\n|\n|\r/;

/** Whether blank lines follow the last piece. They take numbers, which shows when more pieces follow in other files. */
export function endsInBlankLines(text: string): boolean {
  return text.split(LINE_END).slice(-2).join("") === "";
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
    if (/[\r\n]/.test(piece))
      throw new FormatError(
        "vocab/line",
        `${where}:${i + 1}: expected a piece of one line, got ${JSON.stringify(piece)}`,
      );
    lineOf.set(piece, i + 1);
  });
}

/** The text of `vocab.txt`. */
export function vocabText(words: readonly string[]): string {
  return `${words.join("\n")}\n`;
}
