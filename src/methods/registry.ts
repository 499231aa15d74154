/**
 * Every compression method by its id. A new method is one more entry in `METHODS`, and with it come the command line,
 * the contract test and the reports.
 *
 * A table cannot hold values of many `Method<Config, State>` types as they are, so an entry closes over its method.
 */

import { ConfigError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import {
  type BoundMethod,
  bind,
  type Citation,
  type Method,
  type MethodState,
  type RunFacts,
  type Setting,
} from "../contract/method.ts";
import { type MethodRequest, methodConfig } from "../contract/settings.ts";
import type { Network } from "../network/network.ts";
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
  | "random"
  | "snip"
  | "sparsebert"
  | "theseus"
  | "tinybert"
  | "truncate";

/** A method with its settings read and checked, before it knows a network. */
export interface ConfiguredMethod {
  readonly id: string;
  /** Every setting resolved, defaults included. */
  readonly settings: Readonly<Record<string, Setting["default"]>>;
  /** @throws {ConfigError} when the settings do not fit the network */
  readonly bind: (network: Network, facts: RunFacts) => BoundMethod;
  /** See Method.from. */
  readonly from: "fine-tuned" | "pre-trained";
}

/** One entry: what can be said about a method without its types. */
export interface RegisteredMethod {
  readonly id: string;
  readonly summary: string;
  readonly paper: Citation | undefined;
  /** See Method.from. */
  readonly from: "fine-tuned" | "pre-trained";
  /** What may be set, by name. */
  readonly fields: Readonly<Record<string, Setting>>;
  /** @throws {ConfigError} as `methodConfig` does */
  readonly configure: (request: MethodRequest) => ConfiguredMethod;
}

function entry<Config extends object, State extends MethodState>(
  method: Method<Config, State>,
): RegisteredMethod {
  const { id, summary, paper, from } = method;
  return {
    id,
    summary,
    paper,
    from,
    fields: { ...method.config },
    configure: (request) => {
      const config = methodConfig(id, method.config, request);
      const settings: ConfiguredMethod["settings"] = Object.fromEntries(Object.entries(config));
      return {
        id,
        settings,
        from,
        bind: (network, facts) => bind(method, network, config, facts),
      };
    },
  };
}

/** The methods. A missing one is a compile error. */
export const METHODS: Readonly<Record<MethodId, RegisteredMethod>> = {
  "adapting-by-pruning": entry(ADAPTING_BY_PRUNING),
  distil: entry(DISTIL),
  distilbert: entry(DISTILBERT),
  features: entry(FEATURES),
  finetune: entry(FINETUNE),
  "head-gates": entry(HEAD_GATES),
  "head-importance": entry(HEAD_IMPORTANCE),
  l0: entry(L0),
  layerdrop: entry(LAYERDROP),
  lottery: entry(LOTTERY),
  magnitude: entry(MAGNITUDE),
  movement: entry(MOVEMENT),
  pkd: entry(PKD),
  random: entry(RANDOM),
  snip: entry(SNIP),
  sparsebert: entry(SPARSEBERT),
  theseus: entry(THESEUS),
  tinybert: entry(TINYBERT),
  truncate: entry(TRUNCATE),
};

/**
 * The method called `id`, set as asked.
 *
 * @throws {ConfigError} `method/unknown`, listing the known ones; and as `methodConfig` does
 * @example methodById("theseus", { set: { layers: "3" } }).bind(network, { steps: 500, key });
 */
export function methodById(id: string, request: MethodRequest = { set: {} }): ConfiguredMethod {
  const found = Object.entries(METHODS).find(([name]) => name === id);
  if (found) return found[1].configure(request);
  const names = Object.keys(METHODS);
  const near = nearest(id, names);
  throw new ConfigError(
    "method/unknown",
    `method: expected one of ${names.join(", ")}, got "${id}"${near ? `; did you mean "${near}"?` : ""}`,
  );
}
