/**
 * Single values of a parsed `config.json`, checked: what every key of it is read with.
 *
 * Promise: a value of the wrong kind or range is refused by the name of its key. A key that is absent takes the default
 * of `transformers`; null is a value like any other, because `transformers` does not put a default in its place.
 */

import { ConfigError } from "../base/errors.ts";
import { isObject, type JsonObject, own } from "../formats/json.ts";
import type { Activation } from "./facts.ts";

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

/** Whether a key is not there, or null. */
export function isAbsent(json: JsonObject, key: string): boolean {
  return (own(json, key) ?? null) === null;
}

/** True or false. @throws {ConfigError} `config/flag` */
export function flag(json: JsonObject, key: string, where: string, fallback: boolean): boolean {
  const value = readValue(json, key, fallback);
  if (typeof value === "boolean") return value;
  throw bad("flag", key, "true or false", value, where);
}

/** Names of `transformers`; what it computes in several ways that differ in the last digit alone is one function here. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ["gelu", "gelu"],
  ["gelu_python", "gelu"],
  ["gelu_new", "gelu_new"],
  ["gelu_fast", "gelu_new"],
  ["gelu_accurate", "gelu_new"],
  ["gelu_pytorch_tanh", "gelu_new"],
  ["gelu_python_tanh", "gelu_new"],
  ["relu", "relu"],
]);

/** The function of this name. @throws {ConfigError} `config/activation` */
export function parseActivation(json: JsonObject, key: string, where: string, fallback = "gelu"): Activation {
  const name = readValue(json, key, fallback);
  const activation = typeof name === "string" ? ACTIVATIONS.get(name) : undefined;
  if (activation === undefined) {
    throw bad("activation", key, `one of ${[...ACTIVATIONS.keys()].join(", ")}`, name, where);
  }
  return activation;
}
