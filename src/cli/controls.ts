/** Text of others on a terminal: what would move its cursor, change its colours or turn its lines around is spelt out. */

import { requireValue } from "../base/present.ts";

/** Control characters of ASCII and Latin-1, and those that change the direction of writing. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** As `escapeControls`, but the ends of lines and tabs stay: for text that we laid out ourselves. */
export function escapeAllButLines(text: string): string {
  return text.replaceAll(CONTROLS, (char) => (char === "\n" || char === "\t" ? char : escaped(char)));
}

/** A text in one line: `ESC[31m` becomes `\\x1b[31m`. */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROLS, escaped);
}

function escaped(char: string): string {
  const code = requireValue(char.codePointAt(0), "character").toString(16);
  return NAMED[char] ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
}
