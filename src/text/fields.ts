/**
 * Reads fields of the tokenizer's JSON files: each has the type it should have, or is refused by file and name.
 *
 * Not here: which fields there are (tokenizer-config.ts, tokenizer-json.ts).
 */

import { FormatError } from "../base/errors.ts";

/** A JSON object whose keys are data. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws {FormatError} `tokenizer/object` for what is no JSON object */
export function fieldsOf(value: unknown, where: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError("tokenizer/object", `${where}: expected a JSON object, got ${show(value)}`);
  }
  return Object.fromEntries(Object.entries(value));
}

/** Whether a field says nothing: it is absent or null. */
export function isUnset(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** The failure of a field that would give other pieces than those that are read here. */
export function unread(where: string, key: string, expected: unknown, got: unknown): FormatError {
  const kinds = /izer$|cessor$|_class$|^auto_map$|^added/;
  return new FormatError(
    `tokenizer/${kinds.test(key) ? "kind" : "config"}`,
    `${where}: ${key}: expected ${show(expected)}, got ${show(got)}`,
  );
}

/** @throws {FormatError} `tokenizer/…` when the field is there and another value */
export function expectValue(fields: Fields, key: string, expected: unknown, where: string): void {
  const got = fields[key];
  if (got !== undefined && got !== expected) throw unread(where, key, expected, got);
}

/** @throws {FormatError} `tokenizer/…` when the field is there and no boolean */
export function flagOf(fields: Fields, key: string, otherwise: boolean, where: string): boolean {
  const value = fields[key] ?? otherwise;
  if (typeof value !== "boolean") throw unread(where, key, "true or false", value);
  return value;
}

/** As `flagOf`, null where the field says nothing. */
export function nullableFlagOf(fields: Fields, key: string, where: string): boolean | null {
  return isUnset(fields[key]) ? null : flagOf(fields, key, false, where);
}

/** @throws {FormatError} `tokenizer/…` for what is no text of one character or more */
export function textOf(value: unknown, key: string, where: string): string {
  if (typeof value === "string" && value !== "" && !/\p{Surrogate}/u.test(value)) return value;
  throw unread(where, key, "a text", value);
}

/** @throws {FormatError} `tokenizer/…` for what is no whole number from 0 to `most` */
export function numberOf(value: unknown, most: number, key: string, where: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw unread(where, key, `a whole number from 0 to ${most}`, value);
}

/** @throws {FormatError} `tokenizer/…` for what is no list; a field that says nothing is an empty one */
export function listOf(value: unknown, key: string, where: string): readonly unknown[] {
  if (isUnset(value)) return [];
  if (!Array.isArray(value)) throw unread(where, key, "a list", value);
  return value;
}

/** A value as messages show it. */
export function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing").slice(0, 80);
}
