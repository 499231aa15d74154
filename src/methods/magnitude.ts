/**
 * Magnitude pruning: the smallest weights go, at once or a few at a time, and the others are trained.
 *
 *   Paper    Zhu & Gupta 2017, "To prune, or not to prune" · https://arxiv.org/abs/1710.01878
 *   From     the pre-trained model under a new head
 *   To       the same network with a share of its weights at 0
 *   Learns   the surviving weights; with `frozen` the head alone, which is how we read the baseline MP of Gao et al. 2021:
 *            it ranks pre-trained values, so that gradual and one-shot end in the same mask
 *
 *   paper          here
 *   s_t            cubicSparsity    eq. 1, from `from` to `until` of the run
 *   n, Δt          times            prunings on the way
 *
 * A pruned weight stays 0: what is pruned next is chosen among those left, since zeros are the smallest. `one-shot`
 * prunes everything before the first step. With `distil` half of the loss is the fine-tuned model's (Sanh et al. 2020).
 * Departures: none in the schedule; thresholds are exact order statistics, not estimates.
 * `block` is ours: weights that stay or go together, by the sum of their sizes (base/blocks.ts).
 */

import type { BlockShape } from "../base/blocks.ts";
import type { HostWork, Method, MethodState, RunFacts, Teacher } from "../contract/method.ts";
import type { Network } from "../network/network.ts";
import { BLOCK_HELP, checkBlock, checkChoice, checkCount, checkSparsity } from "../parts/checks.ts";
import { distillationLoss, HALF_AND_HALF, isTeacher, teacherIf } from "../parts/distil.ts";
import { HEAD_HELP, type HeadSetting, isFreeHead, withReader } from "../parts/heads.ts";
import { matricesIn, SCOPES, type Scope, weightsIn } from "../parts/matrices.ts";
import { groupsOf, pruneAtOnce } from "../parts/prune.ts";
import { KEEP_ZEROS, keepPruned } from "../parts/pruned.ts";
import { checkRamp, countKept, cubicSparsity, type Ramp } from "../parts/ramp.ts";
import { RATE_OF_ZEROS_OR_HEADS } from "../parts/rates.ts";

const ID = "magnitude";
const SCHEDULES = ["gradual", "one-shot"] as const;
const RANKINGS = ["matrix", "global"] as const;

export interface MagnitudeConfig {
  readonly sparsity: number;
  readonly schedule: (typeof SCHEDULES)[number];
  readonly ranking: (typeof RANKINGS)[number];
  readonly scope: Scope;
  readonly block: string;
  readonly from: number;
  readonly until: number;
  readonly times: number;
  readonly frozen: boolean;
  readonly distil: boolean;
  readonly head: HeadSetting;
}

interface MagnitudeState extends MethodState {
  readonly teacher: Teacher | undefined;
  readonly config: MagnitudeConfig;
  readonly names: readonly string[];
  readonly groups: readonly (readonly string[])[];
  readonly block: BlockShape;
  /** Weights of each group. */
  readonly sizes: readonly number[];
  /** Steps after which something is pruned. */
  readonly prunings: readonly number[];
  readonly steps: number;
}

function prepare(given: Network, config: MagnitudeConfig, facts: RunFacts): Network {
  checkSparsity(ID, config.sparsity);
  checkRamp(ID, config);
  checkChoice(ID, "schedule", config.schedule, SCHEDULES);
  checkChoice(ID, "ranking", config.ranking, RANKINGS);
  checkChoice(ID, "scope", config.scope, SCOPES);
  checkCount(ID, "times", config.times);
  const block = checkBlock(ID, config.block);
  const network = withReader(ID, given, config.head, facts);
  if (config.schedule === "gradual") return network;
  const groups = groupsOf(matricesIn(network.tensors, config.scope), config.ranking);
  return { ...network, tensors: pruneAtOnce(network.tensors, groups, config.sparsity, { block }) };
}

function init(network: Network, config: MagnitudeConfig, facts: RunFacts): MagnitudeState {
  const { steps } = facts;
  const names = matricesIn(network.tensors, config.scope);
  const groups = groupsOf(names, config.ranking);
  const sizes = groups.map((group) => weightsIn(network.tensors, group));
  const prunings = config.schedule === "gradual" ? pruningSteps(config, config.times, steps) : [];
  const { teacher, tensors = new Map() } = teacherIf(config.distil, ID, network, facts);
  const block = checkBlock(ID, config.block);
  return { tensors, teacher, config, names, groups, block, sizes, prunings, steps };
}

/** t ∈ {t0 + Δt, …, t0 + n·Δt} (eq. 1), in whole steps from 1 to the last. */
export function pruningSteps({ from, until }: Omit<Ramp, "final">, times: number, steps: number): number[] {
  const at = Array.from({ length: times }, (_, i) => from + ((i + 1) / times) * (until - from));
  return [...new Set(at.map((share) => Math.max(1, Math.round(share * steps))))];
}

const HOST: HostWork<MagnitudeState> = {
  due: ({ prunings }, done) => prunings.includes(done),
  run: async ({ config, groups, block, sizes, prunings, steps }, progress, done, bench) => {
    const ramp = { ...config, final: config.sparsity };
    const sparsity = done === prunings.at(-1) ? config.sparsity : cubicSparsity(ramp, done / steps);
    const keep = sizes.map((size) => countKept(size, sparsity));
    await bench.prune({ groups, keep, by: "magnitude", block, fill: 0 });
    return progress;
  },
};

export const MAGNITUDE: Method<MagnitudeConfig, MagnitudeState> = {
  id: ID,
  summary: "Prune the smallest weights, at once or gradually, and train the others.",
  paper: {
    title: "To prune, or not to prune: exploring the efficacy of pruning for model compression",
    authors: "Michael Zhu, Suyog Gupta",
    venue: "arXiv 2017",
    url: "https://arxiv.org/abs/1710.01878",
  },
  from: "pre-trained",
  config: {
    sparsity: { default: 0.9, help: "share of the scope's weights that is 0 in the end" },
    schedule: { default: "gradual", help: "gradual: s_t of eq. 1; one-shot: all before the first step" },
    ranking: { default: "matrix", help: "matrix: each matrix to the same sparsity; global: all together" },
    scope: { default: "encoder", help: "encoder, encoder+pooler, or all (embeddings too)" },
    block: { default: "1", help: BLOCK_HELP },
    from: { default: 0.1, help: "t0: share of the steps before the first pruning" },
    until: { default: 0.7, help: "share of the steps after which nothing more is pruned" },
    times: { default: 100, help: "n: prunings on the way" },
    frozen: { default: false, help: "train the head alone; survivors keep their pre-trained values" },
    distil: { default: false, help: "half of the loss is the fine-tuned model's answers, temperature 2" },
    head: { default: "pooler", help: HEAD_HELP },
  },
  learningRate: RATE_OF_ZEROS_OR_HEADS,
  prepare,
  init,
  trains: ({ config, names }, name) => !isTeacher(name) && (!config.frozen || isFreeHead(name, names)),
  keeps: ({ config, names }, name) => config.frozen && names.includes(name),
  rule: ({ names }, name) => (names.includes(name) ? KEEP_ZEROS : undefined),
  teacher: ({ teacher }) => teacher,
  sites: ({ teacher }) => (teacher ? { loss: (inputs) => distillationLoss(inputs, HALF_AND_HALF) } : {}),
  host: HOST,
  ready: ({ prunings }, done) => prunings.every((at) => at <= done),
  finish: (network, { names, config, block }, tensors) =>
    keepPruned(ID, network, tensors, names, config.sparsity, block),
};
