/** Names that a caller gave, against those that there are: a mistyped one is never passed over in silence. */

import { ConfigError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { shown } from "./shown.ts";

/**
 * Refuses a record with a name that is not known.
 *
 * @param of  what takes the record, for the message
 * @throws {ConfigError} `options/unknown`, with the nearest name; `options/record` for what is no record
 */
export function requireKnown(of: string, given: unknown, known: readonly string[]): asserts given is object {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const got = Array.isArray(given) ? "a list" : shown(given);
    throw new ConfigError("options/record", `${of}: expected options by name, got ${got}`);
  }
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  throw new ConfigError("options/unknown", `${of}: expected a known option, got "${unknown}"${hint}`);
}
