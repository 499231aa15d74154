/**
 * SparseBERT: a pre-trained student is pruned while it learns from a fine-tuned teacher.
 *
 *   Paper    Xu, Yen, Zhao & Xiao, NAACL 2021 · https://arxiv.org/abs/2104.08682 (known from code and slides)
 *   From     the pre-trained model under a new head; the teacher is the fine-tuned model
 *   To       the same network with the same share of every encoder matrix at 0
 *   Learns   every weight that survives, biases and LayerNorm included
 *
 *   paper, code          here
 *   (L_D)^Pr             the student: pre-trained (`init`), so that what pruning loses is the task's, not the language's
 *   s(t)                 cubicSparsity over the prunings: s_f·(1 − (1 − j/J)³)
 *   F, J                 T/`times` (100) steps between prunings, rounded, a half to the even number; J = ⌊T/F⌋
 *   mask_k               the keep_k = n·(1 − s) largest |w| of each matrix; pruned weights never come back
 *   L_rep                hiddenLoss over the embeddings' output and every layer's
 *   L_att                attentionLoss: pre-softmax scores of every layer
 *   L_cls                soft cross-entropy, mean over batch and classes; for regression the task's own loss
 *
 * L = L_rep + L_att + L_cls, all of weight 1, and no hard labels in classification. The learning rate is constant
 * (`rate`) and there is no recovery at the end, as in the code. Data are the task's, or augmented (`--augmented`).
 *
 * Departures: AdamW with bias correction and ε = 1e-8 for BertAdam without and 1e-6; clipping by the global norm, theirs
 * is per tensor; a short last batch is trained on; the teacher has no dropout, theirs is never set to evaluate; padding is
 * not counted in L_rep and L_att (parts/distil.ts); the pooled output has dropout too; the answers are the task's head of
 * the pooled output, theirs of its ReLU; where F divides T the last pruning takes the sparsity itself and not s((J − 1)/J).
 *
 * The ablation grid: `init`, `distil` (off: the task's loss), `when` (before: pruned at once, before the first step), and
 * augmentation by the command's own option.
 * `block` is ours: weights that stay or go together, by the sum of their sizes (base/blocks.ts).
 */

import type { BlockShape } from "../base/blocks.ts";
import { roundToEven } from "../base/levels.ts";
import type { Answers, HostWork, Method, MethodState, RunFacts, Teacher } from "../contract/method.ts";
import { add } from "../graph/ops/elementwise.ts";
import type { Network } from "../network/network.ts";
import { BLOCK_HELP, checkBlock, checkChoice, checkCount, checkSparsity } from "../parts/checks.ts";
import {
  answerLoss,
  attentionLoss,
  hiddenLoss,
  isTeacher,
  type LayerMap,
  teacherOf,
} from "../parts/distil.ts";
import { matricesIn, weightsIn } from "../parts/matrices.ts";
import { groupsOf, pruneAtOnce } from "../parts/prune.ts";
import { finetunedOf, KEEP_ZEROS, keepPruned } from "../parts/pruned.ts";
import { countKept, cubicSparsity } from "../parts/ramp.ts";
import { RATE_OF_ZEROS } from "../parts/rates.ts";

const ID = "sparsebert";
const INITS = ["pre-trained", "fine-tuned"] as const;
const WHENS = ["while", "before"] as const;
const RATES = ["constant", "linear"] as const;
/** TinyBERT's form of the soft cross-entropy, T = 1. */
const SOFTENING = { temperature: 1, form: "classes" } as const;

export interface SparseBertConfig {
  readonly sparsity: number;
  readonly init: (typeof INITS)[number];
  readonly distil: boolean;
  readonly when: (typeof WHENS)[number];
  readonly rate: (typeof RATES)[number];
  readonly times: number;
  readonly block: string;
}

interface SparseBertState extends MethodState {
  readonly config: SparseBertConfig;
  readonly teacher: Teacher | undefined;
  readonly names: readonly string[];
  readonly groups: readonly (readonly string[])[];
  readonly block: BlockShape;
  readonly sizes: readonly number[];
  /** F: steps between two prunings. */
  readonly every: number;
  /** J = T/F, the last pruning apart. */
  readonly prunings: number;
  /** J: where s reaches its end. */
  readonly rounds: number;
  readonly layers: number;
}

