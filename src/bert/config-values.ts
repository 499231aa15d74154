/**
 * Single values of a parsed `config.json`, checked: what every key of it is read with.
 *
 * Promise: a value of the wrong kind or range is refused by the name of its key. A key that is absent takes the default
 * of `transformers`; null is a value like any other, because `transformers` does not put a default in its place.
 */

import { ConfigError } from "../base/errors.ts";
import { isObject, type JsonObject, own } from "../formats/json.ts";

/** Largest size accepted for one dimension: a hostile file must not fill the memory. */
const MAX_SIZE = 2 ** 24;

/** The error of a key whose value is not read here. */
export function bad(code: string, key: string, expected: string, got: unknown, where: string): ConfigError {
  return new ConfigError(
    `config/${code}`,
    `config: expected ${key} to be ${expected}, got ${JSON.stringify(got) ?? "nothing"} (${where})`,
  );
}

/** @throws {ConfigError} `config/kind` for anything but an object */
export function record(json: unknown, key: string, where: string): JsonObject {
  if (!isObject(json)) throw bad("kind", key, "a JSON object", json, where);
  return json;
}

/** The value of a key; the default only where the key is absent. */
export function readValue(json: JsonObject, key: string, fallback: unknown): unknown {
  const value = own(json, key);
  return value === undefined ? fallback : value;
}

/** An integer from `least` to `most`. @throws {ConfigError} `config/size` */
export function size(
  json: JsonObject,
  key: string,
  where: string,
  fallback?: number,
  least = 1,
  most = MAX_SIZE,
): number {
  const value = readValue(json, key, fallback);
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw bad("size", key, `an integer from ${least} to ${most}`, value, where);
  }
  return value;
}

/** A number in [0, 1). @throws {ConfigError} `config/fraction` */
export function fraction(json: JsonObject, key: string, where: string, fallback?: number): number {
  const value = readValue(json, key, fallback);
  if (typeof value !== "number" || !(value >= 0 && value < 1)) {
    throw bad("fraction", key, "a number in [0, 1)", value, where);
  }
  return value;
}
