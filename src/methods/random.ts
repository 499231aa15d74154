/**
 * Random masks: the baseline that every other mask has to beat.
 *
 *   From     the pre-trained model under a new head
 *   To       the same network with a share of its weights at 0, chosen by chance before the first step
 *   Learns   the surviving weights; with `frozen` the head alone (the baseline Rnd of Gao et al. 2021)
 *
 * Exactly as many weights are pruned as asked, where independent draws would only do so on average.
 */

import { blocksIn } from "../base/blocks.ts";
import { requireEntry } from "../base/present.ts";
import { fold, normals } from "../base/random.ts";
import type { Method, MethodState, RunFacts } from "../contract/method.ts";
import type { Network } from "../network/network.ts";
import { BLOCK_HELP, checkBlock, checkChoice, checkSparsity } from "../parts/checks.ts";
import { HEAD_HELP, type HeadSetting, isFreeHead, withReader } from "../parts/heads.ts";
import { matricesIn, SCOPES, type Scope } from "../parts/matrices.ts";
import { groupsOf, pruneAtOnce } from "../parts/prune.ts";
import { KEEP_ZEROS, keepPruned } from "../parts/pruned.ts";
import { RATE_OF_ZEROS_OR_HEADS } from "../parts/rates.ts";

const ID = "random";

export interface RandomConfig {
  readonly sparsity: number;
  readonly scope: Scope;
  readonly block: string;
  readonly frozen: boolean;
  readonly head: HeadSetting;
}

interface RandomState extends MethodState {
  readonly config: RandomConfig;
  readonly names: readonly string[];
}

function prepare(given: Network, config: RandomConfig, facts: RunFacts): Network {
  const { sparsity, scope, head } = config;
  checkSparsity(ID, sparsity);
  checkChoice(ID, "scope", scope, SCOPES);
  const block = checkBlock(ID, config.block);
  const network = withReader(ID, given, head, facts);
  const groups = groupsOf(matricesIn(network.tensors, scope), "global");
  // Any distribution without ties ranks the blocks by chance.
  const draw = (name: string): Float32Array =>
    normals(fold(facts.key, name), blocksIn(requireEntry(network.tensors, name, "tensor").shape, block));
  return { ...network, tensors: pruneAtOnce(network.tensors, groups, sparsity, { block, scoreOf: draw }) };
}

export const RANDOM: Method<RandomConfig, RandomState> = {
  id: ID,
  summary: "Prune weights by chance and train the others: the baseline of all masks.",
  paper: undefined,
  from: "pre-trained",
  config: {
    sparsity: { default: 0.9, help: "share of the scope's weights that is 0" },
    scope: { default: "encoder", help: "encoder, encoder+pooler, or all (embeddings too)" },
    block: { default: "1", help: BLOCK_HELP },
    frozen: { default: false, help: "train the head alone; survivors keep their pre-trained values" },
    head: { default: "pooler", help: HEAD_HELP },
  },
  learningRate: RATE_OF_ZEROS_OR_HEADS,
  prepare,
  init: ({ tensors }, config) => ({ tensors: new Map(), config, names: matricesIn(tensors, config.scope) }),
  trains: ({ config, names }, name) => !config.frozen || isFreeHead(name, names),
  rule: ({ names }, name) => (names.includes(name) ? KEEP_ZEROS : undefined),
  sites: () => ({}),
  finish: (network, { names, config }, tensors) =>
    keepPruned(ID, network, tensors, names, config.sparsity, checkBlock(ID, config.block)),
};
