/**
 * The contract between a compression method and everything else. A method is a value made of pure functions; its state
 * is explicit; it never sees the loop, files or the engine. `train/` works with a `BoundMethod` and knows no method.
 */

import type { BlockShape, Ranking } from "../base/blocks.ts";
import type { Key } from "../base/random.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { BertConfig, Head } from "../bert/config.ts";
import type { Encoding } from "../bert/forward.ts";
import type { Softening } from "../bert/losses.ts";
import type { Sites } from "../bert/sites.ts";
import type { DropoutKey } from "../graph/uniform.ts";
import type { Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";

export interface Citation {
  readonly title: string;
  readonly authors: string;
  readonly venue: string;
  readonly url: string;
}

/** One field of a method's configuration: what a user may set, with `--set name=value`. */
export interface Setting {
  readonly default: number | string | boolean;
  /** Meaning and unit, with the paper's section. */
  readonly help: string;
}

/** A configuration's fields, each with default, unit and source. */
export type SettingTable<Config> = {
  readonly [K in keyof Config]: Setting & { readonly default: Config[K] };
};

/** A number of a run that is given none, where fine-tuning's does not do. */
export interface Own<Config> {
  /** Undefined: fine-tuning's. */
  readonly of: (config: Config) => number | undefined;
  /** Which, and what speaks for it. */
  readonly help: string;
}

/** What a run knows before its first step. */
export interface RunFacts {
  /** Optimizer steps of the run. */
  readonly steps: number;
  readonly key: Key;
  /** The peak of the learning rate, to which a rule's `factor` is relative; default 1. */
  readonly learningRate?: number;
  /** Share of the steps in which the rate rises, for a method with a schedule of its own; default 0.1. */
  readonly warmup?: number;
  /** The model before it was fine-tuned, where the run has it. */
  readonly pretrained?: Network;
  /** The model fine-tuned on the task: the teacher of methods that distil. */
  readonly finetuned?: Network;
}

/** What every state has: the tensors the method adds to the network's own. */
export interface MethodState {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

/** What a run has decided or found so far beside its tensors: JSON, saved with every checkpoint. */
export type Progress = Readonly<Record<string, number | string | readonly number[]>>;

/** How a trained tensor moves. Absent: the run's AdamW at the run's rate. */
export interface UpdateRule {
  /** AdamW, or w ← w − rate·g. */
  readonly kind: "adamw" | "descent";
  /** Times the run's learning rate of the step; default 1. */
  readonly factor?: number;
  /** Name of a number in `Method.scalars` that multiplies the rate too: 0 keeps the tensor where it is. */
  readonly scaledBy?: string;
  /** Decoupled decay of AdamW; default as the run's for matrices, 0 for vectors. */
  readonly decay?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  /** A weight that is 0 stays 0: pruned weights do not come back. */
  readonly keepZeros?: boolean;
}

/** The values a graph offers a method while it is built. */
export interface Tools {
  /** A tensor of the network or of the method, as a graph input, untouched by any site. */
  readonly tensor: (name: string) => Value;
  /** A number of `Method.scalars`, float32 []. */
  readonly scalar: (name: string) => Value;
  /** Where random numbers of this step come from; absent when the graph evaluates. */
  readonly noise: DropoutKey | undefined;
}

/** One model's forward pass in a training graph. */
export interface Pass {
  readonly encoding: Encoding;
  /** Rows of answers in the form of the head (bert/answers.ts): [B, C], of labels for tokens [N, C], of vectors [B, D]. */
  readonly logits: Value;
}

/** How a task compares the student's answers with a teacher's. */
export interface AnswerComparison {
  readonly against: (teacher: Pass, softening: Softening) => Value;
  /** Whether a teacher's answers say more than the labels do; those of a regression do not. */
  readonly isSoft: boolean;
}

/** What a method's loss is made of. */
export interface LossInputs extends Pass {
  /** The task's own loss: the sum over this batch's labels / the number of labels of the step. */
  readonly task: Value;
  /** [B, T], 1 for a token. */
  readonly mask: Value;
  /** This batch's share of the step's texts: means over a batch are weighed by it when gradients are accumulated. */
  readonly share: Value;
  readonly answers: AnswerComparison;
  /**
   * The teacher's pass on the same batch, without dropout or gradients. Only for methods with a `teacher`. A loss that
   * reads its logits alone costs one pass of each example in the whole run.
   */
  readonly teacher: () => Pass;
}

/** A method's answers in one graph: sites, and in a training graph the loss and new values of what it keeps. */
export interface Answers extends Sites {
  /** Default: the task's loss. May be called twice while a graph is built. */
  readonly loss?: (inputs: LossInputs) => Value;
  /** Values of this graph whose gradients `updates` wants, in this order. Called after `loss`. */
  readonly watches?: () => readonly Value[];
  /** New values of kept tensors after this batch, by name, from the gradients of the batch's loss. */
  readonly updates?: (gradients: readonly Value[]) => Readonly<Record<string, Value>>;
  /** False: this step's graph has no dropout. */
  readonly dropout?: boolean;
  /** The loss reads the last layer of every token, not of the first alone. */
  readonly everyToken?: boolean;
}

/** Where host work reads and writes tensors between two steps. */
export interface Workbench {
  /** A copy of a tensor as it stands. */
  readonly read: (name: string) => Promise<Float32Array>;
  /** Puts a tensor in place; the optimizer's moments stay, those of a table of word embeddings apart, which start anew. */
  readonly write: (name: string, data: Float32Array) => Promise<void>;
  /** Thresholds and pruning where the tensors lie, see train/pruning.ts; not for a table of word embeddings. */
  readonly prune: (request: PruneRequest) => Promise<readonly number[]>;
  /** The optimizer starts anew: moments of zero, and bias correction counts from here. */
  readonly forget: () => Promise<void>;
}

/** Order statistics of tensors in the engine, and what to do below them. */
export interface PruneRequest {
  /** Tensors that share one threshold stand in one group. */
  readonly groups: readonly (readonly string[])[];
  /** Weights to keep of each group: its largest, to the nearest whole block. */
  readonly keep: readonly number[];
  readonly by: Ranking;
  /** Weights of a matrix that stay or go together, by the sum of their sizes or values; default single ones. */
  readonly block?: BlockShape;
  /**
   * Matrices, in the places of `groups`, of whose blocks the tensors hold one number each: these are ranked, and the
   * matrices' weights counted. Without `fill`.
   */
  readonly of?: readonly (readonly string[])[];
  /** What becomes of those that are not kept; absent: they stay, and thresholds alone are found. */
  readonly fill?: number;
}

/** Work between two steps, on the host. */
export interface HostWork<State> {
  /** Whether there is any after `done` steps. */
  readonly due: (state: State, done: number) => boolean;
  readonly run: (state: State, progress: Progress, done: number, bench: Workbench) => Promise<Progress>;
}

/** The frozen model a method distils from; its tensors are among the state's under `TEACHER` + their own names. */
export interface Teacher {
  readonly config: BertConfig;
  readonly head: Head;
}

/** Prefix of the teacher's tensors. */
export const TEACHER = "teacher.";

export interface Method<Config, State extends MethodState> {
  readonly id: string;
  readonly summary: string;
  readonly paper: Citation | undefined;
  /** What it begins with: a model fine-tuned on the task, or the pre-trained one under a new head. */
  readonly from: "fine-tuned" | "pre-trained";
  readonly config: SettingTable<Config>;
  /** The highest learning rate. Default: fine-tuning's. */
  readonly learningRate?: Own<Config>;
  /** Examples of one batch. Default: fine-tuning's. */
  readonly batchSize?: Own<Config>;
  /** The network a run begins with, when it is not the given one: another head, fewer layers. */
  readonly prepare?: (network: Network, config: Config, facts: RunFacts) => Network;
  /** @throws {ConfigError} when the configuration does not fit the network */
  readonly init: (network: Network, config: Config, facts: RunFacts) => State;
  /** Whether a tensor (the network's or an added one) is trained. */
  readonly trains: (state: State, name: string) => boolean;
  /** How a trained tensor moves; absent: the run's AdamW. */
  readonly rule?: (state: State, name: string) => UpdateRule | undefined;
  /**
   * Tensors that are not trained but changed by `Answers.updates` or by host work, and so are part of a checkpoint; default
   * none. `trains` is false for them.
   */
  readonly keeps?: (state: State, name: string) => boolean;
  /** Tensors that are not trained but whose gradients count in the norm that clips; default none. */
  readonly measures?: (state: State, name: string) => boolean;
  readonly teacher?: (state: State) => Teacher | undefined;
  /** Share of the peak learning rate in step `step`; absent, or undefined of a step: the run's schedule. */
  readonly rate?: (state: State, step: number) => number | undefined;
  /** Numbers fed in step `step`: temperatures, thresholds, penalties. `done` steps and progress when it evaluates. */
  readonly scalars?: (state: State, step: number, progress: Progress) => Readonly<Record<string, number>>;
  /** What is static in the graph of step `step` (from 0): swaps, skips. Equal strings mean equal graphs. Default `""`. */
  readonly structure?: (state: State, step: number, progress: Progress) => string;
  /**
   * The structure of the finished product, used to evaluate; default `""`. To be given wherever `sites` answers otherwise
   * for the product than for `""`: what is judged while training is then what `finish` leaves.
   */
  readonly product?: (state: State, progress: Progress) => string;
  readonly sites: (state: State, structure: string, tools: Tools) => Answers;
  readonly host?: HostWork<State>;
  /** Whether the model after `done` steps may be taken as the product: not before it is as small as was asked. */
  readonly ready?: (state: State, done: number, progress: Progress) => boolean;
  /** @throws {RunError} `method/unreached` when the product is not as small as was asked */
  readonly finish: (
    network: Network,
    state: State,
    tensors: ReadonlyMap<string, FloatTensor>,
    progress: Progress,
  ) => Network;
}

/** A method with its configuration and state filled in. A progress that is left out is that of a run's beginning. */
export interface BoundMethod {
  readonly id: string;
  /** The network the run begins with. */
  readonly network: Network;
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  readonly trains: (name: string) => boolean;
  readonly rule: (name: string) => UpdateRule | undefined;
  readonly keeps: (name: string) => boolean;
  readonly measures: (name: string) => boolean;
  readonly teacher: Teacher | undefined;
  readonly rate: ((step: number) => number | undefined) | undefined;
  readonly scalars: (step: number, progress?: Progress) => Readonly<Record<string, number>>;
  readonly structure: (step: number, progress?: Progress) => string;
  readonly product: (progress?: Progress) => string;
  readonly sites: (structure: string, tools: Tools) => Answers;
  readonly host:
    | {
        readonly due: (done: number) => boolean;
        readonly run: (progress: Progress, done: number, bench: Workbench) => Promise<Progress>;
      }
    | undefined;
  readonly ready: (done: number, progress?: Progress) => boolean;
  readonly finish: (tensors: ReadonlyMap<string, FloatTensor>, progress?: Progress) => Network;
}

/** Fills in a method. */
export function bind<Config, State extends MethodState>(
  method: Method<Config, State>,
  given: Network,
  config: Config,
  facts: RunFacts,
): BoundMethod {
  const network = method.prepare?.(given, config, facts) ?? given;
  const state = method.init(network, config, facts);
  const { host, rate } = method;
  return {
    id: method.id,
    network,
    tensors: state.tensors,
    trains: (name) => method.trains(state, name),
    rule: (name) => method.rule?.(state, name),
    keeps: (name) => method.keeps?.(state, name) ?? false,
    measures: (name) => method.measures?.(state, name) ?? false,
    teacher: method.teacher?.(state),
    rate: rate && ((step) => rate(state, step)),
    scalars: (step, progress = {}) => method.scalars?.(state, step, progress) ?? {},
    structure: (step, progress = {}) => method.structure?.(state, step, progress) ?? "",
    product: (progress = {}) => method.product?.(state, progress) ?? "",
    sites: (structure, tools) => method.sites(state, structure, tools),
    host: host && {
      due: (done) => host.due(state, done),
      run: (progress, done, bench) => host.run(state, progress, done, bench),
    },
    ready: (done, progress = {}) => method.ready?.(state, done, progress) ?? true,
    finish: (tensors, progress = {}) => method.finish(network, state, tensors, progress),
  };
}
