/**
 * The contract between a compression method and everything else. A method is a value made of pure functions; its state
 * is explicit; it never sees the loop, files or the engine. `train/` works with a `BoundMethod` and knows no method.
 */

import type { Key } from "../base/random.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { Sites } from "../bert/sites.ts";
import type { Network } from "../network/network.ts";

export interface Citation {
  readonly title: string;
  readonly authors: string;
  readonly venue: string;
  readonly url: string;
}

/** One field of a method's configuration: what a user may set, with `--set name=value`. */
export interface Field {
  readonly default: number | string | boolean;
  /** Meaning and unit, with the paper's section. */
  readonly help: string;
}

/** A configuration's fields, each with default, unit and source. */
export type Schema<Config> = { readonly [K in keyof Config]: Field & { readonly default: Config[K] } };

/** What a run knows before its first step. */
export interface RunFacts {
  /** Optimizer steps of the run. */
  readonly steps: number;
  readonly key: Key;
  /** The model before it was fine-tuned, where the run has it. */
  readonly pretrained?: Network;
}

/** What every state has: the tensors the method adds to the network's own. */
export interface MethodState {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

export interface Method<Config, State extends MethodState> {
  readonly id: string;
  readonly summary: string;
  readonly paper: Citation | undefined;
  /** What it begins with: a model fine-tuned on the task, or the pre-trained one under a new head. */
  readonly from: "fine-tuned" | "pre-trained";
  readonly config: Schema<Config>;
  /** @throws {ConfigError} when the configuration does not fit the network */
  readonly init: (network: Network, config: Config, facts: RunFacts) => State;
  /** Whether a tensor (the network's or an added one) is trained. */
  readonly trains: (state: State, name: string) => boolean;
  /** Tensors that are not trained but whose gradients count in the norm that clips; default none. */
  readonly measures?: (state: State, name: string) => boolean;
  /** What is static in the graph of step `step` (from 0): swaps, skips. Equal strings mean equal graphs. */
  readonly structure?: (state: State, step: number) => string;
  /** The structure of the finished product, used to evaluate. */
  readonly product?: (state: State) => string;
  readonly sites: (state: State, structure: string) => Sites;
  readonly finish: (network: Network, state: State, tensors: ReadonlyMap<string, FloatTensor>) => Network;
}

/** A method with its configuration and state filled in. */
export interface BoundMethod {
  readonly id: string;
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  readonly trains: (name: string) => boolean;
  readonly measures: (name: string) => boolean;
  readonly structure: (step: number) => string;
  readonly product: string;
  readonly sites: (structure: string) => Sites;
  readonly finish: (tensors: ReadonlyMap<string, FloatTensor>) => Network;
}

/** Fills in a method. */
export function bind<Config, State extends MethodState>(
  method: Method<Config, State>,
  network: Network,
  config: Config,
  facts: RunFacts,
): BoundMethod {
  const state = method.init(network, config, facts);
  return {
    id: method.id,
    tensors: state.tensors,
    trains: (name) => method.trains(state, name),
    measures: (name) => method.measures?.(state, name) ?? false,
    structure: (step) => method.structure?.(state, step) ?? "",
    product: method.product?.(state) ?? "",
    sites: (structure) => method.sites(state, structure),
    finish: (tensors) => method.finish(network, state, tensors),
  };
}