function prepare(given: Network, config: SparseBertConfig, facts: RunFacts): Network {
  checkSparsity(ID, config.sparsity);
  checkChoice(ID, "init", config.init, INITS);
  checkChoice(ID, "when", config.when, WHENS);
  checkChoice(ID, "rate", config.rate, RATES);
  checkCount(ID, "times", config.times);
  const block = checkBlock(ID, config.block);
  const network = config.init === "fine-tuned" ? finetunedOf(ID, facts) : given;
  if (config.when === "while") return network;
  const groups = groupsOf(matricesIn(network.tensors, "encoder"), "matrix");
  return { ...network, tensors: pruneAtOnce(network.tensors, groups, config.sparsity, { block }) };
}

function init(network: Network, config: SparseBertConfig, facts: RunFacts): SparseBertState {
  const names = matricesIn(network.tensors, "encoder");
  const groups = groupsOf(names, "matrix");
  const every = Math.max(1, roundToEven(facts.steps / config.times));
  const taught = config.distil ? teacherOf(ID, network, facts, "attention") : undefined;
  return {
    tensors: taught?.tensors ?? new Map(),
    teacher: taught?.teacher,
    config,
    names,
    groups,
    block: checkBlock(ID, config.block),
    sizes: groups.map((group) => weightsIn(network.tensors, group)),
    every,
    // Pruned while 0 < t < T and t is a multiple of F.
    prunings: Math.max(1, Math.ceil(facts.steps / every) - 1),
    rounds: Math.floor(facts.steps / every),
    layers: network.config.layers.length,
  };
}

/** L_rep + L_att + L_cls. */
function sites({ teacher, layers }: SparseBertState): Answers {
  if (teacher === undefined) return {};
  const states: LayerMap = Array.from({ length: layers + 1 }, (_, m) => [m, m]);
  const scores: LayerMap = Array.from({ length: layers }, (_, m) => [m, m]);
  const loss: Answers["loss"] = (inputs) => {
    const taught = inputs.teacher();
    const answers = inputs.answers.isSoft ? answerLoss(inputs, taught, SOFTENING) : inputs.task;
    return add(add(hiddenLoss(inputs, taught, states), attentionLoss(inputs, taught, scores)), answers);
  };
  return { loss, everyToken: true };
}

const HOST: HostWork<SparseBertState> = {
  due: ({ config, every, prunings }, done) =>
    config.when === "while" && done % every === 0 && done / every <= prunings,
  run: async ({ config, groups, block, sizes, every, prunings, rounds }, progress, done, bench) => {
    const ramp = { final: config.sparsity, from: 0, until: 1 };
    const j = done / every;
    const sparsity = j === prunings ? config.sparsity : cubicSparsity(ramp, j / rounds);
    const keep = sizes.map((size) => countKept(size, sparsity));
    await bench.prune({ groups, keep, by: "magnitude", block, fill: 0 });
    return progress;
  },
};

export const SPARSEBERT: Method<SparseBertConfig, SparseBertState> = {
  id: ID,
  summary: "Prune a pre-trained student while it learns from the fine-tuned model.",
  paper: {
    title: "Rethinking Network Pruning — under the Pre-train and Fine-tune Paradigm",
    authors: "Dongkuan Xu, Ian E.H. Yen, Jinxi Zhao, Zhibin Xiao",
    venue: "NAACL 2021",
    url: "https://arxiv.org/abs/2104.08682",
  },
  from: "pre-trained",
  config: {
    sparsity: { default: 0.95, help: "share of each encoder matrix that is 0 in the end" },
    init: { default: "pre-trained", help: "the student's start: pre-trained, or fine-tuned (ablation)" },
    distil: { default: true, help: "learn from the fine-tuned model; false: from the labels (ablation)" },
    when: { default: "while", help: "prune while training, or before it, all at once (ablation)" },
    rate: {
      default: "constant",
      help: "constant: as the authors'; linear: the run's, falling to 0 at its end",
    },
    times: { default: 100, help: "J: prunings on the way (100 in the authors' code)" },
    block: { default: "1", help: BLOCK_HELP },
  },
  learningRate: RATE_OF_ZEROS,
  prepare,
  init,
  trains: (_state, name) => !isTeacher(name),
  rule: ({ names }, name) => (names.includes(name) ? KEEP_ZEROS : undefined),
  teacher: ({ teacher }) => teacher,
  rate: ({ config }) => (config.rate === "constant" ? 1 : undefined),
  sites,
  host: HOST,
  ready: ({ config, every, prunings }, done) => config.when === "before" || done >= every * prunings,
  finish: (network, { names, config, block }, tensors) =>
    keepPruned(ID, network, tensors, names, config.sparsity, block),
};
