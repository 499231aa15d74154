/**
 * Every compression method by its id. A new method is one more entry in `METHODS`, and with it come the command line,
 * the contract test and the reports.
 */

import { ConfigError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { type ConfiguredMethod, type RegisteredMethod, registerMethod } from "../contract/configured.ts";
import type { MethodRequest } from "../contract/settings.ts";
import { ADAPTING_BY_PRUNING } from "./adapting-by-pruning.ts";
import { DISTIL } from "./distil.ts";
import { DISTILBERT } from "./distilbert.ts";
import { FEATURES } from "./features.ts";
import { FINETUNE } from "./finetune.ts";
import { HEAD_GATES } from "./head-gates.ts";
import { HEAD_IMPORTANCE } from "./head-importance.ts";
import { L0 } from "./l0.ts";
import { LAYERDROP } from "./layerdrop.ts";
import { LOTTERY } from "./lottery.ts";
import { MAGNITUDE } from "./magnitude.ts";
import { MOVEMENT } from "./movement.ts";
import { PKD } from "./pkd.ts";
import { QUANTIZATION_AWARE } from "./quantization-aware.ts";
import { RANDOM } from "./random.ts";
import { SNIP } from "./snip.ts";
import { SPARSEBERT } from "./sparsebert.ts";
import { THESEUS } from "./theseus.ts";
import { TINYBERT } from "./tinybert.ts";
import { TRUNCATE } from "./truncate.ts";

/** The ids the command line takes. */
export type MethodId =
  | "adapting-by-pruning"
  | "distil"
  | "distilbert"
  | "features"
  | "finetune"
  | "head-gates"
  | "head-importance"
  | "l0"
  | "layerdrop"
  | "lottery"
  | "magnitude"
  | "movement"
  | "pkd"
  | "quantization-aware"
  | "random"
  | "snip"
  | "sparsebert"
  | "theseus"
  | "tinybert"
  | "truncate";

/** The methods. A missing one is a compile error. */
export const METHODS: Readonly<Record<MethodId, RegisteredMethod>> = {
  "adapting-by-pruning": registerMethod(ADAPTING_BY_PRUNING),
  distil: registerMethod(DISTIL),
  distilbert: registerMethod(DISTILBERT),
  features: registerMethod(FEATURES),
  finetune: registerMethod(FINETUNE),
  "head-gates": registerMethod(HEAD_GATES),
  "head-importance": registerMethod(HEAD_IMPORTANCE),
  l0: registerMethod(L0),
  layerdrop: registerMethod(LAYERDROP),
  lottery: registerMethod(LOTTERY),
  magnitude: registerMethod(MAGNITUDE),
  movement: registerMethod(MOVEMENT),
  pkd: registerMethod(PKD),
  "quantization-aware": registerMethod(QUANTIZATION_AWARE),
  random: registerMethod(RANDOM),
  snip: registerMethod(SNIP),
  sparsebert: registerMethod(SPARSEBERT),
  theseus: registerMethod(THESEUS),
  tinybert: registerMethod(TINYBERT),
  truncate: registerMethod(TRUNCATE),
};

/**
 * The method called `id`, set as asked.
 *
 * @throws {ConfigError} `method/unknown`, listing the known ones; and as `methodConfig` does
 * @example methodById("theseus", { set: { layers: "3" } }).bind(network, { steps: 500, key });
 */
export function methodById(id: string, request: MethodRequest = { set: {} }): ConfiguredMethod {
  return registeredMethod(id).configure(request);
}

/** @throws {ConfigError} `method/unknown`, with the nearest one there is */
export function registeredMethod(id: string): RegisteredMethod {
  const found = Object.entries(METHODS).find(([name]) => name === id);
  if (found) return found[1];
  const names = Object.keys(METHODS);
  const near = nearest(id, names);
  throw new ConfigError(
    "method/unknown",
    `method: expected one of ${names.join(", ")}, got "${id}"${near ? `; did you mean "${near}"?` : ""}`,
  );
}

/** The entry of a method's value; undefined for a value that is not one of the built-in methods. */
export function builtInMethod(value: unknown): RegisteredMethod | undefined {
  return Object.values(METHODS).find((method) => method.value === value);
}
