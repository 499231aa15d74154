/**
 * A method without its types: what can be said about it, and set, whatever its configuration and state are.
 *
 * A table cannot hold values of many `Method<Config, State>` types as they are, so a registered method closes over the
 * one it is made of.
 */

import type { Network } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";
import {
  type BoundMethod,
  bind,
  type Citation,
  type Method,
  type MethodState,
  type RunFacts,
  type Setting,
} from "./method.ts";
import { type MethodRequest, methodConfig } from "./settings.ts";
import { requireFitting } from "./sharing.ts";

/** A method with its settings read and checked, before it knows a network. */
export interface ConfiguredMethod {
  readonly id: string;
  /** Every setting resolved, defaults included. */
  readonly settings: Readonly<Record<string, Setting["default"]>>;
  /** See Method.learningRate, at these settings. */
  readonly learningRate: number | undefined;
  /** See Method.batchSize, at these settings. */
  readonly batchSize: number | undefined;
  /** @throws {ConfigError} when the settings do not fit the network */
  readonly bind: (network: Network, facts: RunFacts) => BoundMethod;
  /** See Method.from. */
  readonly from: "fine-tuned" | "pre-trained";
}

/** What can be said about a method without its types. */
export interface RegisteredMethod {
  readonly id: string;
  readonly summary: string;
  readonly paper: Citation | undefined;
  /** See Method.from. */
  readonly from: "fine-tuned" | "pre-trained";
  /** What may be set, by name. */
  readonly fields: Readonly<Record<string, Setting>>;
  /** See Own.help, of the learning rate and of the batch. */
  readonly own: { readonly learningRate?: string | undefined; readonly batchSize?: string | undefined };
  /** The method itself, to know it again. */
  readonly value: unknown;
  /** @throws {ConfigError} as `methodConfig` does */
  readonly configure: (request: MethodRequest) => ConfiguredMethod;
}

/** Closes over a method. `change` is applied to what it is bound to. */
export function registerMethod<Config extends object, State extends MethodState>(
  method: Method<Config, State>,
  change: (bound: () => BoundMethod) => BoundMethod = (bound) => bound(),
): RegisteredMethod {
  const { id, summary, paper, from } = method;
  return {
    id,
    summary,
    paper,
    from,
    fields: { ...method.config },
    own: { learningRate: method.learningRate?.help, batchSize: method.batchSize?.help },
    value: method,
    configure: (request) => {
      const config = methodConfig(id, method.config, request);
      const settings: ConfiguredMethod["settings"] = Object.fromEntries(Object.entries(config));
      return {
        id,
        settings,
        learningRate: method.learningRate?.of(config),
        batchSize: method.batchSize?.of(config),
        from,
        // Training moves weights off their levels: it begins in float32.
        bind: (network, facts) => change(() => requireFitting(bind(method, inFloat(network), config, facts))),
      };
    },
  };
}
