/** How an option is typed on a command line, and the line that asks for settings again. */

import type { Fields } from "./schema.ts";

/** `batchSize` → `--batch-size`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * The words that ask a command for these settings; what is at its default is left out. Settings that the command does not
 * have are left out as well: a later version may have dropped them.
 *
 * @param place  the setting that is given by position, if any
 */
export function wordsFor(
  fields: Fields,
  settings: Readonly<Record<string, unknown>>,
  place?: string,
): string[] {
  const words: string[] = [];
  const first = place === undefined ? undefined : settings[place];
  if (first !== undefined) words.push(String(first));
  for (const [key, { kind, fallback }] of Object.entries(fields)) {
    const value = settings[key];
    if (key === place || value === undefined || JSON.stringify(value) === JSON.stringify(fallback)) continue;
    // A switch without a default has no way to be typed off, and need not be.
    if (kind.form === "switch" && value === false && fallback === undefined) continue;
    if (kind.form === "switch") words.push(value === true ? flagOf(key) : flagOf(key).replace("--", "--no-"));
    else for (const each of valuesOf(value)) words.push(flagOf(key), each);
  }
  return words;
}

/** A value as it is typed: a list and pairs by repeating the flag. */
function valuesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === "object" && value !== null)
    return Object.entries(value).map(([name, each]) => `${name}=${String(each)}`);
  return [typeof value === "number" && value > 0 && value < 1e-2 ? value.toExponential() : String(value)];
}
