/**
 * The patterns that tokenizers split and replace by: each is known here, so that none out of a file is ever compiled.
 *
 * A pattern in a file is in the language of Oniguruma. What stands here beside it finds the same in JavaScript: white space
 * is Unicode's there, and (?i:) folds Unicode's cases, of which `s` has a third, ſ.
 */

/** Contractions, in any case. */
const CONTRACTION = "'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])";
const SPACE = "\\p{White_Space}";

/** What Llama 3 and Qwen 2 split words by; they differ in how many digits stand together. */
const words = (digits: string): RegExp =>
  new RegExp(
    `${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^${SPACE}\\p{L}\\p{N}]+[\\r\\n]*|` +
      `${SPACE}*[\\r\\n]+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`,
    "gu",
  );

/** What GPT-2 splits words by. */
export const GPT2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** By the text that stands in a file. */
export const PATTERNS = {
  " {2,}": / {2,}/g,
  "\\s+": /\p{White_Space}+/gu,
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+": GPT2,
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    words("\\p{N}{1,3}"),
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    words("\\p{N}"),
} as const satisfies Record<string, RegExp>;

/** The text of a pattern that is known here. */
export type KnownPattern = keyof typeof PATTERNS;

export function isKnownPattern(text: unknown): text is KnownPattern {
  return typeof text === "string" && Object.hasOwn(PATTERNS, text);
}
