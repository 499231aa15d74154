/**
 * A token as the tokenizer's files write it: its text alone, or an object of text and flags.
 *
 * Not here: which number it has (added-vocabulary.ts).
 */

import { type Fields, fieldsOf, flagOf, textOf, unread } from "./fields.ts";
import type { TokenFlags } from "./rules.ts";

/** A token that a file names. */
export interface NamedToken extends TokenFlags {
  readonly content: string;
  /** Whether the file gave flags of its own; a mere text leaves to others how it is found. */
  readonly hasFlags: boolean;
}

/** A token with the number a file gives it. */
export interface NumberedToken extends NamedToken {
  readonly id: number;
}

/**
 * The flags of an object, as `AddedToken` of `tokenizers` fills them in: what is not special is normalised.
 * @throws {FormatError} `tokenizer/…` for a flag or a content of another type
 */
export function parseToken(fields: Fields, where: string): NamedToken {
  const content = textOf(fields.content, "added token", where);
  const at = `${where}: ${content}`;
  const special = flagOf(fields, "special", false, at);
  return {
    content,
    hasFlags: true,
    singleWord: flagOf(fields, "single_word", false, at),
    lstrip: flagOf(fields, "lstrip", false, at),
    rstrip: flagOf(fields, "rstrip", false, at),
    normalized: flagOf(fields, "normalized", !special, at),
    special,
  };
}

/** A token given by its text alone. */
export function plainToken(content: string, special: boolean): NamedToken {
  const flags = { singleWord: false, lstrip: false, rstrip: false, normalized: !special, special };
  return { content, hasFlags: false, ...flags };
}

/** A special token in either form. @throws {FormatError} `tokenizer/…` naming `key` */
export function parseSpecial(value: unknown, key: string, where: string): NamedToken {
  if (typeof value === "string") return plainToken(textOf(value, key, where), true);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unread(where, key, "a text or an object with content", value);
  }
  return parseToken(fieldsOf(value, `${where}: ${key}`), `${where}: ${key}`);
}
