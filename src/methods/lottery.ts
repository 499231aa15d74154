/**
 * Lottery tickets: train, prune the smallest weights, go back to the pre-trained values, and again.
 *
 *   Paper    Chen et al., NeurIPS 2020 · https://arxiv.org/abs/2007.12223, after Frankle & Carbin 2019
 *   From     the pre-trained model under a new head
 *   To       the same network with a share of its weights at 0: the winning ticket, trained
 *   Learns   a mask in `rounds` rounds, then the ticket's weights; with `frozen` the last part trains the head alone and
 *            survivors keep their pre-trained values (the baseline IMP of Gao et al. 2021)
 *
 *   paper                 here
 *   θ_0                   network.tensors, what is gone back to after each round
 *   m ∈ {0, 1}^|θ|        zeros in the weights
 *   s_i                   roundSparsity: each round takes an equal share of all weights (their 10 % a round)
 *
 * Sparsity is global over the scope, as in their code. Each round and the last part have rounds + 1 equal shares of the
 * run, each with its own warm-up and decay. Departures: the mask of a round is found after its training only, not from
 * the best checkpoint; moments and bias correction start anew after going back, under a warm-up.
 */

import type { BlockShape } from "../base/blocks.ts";
import { ConfigError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { linearRate, USUAL_WARMUP } from "../base/schedule.ts";
import type { HostWork, Method, MethodState, Progress, RunFacts } from "../contract/method.ts";
import type { Network } from "../network/network.ts";
import { BLOCK_HELP, checkBlock, checkChoice, checkSparsity } from "../parts/checks.ts";
import { HEAD_HELP, type HeadSetting, isHead, withReader } from "../parts/heads.ts";
import { matricesIn, SCOPES, type Scope, weightsIn } from "../parts/matrices.ts";
import { keepPruned } from "../parts/pruned.ts";
import { countKept } from "../parts/ramp.ts";
import { TICKET_RATE } from "../parts/rates.ts";

const ID = "lottery";
/** Multiplies the rate of everything but the head: 0 in the last part of a frozen run. */
const BODY = "body";

export interface LotteryConfig {
  readonly sparsity: number;
  readonly rounds: number;
  readonly scope: Scope;
  readonly block: string;
  readonly frozen: boolean;
  readonly head: HeadSetting;
}

interface LotteryState extends MethodState {
  readonly config: LotteryConfig;
  /** What is pruned. */
  readonly names: readonly string[];
  readonly block: BlockShape;
  readonly size: number;
  /** θ_0 */
  readonly initial: Network["tensors"];
  readonly steps: number;
  /** Share of a round. */
  readonly warmup: number;
}

function prepare(given: Network, { sparsity, rounds, scope, head }: LotteryConfig, facts: RunFacts): Network {
  checkSparsity(ID, sparsity);
  checkChoice(ID, "scope", scope, SCOPES);
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds < facts.steps)) {
    throw new ConfigError(`${ID}/rounds`, `${ID}: expected 1 ≤ rounds < ${facts.steps} steps, got ${rounds}`);
  }
  return withReader(ID, given, head, facts);
}

function init(
  network: Network,
  config: LotteryConfig,
  { steps, warmup = USUAL_WARMUP }: RunFacts,
): LotteryState {
  const names = matricesIn(network.tensors, config.scope);
  const size = weightsIn(network.tensors, names);
  const block = checkBlock(ID, config.block);
  return { tensors: new Map(), config, names, block, size, initial: network.tensors, steps, warmup };
}

/** s_i after round `round`, from 1 to `rounds`. */
export function roundSparsity(
  { sparsity, rounds }: Pick<LotteryConfig, "sparsity" | "rounds">,
  round: number,
): number {
  return (sparsity * round) / rounds;
}

/** Steps after which round i ends; the last entry is the end of the run. */
export function roundEnds(rounds: number, steps: number): number[] {
  return Array.from({ length: rounds + 1 }, (_, i) => Math.round(((i + 1) * steps) / (rounds + 1)));
}

/** Warm-up and decay within the round of a step. */
function rate({ config, steps, warmup }: LotteryState, step: number): number {
  const ends = roundEnds(config.rounds, steps);
  const round = ends.findIndex((end) => step < end);
  const start = round === 0 ? 0 : requireItem(ends, round - 1, "rounds");
  return linearRate({ peak: 1, steps: (ends[round] ?? steps) - start, warmup }, step - start);
}

const HOST: HostWork<LotteryState> = {
  due: ({ config, steps }, done) => roundEnds(config.rounds, steps).slice(0, -1).includes(done),
  run: async ({ config, names, block, size, initial, steps }, progress, done, bench): Promise<Progress> => {
    const round = roundEnds(config.rounds, steps).indexOf(done) + 1;
    const keep = [countKept(size, roundSparsity(config, round))];
    await bench.prune({ groups: [names], keep, by: "magnitude", block, fill: 0 });
    for (const [name, { data }] of initial) {
      const mask = names.includes(name) ? await bench.read(name) : undefined;
      await bench.write(name, mask ? data.map((w, i) => (mask[i] === 0 ? 0 : w)) : data.slice());
    }
    await bench.forget();
    return { ...progress, round };
  },
};

export const LOTTERY: Method<LotteryConfig, LotteryState> = {
  id: ID,
  summary: "Prune in rounds, going back to the pre-trained values after each.",
  paper: {
    title: "The Lottery Ticket Hypothesis for Pre-trained BERT Networks",
    authors:
      "Tianlong Chen, Jonathan Frankle, Shiyu Chang, Sijia Liu, Yang Zhang, Zhangyang Wang, Michael Carbin",
    venue: "NeurIPS 2020",
    url: "https://arxiv.org/abs/2007.12223",
  },
  from: "pre-trained",
  config: {
    sparsity: { default: 0.7, help: "share of the scope's weights that is 0 in the end" },
    rounds: {
      default: 4,
      help: "prunings; rounds + 1 trainings share the run's steps (theirs: up to 10 of 3 epochs)",
    },
    scope: {
      default: "encoder+pooler",
      help: "encoder, encoder+pooler as in the paper, or all (embeddings too)",
    },
    block: { default: "1", help: BLOCK_HELP },
    frozen: { default: false, help: "the ticket keeps its pre-trained values; its head alone is trained" },
    head: { default: "pooler", help: HEAD_HELP },
  },
  learningRate: {
    of: ({ frozen }) => (frozen ? TICKET_RATE : undefined),
    help: "3e-4 with frozen: the head ends over frozen weights, but all is trained on the way (5e-5 before)",
  },
  prepare,
  init,
  trains: () => true,
  rule: ({ names, config }, name) => {
    if (names.includes(name)) return { kind: "adamw", keepZeros: true, scaledBy: BODY };
    return config.frozen && !isHead(name) ? { kind: "adamw", scaledBy: BODY } : undefined;
  },
  rate,
  scalars: ({ config }, _step, { round }) => ({ [BODY]: config.frozen && round === config.rounds ? 0 : 1 }),
  sites: () => ({}),
  host: HOST,
  ready: ({ config }, _done, { round }) => round === config.rounds,
  finish: (network, { names, config, block }, tensors) =>
    keepPruned(ID, network, tensors, names, config.sparsity, block),
};
