/**
 * JSON from files that may be damaged or hostile: as `JSON.parse`, but a key that occurs twice is an error.
 *
 * `JSON.parse` lets the last of two equal keys win, other readers the first, so that one file can mean two things.
 */

import { FormatError } from "../base/errors.ts";

/** A JSON object. Read its keys with `own`: a key such as `constructor` must not find the prototype's. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for an object that is neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of an own key, else undefined. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A JSON file as people read it. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Index of the closing quote of the string that opens at `start`, or the text's length where none closes it. */
export function stringEnd(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}

/** The first key that occurs twice in one object, or undefined. `text` is valid JSON: only structure is looked at. */
export function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{" || c === "[") open.push(new Set());
    else if (c === "}" || c === "]") open.pop();
    else if (c === '"') {
      const start = i;
      i = stringEnd(text, start);
      let next = i + 1;
      while (/\s/.test(text[next] ?? "")) next++;
      if (text[next] !== ":") continue;
      const key = String(JSON.parse(text.slice(start, i + 1)));
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * The text with quotation marks around whole numbers beyond 2^53, which `JSON.parse` would round: two of them could become
 * one. `text` is valid JSON.
 */
export function withDigits(text: string): string {
  if (!/\d{16}/.test(text)) return text; // 2^53 has 16 digits
  let [kept, from] = ["", 0];
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? "";
    if (c === '"') i = stringEnd(text, i);
    if (c !== "-" && !(c >= "0" && c <= "9")) continue;
    NUMBER.lastIndex = i;
    const [number = c] = NUMBER.exec(text) ?? [];
    const isWhole = /^-?\d+$/.test(number);
    if (isWhole && !Number.isSafeInteger(Number(number))) {
      kept += `${text.slice(from, i)}"${number}"`;
      from = i + number.length;
    }
    i += number.length - 1;
  }
  return kept + text.slice(from);
}

/**
 * @param where  named in messages: the file
 * @throws {FormatError} `json/syntax`, `json/duplicate`
 */
export function parseJson(text: string, where: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError("json/syntax", `json: expected valid JSON, got: ${reason} (${where})`, { cause });
  }
  const key = repeatedKey(text);
  if (key === undefined) return value;
  throw new FormatError("json/duplicate", `json: expected each key once, got "${key}" twice (${where})`);
}
